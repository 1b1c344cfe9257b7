"""Rows of a CSV list, read line by line, so that a broken line costs no other."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path


def rows_of(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(place, columns) of every line that is not blank; one that cannot be divided is a single column."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            text = line.strip()
            if not text:
                continue
            try:
                columns = next(csv.reader([text], skipinitialspace=True, strict=True))
            except csv.Error:
                columns = [text]
            yield f"{path.name}, line {number}", columns
