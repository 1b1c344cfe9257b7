"""Command ``compare``: what differs between runs, and by how much, item by item."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

import typer

from registry.cli.options import HOME, JSON, RUNS, ids, registry_in
from registry.cli.printing import console, print_json, said, table, title
from registry.comparison import Paired, differing, paired
from registry.item_table import ITEMS


def compare(
    first: int = typer.Argument(metavar="ID", help="the run that the others are compared with", autocompletion=ids),
    others: list[int] = RUNS,
    home: Path | None = HOME,
    json: bool = JSON,
) -> None:
    """What differs between runs, and by how much.

    Where both have items, also the second minus the first over the items that both scored, with a 95 % t-interval: it
    excludes 0 where the difference is more than chance.
    """
    with registry_in(home) as registry:
        records = [registry.get(id) for id in (first, *others)]
    parts = {
        "configuration": differing([r.config for r in records]),
        "result": differing([r.result if isinstance(r.result, dict) else {"result": r.result} for r in records]),
        "environment": differing([{**r.pedigree.environment, "host": r.host.get("hostname")} for r in records]),
        "sources": differing([r.pedigree.code for r in records]),
    }
    with_items = [r for r in records if ITEMS in r.artifacts]
    items = [p for other in with_items[1:] for p in paired(with_items[0], other)]
    if json:
        print_json({"runs": [r.id for r in records], **parts, "items": [asdict(p) for p in items]})
        return
    out = console()
    for record in records:
        out.print(f"run {record.id}  {title(record)}  {record.status}", style="bold")
    for part, rows in parts.items():
        if not rows:
            out.print(f"{part}: no difference")
            continue
        shown = table(part, *(f"run {r.id}" for r in records))
        for name, values in rows.items():
            shown.add_row(name, *map(said, values))
        out.print(shown)
    if items:
        shown = table("items", "", "shared", "not shared", "first", "second", "second - first", "95 % interval")
        for p in items:
            runs = f"run {p.second} - run {p.first}"
            unshared = str(p.only_first + p.only_second)
            means = (said(p.mean_first), said(p.mean_second), f"{p.difference:+.4g}")
            shown.add_row(
                runs, f"{p.metric}, {p.condition}".removesuffix(", "), str(p.items), unshared, *means, _interval(p)
            )
        out.print(shown)
    else:
        out.print(f"item by item: not possible, fewer than two of the runs have {ITEMS} with a shared condition")


def _interval(p: Paired) -> str:
    if math.isnan(p.half_width):
        return "too few items"
    return f"{p.difference - p.half_width:+.4g} to {p.difference + p.half_width:+.4g}"
