"""Reports of the tasks by name: built-in ones, listed here, and third parties', from the group ``cavl.tables``.

In each table the paper's rows come first, in its order; then what the paper lacks: trivial rows, controls, the
untrained network, and every other method and ordering of the plan, third parties' included.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

from reports.cells import words
from reports.task_report import TaskReport

GROUP = "cavl.tables"

#: In the order of their tables.
BUILT_IN = ("classification", "counting", "localization", "separation", "avc", "avts", "action")
#: Which come first where tasks stand side by side: in the table of orderings and among the paired differences.
PROMINENT = ("localization", "classification", "avc", "avts", "action")
#: What a report is asked for.
PARTS = ("tables", "appendix", "figures", "matched", "statements")


@functools.cache
def task_reports() -> tuple[TaskReport, ...]:
    """Of all tasks, third parties' last: of those installed when a process first asked. One that fails is left out."""
    reports = [importlib.import_module(f"reports.tables.{task}").REPORT for task in BUILT_IN]
    for entry in entry_points(group=GROUP):
        try:
            report = entry.load()
            if entry.name in BUILT_IN or not isinstance(report, TaskReport) or report.task != entry.name:
                raise TypeError(f"it is no TaskReport of a task {entry.name!r} that is not built in")
        except Exception as error:  # whatever a stranger's code raises
            _warn(entry.name, error)
        else:
            reports.append(_guarded(report))
    return tuple(reports)


def prominent(*first: str) -> list[TaskReport]:
    """:func:`task_reports`, those of ``first`` before the others, by default those of :data:`PROMINENT`."""
    order = first or PROMINENT
    return sorted(task_reports(), key=lambda r: order.index(r.task) if r.task in order else len(order))


def _guarded(report: TaskReport) -> TaskReport:
    """``report``, of which what fails is warned about and left out: it stops nobody else's table."""

    def guard(make: Callable[..., Any], otherwise: Any = ()) -> Callable[..., Any]:
        def made(*arguments: Any) -> Any:
            try:
                found = make(*arguments)
                return list(found) if otherwise == () else found
            except Exception as error:  # whatever a stranger's code raises
                _warn(report.task, error)
                return otherwise

        return made

    columns = report.columns and {name: guard(cell, words("failed")) for name, cell in report.columns.items()}
    parts: dict[str, Any] = {part: guard(getattr(report, part)) for part in PARTS}
    return replace(report, columns=columns, **parts)


def _warn(task: str, error: Exception) -> None:
    said = f"{type(error).__name__}: {error}"
    warnings.warn(f"the report of task {task!r}, from another package, fails ({said}) and is left out", stacklevel=3)
