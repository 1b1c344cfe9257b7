"""Common parts of the tables: captions, groups, rows, and their comparison with trivial ones, seed by seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reports.cells import Cell, Row, words
from reports.labels import UNTRAINED, base_of
from reports.paired import Who
from reports.published import PAPER
from reports.results import Node, Study, dig

CELLS = (
    "Cells: mean over seeds ± half of the 95 % t-interval over seeds; a single seed, or a row that draws nothing, has "
    "none. In brackets behind the number of items: half of the 95 % interval over items, those of one recording, video "
    "or object counting as one."
)
COUNTED = "The sentences above the table count seeds, on the same items; tests are among the paired differences."
ABSENT = words("–")
NOT_IN_THIS_SUITE = "not in this suite"
NOT_HERE = "Not in this suite: the preset has no such method; not selected: it has, and the command left it out."

THE_PAPERS = "The paper's rows"
CONTROLS = "Trivial rows and controls"
OTHERS = "Other methods and orderings"
RIVALS = "Cheap rivals"
ITS_RIVALS = "its cheap rivals"

HIGHER, LOWER = 1, -1  # what is better in a column; 0 where nothing is compared
CHANCE = "Chance"
UNTRAINED_ITSELF = "its own network untrained, where finished,"

#: Row, another row, column -> seed -> by how much the first is above the second.
Differences = Callable[[Row, Row, int], Mapping[int, float]]


# -- captions ----------------------------------------------------------------------------------------------------------


def provenance(*tables: int, study: Study) -> str:
    """Where the paper's numbers are from that stand beside ours: of its ``tables``."""
    several = len(tables) > 1
    data = "; ".join((f"Table {number}: " if several else "") + PAPER[number].data for number in tables)
    sources = {dig(run.config, "data", "source") for run in study.runs}
    if "paper" in sources:
        return (
            f"The paper's numbers: {data}. Ours are on what of these data could be prepared; where that is not all, it "
            "stands beside the score, and the top of the report says what was trained on."
        )
    ours = "composite scenes (docs/composite.md)" if "composite" in sources else "the miniature world"
    return (
        f"The paper's numbers are from other data ({data}) and from larger networks; ours are from {ours} unless the "
        "column says otherwise. Compare rows, not digits."
    )


def scored_on(nodes: Iterable[Node], *path: str, noun: str = "test scene") -> str:
    """ "Scored on 300 test scenes.", from the finished runs; nothing where none says."""
    counts = {c for n in nodes if n.run and isinstance(c := dig(n.run.result, "items", *path), int)}
    if not counts:
        return ""
    number = " to ".join(f"{c:,}" for c in dict.fromkeys((min(counts), max(counts))))
    return f"Scored on {number} {noun}s."


def configured(nodes: Iterable[Node], *path: str) -> list[Any]:
    """The values that finished runs have at ``path`` of their evaluation's configuration, each once."""
    found = (dig(n.run.config, "evaluation", *path) for n in nodes if n.run)
    return list(dict.fromkeys(value for value in found if value is not None))


# -- rows --------------------------------------------------------------------------------------------------------------


class Rows(list[Row]):
    """The rows of a table, and which of them show a method and an ordering: label -> who."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, Who] = {}

    def add(self, group: str, name: str, cells: tuple[Cell, ...], who: Who | None = None) -> None:
        self.append(Row(label=name, cells=cells, group=group))
        if who is not None:
            self.shown[name] = who

    @property
    def trained(self) -> list[str]:
        return [name for name, (_, ordering) in self.shown.items() if ordering != UNTRAINED]

    @property
    def untrained(self) -> list[str]:
        return [name for name, (_, ordering) in self.shown.items() if ordering == UNTRAINED]


def family_first(every: Sequence[Who], family: str, own: str, arms: str) -> tuple[list[tuple[str, Who]], ...]:
    """(group, who) of the trained rows of a method and its arms; of untrained networks; of all others."""
    of_family = [who for who in every if base_of(who[0]) == family and who[1] != UNTRAINED]
    untrained = [who for who in every if who[1] == UNTRAINED]
    others = [who for who in every if who not in of_family and who not in untrained]
    return (
        [(own if who[0] == family else arms, who) for who in of_family],
        [(CONTROLS, who) for who in untrained],
        [(OTHERS, who) for who in others],
    )


# -- comparison with trivial rows --------------------------------------------------------------------------------------


def of_means(first: Row, second: Row, column: int) -> Mapping[int, float]:
    """Differences of the rows' own means: right where both are scored on the same items."""
    a, b = first.cells[column].by_seed, second.cells[column].by_seed
    return {seed: a[seed] - b[seed] for seed in a if seed in b}


def no_better(differences: Mapping[int, float], sign: int) -> int:
    """In how many seeds the first is no better than the second; NaN is no better than anything."""
    return sum(not sign * difference > 0 for difference in differences.values())


def of_own_network(shown: Mapping[str, tuple[str, str]]) -> Differences:
    """:func:`of_means` of rows of the same method only: a trained network beside itself untrained.

    ``shown``: label -> (method, ordering) of the rows that show one; an arm is a method of its own.
    """

    def differences(first: Row, second: Row, column: int) -> Mapping[int, float]:
        own, other = (shown.get(row.label) for row in (first, second))
        return of_means(first, second, column) if own and other and own[0] == other[0] else {}

    return differences


def most_finished(study: Study, rows: Sequence[tuple[str, str]], task: str, variant: str | None = None) -> list[Node]:
    """The planned runs of that row of which most have finished: any row's tell what holds for all."""
    every = [study.select(task, *who, variant) for who in rows]
    return max(every, key=lambda nodes: sum(n.run is not None for n in nodes), default=[])


def beside_trivial(
    rows: Sequence[Row],
    compared: Collection[str],
    trivial: Collection[str],
    better: Sequence[int],
    differences: Differences = of_means,
) -> tuple[Row, ...]:
    """``rows`` with a mark on each score that, in one seed or more, is no better than a trivial row's in its column.

    ``compared`` and ``trivial`` are labels of rows; ``better`` says for each column what is better: :data:`HIGHER`,
    :data:`LOWER`, or 0 for columns left alone.
    """
    floors = [row for row in rows if row.label in trivial]

    def cell(row: Row, column: int) -> Cell:
        own, sign = row.cells[column], better[column]
        beaten_by = [floor.label for floor in floors if sign and no_better(differences(row, floor, column), sign)]
        return replace(own, beaten_by=tuple(beaten_by))

    return tuple(
        replace(row, cells=tuple(cell(row, c) for c in range(len(row.cells)))) if row.label in compared else row
        for row in rows
    )


def findings(
    rows: Sequence[Row],
    compared: Collection[str],
    trivial: Collection[str],
    better: Sequence[int],
    columns: Sequence[str],
    than: str,
    differences: Differences = of_means,
) -> tuple[str, ...]:
    """Sentences on what :func:`beside_trivial` marks: column by column which rows are no better, or that all are.

    ``columns`` are the columns' names, ``than`` says what the trivial rows have in common. Of each row the trivial one
    is named that it fails to beat in most seeds. Columns in which nothing can be compared are not spoken of.
    """
    floors = [row for row in rows if row.label in trivial]
    passed: dict[str, list[str]] = {}  # in how many seeds -> columns
    failed = []
    for column, (score, sign) in enumerate(zip(columns, better, strict=True)):
        seeds: set[int] = set()
        beaten: dict[str, list[tuple[str, str, str]]] = {}  # floor -> row, its mean, in how many seeds
        for row in rows if sign else ():
            against = [(floor, found) for floor in floors if (found := differences(row, floor, column))]
            if row.label not in compared or not against:
                continue
            seeds |= {len(found) for _, found in against}
            floor, found = max(against, key=lambda pair: (no_better(pair[1], sign), -sign * sum(pair[1].values())))
            if failures := no_better(found, sign):
                known = (row.label, row.cells[column].mean_text, in_seeds(failures, len(found)))
                beaten.setdefault(f"{floor.label} ({floor.cells[column].mean_text})", []).append(known)
        failed += [f"{score}: no better than {floor}{_named(found)}." for floor, found in beaten.items()]
        if seeds and not beaten:
            passed.setdefault(in_every_seed(seeds), []).append(score)
    return (*failed, *(f"{', '.join(p)}: every trained row is better than {than} {n}." for n, p in passed.items()))


def _named(found: Sequence[tuple[str, str, str]]) -> str:
    """Rows with their means and the seeds; these are said once where they are the same for several rows."""
    (seeds, *others) = {seeds for _, _, seeds in found}
    if others or len(found) == 1:
        return ": " + "; ".join(f"{row} ({mean}; {seeds})" for row, mean, seeds in found)
    return f", {seeds}: " + "; ".join(f"{row} ({mean})" for row, mean, _ in found)


def in_seeds(k: int, n: int) -> str:
    """ "in each of 3 seeds", "in 2 of 3 seeds", "in the only finished seed"."""
    if n == 1:
        return "in the only finished seed"
    return f"in each of {n} seeds" if k == n else f"in {k} of {n} seeds"


def in_every_seed(numbers: Collection[int]) -> str:
    """As :func:`in_seeds`, for rows of ``numbers`` of seeds; a single one supports nothing (PROTOCOLS §10)."""
    least, most = min(numbers), max(numbers)
    said = in_seeds(most, most) if least == most else f"in each of their {least} to {most} seeds"
    return f"{said}; a single seed supports nothing" if least == 1 else said


def unfinished(rows: Sequence[Row], compared: Collection[str]) -> tuple[str, ...]:
    """A sentence on the compared rows of which not every planned seed is finished, if there are any."""
    found = []
    for row in rows:
        parts = [part for cell in row.cells for part in cell.parts]
        planned, done = {part.seed for part in parts}, {part.seed for part in parts if part.run is not None}
        if row.label in compared and planned != done:
            found.append(f"{row.label} ({len(done)} of {len(planned)})")
    return (f"Not every seed is finished: {'; '.join(found)}.",) if found else ()
