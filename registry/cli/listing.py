"""Command ``list``: one line per run."""

from __future__ import annotations

import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import typer

from registry.cli.options import HOME, JSON, choice, flag, option, registry_in
from registry.cli.printing import print_aligned, print_json, said
from registry.index import Registry, Summary
from registry.nearest import instead

#: What `list` shows, and sorts by.
COLUMNS = tuple(field.name for field in fields(Summary) if field.name != "key")
STATUS = ("QUEUED", "RUNNING", "COMPLETED", "FAILED", "INTERRUPTED", "TIMEOUT", "DIED")


def column(name: str) -> Any:
    """Repeatable option that selects by a column, completed from the runs there are."""

    def there(incomplete: str) -> list[str]:
        return [str(value) for value in Registry().values(name) if str(value).startswith(incomplete)]

    return option(f"only this {name}", f"{name.upper()}...", autocompletion=there)


def runs(
    task: list[str] | None = column("task"),
    method: list[str] | None = column("method"),
    ordering: list[str] | None = column("ordering"),
    preset: list[str] | None = column("preset"),
    seed: list[int] | None = column("seed"),
    status: list[str] | None = choice(f"only this status, of {', '.join(STATUS)}", STATUS, metavar="STATUS..."),
    stale: bool | None = typer.Option(None, "--stale/--fresh", help="only runs on which something has changed, or not"),
    sort: str | None = choice(f"by one of {', '.join(COLUMNS)} (default: id)", COLUMNS, metavar="COLUMN"),
    descending: bool = flag("--descending", "sort from high to low"),
    limit: int | None = option("only the first N as sorted; without --sort, the newest N", "N", min=0),
    home: Path | None = HOME,
    json: bool = JSON,
) -> None:
    """One line per run.

    Where several values are given for an option, a run with one of them is listed. A name that no run has is refused
    with those that there are.
    """
    named = {"task": task, "method": method, "ordering": ordering, "preset": preset, "seed": seed}
    chosen: Any = {name: values for name, values in named.items() if values}
    with registry_in(home) as registry:
        _refuse_what_no_run_has(registry, chosen)
        found = registry.summaries(**chosen, status=status or None, stale=stale)
        damaged = registry.damaged()
    shown = _chosen(found, sort, descending, limit)
    if json:
        print_json([asdict(run) for run in shown])
    else:
        print_aligned([COLUMNS, *([_cell(c, getattr(run, c)) for c in COLUMNS] for run in shown)])
        more = f" of {len(found)}" if len(shown) < len(found) else ""
        print(f"\n{len(shown)}{more} runs in {registry.home}")
    for damage in damaged.values():
        print(f"warning: {damage}", file=sys.stderr)


def _refuse_what_no_run_has(registry: Registry, named: dict[str, Any]) -> None:
    """That no run is stale, or has failed, is an answer; a name that selects nothing is a mistake.

    Raises ValueError unless there is no run at all.
    """
    for name, values in named.items():
        there = registry.values(name)
        for value in values:
            if value not in there and registry.values("task"):
                raise ValueError(f"no run has {name} {value!r}; {instead(value, there)}")
    for last, name in list(enumerate(named))[1:]:
        before = dict(list(named.items())[:last])
        there = registry.values(name, **before)
        if not {*there} & {*named[name]} and registry.values("task"):
            said = " and ".join(f"{n} {' or '.join(map(str, values))}" for n, values in before.items())
            raise ValueError(
                f"no run of {said} has {name} {' or '.join(map(str, named[name]))}; there {instead('', there, 'are')}"
            )


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
