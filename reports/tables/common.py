"""What the tables share: words of their captions, names of their groups, and the mark of a row that a trivial one
matches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from reports.cells import Cell, Row, words
from reports.study import Study, dig

CELLS = "Cells: mean over seeds ± half of the 95 % t-interval over seeds; a single seed has no interval."
OURS = (
    "The paper's numbers are from other data (AudioSet for training and counting; ESC-50, SoundNet-Flickr and "
    "MIT-MUSIC for the other tasks) and from larger networks; ours are from the miniature world unless the preset or "
    "the column says otherwise. Compare rows, not digits."
)
ABSENT = words("–")

THE_PAPERS = "The paper's rows"
CONTROLS = "Trivial rows and controls"
OTHERS = "Other methods and orderings"

HIGHER, LOWER = 1, -1  # what is better in a column; 0 where nothing is compared
NOUNS = {"classification": "clip", "counting": "test scene", "localization": "test scene", "separation": "sound"}


def scored_on(study: Study, task: str, *path: str) -> str:
    """ "Scored on 300 test scenes.", from the finished runs; nothing where none says."""
    counts = {c for n in study.select(task) if n.run and isinstance(c := dig(n.run.result, "items", *path), int)}
    if not counts:
        return ""
    number = " to ".join(f"{c:,}" for c in dict.fromkeys((min(counts), max(counts))))
    return f"Scored on {number} {NOUNS[task]}s."


def beside_trivial(
    rows: Sequence[Row], compared: Collection[str], trivial: Collection[str], better: Sequence[int]
) -> tuple[Row, ...]:
    """``rows`` with a mark on each score that is no better than that of a trivial row in the same column.

    ``compared`` and ``trivial`` are labels of rows; ``better`` says for each column what is better: :data:`HIGHER`,
    :data:`LOWER`, or 0 for columns left alone. Means over seeds are compared; NaN is no better than anything.
    """
    floors = [row for row in rows if row.label in trivial]

    def cell(row: Row, column: int) -> Cell:
        own, sign = row.cells[column], better[column]
        if sign == 0 or own.estimate is None:
            return own
        beaten_by = tuple(
            floor.label
            for floor in floors
            if (known := floor.cells[column].estimate) and not sign * (own.estimate.mean - known.mean) > 0
        )
        return replace(own, beaten_by=beaten_by)

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
) -> tuple[str, ...]:
    """Sentences on what :func:`beside_trivial` has marked: column by column which rows are no better, or that all are.

    ``columns`` are the columns' names, ``than`` says what the trivial rows have in common. Columns in which nothing can
    be compared are not spoken of.
    """
    passed, failed = [], []
    for column, (score, sign) in enumerate(zip(columns, better, strict=True)):
        cells = {row.label: row.cells[column] for row in rows if sign and row.cells[column].estimate}
        floors = {label: cell.estimate.mean for label, cell in cells.items() if label in trivial and cell.estimate}
        if not floors or not cells.keys() & set(compared):
            continue
        beaten = [f"{label} ({cell.mean_text})" for label, cell in cells.items() if cell.beaten_by]
        best = max(floors, key=lambda label: sign * floors[label])
        if beaten:
            failed.append(f"{score}: no better than {best} ({cells[best].mean_text}): {'; '.join(beaten)}.")
        else:
            passed.append(score)
    return (*failed, *([f"{', '.join(passed)}: every trained row is better than {than}."] if passed else ()))
