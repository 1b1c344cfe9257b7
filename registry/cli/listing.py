"""``list``: one line per run."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, fields
from typing import Any

from registry.cli.printing import print_aligned, print_json, said
from registry.index import COLUMNS as NAMED
from registry.index import Registry, Summary
from registry.nearest import instead

#: What `list` shows, and sorts by.
COLUMNS = tuple(field.name for field in fields(Summary) if field.name != "key")


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "list",
        parents=[common],
        help="one line per run",
        description="One line per run. A name that no run has is refused with those that there are.",
    )
    for name in ("task", "method", "ordering", "preset"):
        parser.add_argument(f"--{name}", action="append", help=f"only this {name} (may be given more than once)")
    parser.add_argument("--seed", action="append", type=int, help="only this seed (may be given more than once)")
    parser.add_argument(
        "--status",
        action="append",
        type=str.upper,
        choices=("QUEUED", "RUNNING", "COMPLETED", "FAILED", "INTERRUPTED", "TIMEOUT", "DIED"),
        help="only this status (may be given more than once)",
    )
    stale = parser.add_mutually_exclusive_group()
    stale.add_argument("--stale", action="store_true", default=None, help="only runs on which something has changed")
    stale.add_argument("--fresh", action="store_false", dest="stale", help="only runs that are not stale")
    parser.add_argument(
        "--sort",
        metavar="COLUMN",
        choices=tuple(COLUMNS),
        help=f"sort by one of {', '.join(COLUMNS)} (default: id)",
    )
    parser.add_argument("--descending", action="store_true", help="sort from high to low")
    parser.add_argument(
        "--limit", type=_count, metavar="N", help="only the first N as sorted; without --sort, the newest N"
    )
    parser.set_defaults(command=run)


def run(registry: Registry, options: argparse.Namespace) -> None:
    named: dict[str, Any] = {name: getattr(options, name) for name in NAMED}
    _refuse_what_no_run_has(registry, {name: values for name, values in named.items() if values})
    found = registry.summaries(**named, status=options.status, stale=options.stale)
    shown = _chosen(found, options.sort, options.descending, options.limit)
    if options.json:
        print_json([asdict(run) for run in shown])
    else:
        print_aligned([COLUMNS, *([_cell(c, getattr(run, c)) for c in COLUMNS] for run in shown)])
        more = f" of {len(found)}" if len(shown) < len(found) else ""
        print(f"\n{len(shown)}{more} runs in {registry.home}")
    for damage in registry.damaged().values():
        print(f"registry: {damage}", file=sys.stderr)


def _refuse_what_no_run_has(registry: Registry, named: dict[str, Any]) -> None:
    """That no run is stale, or has failed, is an answer; a name that selects nothing is a mistake.

    Raises
    ------
    ValueError
        Unless there is no run at all.
    """
    if not registry.values("task"):
        return
    for name, values in named.items():
        there = registry.values(name)
        for value in values:
            if value not in there:
                raise ValueError(f"no run has {name} {value!r}; {instead(value, there)}")
    for last, name in enumerate(named):
        before = dict(list(named.items())[:last])
        there = registry.values(name, **before)
        if not {*there} & {*named[name]}:
            said = " and ".join(f"{n} {' or '.join(map(str, values))}" for n, values in before.items())
            raise ValueError(
                f"no run of {said} has {name} {' or '.join(map(str, named[name]))}; there {instead('', there, 'are')}"
            )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of runs")
    return int(text)


def _chosen(found: list[Summary], sort: str | None, descending: bool, limit: int | None) -> list[Summary]:
    """Sorted by a column, runs without a value last either way; ``found`` comes by id."""
    if sort is None:
        newest = found[max(0, len(found) - limit) :] if limit is not None else found
        return newest[::-1] if descending else newest

    def value(run: Summary) -> Any:
        return getattr(run, sort)

    with_value = [run for run in found if value(run) not in (None, "", ())]
    with_value.sort(key=lambda run: (isinstance(value(run), str), value(run)), reverse=descending)
    return [*with_value, *(run for run in found if value(run) in (None, "", ()))][:limit]


def _cell(column: str, value: Any) -> str:
    if value is None or value == ():
        return ""
    if column == "started":
        return str(value)[:19].replace("T", " ")
    if column == "seconds":
        return f"{value:.0f}"
    if column == "stale":  # the first reason; `show` has all
        return value[0] if len(value) == 1 else f"{value[0]} (+{len(value) - 1})"
    return said(value)
