"""Item table as a task writes it (:mod:`registry.item_table` says what it holds), and other CSV artifacts."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from registry.item_table import COLUMNS, clustered


class ItemTable:
    """The measurements of a run's test items, of which paired statistics are made.

    A task fills it with :meth:`add` and keeps it by ``context.add_file(ITEMS, table.write)``. ``scenes``: the dataset
    tested; where it has ``clusters`` (id -> recording, video or object that the scene shares with others), with them.
    """

    def __init__(self, scenes: Any = None) -> None:
        self.clusters: Mapping[str, str] = scenes.clusters() if hasattr(scenes, "clusters") else {}
        self.rows: list[tuple[str, str, str, float, str]] = []

    def add(self, item: Any, condition: str, metric: str, value: float, excluded: str = "") -> None:
        """``condition``: "", or made by :func:`registry.item_table.condition`; ``excluded``: why it does not count."""
        cluster = self.clusters.get(str(item))
        condition = condition if cluster is None else clustered(condition, cluster)
        self.rows.append((str(item), condition, metric, float(value), excluded))

    def add_all(self, item: Any, condition: str, values: Mapping[str, float], excluded: str = "") -> None:
        """Metric -> value, all of one item under one condition."""
        for metric, value in values.items():
            self.add(item, condition, metric, value, excluded)

    def write(self, path: Path) -> None:
        write_csv(path, COLUMNS, self.rows)  # floats with all their digits


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
