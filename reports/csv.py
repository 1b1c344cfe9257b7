"""CSV form of a table: a line for each cell."""

from __future__ import annotations

import csv
import io

from reports.cells import Table

CSV_COLUMNS = (
    "table",
    "group",
    "row",
    "column",
    "text",
    "mean",
    "ci",
    "seeds",
    "planned_seeds",
    "items",
    "excluded",
    "run_ids",
    "seed_values",
    "paper",
    "no_better_than",
    "stale",
    "coverage",
)


def long_csv(table: Table) -> str:
    """One line for each cell: numbers in the table's own unit with all their digits, ``ci`` the half-width."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            estimate = cell.estimate
            values = (f"{p.seed}:{p.value * cell.scale!r}" for p in cell.parts if p.value is not None)
            writer.writerow(
                (
                    table.name,
                    row.group,
                    row.label,
                    column,
                    cell.text,
                    "" if estimate is None else repr(estimate.mean),
                    "" if estimate is None or estimate.half is None else repr(estimate.half),
                    cell.seeds if cell.parts else "",
                    cell.planned if cell.parts else "",
                    "" if cell.items is None else cell.items,
                    "" if cell.items is None else cell.excluded,
                    " ".join(map(str, cell.runs)),
                    " ".join(values),
                    "" if cell.published is None else repr(cell.published.value),
                    "; ".join(cell.beaten_by),
                    "; ".join(cell.stale),
                    cell.coverage,
                )
            )
    return file.getvalue()
