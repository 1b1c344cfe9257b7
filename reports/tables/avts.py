"""Audio-visual temporal synchronisation: does a sound belong to this moment of a clip, strategy by strategy?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from registry.item_table import means
from reports import labels
from reports.cells import Cell, Row, Table, measured, words
from reports.item_scores import balanced, condition
from reports.labels import UNTRAINED, label
from reports.paired import Metric, Score, TrainingScore, same_for_all, statement
from reports.results import Node, Study
from reports.statistics import Scores, over_items, paired
from reports.tables import common
from reports.task_report import TaskReport, later

TASK, NOUN = "avts", "moment"
#: The sets of pairs on which synchronisation is told; the first is the headline's.
SETS = {
    "mixed": "75/25",
    "easy": "easy",
    "hard": "hard",
    "super-hard": "super-hard",
    "hard-shuffled": "hard, shuffled",
    "hard-reordered": "hard, reordered",
}
MIXED, EASY, HARD, SHUFFLED, REORDERED = "mixed", "easy", "hard", "hard-shuffled", "hard-reordered"

STRATEGIES = "Strategies: negatives and losses"
ARMS = f"Other video networks (AVTS: {labels.WITHOUT_ARM['avts']})"

CONTROL_SETS = (SHUFFLED, REORDERED)
#: Column -> set, score, what is better. Controls may lie wholly on one side of the threshold: they have no accuracy.
COLUMNS = {
    **{f"Accuracy ({SETS[which]})": (which, "accuracy", common.HIGHER) for which in SETS if which not in CONTROL_SETS},
    **{f"AUC ({SETS[which]})": (which, "auc", common.HIGHER) for which in (EASY, HARD, *CONTROL_SETS)},
}
TRAINED_ON = "Trained on"
#: What training is to be seen in; hard negatives are reported as they are.
SEEN_IN = {MIXED: "accuracy", EASY: "accuracy"}
STATEMENTS = "Synchronisation (AVTS): above chance and above the same network untrained; does it follow time?"


def avts(study: Study) -> Table:
    """Accuracy and AUC on the sets of negatives, beside chance, the untrained network and two controls."""
    every = labels.in_order(study.rows(TASK))
    source = common.most_finished(study, every, TASK)
    rows = common.Rows()

    def add(several: Sequence[tuple[str, tuple[str, str]]]) -> None:
        for group, who in several:
            rows.add(
                group, label(*who), (words(_trained_on(study, *who)), *_cells(study, study.select(TASK, *who))), who
            )

    own, untrained, others = common.family_first(every, "avts", STRATEGIES, ARMS)
    add(own)
    rows.add(common.CONTROLS, common.CHANCE, (common.ABSENT, *[measured(source, "chance")] * len(COLUMNS)))
    add(untrained)
    add(others)
    trained, of_own = rows.trained, common.of_own_network(rows.shown)
    better = (0, *(0 if which in CONTROL_SETS else sign for which, _, sign in COLUMNS.values()))
    of_untrained = (0, *(sign if SEEN_IN.get(which) == score else 0 for which, score, sign in COLUMNS.values()))
    columns = (TRAINED_ON, *COLUMNS)
    marked = common.beside_trivial(rows, trained, [common.CHANCE], better)
    return Table(
        name="avts",
        short="AVTS",
        title="AVTS. Is the sound in sync with the clip?",
        caption=(
            "The clip of a moment of a test scene, with its own sound against one that is not its own (PROTOCOLS §9): "
            "easy, another video's; hard, of another time of the same video; super-hard, overlapping the clip (such "
            "sounds lie nearer the scene's middle than the clips' own, and may to a degree be told by their place); "
            "75/25, three quarters easy and one quarter hard, the headline. In percent. Accuracy is balanced, the mean "
            "of the shares of matched and of mismatched pairs told right, at one threshold, chosen on the 75/25 set of "
            "validation scenes; AUC, the area under the ROC curve, needs none. Two controls on the hard negatives, by "
            "their AUC, as clips unlike those of the threshold may score above it, or below, whatever they hear: "
            "shuffled, the frames are of random moments of the whole scene, so that nothing tells the moment and the "
            "score must be at chance; reordered, the clip's own frames in random order, which still tell loud from "
            f"quiet. {TRAINED_ON}: the negatives and the loss of each stage; which strategies had as many updates at "
            "the same learning rates, the table of orderings says. "
            f"{common.scored_on(study.select(TASK), noun=NOUN)} {common.CELLS} {common.COUNTED}"
        ),
        columns=columns,
        rows=marked,
        findings=(
            *common.findings(marked, trained, [common.CHANCE], better, columns, "chance"),
            *common.findings(marked, trained, rows.untrained, of_untrained, columns, common.UNTRAINED_ITSELF, of_own),
            *_shuffled(study, rows.shown),
            *common.unfinished(marked, list(rows.shown)),
        ),
    )


def _trained_on(study: Study, method: str, ordering: str) -> str:
    """ "easy; contrastive, then 75 % easy, 25 % hard; contrastive"; stages alike are named once."""
    stages = study.stages(method, ordering)
    if not stages:
        return "–" if stages is None else "initial weights"
    return " → ".join(dict.fromkeys(labels.options_text(stage) or "its own recipe" for stage in stages))


def _cells(study: Study, nodes: Sequence[Node]) -> tuple[Cell, ...]:
    def cell(which: str, score: str) -> Cell:
        return measured(nodes, "sets", which, score, scores=synchrony(which).of(study) if score == "accuracy" else None)

    return tuple(cell(which, score) for which, score, _ in COLUMNS.values())


def _shuffled(study: Study, shown: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    """A sentence on the control that must be at chance: in which rows it is, by its 95 % interval, and in which not.

    Told without a threshold: shuffled clips may all lie on one side of it, and a leak would not show. Over seeds and
    scenes; of a single seed over its scenes alone, which is said.
    """
    inside: list[str] = []
    outside: list[str] = []
    single = False
    for name, who in shown.items():
        own = choice(SHUFFLED).side(study, *who)
        scores, chance = own.scores(), same_for_all(own, common.CHANCE, "chance").scores()
        seeds = sorted(scores.keys() & chance.keys())
        if not seeds:
            continue
        single |= len(seeds) == 1
        difference = paired(scores, chance) if len(seeds) > 1 else over_items(scores[seeds[0]], chance[seeds[0]])
        half = "" if difference.half is None else f" ± {100 * difference.half:.1f}"
        told = f"{name} ({100 * difference.mean:+.1f}{half} points)"
        (inside if difference.low <= 0 <= difference.high else outside).append(told)
    if not inside and not outside:
        return ()
    interval = "95 % interval" + ("; of a single seed over its scenes alone" if single else "")
    said = (
        "Control, hard negatives with the frames shuffled in time: how often the own sound scores above the wrong one "
        f"(2AFC) must be at chance ({interval})"
    )
    if not outside:
        return (f"{said}: it is, in every row.",)
    return (
        f"{said}: it is not in {len(outside)} of {len(inside) + len(outside)} rows, where about one in twenty misses "
        f"by luck: {'; '.join(outside)}.",
    )


# -- item by item ------------------------------------------------------------------------------------------------------


def synchrony(which: str) -> Score:
    """Scene -> the balanced accuracy of its pairs, of all its moments, in one of :data:`SETS`."""
    metric = Metric(f"AVTS accuracy ({SETS.get(which, which)})")
    return Score(task=TASK, metric=metric, items=lambda study, node: balanced(study, node, set=which))


def choice(which: str, remark: str = "") -> Score:
    """As :func:`synchrony`, but for any threshold: how often the own sound scores above the wrong one."""
    return Score(
        task=TASK,
        metric=Metric(f"AVTS 2AFC ({SETS.get(which, which)})"),
        items=lambda study, node: choices(study, node, which),
        named=lambda method, ordering: label(method, ordering, remark),
    )


def choices(study: Study, node: Node, which: str) -> Scores:
    """Scene -> the share of its moments whose own sound scores above the wrong one, in one of :data:`SETS`.

    Ties count half; chance is 1/2. This is a two-alternative forced choice (2AFC), which needs no threshold. NaN stays
    NaN.
    """
    # (item, start) -> matched or not -> scores
    moments: dict[tuple[str, str | None], dict[str | None, list[float]]] = {}
    found = study.measurements(node, "score", set=which)
    told = (found["item"], condition(found, "start"), condition(found, "matched"), found["value"])
    for item, start, matched, score in zip(*told, strict=True):
        moments.setdefault((item, start), {}).setdefault(matched, []).append(score)
    chosen = [
        (item, math.nan if math.isnan(own) or math.isnan(wrong) else (own > wrong) + (own == wrong) / 2)
        for (item, _), by_truth in moments.items()
        for own, wrong in itertools.product(by_truth.get("1", ()), by_truth.get("0", ()))
    ]
    return means(*zip(*chosen, strict=True)) if chosen else {}


def more_on(which: str, than: str, name: str) -> Score:
    """By how much synchronisation is told better on one of :data:`SETS` than on another."""

    def items(study: Study, node: Node) -> Scores:
        a, b = balanced(study, node, set=which), balanced(study, node, set=than)
        return {item: a[item] - b[item] for item in a if item in b}

    return Score(task=TASK, metric=Metric(name), items=items)


ALONG_THE_WAY = Metric("AVTS AUC (easy), mean while training")
SCORES: Mapping[str, Score | TrainingScore] = {
    **{f"avts {which}": synchrony(which) for which in (MIXED, EASY)},
    "avts mixed less easy": more_on(MIXED, EASY, "AVTS accuracy (75/25) less that on easy"),
    "avts along the way": TrainingScore(task=TASK, metric=ALONG_THE_WAY, measured="avts_auc_easy"),
}


def statements(study: Study) -> Iterator[Row | None]:
    for method, ordering in labels.in_order(study.rows(TASK)):
        if not study.stages(method, ordering):
            continue
        for score in map(synchrony, (MIXED, EASY, HARD)):
            own = score.side(study, method, ordering)
            yield statement(STATEMENTS, score.metric, own, same_for_all(own, "chance", "chance"))
            yield statement(STATEMENTS, score.metric, own, score.side(study, method, UNTRAINED))
        hard, shuffled = choice(HARD), choice(SHUFFLED, "frames of random moments")
        sides = (hard.side(study, method, ordering), shuffled.side(study, method, ordering))
        yield statement(STATEMENTS, hard.metric, *sides)


REPORT = TaskReport(
    task=TASK,
    noun=NOUN,
    tables=lambda study: [avts(study)],
    figures=later("reports.figures.progress", "synchronisation"),
    columns={"AVTS accuracy": lambda study, *who: _cells(study, study.select(TASK, *who))[0]},  # on 75/25
    matched=lambda study, *who: [synchrony(MIXED)],
    statements=statements,
)
