"""CSV form of a table: a line for each cell."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from reports.cells import Cell, Table

#: Column -> what stands in it for a cell; None leaves it empty.
OF_CELL: Mapping[str, Callable[[Cell], Any]] = {
    "text": lambda cell: cell.text,
    "mean": lambda cell: cell.estimate and cell.estimate.mean,
    "ci": lambda cell: cell.estimate and cell.estimate.half,
    "ci_items": lambda cell: cell.items_half,
    "seeds": lambda cell: cell.seeds if cell.parts else None,
    "planned_seeds": lambda cell: cell.planned if cell.parts else None,
    "items": lambda cell: cell.items,
    "excluded": lambda cell: None if cell.items is None else cell.excluded,
    "run_ids": lambda cell: " ".join(map(str, cell.runs)),
    "seed_values": lambda cell: " ".join(
        f"{p.seed}:{p.value * cell.scale!r}" for p in cell.parts if p.value is not None
    ),
    "paper": lambda cell: cell.published and cell.published.value,
    "no_better_than": lambda cell: "; ".join(cell.beaten_by),
    "stale": lambda cell: "; ".join(cell.stale),
    "coverage": lambda cell: cell.coverage,
}
#: How a formula begins, and what begins so without being one: numbers, with their intervals.
_FORMULA, _NUMBERS = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r]"), re.compile(r"[+-]?[\d.][-+\d., ±%()]*")
CSV_COLUMNS = ("table", "group", "row", "column", *OF_CELL)


def long_csv(table: Table) -> str:
    """One line for each cell: numbers in the table's own unit with all their digits, ``ci`` the half-width of
    the interval over seeds, ``ci_items`` that over items."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            told = (tell(cell) for tell in OF_CELL.values())
            writer.writerow(map(_no_formula, (table.name, row.group, row.label, column, *told)))
    return file.getvalue()


def _no_formula(value: Any) -> Any:
    """A text that a spreadsheet would compute, behind an apostrophe, which it takes for "this is text"."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBERS.fullmatch(value):
        return f"'{value}"
    return value
