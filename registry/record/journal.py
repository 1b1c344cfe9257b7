"""Journal of a run's metrics: it only grows, so a killed run keeps all it had written.

``metrics.jsonl`` holds one JSON object a line, each the metrics since the line before, in the form in which Sacred
hands them over: ``{"loss": {"steps": [...], "values": [...], "timestamps": [...]}, ...}``. A line counts once its line
feed is written; what follows the last line feed was torn by a kill and is cut off by the next writer.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from operator import lt
from pathlib import Path
from typing import Any, NamedTuple

from registry.files import atomic_write, open_regular, write_at
from registry.record.serialization import plain, to_json

JOURNAL = "metrics.jsonl"
#: What Omniboard would take for markup, and what a terminal obeys.
_NO_NAME = re.compile(r"[<>\x00-\x1f\x7f-\x9f]")


class Points(NamedTuple):
    """Measurements of one metric, in columns of one length."""

    steps: list[int]
    values: list[float]
    timestamps: list[str]  # ISO, UTC

    def at(self, places: Iterable[int]) -> Points:
        """Those at some places."""
        places = list(places)
        steps, values, timestamps = self
        return Points([steps[p] for p in places], [values[p] for p in places], [timestamps[p] for p in places])


class JournalError(ValueError):
    """A line of a journal that is no JSON: the file was damaged by something else than a kill."""


def is_metric_name(name: str) -> bool:
    """Whether a metric from elsewhere may be called ``name``."""
    return not _NO_NAME.search(name)


def plain_name(name: str) -> str:
    """The name of a metric with nothing in it that is markup."""
    return _NO_NAME.sub(lambda found: {"<": "‹", ">": "›"}.get(found[0], "�"), name)


def append(folder: Path, metrics_by_name: Mapping[str, Mapping[str, Any]]) -> None:
    """Add measurements to the journal of the run in ``folder``; they are on the disk when this returns.

    They are as Sacred's ``linearize_metrics`` gives them: name -> ``steps``, ``values``, ``timestamps`` (equally long
    lists).

    Raises DiskFullError when there is no room; the journal is as before.
    """
    entry = {name: {k: m[k] for k in ("steps", "values", "timestamps")} for name, m in metrics_by_name.items()}
    if not entry:
        return
    line = json.dumps(plain(entry, "metrics"), separators=(",", ":")).encode() + b"\n"
    path = folder / JOURNAL
    write_at(path, _end_of_last_line(path), line)


def read_metrics(folder: Path) -> dict[str, tuple[list[int], list[float]]]:
    """Metric name -> (steps, values) of the run in ``folder``, each step once, in order of step.

    A resumed run measures the steps after its last checkpoint again; of a step that occurs twice the last counts.
    """
    return {name: (points.steps, points.values) for name, points in read_points(folder).items()}


def write_metrics_json(folder: Path) -> None:
    """Write ``metrics.json``, the form in which Sacred's own FileStorageObserver leaves metrics, from the journal."""
    whole = {name: points._asdict() for name, points in read_points(folder).items()}
    atomic_write(folder / "metrics.json", to_json(whole))


def read_points(folder: Path) -> dict[str, Points]:
    """As :func:`read_metrics`, with the time of each measurement."""
    path = folder / JOURNAL
    try:
        with open_regular(path) as file:
            content = file.read()
    except FileNotFoundError:
        return {}
    columns: dict[str, Points] = {}
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):  # the part after the last line feed is torn
        try:
            for name, metric in json.loads(line).items():
                added = Points(metric["steps"], metric["values"], metric["timestamps"])
                if not len(added.steps) == len(added.values) == len(added.timestamps):
                    raise ValueError(f"{name} has not as many values as steps")
                if not {*map(type, added.steps)} <= {int, float}:
                    raise ValueError(f"a step of {name} is no number")
                known = columns.setdefault(name, Points([], [], []))
                known.steps.extend(added.steps)
                known.values.extend(added.values)
                known.timestamps.extend(added.timestamps)
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
            remedy = "delete that line to read the rest"
            raise JournalError(f"line {number} of {path} is damaged ({error}); {remedy}") from None
    return {name: _in_order(points) for name, points in columns.items() if points.steps}


def _in_order(points: Points) -> Points:
    if all(map(lt, points.steps, points.steps[1:])):  # as nearly always
        return points
    last = {step: place for place, step in enumerate(points.steps)}
    return points.at([last[step] for step in sorted(last)])


def _end_of_last_line(path: Path, block: int = 1 << 16) -> int:
    """Offset behind the last line feed, 0 where there is none."""
    if not path.exists():
        return 0
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - block)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0
