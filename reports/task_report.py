"""Report of a task: all that a report must know of it, in one object. ``reports/tables/TASK.py`` makes one each.

A package of its own gives one through the entry-point group ``cavl.tables``: the entry's name is the task's, its value
``module:object`` a :class:`TaskReport`. Only ``task`` and ``tables`` are needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.cells import Cell, Row, Table
from reports.paired import Score
from reports.results import Study

if TYPE_CHECKING:
    from reports.figures.figure import Figure


def none(study: Study, *who: str) -> Sequence[Any]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What is asked only where the plan has runs of the task.

    Parameters
    ----------
    task
        Its name.
    tables, appendix
        Its tables, and those that come behind all others.
    figures
        Its figures; :func:`later` loads the code that draws them when they are wanted.
    noun
        What its runs are scored on ("Scored on 300 test scenes").
    columns
        Of the table of orderings: column -> its cell for a method and an ordering that have planned runs of the task.
        None: runs of this task alone give an ordering no row there.
    scenes
        Of the table of orderings: where results keep, among "items", how many it is scored on.
    matched
        In which scores a method and its ordering are compared with those of equal compute, in the table of paired
        differences.
    statements
        Further rows of that table (:func:`reports.paired.statement`), under a group of their own.
    """

    task: str
    tables: Callable[[Study], Sequence[Table]]
    appendix: Callable[[Study], Sequence[Table]] = none
    figures: Callable[[Study], Sequence[Figure]] = none
    noun: str = "test scene"
    columns: Mapping[str, Callable[[Study, str, str], Cell]] | None = None
    scenes: tuple[str, ...] = ()
    matched: Callable[[Study, str, str], Sequence[Score]] = none
    statements: Callable[[Study], Iterable[Row | None]] = none


def later(module: str, *functions: str) -> Callable[[Study], list[Figure]]:
    """The figures that ``functions`` of a module make of a study (one, none or several each), imported when wanted."""

    def figures(study: Study) -> list[Figure]:
        made = [getattr(importlib.import_module(module), function)(study) for function in functions]
        return [one for some in made if some is not None for one in (some if isinstance(some, list) else [some])]

    return figures
