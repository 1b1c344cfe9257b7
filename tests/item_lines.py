"""Item tables as tests read them: a line for all that was measured of an item under one condition."""

import csv
from pathlib import Path


def item_lines(path: Path) -> list[dict[str, str]]:
    """Item, names of the condition, metrics, why excluded -> text; whole numbers without ".0"."""
    lines: list[dict[str, str]] = []
    last = None
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert list(row) == ["item", "condition", "metric", "value", "excluded"]
            where = (row["item"], row["condition"])
            if where != last or row["metric"] in lines[-1]:
                pairs = (part.split("=", 1) for part in row["condition"].replace("; ", ", ").split(", ") if part)
                lines.append({"item": row["item"], **dict(pairs), "excluded": row["excluded"]})  # type: ignore[arg-type]
            lines[-1][row["metric"]] = row["value"].removesuffix(".0")
            last = where
    return lines
