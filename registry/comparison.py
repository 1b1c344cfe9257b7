"""Comparison of runs: what went in, what came out, and whether the difference is more than the items' chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.item_table import ITEMS, means, read_items, to_compare
from registry.record.run_record import Record

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
    condition: str  # as "row=aligned, rule=threshold=0.5"; may be empty
    metric: str
    items: int
    only_first: int  # items that the other run has not scored
    only_second: int
    mean_first: float
    mean_second: float
    difference: float
    half_width: float  # NaN for a single item


def paired(first: Record, second: Record) -> list[Paired]:
    """Compare two runs item by item, once for each metric under each condition that both have.

    Excluded items are left out; an item with several measurements under a condition has their mean.

    Raises
    ------
    FileNotFoundError
        When a run has no ``items.csv``.
    ValueError
        When one of the tables cannot be read, or is one of an older version.
    """
    a, b = (_scores(run) for run in (first, second))
    return [_paired(first.id, second.id, *which, a[which], b[which]) for which in a if which in b]


def _scores(run: Record) -> dict[tuple[str, str], dict[str, float]]:
    """(condition, metric) -> item -> its mean."""
    table = read_items(run.artifact(ITEMS))
    counted = table[table["excluded"] == ""]
    by = (counted["condition"].map(to_compare), "metric")
    return {which: means(rows["item"], rows["value"]) for which, rows in counted.groupby([*by], sort=False)}


def _paired(
    first: int, second: int, condition: str, metric: str, a: Mapping[str, float], b: Mapping[str, float]
) -> Paired:
    shared = [item for item in a if item in b]
    differences = [b[item] - a[item] for item in shared]
    n = len(shared)
    mean = sum(differences) / n if n else math.nan
    return Paired(
        first=first,
        second=second,
        condition=condition,
        metric=metric,
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
