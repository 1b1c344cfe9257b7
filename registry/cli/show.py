"""Command ``show``: everything about one run."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from registry.cli.options import HOME, JSON, RUN, registry_in
from registry.cli.printing import console, print_json, said, table, title
from registry.comparison import flat
from registry.provenance.lineage import ancestors
from registry.record.journal import JOURNAL
from registry.record.run_record import IMPORTED, Record, read_json
from registry.terminal import has_unicode

TICKS = "▁▂▃▄▅▆▇█"
ASCII_TICKS = "_.-~=+*#"  # as many, for a terminal that lacks them


def show(id: int = RUN, home: Path | None = HOME, json: bool = JSON) -> None:
    """Everything about one run.

    Configuration, result, the runs it descends from, what is stale, metrics, artifacts.
    """
    with registry_in(home) as registry:
        record = registry.get(id)
        descent = ancestors(registry, record)
    damage = record.damage(thorough=(JOURNAL,))
    metrics = {} if JOURNAL in damage else record.metrics()
    if json:
        whole = {**asdict(record), "folder": str(record.folder), "metrics": metrics, "damage": damage}
        whole["imported"] = _origin(record)
        whole["ancestors"] = [{"generation": g, "key": key, "id": r.id if r else None} for g, key, r in descent]
        print_json(whole)
        return
    out = console()
    out.print(f"run {record.id}  {title(record)}  {record.status}", style="bold")
    host = f"{record.host.get('hostname', 'unknown host')}, process {record.host.get('pid', 'unknown')}"
    facts = [
        ("folder", str(record.folder)),
        ("host", host),
        ("started", record.start_time),
        ("stopped", record.stop_time or "no"),
        ("seconds", "" if record.seconds is None else f"{record.seconds:.0f}"),
        ("key", record.pedigree.key or "none"),
        ("dataset", record.pedigree.dataset or "none"),
        ("sources", f"{len(record.pedigree.code)} modules"),
        ("artifacts", ", ".join(record.artifacts) or "none"),
        *_imported(record),
        *(("damaged", f"{name} {how}") for name, how in damage.items()),
        *((f"resumed {r.get('time', '')}", f"it had ended {_ending(r.get('before', {}))}") for r in record.resumptions),
        *(("stale", reason) for reason in record.stale),
    ]
    out.print(table(rows=facts))
    parts = {"result": record.result, "configuration": record.config, "environment": record.pedigree.environment}
    for part, content in parts.items():
        if content:
            out.print(table(part, "", rows=[(name, said(value)) for name, value in flat(content).items()]))
    if descent:
        out.print(table("started from", "key", "", "status", "stale", rows=[_ancestor(*one) for one in descent]))
    if metrics:
        head = ("metric", "points", "steps", "first", "last", "least", "most", "")
        out.print(table(*head, rows=[_course(name, *course) for name, course in metrics.items()]))
    if record.fail_trace:
        out.print("".join(record.fail_trace))


def _ancestor(generation: int, key: str, run: Record | None) -> tuple[str, ...]:
    if run is None:
        return "  " * generation + "not in this registry", key
    return "  " * generation + f"run {run.id}", key, title(run), run.status, "; ".join(run.stale)


def _course(name: str, steps: Sequence[int], values: Sequence[float]) -> tuple[str, ...]:
    finite = [v for v in values if is_finite(v)] or [math.nan]
    numbers = (values[0], values[-1], min(finite), max(finite))
    return name, str(len(values)), f"{steps[0]} to {steps[-1]}", *map(said, numbers), sparkline(values)


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """The course of ``values`` in at most ``width`` characters, from least to most; what is not finite is a space."""
    length = min(width, len(values))
    cuts = [len(values) * i // length for i in range(length + 1)] if length else [0]
    parts = [[v for v in values[a:b] if is_finite(v)] for a, b in itertools.pairwise(cuts)]
    means = [sum(part) / len(part) if part else None for part in parts]
    known = [mean for mean in means if mean is not None]
    if not known:
        return " " * length
    low, span = min(known), max(known) - min(known)
    scale = (len(TICKS) - 1) / span if span else 0.0
    ticks = TICKS if has_unicode() else ASCII_TICKS
    return "".join(" " if mean is None else ticks[round((mean - low) * scale)] for mean in means)


def is_finite(value: Any) -> bool:
    """Whether a value of a metric is a number as others are; a journal by hand may hold anything."""
    return isinstance(value, int | float) and -sys.float_info.max <= value <= sys.float_info.max


def _origin(record: Record) -> Any:
    """What :mod:`registry.archive_import` noted of the archive that the run came in."""
    path = record.folder / IMPORTED
    return read_json(path) if path.exists() else None


def _imported(record: Record) -> list[tuple[str, str]]:
    if not (origin := _origin(record)):
        return []
    return [("imported", f"{origin['time']} from {origin['archive']}, where it was run {origin['id']}")]


def _ending(before: dict[str, Any]) -> str:
    pid, host = before.get("pid", "unknown"), before.get("hostname", "unknown host")
    return f"{before.get('status', 'unknown')} as process {pid} on {host}"
