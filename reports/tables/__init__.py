"""The tables of the report, built from a study: which rows, which columns, which runs behind each cell.

The paper's rows come first, in its order; then what the paper lacks: trivial rows, controls, the untrained network, and
every other method and ordering of the plan, third parties' included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reports.cells import Table
from reports.claims import claims
from reports.comparisons import differences
from reports.results import Study
from reports.tables.action import action
from reports.tables.avc import avc
from reports.tables.avts import avts
from reports.tables.classification import classification
from reports.tables.counting import counting
from reports.tables.localization import binarisations, localization
from reports.tables.orderings import orderings
from reports.tables.separation import separations


def all_tables(study: Study) -> list[Table]:
    """Every table for which the plan has runs."""
    by_task: dict[str, Callable[[Study], Table | list[Table]]] = {
        "classification": classification,
        "counting": counting,
        "localization": localization,
        "separation": separations,
        "avc": avc,
        "avts": avts,
        "action": action,
    }
    tables: list[Table] = []
    for task, made in by_task.items():
        if study.select(task):
            found = made(study)
            tables += found if isinstance(found, list) else [found]
    tables += [table for table in (orderings(study), differences(study), claims(study)) if table.rows]
    if study.select("localization"):
        tables += binarisations(study)
    return [replace(table, caption=f"{study.rehearsal} {table.caption}".lstrip()) for table in tables]
