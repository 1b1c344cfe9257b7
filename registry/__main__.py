"""``python -m registry``: list the runs, show one, compare several, copy them to MongoDB."""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from registry.compare import ITEMS, Paired, differing, flat, paired
from registry.files import MONGO
from registry.index import Registry, Summary
from registry.record import Record, RecordError

if TYPE_CHECKING:
    from registry.mongo import Address

EPILOG = """\
examples:
  python -m registry list                                  all runs
  python -m registry list --task localization --sort score --descending --limit 10
  python -m registry list --stale --json | jq '.[].id'     what --rerun stale would run again
  python -m registry show 12                               where the number of run 12 comes from
  python -m registry compare 12 15                         what differs, and by how much, item by item
  python -m registry sync --mongo mongodb://HOST/lab       copy all runs into a MongoDB, as Sacred would write them
  python -m registry sync --watch                          and go on doing so ($CAVL_MONGO_URI says where)

With $CAVL_MONGO_URI set, runs appear there by themselves while they go on.

Runs lie in $CAVL_HOME, or else in ./runs; --home names another folder. A run that says DIED was killed: start the same
command again and it continues that run. A run is stale when the sources, the packages or a run it started from have
changed since. Exit code: 0; 1 when a run could not be copied; 2 when a run asked for is not there or is damaged, or a
database cannot be reached.
"""

#: What `list` shows, and sorts by.
COLUMNS = tuple(field.name for field in fields(Summary) if field.name != "key")

TICKS = "▁▂▃▄▅▆▇█"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    registry = Registry(options.home)
    try:
        status = options.command(registry, options)
        sys.stdout.flush()
    except (KeyError, ValueError, RecordError) as error:
        print(f"registry: {error.args[0]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return int(status or 0)


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m registry",
        description="The runs of the benchmark: list them, show where a number comes from, compare.",
        epilog=EPILOG,
        formatter_class=formatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", type=Path, metavar="DIR", help="folder of the runs (default: $CAVL_HOME, or ./runs)")
    common.add_argument("--json", action="store_true", help="print JSON, complete and unrounded")
    commands = parser.add_subparsers(required=True, metavar="list|show|compare|sync")

    listing = commands.add_parser("list", parents=[common], help="one line per run", description="One line per run.")
    for name in ("task", "method", "ordering", "preset"):
        listing.add_argument(f"--{name}", action="append", help=f"only this {name} (may be given more than once)")
    listing.add_argument("--seed", action="append", type=int, help="only this seed (may be given more than once)")
    listing.add_argument(
        "--status",
        action="append",
        type=str.upper,
        choices=("QUEUED", "RUNNING", "COMPLETED", "FAILED", "INTERRUPTED", "TIMEOUT", "DIED"),
        help="only this status (may be given more than once)",
    )
    stale = listing.add_mutually_exclusive_group()
    stale.add_argument("--stale", action="store_true", default=None, help="only runs on which something has changed")
    stale.add_argument("--fresh", action="store_false", dest="stale", help="only runs that are not stale")
    listing.add_argument(
        "--sort",
        metavar="COLUMN",
        choices=tuple(COLUMNS),
        help=f"sort by one of {', '.join(COLUMNS)} (default: id)",
    )
    listing.add_argument("--descending", action="store_true", help="sort from high to low")
    listing.add_argument(
        "--limit", type=int, metavar="N", help="only the first N as sorted; without --sort, the newest N"
    )
    listing.set_defaults(command=_list)

    show = commands.add_parser(
        "show",
        parents=[common],
        help="everything about one run",
        description="Configuration, result, the runs it descends from, what is stale, metrics, artifacts.",
    )
    show.add_argument("id", type=int, help="the run")
    show.set_defaults(command=_show)

    compare = commands.add_parser(
        "compare",
        parents=[common],
        help="what differs between runs",
        description=f"What differs between runs. Where both have {ITEMS}, also the second minus the first over the "
        "items that both scored, with a 95 %% t-interval: it excludes 0 where the difference is more than chance.",
    )
    compare.add_argument("id", type=int, help="the run that the others are compared with")
    compare.add_argument("others", type=int, nargs="+", metavar="ID", help="another run")
    compare.set_defaults(command=_compare)

    copying = commands.add_parser(
        "sync",
        parents=[common],
        help="copy the runs into a MongoDB",
        description="Copy the runs into a MongoDB in the documents that Sacred's own observer writes there, which "
        "Omniboard shows. Runs that have not changed are not touched; what was cut off goes on; several may copy at "
        "once.",
    )
    copying.add_argument(
        "--mongo",
        metavar="URI",
        default=os.environ.get(MONGO),
        help=f"mongodb://[USER:PASSWORD@]HOST[:PORT]/DATABASE or HOST:PORT:DATABASE (default: ${MONGO}, which does not "
        "show the password to other users of the machine)",
    )
    copying.add_argument(
        "--watch",
        type=float,
        nargs="?",
        const=10.0,
        metavar="SECONDS",
        help="go on until Ctrl-C, looking for changes every so many seconds (default: 10); a database that goes away "
        "is waited for",
    )
    copying.set_defaults(command=_sync)
    return parser


# ---- list -----------------------------------------------------------------------------------------------------------


def _list(registry: Registry, options: argparse.Namespace) -> None:
    names = ("task", "method", "ordering", "preset", "seed", "status", "stale")
    found = registry.summaries(**{name: getattr(options, name) for name in names})  # type: ignore[typeddict-item]
    shown = _chosen(found, options.sort, options.descending, options.limit)
    if options.json:
        _print_json([asdict(run) for run in shown])
    else:
        _print_aligned([COLUMNS, *([_cell(c, getattr(run, c)) for c in COLUMNS] for run in shown)])
        more = f" of {len(found)}" if len(shown) < len(found) else ""
        print(f"\n{len(shown)}{more} runs in {registry.home}")
    for damage in registry.damaged().values():
        print(f"registry: {damage}", file=sys.stderr)


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
    return _said(value)


def _print_aligned(rows: Sequence[Sequence[str]]) -> None:
    """Plain columns, whole at any width of a terminal, and 10,000 lines at once."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


# ---- show -----------------------------------------------------------------------------------------------------------


def _show(registry: Registry, options: argparse.Namespace) -> None:
    record = registry.get(options.id)
    ancestors = _ancestors(registry, record)
    if options.json:
        whole = {**asdict(record), "folder": str(record.folder), "metrics": record.metrics()}
        whole["ancestors"] = [{"generation": g, "key": key, "id": r.id if r else None} for g, key, r in ancestors]
        _print_json(whole)
        return
    console = _console()
    console.print(f"run {record.id}  {_title(record)}  {record.status}", style="bold")
    host = f"{record.host.get('hostname', 'unknown host')}, process {record.host.get('pid', 'unknown')}"
    facts = _table()
    for name, fact in (
        ("folder", str(record.folder)),
        ("host", host),
        ("started", record.start_time),
        ("stopped", record.stop_time or "no"),
        ("seconds", _cell("seconds", record.seconds)),
        ("key", record.pedigree.key or "none"),
        ("dataset", record.pedigree.dataset or "none"),
        ("sources", f"{len(record.pedigree.code)} modules"),
        ("artifacts", ", ".join(record.artifacts) or "none"),
        *((f"resumed {r.get('time', '')}", f"it had ended {_ending(r.get('before', {}))}") for r in record.resumptions),
        *(("stale", reason) for reason in record.stale),
    ):
        facts.add_row(name, fact)
    console.print(facts)
    for title, content in (
        ("result", record.result),
        ("configuration", record.config),
        ("environment", record.pedigree.environment),
    ):
        if content:
            table = _table(title, "")
            for name, value in flat(content).items():
                table.add_row(name, _said(value))
            console.print(table)
    if ancestors:
        table = _table("started from", "key", "", "status", "stale")
        for generation, key, parent in ancestors:
            name = "  " * generation + (f"run {parent.id}" if parent else "not in this registry")
            told = (_title(parent), parent.status, "; ".join(parent.stale)) if parent else ("", "", "")
            table.add_row(name, key, *told)
        console.print(table)
    metrics = record.metrics()
    if metrics:
        table = _table("metric", "points", "steps", "first", "last", "least", "most", "")
        for name, (steps, values) in metrics.items():
            finite = [v for v in values if math.isfinite(v)] or [math.nan]
            numbers = (values[0], values[-1], min(finite), max(finite))
            span = f"{steps[0]} to {steps[-1]}"
            table.add_row(name, str(len(values)), span, *map(_said, numbers), sparkline(values))
        console.print(table)
    if record.fail_trace:
        console.print("".join(record.fail_trace))


def _ancestors(registry: Registry, record: Record) -> list[tuple[int, str, Record | None]]:
    """(generation, key, newest completed run with it) of all that ``record`` descends from, nearest first."""
    chain: list[tuple[int, str, Record | None]] = []

    def climb(child: Record, generation: int) -> None:
        for key in child.pedigree.parents:
            if all(key != known for _, known, _ in chain):
                parent = registry.find(key)
                chain.append((generation, key, parent))
                if parent is not None:
                    climb(parent, generation + 1)

    climb(record, 0)
    return chain


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """The course of ``values`` in at most ``width`` characters, from least to most; what is not finite is a space."""
    length = min(width, len(values))
    cuts = [len(values) * i // length for i in range(length + 1)] if length else [0]
    parts = [[v for v in values[a:b] if math.isfinite(v)] for a, b in itertools.pairwise(cuts)]
    means = [sum(part) / len(part) if part else None for part in parts]
    known = [mean for mean in means if mean is not None]
    if not known:
        return " " * length
    low, span = min(known), max(known) - min(known)
    scale = (len(TICKS) - 1) / span if span else 0.0
    return "".join(" " if mean is None else TICKS[round((mean - low) * scale)] for mean in means)


def _title(record: Record) -> str:
    config = record.config
    words = [record.pedigree.task, *(str(config[c]) for c in ("method", "ordering", "preset") if c in config)]
    return " ".join([*words, f"seed {config['seed']}" if "seed" in config else ""]).strip()


def _ending(before: dict[str, Any]) -> str:
    pid, host = before.get("pid", "unknown"), before.get("hostname", "unknown host")
    return f"{before.get('status', 'unknown')} as process {pid} on {host}"


# ---- compare --------------------------------------------------------------------------------------------------------


def _compare(registry: Registry, options: argparse.Namespace) -> None:
    records = [registry.get(id) for id in (options.id, *options.others)]
    parts = {
        "configuration": differing([r.config for r in records]),
        "result": differing([r.result if isinstance(r.result, dict) else {"result": r.result} for r in records]),
        "environment": differing([{**r.pedigree.environment, "host": r.host.get("hostname")} for r in records]),
        "sources": differing([r.pedigree.code for r in records]),
    }
    with_items = [r for r in records if ITEMS in r.artifacts]
    items = [p for other in with_items[1:] for p in paired(with_items[0], other)]
    if options.json:
        _print_json({"runs": [r.id for r in records], **parts, "items": [asdict(p) for p in items]})
        return
    console = _console()
    for record in records:
        console.print(f"run {record.id}  {_title(record)}  {record.status}", style="bold")
    for title, rows in parts.items():
        if not rows:
            console.print(f"{title}: no difference")
            continue
        table = _table(title, *(f"run {r.id}" for r in records))
        for name, values in rows.items():
            table.add_row(name, *map(_said, values))
        console.print(table)
    if items:
        table = _table("items", "", "shared", "not shared", "first", "second", "second - first", "95 % interval")
        for p in items:
            runs = f"run {p.second} - run {p.first}"
            unshared = str(p.only_first + p.only_second)
            means = (_said(p.mean_first), _said(p.mean_second), f"{p.difference:+.4g}")
            table.add_row(runs, p.condition, str(p.items), unshared, *means, _interval(p))
        console.print(table)
    else:
        console.print(f"item by item: not possible, fewer than two of the runs have {ITEMS} with a shared condition")


def _interval(p: Paired) -> str:
    if math.isnan(p.half_width):
        return "too few items"
    return f"{p.difference - p.half_width:+.4g} to {p.difference + p.half_width:+.4g}"


# ---- sync -----------------------------------------------------------------------------------------------------------


def _sync(registry: Registry, options: argparse.Namespace) -> int:
    from registry.mongo import MongoError, address  # here: the other commands need not wait for pymongo and Sacred

    if not options.mongo:
        raise ValueError(f"where to? give --mongo mongodb://HOST:PORT/DATABASE, or set ${MONGO}")
    status = 0
    while True:
        try:
            status = 1 if _sync_once(registry, address(options.mongo), options) else 0
        except MongoError as error:
            print(f"registry: {error.args[0]}", file=sys.stderr)
            status = 2
        if options.watch is None:
            return status
        time.sleep(options.watch)


def _sync_once(registry: Registry, where: Address, options: argparse.Namespace) -> int:
    """Returns how many runs could not be copied."""
    from registry.mongo import opened
    from registry.sync import sync

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
        opened(where) as store,
    ):
        task = bar.add_task("copying runs", total=None)
        tally = sync(registry.home, store, progress=lambda done, total: bar.update(task, completed=done, total=total))
    if options.json:
        _print_json(asdict(tally))
    elif options.watch is None or tally.new or tally.renewed or tally.failed:
        print(f"{tally}; {where.shown}")
    for id, metrics in tally.thinned.items():
        names = ", ".join(metrics)
        print(
            f"registry: run {id}: {names} too long for one document; every k-th point there, all in cavl_metrics",
            file=sys.stderr,
        )
    for id, why in tally.failed.items():
        print(f"registry: run {id} not copied: {why}", file=sys.stderr)
    return len(tally.failed)


# ---- printing -------------------------------------------------------------------------------------------------------


def _console() -> Console:
    """Piped output is as wide as its content: nothing is cut for a terminal that is not there."""
    width = None if sys.stdout.isatty() else 100_000
    return Console(width=width, markup=False, emoji=False, highlight=False)  # what runs say is shown as they said it


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD if columns else None, show_header=bool(columns), pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _said(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
