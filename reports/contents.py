"""Contents of a report: its tables and figures in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from registry.record.run_record import Record
from reports.cells import Table
from reports.claims.table import claims
from reports.comparisons import differences
from reports.figures.figure import Figure
from reports.figures.pretrain import initialisations, losses
from reports.results import Study
from reports.tables import prominent, task_reports
from reports.tables.learning_rates import learning_rates
from reports.tables.orderings import orderings

#: What comes of a result or configuration that is none of its task's: by hand, or from elsewhere.
ODD = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
#: The tasks whose figures come first, before examples.
DRAWN = ("localization", "counting", "avc", "avts")


def all_tables(study: Study) -> list[Table]:
    """Every table for which the plan has runs."""
    reports = [report for report in task_reports() if study.select(report.task)]
    tables = [table for report in reports for table in report.tables(study)]
    tables += [table for table in (orderings(study), differences(study), *claims(study)) if table.rows]
    tables += [table for report in reports for table in report.appendix(study)]
    tables += [table for table in (learning_rates(study),) if table.rows]
    return [replace(table, caption=f"{study.rehearsal} {table.caption}".lstrip()) for table in tables]


def all_figures(study: Study) -> list[Figure]:
    """Every figure for which there are finished runs. Nothing is drawn yet."""
    figures = [figure for make in (losses, initialisations) if (figure := make(study)) is not None]
    return figures + [figure for report in prominent(*DRAWN) for figure in report.figures(study)]


def without_odd_runs(study: Study, error: Exception) -> Study:
    """``study``, of which a report has ended with ``error``, without the runs of which no report can be made.

    They are named as damaged. Each is looked at with the runs that it descends from alone, which takes a while.

    Raises ``error`` where there is no such run.
    """
    for make in (all_tables, _drawn):
        odd = {run.id: why for run in study.runs if (why := _trouble(make, _alone(study, run)))}
        if odd:
            nodes = (replace(n, run=None, problem="damaged") if n.run and n.run.id in odd else n for n in study.nodes)
            named = (
                f"run {id}: what it, or one that it started from, has found is of no form: {odd[id]}" for id in odd
            )
            return replace(study, nodes=tuple(nodes), damaged=(*study.damaged, *named))
    raise error


def _drawn(study: Study) -> None:
    for figure in all_figures(study):
        figure.draw()


def _alone(study: Study, run: Record) -> Study:
    kept = {run.id}
    for node in study.nodes:
        if node.run is not None and node.run.id == run.id:
            kept |= {parent.run.id for parent in study.training(node) if parent.run}
    gone = (replace(n, run=None, problem="not run") if n.run and n.run.id not in kept else n for n in study.nodes)
    return replace(study, nodes=tuple(gone))


def _trouble(make: Callable[[Study], Any], study: Study) -> str:
    try:
        make(study)
    except ODD as error:
        return f"{type(error).__name__}: {error}"
    return ""
