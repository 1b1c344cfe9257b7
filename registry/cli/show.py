"""Command ``show``: everything about one run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from registry.cli.options import HOME, JSON, RUN, registry_in
from registry.cli.printing import console, print_json, said, table, title
from registry.comparison import flat
from registry.provenance.lineage import ancestors
from registry.record.run_record import IMPORTED, Record, read_json

TICKS = "▁▂▃▄▅▆▇█"


def show(id: int = RUN, home: Path | None = HOME, json: bool = JSON) -> None:
    """Everything about one run.

    Configuration, result, the runs it descends from, what is stale, metrics, artifacts.
    """
    with registry_in(home) as registry:
        record = registry.get(id)
        descent = ancestors(registry, record)
    if json:
        whole = {**asdict(record), "folder": str(record.folder), "metrics": record.metrics()}
        whole["imported"] = _origin(record)
        whole["ancestors"] = [{"generation": g, "key": key, "id": r.id if r else None} for g, key, r in descent]
        print_json(whole)
        return
    out = console()
    out.print(f"run {record.id}  {title(record)}  {record.status}", style="bold")
    host = f"{record.host.get('hostname', 'unknown host')}, process {record.host.get('pid', 'unknown')}"
    facts = table()
    for name, fact in (
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
        *((f"resumed {r.get('time', '')}", f"it had ended {_ending(r.get('before', {}))}") for r in record.resumptions),
        *(("stale", reason) for reason in record.stale),
    ):
        facts.add_row(name, fact)
    out.print(facts)
    for part, content in (
        ("result", record.result),
        ("configuration", record.config),
        ("environment", record.pedigree.environment),
    ):
        if content:
            rows = table(part, "")
            for name, value in flat(content).items():
                rows.add_row(name, said(value))
            out.print(rows)
    if descent:
        rows = table("started from", "key", "", "status", "stale")
        for generation, key, parent in descent:
            name = "  " * generation + (f"run {parent.id}" if parent else "not in this registry")
            told = (title(parent), parent.status, "; ".join(parent.stale)) if parent else ("", "", "")
            rows.add_row(name, key, *told)
        out.print(rows)
    metrics = record.metrics()
    if metrics:
        rows = table("metric", "points", "steps", "first", "last", "least", "most", "")
        for name, (steps, values) in metrics.items():
            finite = [v for v in values if math.isfinite(v)] or [math.nan]
            numbers = (values[0], values[-1], min(finite), max(finite))
            span = f"{steps[0]} to {steps[-1]}"
            rows.add_row(name, str(len(values)), span, *map(said, numbers), sparkline(values))
        out.print(rows)
    if record.fail_trace:
        out.print("".join(record.fail_trace))


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


def _origin(record: Record) -> Any:
    """What :mod:`registry.archive_import` noted of the archive that the run came in."""
    path = record.folder / IMPORTED
    return read_json(path) if path.exists() else None


def _imported(record: Record) -> list[tuple[str, str]]:
    origin = _origin(record)
    return (
        [("imported", f"{origin['time']} from {origin['archive']}, where it was run {origin['id']}")] if origin else []
    )


def _ending(before: dict[str, Any]) -> str:
    pid, host = before.get("pid", "unknown"), before.get("hostname", "unknown host")
    return f"{before.get('status', 'unknown')} as process {pid} on {host}"
