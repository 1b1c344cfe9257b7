"""Reports of the tasks by name: built-in ones, listed here, and third parties', from the group ``cavl.tables``.

In each table the paper's rows come first, in its order; then what the paper lacks: trivial rows, controls, the
untrained network, and every other method and ordering of the plan, third parties' included.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from registry.plugins import Plugins
from reports.cells import words
from reports.task_report import TaskReport

#: In the order of their tables.
BUILT_IN = ("classification", "counting", "localization", "separation", "avc", "avts", "action")
#: Which come first where tasks stand side by side: in the table of orderings and among the paired differences.
PROMINENT = ("localization", "classification", "avc", "avts", "action")
#: What a report is asked for.
PARTS = ("tables", "appendix", "figures", "matched", "statements")


REPORTS = Plugins("report of task", "cavl.tables", {task: f"reports.tables.{task}:REPORT" for task in BUILT_IN})


@functools.cache
def task_reports() -> tuple[TaskReport, ...]:
    """Of all tasks, third parties' last; one that fails is warned about and left out."""
    reports = [REPORTS.load(task) for task in BUILT_IN]
    for task, report in REPORTS.third_parties():
        if isinstance(report, TaskReport) and report.task == task:
            reports.append(_guarded(report))
        else:
            _warn(task, TypeError(f"it is no TaskReport of a task {task!r}"))
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
    warnings.warn(f"report of task {task!r} is left out, its package fails: {error!r}", stacklevel=3)
