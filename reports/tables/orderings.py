"""Comparison of orderings and training strategies, which the paper has no table of."""

from __future__ import annotations

from collections.abc import Sequence

from reports import labels
from reports.cells import Cell, Row, Table, collected, words
from reports.labels import label
from reports.results import NOT_SELECTED, Study
from reports.tables import prominent
from reports.tables.common import ABSENT, CELLS, scored_on


def orderings(study: Study) -> Table:
    """Per ordering: what it was trained on, how long, whether its compute is the reference's, and its scores.

    The scores of counting, separation and action recognition, which a preset measures on a few orderings only, have
    tables of their own; what was trained for action recognition is here.
    """
    reports = [report for report in prominent() if report.columns is not None and study.select(report.task)]
    columns = {name: (report.task, cell) for report in reports for name, cell in (report.columns or {}).items()}

    def cells(method: str, ordering: str) -> tuple[Cell, ...]:
        nodes = next((found for r in reports if (found := study.select(r.task, method, ordering))), [])
        stages = study.stages(method, ordering)

        def while_training(metric: str) -> Cell:
            cell = collected(nodes, lambda node: study.while_training(node, metric), items=())
            return ABSENT if not nodes or cell.text == "n/a" else cell  # its training does not measure it

        return (
            words(_stages_text(study, method, ordering)),
            ABSENT if stages is None else words(f"{sum(s['updates'] for s in stages):,}"),
            words(_compute(study, method, ordering)),
            *(
                cell(study, method, ordering) if study.select(task, method, ordering) else ABSENT
                for task, cell in columns.values()
            ),
            while_training("pair_accuracy"),
            while_training("r_at_1"),
            while_training("rightly_graded") if stages and stages[-1].get("k") == "counted" else ABSENT,
        )

    trained = {(n.method, n.ordering) for n in study.nodes if n.parents}
    every = labels.in_order(study.rows(*(report.task for report in reports)))
    chosen = [who for who in every if who[1] not in labels.NAMELESS or who in trained]
    said = (scored_on(study.select(r.task), *r.scenes, noun=r.noun) for r in reports)
    scored = next(filter(None, said), "")
    references = _references(study, chosen)
    return Table(
        name="orderings",
        short="Orderings",
        title="Comparison of orderings and training strategies",
        caption=(
            "All scores in percent; for silent area, the share of silent objects wrongly claimed to sound, lower is "
            "better. Stages: curriculum (C_N: scenes of N sources), what it was trained with where that differs, "
            "updates, learning rate. Pointing, IoU and silent area on scenes of 3 (IoU also 2) sources. Pointing, "
            "other sound: the same game played with the sound of a kind that is not in the scene, the control that the "
            f"sound decides. {scored} Compute: an ordering may be compared with its method's reference ({references}) "
            "only where it is matched, i.e. had as many updates under the same learning rates; unmatched rows were "
            "trained for another time and say nothing about order; of a method without a reference there is no order "
            "to compare. Paired differences of matched orderings are in the next table. Counted k: the counting "
            "network, not the labels, decides which scenes a stage trains on and how many audio centres they get; it "
            "was first trained on labels itself, which no other ordering has had. Pair accuracy (chance 50) and R@1 "
            "are measured on held-out scenes of the last stage's own curricula, so they compare only orderings that "
            "end alike, and they can rise without any alignment; pointing cannot. Rightly graded: where k is counted, "
            "the share of the last stage's scenes whose labelled number of sources the counting network heard; it has "
            f"learned from the labels of these same scenes. {CELLS} The paper has no such table; its remarks on "
            "orderings (§4.3.1, §4.4) rest on other data."
        ),
        columns=("Stages", "Updates", "Compute", *columns, "Pair accuracy", "R@1", "Rightly graded"),
        rows=tuple(Row(label=label(*who), cells=cells(*who), group=label(who[0], "none")) for who in chosen),
    )


def _references(study: Study, rows: Sequence[tuple[str, str]]) -> str:
    """ "CAVL c1-c2-c3, AVTS curriculum": those in the table; an arm's is that of its method."""
    found = [label(*who) for who in rows if who[1] == labels.reference_of(who[0]) and ":" not in who[0]]
    left_out = any(_left_out(study, method) for method, _ in rows)
    return ", ".join(found) or (NOT_SELECTED if left_out else "not planned")


def _left_out(study: Study, method: str) -> bool:
    """Whether the preset has the method's reference, and the command has not asked for it."""
    return any((m, o) == (method, labels.reference_of(method)) for _, m, o in study.not_selected)


def _stages_text(study: Study, method: str, ordering: str) -> str:
    """One text for all seeds; orderings drawn from the seed give one for each."""
    runs = [n.run for n in study.nodes if n.run and (n.method, n.ordering) == (method, ordering)]
    texts = ["; ".join(map(labels.stage_text, labels.taken_stages(r.config))) or "initial weights" for r in runs]
    return " / ".join(dict.fromkeys(texts)) or "not run"


def _compute(study: Study, method: str, ordering: str) -> str:
    own, reference = (study.stages(method, o) for o in (ordering, labels.reference_of(method)))
    if ordering == labels.reference_of(method):
        return "the reference"
    if own == []:
        return "untrained"
    if own is None:
        return "not run"
    if not reference:
        planned = any((n.method, n.ordering) == (method, labels.reference_of(method)) for n in study.nodes)
        if planned:
            return "the reference has not run"
        return "the reference is not selected" if _left_out(study, method) else "no reference"
    matched = "matched" if labels.schedule(own) == labels.schedule(reference) else "unmatched"
    return ", ".join(part for part in (matched, labels.counter_of(own)) if part)
