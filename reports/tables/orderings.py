"""Comparison of curriculum orderings, which the paper has no table of."""

from __future__ import annotations

from reports import names
from reports.cells import Cell, Row, Table, collected, measured, words
from reports.headline import main_heatmap
from reports.names import CURRICULUM, label
from reports.study import Study
from reports.tables.common import ABSENT, CELLS, scored_on
from reports.tables.localization import SINGLE


def orderings(study: Study) -> Table:
    """Per ordering: what it was trained on, how long, whether its compute is the curriculum's, and its scores.

    Counting and separation, which a preset measures on a few orderings only, have tables of their own.
    """

    def cells(method: str, ordering: str) -> tuple[Cell, ...]:
        where = study.select("localization", method, ordering)
        probe = study.select("classification", method, ordering, "miniature")
        stages = study.stages(method, ordering)

        def several(n: str, metric: str) -> Cell:
            return measured(where, "multi", n, metric, items=("items", "multi", n))

        def while_training(metric: str) -> Cell:
            return collected(where or probe, lambda node: study.while_training(node, metric), items=())

        return (
            words(_stages_text(study, method, ordering)),
            ABSENT if stages is None else words(f"{sum(s['updates'] for s in stages):,}"),
            words(_compute(study, method, ordering)),
            several("3", "pointing"),
            several("3", "pointing_other"),
            several("2", "matched_iou"),
            several("3", "matched_iou"),
            several("3", "silent_area"),
            measured(where, "single", *main_heatmap(where), "ciou@0.5", items=SINGLE),
            measured(probe, "accuracy"),
            while_training("pair_accuracy"),
            while_training("r_at_1"),
            while_training("rightly_graded") if stages and stages[-1].get("k") == "counted" else ABSENT,
        )

    trained = {(n.method, n.ordering) for n in study.nodes if n.parents}
    every = names.in_order(study.rows("localization", "classification"))
    chosen = [who for who in every if who[1] not in names.NAMELESS or who in trained]
    return Table(
        name="orderings",
        short="Orderings",
        title="Comparison of curriculum orderings",
        caption=(
            "All scores in percent; for silent area, the share of silent objects wrongly claimed to sound, lower is "
            "better. Stages: curriculum (C_N: scenes of N sources), updates, learning rate. Pointing, IoU and silent "
            "area on scenes of 3 (IoU also 2) sources. Pointing, other sound: the same game played with the sound of a "
            "kind that is not in the scene, the control that the sound decides. "
            f"{scored_on(study, 'localization', 'multi', '3')} Compute: an "
            f"ordering may be compared with {CURRICULUM} only where it is matched, i.e. had as many updates under the "
            "same learning rates; unmatched rows were trained for another time and say nothing about order. "
            "Paired differences of matched orderings are in the next table. Counted k: the counting network, not the "
            "labels, decides which scenes a stage trains on and how many audio centres they get; it was first trained "
            "on labels itself, which no other ordering has had. Pair accuracy (chance 50) and R@1 are "
            "measured on held-out scenes of the last stage's own curricula, so they compare only orderings that end "
            "alike, and they can rise without any alignment; pointing cannot. Rightly graded: where k is counted, the "
            "share of the last stage's scenes whose labelled number of sources the counting network heard; it has "
            "learned from the labels of these same scenes. "
            f"{CELLS} The paper has no such table; its remarks on orderings (§4.3.1, §4.4) rest on other data."
        ),
        columns=(
            "Stages",
            "Updates",
            f"Compute vs {CURRICULUM}",
            "Pointing (3)",
            "Pointing, other sound (3)",
            "IoU (2)",
            "IoU (3)",
            "Silent area (3)",
            "cIoU@0.5 (1)",
            "Probe accuracy",
            "Pair accuracy",
            "R@1",
            "Rightly graded",
        ),
        rows=tuple(Row(label=label(*who), cells=cells(*who), group=label(who[0], "none")) for who in chosen),
    )


def _stages_text(study: Study, method: str, ordering: str) -> str:
    """One text for all seeds; orderings drawn from the seed give one for each."""
    runs = [n.run for n in study.nodes if n.run and (n.method, n.ordering) == (method, ordering)]
    texts = ["; ".join(map(names.stage_text, names.taken_stages(r.config))) or "initial weights" for r in runs]
    return " / ".join(dict.fromkeys(texts)) or "not run"


def _compute(study: Study, method: str, ordering: str) -> str:
    own, reference = (study.stages(method, o) for o in (ordering, CURRICULUM))
    if ordering == CURRICULUM:
        return "the reference"
    if own is None or not reference:
        return "–"
    if not own:
        return "untrained"
    matched = "matched" if names.schedule(own) == names.schedule(reference) else "unmatched"
    return ", ".join(part for part in (matched, names.counter_of(own)) if part)
