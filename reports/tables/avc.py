"""Audio-visual correspondence: does a sound belong to an image, and what is mistaken for belonging to it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports import labels
from reports.cells import Cell, Row, Table, collected, measured
from reports.item_scores import balanced
from reports.labels import UNTRAINED, label
from reports.paired import Metric, Score, same_for_all, statement
from reports.results import Node, Study, dig
from reports.tables import common
from reports.task_report import TaskReport, later

TASK = "avc"
L3 = "L3-Net and its supervised baselines"
VARIATIONS = "Variations of L3-Net"
#: The arm of the preset "paper" that learns from labels of its own clips, and is tested on those.
LABELLED = "l3:kinetics-sounds"
OF_LABELLED = "Rows trained on Kinetics-Sounds are tested on its test clips, and compare with each other only. "
#: What the L3-Net summary calls our orderings.
NAMED = {
    (method, ordering): name
    for method in ("l3", LABELLED)
    for ordering, name in (("supervised-avc", "Supervised pre-training"), ("supervised", "Direct combination"))
}
JUDGE = "Perfect judge of kinds (it cannot tell videos apart)"

SAME_KIND, OTHER_KINDS, SHARE = "False positives, same kind", "False positives, other kinds", "Same kind, of the error"
COLUMNS = ("Accuracy", "AUC", "True positives", OTHER_KINDS, SAME_KIND, SHARE)
BETTER = (common.HIGHER, common.HIGHER, 0, 0, 0, 0)
STATEMENTS = "Correspondence (AVC): above chance and above the same network untrained"


def avc(study: Study) -> Table:
    """Accuracy beside chance, and how much of the error is pairs of the same kind from different videos."""
    every = labels.in_order(study.rows(TASK))
    source = common.most_finished(study, every, TASK)
    rows = common.Rows()

    def add(several: Sequence[tuple[str, tuple[str, str]]]) -> None:
        for group, who in several:
            name = f"{NAMED[who]}: {label(*who)}" if who in NAMED else label(*who)
            rows.add(group, name, _cells(study, study.select(TASK, *who)), who)

    own, untrained, others = common.family_first(every, "l3", L3, VARIATIONS)
    add(own)
    chance = measured(source, "chance")
    rows.add(common.CONTROLS, common.CHANCE, (chance, chance, *[common.ABSENT] * 4))
    rows.add(common.CONTROLS, JUDGE, _judge(source))
    add(untrained)
    add(others)
    trained, of_own = rows.trained, common.of_own_network(rows.shown)
    marked = common.beside_trivial(rows, trained, [common.CHANCE], BETTER)
    return Table(
        name="avc",
        short="AVC",
        title="AVC. Does the sound belong to the image?",
        caption=(
            "Every test image is paired with its own sound and with other videos' sounds (PROTOCOLS §9). All in "
            "percent. Accuracy is balanced, the mean of the shares of matched and of mismatched pairs told right, at a "
            "threshold chosen on validation scenes; AUC, the area under the ROC curve, needs none. False positives: "
            "the share of mismatched pairs taken for matched, by whether the other video's sound is of the same kind "
            f"as the image. {SHARE}: how much of the error (100 less the accuracy) pairs of the same kind from "
            "different videos make, which match in all but the video they are from. Perfect judge of kinds: what "
            "recognising every kind, and nothing else, would give. Direct combination: image and sound are classified "
            "apart and the class distributions multiplied; supervised pre-training: the AVC task after classification "
            "by labels, to be held against avc-matched, which has as many updates. CAVL: by -S of Eq 4, of one source. "
            f"{OF_LABELLED if any(method == LABELLED for method, _ in every) else ''}"
            f"{common.scored_on(study.select(TASK))} {common.CELLS} {common.COUNTED} "
            "The L3-Net summary gives 74 and 78 percent, on real videos and from a larger network."
        ),
        columns=COLUMNS,
        rows=marked,
        findings=(
            *common.findings(marked, trained, [common.CHANCE], BETTER, COLUMNS, "chance"),
            *common.findings(marked, trained, rows.untrained, BETTER, COLUMNS, common.UNTRAINED_ITSELF, of_own),
            *_same_kind(marked, trained),
            *common.unfinished(marked, list(rows.shown)),
        ),
    )


def _cells(study: Study, nodes: Sequence[Node]) -> tuple[Cell, ...]:
    return (
        measured(nodes, "accuracy", scores=SCORE.of(study)),
        measured(nodes, "auc"),
        measured(nodes, "true_positive"),
        measured(nodes, "other_kind", "false_positive"),
        measured(nodes, "same_kind", "false_positive"),
        collected(nodes, _share_of_error),
    )


def _share_of_error(node: Node) -> float | None:
    """None without an error, or where kinds are not known."""
    part, error = (dig(node.run.result, name) if node.run else None for name in ("error_same_kind", "error"))
    return part / error if isinstance(part, int | float) and error else None


def _judge(nodes: Sequence[Node]) -> tuple[Cell, ...]:
    """Only pairs of the same kind are mistaken, all of them: accuracy and AUC alike lose half of their share."""

    def given(lost: float, of: float = 1.0) -> Cell:
        def value(node: Node) -> float | None:
            share = _same_kind_pairs(node)
            return None if share is None else of - lost * share

        return collected(nodes, value)

    accuracy, all_of_them, none_of_them = given(lost=0.5), given(lost=0.0), given(lost=0.0, of=0.0)
    return (accuracy, accuracy, all_of_them, none_of_them, all_of_them, all_of_them)


def _same_kind_pairs(node: Node) -> float | None:
    """The share of the mismatched pairs that are of the same kind; None without such pairs."""
    same, other = (dig(node.run.result, which, "pairs") if node.run else None for which in ("same_kind", "other_kind"))
    return same / (same + other) if isinstance(same, int) and isinstance(other, int) and same else None


def _same_kind(rows: Sequence[Row], compared: Sequence[str]) -> tuple[str, ...]:
    """Two sentences on "true false positives": how much of the error they are, and whether they are the more frequent.

    The first leaves out what has no error; the second counts seeds.
    """
    (judge,) = (row for row in rows if row.label == JUDGE)
    own = [row for row in rows if row.label in compared]
    said = [f"{row.label} {text}" for row in own if (text := row.cells[COLUMNS.index(SHARE)].mean_text)]
    of_judge = judge.cells[0].estimate
    if not said or of_judge is None:
        return ()
    pairs = 2 * (100 - of_judge.mean)
    first = (
        f"Pairs of the same kind from different videos are {pairs:.1f} % of the mismatched pairs; their share of the "
        f"error, in percent: {'; '.join(said)}."
    )
    seeds: set[int] = set()
    rare = []
    for row in own:
        same, other = (row.cells[COLUMNS.index(name)].by_seed for name in (SAME_KIND, OTHER_KINDS))
        found = {seed: same[seed] - other[seed] for seed in same if seed in other}
        seeds |= {len(found)} if found else set()
        if failures := common.no_better(found, common.HIGHER):
            rare.append(f"{row.label} ({common.in_seeds(failures, len(found))})")
    if rare:
        return first, f"No more often mistaken than pairs of other kinds: {'; '.join(rare)}."
    if not seeds:  # scenes so few that no seed has pairs of both sorts
        return (first,)
    return first, f"Every trained row mistakes them more often than pairs of other kinds {common.in_every_seed(seeds)}."


# -- item by item ------------------------------------------------------------------------------------------------------

#: Image -> its balanced accuracy: every image has as many pairs of either sort as any other, so that the mean over
#: images is that over all pairs.
SCORE = Score(task=TASK, metric=Metric("AVC accuracy"), items=balanced)


def statements(study: Study) -> Iterator[Row | None]:
    for method, ordering in labels.in_order(study.rows(TASK)):
        if study.stages(method, ordering):
            own = SCORE.side(study, method, ordering)
            yield statement(STATEMENTS, SCORE.metric, own, same_for_all(own, "chance", "chance"))
            yield statement(STATEMENTS, SCORE.metric, own, SCORE.side(study, method, UNTRAINED))


REPORT = TaskReport(
    task=TASK,
    tables=lambda study: [avc(study)],
    figures=lambda study: [
        *later("reports.figures.progress", "correspondence")(study),
        *later("reports.figures.units", "units")(study),
    ],
    columns={"AVC accuracy": lambda study, *who: _cells(study, study.select(TASK, *who))[0]},
    matched=lambda study, *who: [SCORE],
    statements=statements,
)
