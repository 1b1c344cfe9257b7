"""Cells of a table, and rows and tables of them.

A cell is the number, how sure it is, what it stands on, and the runs one can walk back to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from reports.labels import NOTHING_TRAINED
from reports.published import Published
from reports.results import Node, dig, incomplete
from reports.statistics import Difference, Estimate, Scores, items_half, t_interval

STALE = "†"
BEATEN = "‡"
STALE_NOTE = f"{STALE} stale: code or environment changed since the run; repeat it with --rerun stale"
BEATEN_NOTE = f"{BEATEN} no better than a trivial row of this table in the same column, in one seed or more"
STALE_FIGURE = f"{STALE} Drawn from stale runs: code or environment changed since; repeat them with --rerun stale."


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one planned run contributes: a value, or the reason why there is none."""

    seed: int
    run: int | None = None
    value: float | None = None
    problem: str = ""
    stale: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """``parts``: one per planned run; several of a seed are averaged before the seeds are. Without any part, the cell
    holds ``words`` (a label, or why there is no number).

    ``items``: how many test items each seed was scored on; ``excluded``: how many at most were left out of it.
    ``coverage`` is set only where the data were incomplete. Values are multiplied by ``scale`` (scores are fractions;
    tables print percent) and shown with ``digits`` decimals. ``beaten_by`` names the trivial rows that are as good in
    one seed or more.
    """

    parts: tuple[Part, ...] = ()
    items: int | None = None
    excluded: int = 0
    coverage: str = ""
    published: Published | None = None
    scale: float = 100.0
    digits: int = 1
    words: str = ""
    beaten_by: tuple[str, ...] = ()
    difference: Difference | None = None  # for paired differences, whose interval is not one over plain seed means
    over_items: float | None = None  # half of the interval over items, as a score; None where they are not known
    seedless: bool = False  # the same in all seeds because nothing is drawn: it has no interval over them

    @property
    def estimate(self) -> Estimate | None:
        """In the printed unit; None without a value."""
        if self.difference is not None:
            d, half = self.difference, self.difference.half
            return Estimate(mean=d.mean * self.scale, half=None if half is None else half * self.scale, n=d.n)
        return t_interval(list(self.by_seed.values())) if self.by_seed else None

    @property
    def by_seed(self) -> dict[int, float]:
        """Seed -> the mean of its runs, in the printed unit; without the seeds that have no value."""
        found: dict[int, list[float]] = {}
        for part in self.parts:
            if part.value is not None:
                found.setdefault(part.seed, []).append(part.value * self.scale)
        return {seed: sum(values) / len(values) for seed, values in found.items()}

    @property
    def runs(self) -> tuple[int, ...]:
        return tuple(sorted({p.run for p in self.parts if p.run is not None}))

    @property
    def seeds(self) -> int:
        if self.difference is not None:
            return self.difference.n
        return len({p.seed for p in self.parts if p.value is not None})

    @property
    def planned(self) -> int:
        return len({p.seed for p in self.parts})

    @property
    def stale(self) -> tuple[str, ...]:
        counted = (p for p in self.parts if p.run is not None and (p.value is not None or self.difference is not None))
        return tuple(dict.fromkeys(reason for p in counted for reason in p.stale))

    @property
    def text(self) -> str:
        """What stands in the cell: "61.2 ± 3.4", "NaN", "not run (0 of 3 seeds)", "n/a", ..."""
        estimate = self.estimate
        if estimate is None:
            return self.words or _absence(self.parts)
        shown = self.finite and estimate.half is not None and not self.seedless
        interval = f" ± {estimate.half:.{self.digits}f}" if shown else ""
        return f"{self.mean_text}{interval}{self.marks}"

    @property
    def mean_text(self) -> str:
        """The mean alone, as it is printed; "" without a value."""
        estimate = self.estimate
        if estimate is None:
            return ""
        return f"{estimate.mean:z.{self.digits}f}" if self.finite else str(estimate.mean).replace("nan", "NaN")

    @property
    def finite(self) -> bool:
        return self.estimate is not None and math.isfinite(self.estimate.mean)

    @property
    def items_half(self) -> float | None:
        """Half of the interval over items, in the printed unit; None where there is none."""
        half = None if self.over_items is None else self.over_items * self.scale
        return half if half is not None and math.isfinite(half) and self.finite else None

    @property
    def small(self) -> str:
        """What stands beneath it: seeds and items, the interval over items, and data that were not complete."""
        return self.standing(f" (± {self.items_half:.{self.digits}f})" if self.items_half is not None else "")

    def standing(self, interval: str = "") -> str:
        """On how many seeds and items it stands, ``interval`` behind the items."""
        if self.estimate is None:
            return ""
        seeds = f"{self.seeds} of {self.planned} seeds" if self.seeds < self.planned else _count(self.seeds, "seed")
        parts = [seeds, "" if self.items is None else _count(self.items, "item") + interval]
        parts.append(f"{self.excluded:,} left out" if self.excluded else "")
        parts.append(f"data: {self.coverage}" if self.coverage else "")
        return ", ".join(p for p in parts if p)

    @property
    def marks(self) -> str:
        return (STALE if self.stale else "") + (BEATEN if self.beaten_by else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    label: str
    cells: tuple[Cell, ...]
    group: str = ""  # rows of one group stand together under its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """``name`` is the file's name and the HTML anchor; ``caption`` says honestly what is shown.

    ``findings`` are sentences made from the numbers, for what a reader must not overlook.
    """

    name: str
    short: str  # its name in links
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[str, ...] = ()


def anchor(table: Table, row: int, column: int) -> str:
    """Name of a cell in the HTML page; all forms link to it."""
    return f"{table.name}-r{row}-c{column}"


def notes(table: Table) -> list[str]:
    """Footnotes for marks that occur in the table."""
    cells = [cell for row in table.rows for cell in row.cells]
    marks = ((STALE_NOTE, any(cell.stale for cell in cells)), (BEATEN_NOTE, any(cell.beaten_by for cell in cells)))
    return [note for note, found in marks if found]


def opens_group(table: Table, number: int) -> bool:
    """Whether the name of its group stands above the row with this number."""
    group = table.rows[number].group
    return bool(group) and (number == 0 or table.rows[number - 1].group != group)


def words(text: str) -> Cell:
    return Cell(words=text)


def paper(number: Published | None) -> Cell:
    """A cell that holds the paper's own number, in the digits of the paper."""
    return words("–") if number is None else Cell(words=number.printed, published=number)


def measured(nodes: Iterable[Node], *path: str, items: tuple[str, ...] = ("items",), **options: Any) -> Cell:
    """The score at ``path`` of each run's result, over seeds; ``items``: where results keep their number of items.

    ``options`` as of :func:`collected`.
    """
    return collected(nodes, lambda node: dig(node.run.result, *path) if node.run else None, items, **options)


def collected(
    nodes: Iterable[Node],
    value: Callable[[Node], Any],
    items: tuple[str, ...] = ("items",),
    *,
    excluded: tuple[str, ...] = (),
    published: Published | None = None,
    scale: float = 100.0,
    digits: int = 1,
    absent: str = "not planned",
    scores: Callable[[Node], Scores] | None = None,
) -> Cell:
    """As :func:`measured`, for scores that ``value`` works out from a node that has a run.

    ``excluded``: where results keep how many items were left out; ``absent``: what is said without any node;
    ``scores``: what the score is the mean of, item by item, where that is known.
    """
    nodes = list(nodes)
    of_items = [scores(n) for n in nodes if n.run] if scores else []
    runs = [n.run for n in nodes if n.run is not None]
    counts = {c for r in runs if isinstance(c := dig(r.result, *items), int)}
    left_out = {c for r in runs if excluded and isinstance(c := dig(r.result, *excluded), int)}
    return Cell(
        parts=tuple(_part(node, value) for node in nodes),
        items=min(counts) if counts else None,
        excluded=max(left_out, default=0),
        coverage="; ".join(dict.fromkeys(c for r in runs if (c := incomplete(dig(r.result, "coverage"))))),
        published=published,
        scale=scale,
        digits=digits,
        words="" if nodes else absent,
        over_items=items_half(of_items),
        seedless=all(n.ordering == NOTHING_TRAINED for n in nodes) and len(set(map(str, of_items))) == 1,
    )


def _part(node: Node, value: Callable[[Node], Any]) -> Part:
    if node.run is None:
        return Part(seed=node.seed, problem=node.problem)
    found = value(node)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return Part(seed=node.seed, run=node.run.id, problem="n/a", stale=node.run.stale)
    return Part(seed=node.seed, run=node.run.id, value=float(found), stale=node.run.stale)


def _absence(parts: tuple[Part, ...]) -> str:
    if parts and all(p.problem == "n/a" for p in parts):
        return "n/a"
    problems = dict.fromkeys(p.problem for p in parts if p.problem not in ("", "n/a"))
    ran = {p.seed for p in parts if p.problem == "n/a"}
    return f"{', '.join(problems) or 'not run'} ({len(ran)} of {_count(len({p.seed for p in parts}), 'seed')})"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n:,} {noun}s"
