"""What differs between runs: what went in, what came out, and whether the difference is more than the items' chance."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.record.run_record import Record

#: The artifact with one row per scored item.
ITEMS = "items.csv"

#: Said of a value that a run has not.
ABSENT = "-"


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries and lists as one: ``{"a": {"b": [1, 2]}}`` -> ``{"a.b.0": 1, "a.b.1": 2}``."""
    if isinstance(value, Mapping) and value:
        parts = value.items()
    elif isinstance(value, list | tuple) and value:
        parts = {str(i): v for i, v in enumerate(value)}.items()
    else:
        return {prefix: value}
    return {k: v for name, part in parts for k, v in flat(part, f"{prefix}.{name}" if prefix else str(name)).items()}


def differing(values: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Dotted name -> one value per run, for the names on which not all agree; :data:`ABSENT` where a run has none."""
    flattened = [flat(value) for value in values]
    names = sorted({name for each in flattened for name in each})
    rows = {name: [each.get(name, ABSENT) for each in flattened] for name in names}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row[1:])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Mean difference, second run minus first, over the items that both scored, with its 95 % t-interval."""

    first: int  # ids of the runs
    second: int
    condition: str  # the item table's columns between item and value, as "aligned threshold=0.5"; may be empty
    items: int
    only_first: int  # items that the other run has not scored
    only_second: int
    mean_first: float
    mean_second: float
    difference: float
    half_width: float  # NaN for a single item


def paired(first: Record, second: Record) -> list[Paired]:
    """Compare two runs item by item, once for each condition that both have.

    Raises
    ------
    FileNotFoundError
        When a run has no ``items.csv``.
    ValueError
        When one of the tables cannot be read.
    """
    a, b = read_items(first.artifact(ITEMS)), read_items(second.artifact(ITEMS))
    return [_paired(first.id, second.id, condition, a[condition], b[condition]) for condition in a if condition in b]


def read_items(path: Path) -> dict[str, dict[str, float]]:
    """Condition -> item -> score, from a table whose first column is ``item``.

    A table with the columns ``label`` and ``predicted`` scores 1 where they agree and 0 where not. Any other table
    holds its score in the last column, and the columns between item and score name the condition. An item that occurs
    more than once under a condition (several sources) scores its mean.
    """
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        names = list(rows.fieldnames or ())
        if len(names) < 2 or names[0] != "item":
            raise ValueError(f"{path} is no table of items: its columns are {', '.join(names) or 'none'}")
        labelled = "label" in names and "predicted" in names
        scores: dict[str, dict[str, list[float]]] = {}
        for row in rows:
            try:
                score = float(row["label"] == row["predicted"]) if labelled else float(row[names[-1]])
            except (TypeError, ValueError):
                raise ValueError(f"line {rows.line_num} of {path} has no number in {names[-1]!r}") from None
            condition = "" if labelled else " ".join(row[name] for name in names[1:-1])
            scores.setdefault(condition, {}).setdefault(row["item"], []).append(score)
    return {c: {item: sum(s) / len(s) for item, s in items.items()} for c, items in scores.items()}


def _paired(first: int, second: int, condition: str, a: Mapping[str, float], b: Mapping[str, float]) -> Paired:
    shared = [item for item in a if item in b]
    differences = [b[item] - a[item] for item in shared]
    n = len(shared)
    mean = sum(differences) / n if n else math.nan
    return Paired(
        first=first,
        second=second,
        condition=condition,
        items=n,
        only_first=len(a) - n,
        only_second=len(b) - n,
        mean_first=sum(a[item] for item in shared) / n if n else math.nan,
        mean_second=sum(b[item] for item in shared) / n if n else math.nan,
        difference=mean,
        half_width=_half_width(differences, mean),
    )


def _half_width(values: Sequence[float], mean: float) -> float:
    """Half of the 95 % t-interval of the mean: t(0.975, n - 1) s / sqrt(n), s with n - 1 in its denominator."""
    from scipy.stats import t  # here: it takes longer to import than the rest of the command line to run

    n = len(values)
    if n < 2:
        return math.nan
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return float(t.ppf(0.975, n - 1)) * math.sqrt(variance / n)
