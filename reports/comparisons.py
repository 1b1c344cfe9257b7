"""Comparisons, "this is above that", each tested on the same items and seeds (PROTOCOLS §10).

Which pairs are compared: a heatmap and its controls, a trained network and the same one untrained, a trained method and
the trivial ones; orderings with each other only where their compute is equal, but for a counter, which is said; CAVL
and every other trained method, and every arm and its method, where what is unequal is named and decides the verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reports import labels
from reports.cells import Row, Table
from reports.fairness import inequalities, references
from reports.paired import Side, statement
from reports.results import Study
from reports.tables import prominent, task_reports

ORDERINGS = "Orderings with equal compute"
METHODS = "CAVL and every other method; arms and their methods"


def differences(study: Study) -> Table:
    """Every statement of which the plan has both sides."""
    planned = [report for report in prominent("localization") if study.select(report.task)]
    parts = [report.statements(study) for report in planned]
    first = int(study.rows("localization") != [])  # that the sound is followed comes first
    parts[first:first] = [_orderings(study), _methods(study)]
    return Table(
        name="differences",
        short="Differences",
        title="Paired differences",
        caption=(
            "Each statement says that the first is above the second. Difference in percentage points (−MAE in sources, "
            "SDR in dB), paired over the same items and seeds, ± half of its 95 % interval with both the seeds and the "
            "items taken as samples: the wider of the paired t-interval over seeds and the Dorfman-Berbaum-Metz "
            "interval (the former alone where each seed has items of its own). "
            "Supported: the whole interval lies above zero; contradicted: below; else inconclusive, as is anything "
            "from a single seed, and methods of unequal updates, scenes or tuning, which is named. Orderings of equal "
            "compute differ in their scenes: c3-matched has fewer different ones. CAVL is told the number of objects "
            "in pointing, and no other method is. The best constant is chosen in hindsight, from the true counts of "
            "the test scenes, for each seed and score. AVC and AVTS accuracies are balanced, of an item the mean of "
            "the shares of its matched and its mismatched pairs told right; AVTS 2AFC (two-alternative forced choice), "
            "of a scene the share of its moments whose own sound scores above the wrong one, ties half, needs no "
            "threshold. Items of one recording, video or object count as one; in action "
            "recognition all test clips of a group (one object before one background, or one film) are one item. The "
            "intervals are not corrected for the number of statements: about one in twenty misses the truth."
        ),
        columns=("Score", "Difference", "Verdict"),
        rows=tuple(row for part in parts for row in part if row is not None),
    )


def _orderings(study: Study) -> Iterator[Row | None]:
    for method, ordering, control in matched_pairs(study):
        for report in prominent():
            for score in report.matched(study, method, ordering) if study.select(report.task) else ():
                sides = score.sides(study, (method, ordering), (method, control))
                own, other = (_besides(study, method, o, s) for o, s in zip((ordering, control), sides, strict=True))
                yield statement(ORDERINGS, score.metric, own, other)


def _methods(study: Study) -> Iterator[Row | None]:
    every = labels.in_order(study.rows(*(report.task for report in task_reports())))
    for first, second in references(study, every):
        unequal = inequalities(study, first, second)
        for report in prominent():
            for score in report.matched(study, *first) if study.select(report.task) else ():
                yield statement(METHODS, score.metric, *score.sides(study, first, second), unequal)


def matched_pairs(study: Study) -> list[tuple[str, str, str]]:
    """(method, ordering, control) trained alike but for what they were trained on.

    The first of each group of equal schedules, in the order of :data:`labels.ORDERINGS`, stands against the others.
    """
    groups: dict[tuple[str, object], list[str]] = {}
    for method, ordering in labels.in_order(study.rows(*(report.task for report in task_reports()))):
        if stages := study.stages(method, ordering):
            groups.setdefault((method, labels.schedule(stages)), []).append(ordering)
    return [(method, group[0], other) for (method, _), group in groups.items() for other in group[1:]]


def _besides(study: Study, method: str, ordering: str, side: Side) -> Side:
    """``side``, named with the counter that its ordering had besides equal compute, if it had one."""
    besides = labels.counter_of(study.stages(method, ordering) or ())
    return replace(side, name=f"{side.name} ({besides})") if besides else side
