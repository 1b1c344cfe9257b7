"""Comparison of a run with itself, run again: number by number, item by item, step by step.

Two values are *identical* when they are the same JSON, to the last bit (NaN is NaN). Two numbers are *within tolerance*
when ``|now - then| <= tolerance * max(1, |then|, |now|)``: scores run from 0 to 1, and beyond 1 it is relative. All
else, and what only one of the runs has, is *different*. The verdict on a whole is the worst on its parts, with two
exceptions, for bytes do not say by how much they differ:

- weights are compared by digest. Others than before make a run "within tolerance" at best; whether they are as good
  says what was measured with them.
- files that are no tables (pictures, sounds, arrays) are compared by digest and named, and decide nothing: they show
  what is compared as numbers already, and a new version of an encoder writes other bytes.
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.comparison import ABSENT, flat
from registry.files import digest_file
from registry.item_table import COLUMNS, ITEMS, REMEDY
from registry.provenance.code_digest import changes
from registry.provenance.environment import differences
from registry.record.run_record import Record, read_json

#: From best to worst.
IDENTICAL, WITHIN, DIFFERENT = VERDICTS = ("identical", "within tolerance", "different")

#: What another number of threads does to a loss within a hundred updates of the miniature is just below it; what the
#: tables of a report show is well above.
TOLERANCE = 1e-4

#: Entries of a result that hold digests of weights.
WEIGHTS = ("weights", "kept")

#: (what is counted, name of the value, the value then, the value now)
Values = Iterable[tuple[str, str, Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """The worst value of one thing that is counted."""

    name: str
    then: Any
    now: Any
    verdict: str
    size: float | None  # |now - then| / max(1, |then|, |now|); None where that is no number

    def __str__(self) -> str:
        then, now = (f"{v:.4g}" if isinstance(v, float) else str(v) for v in (self.then, self.now))
        if then == now:  # closer than four digits
            then, now = repr(self.then), repr(self.now)
        then, now = ("missing" if text == ABSENT else text for text in (then, now))
        return f"{self.name}: {now}, was {then}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPart:
    """What was compared of one kind, say the items; how many are identical, within tolerance, different."""

    noun: str
    counts: Mapping[str, int]  # verdict -> how many
    differences: tuple[Deviation, ...]  # of all that are not identical, worst first
    decides: bool = True  # whether the verdict on the run depends on it

    @property
    def verdict(self) -> str:
        return worst(verdict for verdict, number in self.counts.items() if number)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def largest(self) -> float | None:
        """The largest difference in size, ``None`` where there is one that has none."""
        sizes = [d.size for d in self.differences]
        return None if None in sizes else max((s for s in sizes if s is not None), default=0.0)

    def counted(self, verdict: str | None = None) -> str:
        """``24 items``; of those with a verdict: ``1 of 24 items``."""
        nouns = self.noun if self.total == 1 else f"{self.noun}s"
        return f"{self.total} {nouns}" if verdict is None else f"{self.counts[verdict]} of {self.total} {nouns}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A run beside itself, run again."""

    id: int
    tolerance: float
    changed: tuple[str, ...]  # what may have coloured the second run, in plain words
    same_key: bool  # the configuration, data and descent still mean what they meant
    device: tuple[str, str]  # then and now
    parts: tuple[ComparedPart, ...]

    @property
    def verdict(self) -> str:
        return worst(part.verdict for part in self.parts if part.decides)

    def __str__(self) -> str:
        deciding = [part for part in self.parts if part.decides]
        if self.verdict == DIFFERENT:
            parts = [part for part in deciding if part.verdict == DIFFERENT]
            examples = "; ".join(str(part.differences[0]) for part in parts)
            told = f"{', '.join(part.counted(DIFFERENT) for part in parts)} ({examples})"
        else:
            told = ", ".join(part.counted() for part in deciding)
            measured = [d for p in deciding for d in p.differences if d.size is not None]
            if measured:
                most = max(measured, key=lambda d: d.size or 0.0)
                told += f"; the largest difference is {most.size:.1e} ({most})"
            elif self.verdict == WITHIN:
                told += "; only the weights are not the same to the last bit"
        return f"run {self.id}: {self.verdict}: {told}" + ("" if self.same_key else "; its key is another now")


def worst(verdicts: Iterable[str]) -> str:
    """The worst of several verdicts; of none, identical."""
    return max(verdicts, key=VERDICTS.index, default=IDENTICAL)


def judge(then: Any, now: Any, tolerance: float = TOLERANCE) -> tuple[str, float | None]:
    """The verdict on one plain value, and the size of the difference (``None`` where that is no number)."""
    if json.dumps(then) == json.dumps(now):
        return IDENTICAL, 0.0
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in (then, now)):
        return DIFFERENT, None
    try:
        size = abs(now - then) / max(1, abs(then), abs(now))
    except OverflowError:  # whole numbers beyond the floats
        return DIFFERENT, None
    if not math.isfinite(size):
        return DIFFERENT, None
    return (WITHIN if size <= tolerance else DIFFERENT), size


def verification(then: Record, now: Record, tolerance: float = TOLERANCE) -> Verification:
    """Compare a run with itself, run again.

    Raises
    ------
    ValueError
        When a table or the metrics of one of them are damaged.
    """
    names = sorted({*then.artifacts, *now.artifacts}, key=lambda name: (name != ITEMS, name))
    tables = [name for name in names if name.endswith(".csv")]
    others = [name for name in names if name not in tables]
    parts = [
        *(_part("item" if n == ITEMS else f"{n} row", _cells(then, now, n), tolerance) for n in tables),
        _part("number", _pairs(*(flat(_without_weights(r.result)) for r in (then, now))), tolerance),
        _part("metric point", _pairs(*map(_points, (then, now))), tolerance),
        _part("weights file", _pairs(*(_weights(r.result) for r in (then, now))), judge=_judge_weights),
        _part("other file", ((n, n, _digest(then, n), _digest(now, n)) for n in others), decides=False),
    ]
    return Verification(
        id=then.id,
        tolerance=tolerance,
        changed=changed(then, now),
        same_key=then.pedigree.key == now.pedigree.key,
        device=(_device(then), _device(now)),
        parts=tuple(part for part in parts if part.total),
    )


def changed(then: Record, now: Record) -> tuple[str, ...]:
    """What differs in where the two come from, one plain sentence each, what weighs most first."""
    a, b = then.pedigree, now.pedigree
    reasons = []
    if a.dataset != b.dataset:
        reasons.append(f"dataset fingerprint was {a.dataset or 'none'}, is {b.dataset or 'none'}")
    if a.parents != b.parents:
        reasons.append(f"it started from the keys {' '.join(a.parents)}, now from {' '.join(b.parents)}")
    if a.key != b.key:
        own = (a.dataset, a.parents) == (b.dataset, b.parents)
        why = ": its configuration means something else to the sources of now" if own else ", by the above"
        reasons.append(f"key was {a.key}, is {b.key}{why}")
    for key, old, new in zip(a.parents, a.parent_digests, b.parent_digests, strict=False):
        if old != new:
            reasons.append(
                f"what it started from was trained anew: the weights of {key} were {old[:12]}, are {new[:12]}"
            )
    return (
        *reasons,
        *changes(a.code, b.code),
        *(f"code new: {module}" for module in sorted(b.code.keys() - a.code.keys())),
        *differences(a.environment, b.environment),
        *differences(_machine(then), _machine(now)),
    )


def _machine(record: Record) -> dict[str, Any]:
    return {"device": _device(record), "machine": record.host.get("hostname"), "processor": record.host.get("cpu")}


def _device(record: Record) -> str:
    path = record.folder / "info.json"
    info = read_json(path) if path.exists() else {}
    return str(info.get("device", "unknown")) if isinstance(info, dict) else "unknown"


# ---- the parts ------------------------------------------------------------------------------------------------------


def _part(
    noun: str,
    values: Values,
    tolerance: float = TOLERANCE,
    *,
    judge: Callable[[Any, Any, float], tuple[str, float | None]] = judge,
    decides: bool = True,
) -> ComparedPart:
    verdicts: dict[str, str] = {}
    differences: dict[str, Deviation] = {}
    for counted, name, then, now in values:
        verdict, size = judge(then, now, tolerance)
        verdicts[counted] = worst((verdicts.get(counted, IDENTICAL), verdict))
        if verdict != IDENTICAL:
            found = Deviation(name=name, then=then, now=now, verdict=verdict, size=size)
            differences[counted] = max(differences.get(counted, found), found, key=_badness)
    return ComparedPart(
        noun=noun,
        counts={**dict.fromkeys(VERDICTS, 0), **Counter(verdicts.values())},
        differences=tuple(sorted(differences.values(), key=_badness, reverse=True)),
        decides=decides,
    )


def _badness(difference: Deviation) -> tuple[int, float]:
    return VERDICTS.index(difference.verdict), math.inf if difference.size is None else difference.size


def _judge_weights(then: Any, now: Any, tolerance: float) -> tuple[str, float | None]:
    verdict, size = judge(then, now, tolerance)
    return (WITHIN if verdict == DIFFERENT and ABSENT not in (then, now) else verdict), size


def _pairs(then: Mapping[str, Any], now: Mapping[str, Any]) -> Values:
    return ((n, n or "result", then.get(n, ABSENT), now.get(n, ABSENT)) for n in {**then, **now})


def _without_weights(result: Any) -> Any:
    return {k: v for k, v in result.items() if k not in WEIGHTS} if isinstance(result, dict) else result


def _weights(result: Any) -> dict[str, Any]:
    found = {k: v for k, v in result.items() if k in WEIGHTS and v} if isinstance(result, dict) else {}
    return flat(found) if found else {}


def _points(record: Record) -> dict[str, float]:
    metrics = record.metrics().items()
    return {f"{name} at step {s}": v for name, (steps, values) in metrics for s, v in zip(steps, values, strict=True)}


def _digest(record: Record, name: str) -> str:
    path = record.folder / name
    return digest_file(path) if name in record.artifacts and path.is_file() else ABSENT


def _cells(then: Record, now: Record, name: str) -> Iterator[tuple[str, str, Any, Any]]:
    """The cells of a table in both runs; in a table of items, all rows of an item count as one."""
    a, b = (_rows(record.folder / name if name in record.artifacts else None) for record in (then, now))
    if name == ITEMS and a and b and (COLUMNS in map(tuple, a.values())) != (COLUMNS in map(tuple, b.values())):
        raise ValueError(f"the items of run {then.id} cannot be compared with those of today; {REMEDY}")
    for row, number in {**a, **b}:
        old, new = a.get((row, number), {}), b.get((row, number), {})
        words = [text for column, text in (old or new).items() if column != "item" and _number(text) is None and text]
        where = f"{row} ({' '.join(words)})" if words else row
        for column in {**old, **new}:
            cells: list[Any] = [old.get(column, ABSENT), new.get(column, ABSENT)]
            numbers = [_number(cell) for cell in cells]
            if cells[0] != cells[1] and None not in numbers:
                cells = numbers
            yield row if name == ITEMS else f"{row} {number}", f"{where} {column}", *cells


def _rows(path: Path | None) -> dict[tuple[str, int], dict[str, str]]:
    """(its item, or else its number; how many rows of that came before) -> column -> cell."""
    if path is None or not path.is_file():
        return {}
    rows: dict[tuple[str, int], dict[str, str]] = {}
    seen: Counter[str] = Counter()
    try:
        with open(path, newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file, restkey="further cells", restval=""), start=1):
                name = f"item {row['item']}" if "item" in row else f"row {number}"
                rows[name, seen[name]] = {column: str(text) for column, text in row.items()}
                seen[name] += 1
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a table ({error})") from None
    return rows


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
