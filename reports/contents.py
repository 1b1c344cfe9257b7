"""Contents of a report: its tables and figures in their order."""

from __future__ import annotations

from dataclasses import replace

from reports.cells import Table
from reports.claims.table import claims
from reports.comparisons import differences
from reports.figures.figure import Figure
from reports.figures.pretrain import initialisations, losses
from reports.results import Study
from reports.tables import prominent, task_reports
from reports.tables.learning_rates import learning_rates
from reports.tables.orderings import orderings

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
