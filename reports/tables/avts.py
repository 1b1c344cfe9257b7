"""Audio-visual temporal synchronisation: does a sound belong to this moment of a clip, strategy by strategy?"""

from __future__ import annotations

from collections.abc import Sequence

from reports import names
from reports.cells import Cell, Row, Table, measured, words
from reports.names import EASY, HARD, MIXED, REORDERED, SETS, SHUFFLED, UNTRAINED, label
from reports.paired import choosing, same_for_all
from reports.results import Node, Study
from reports.statistics import over_items, paired
from reports.tables.common import (
    ABSENT,
    CELLS,
    CHANCE,
    CONTROLS,
    COUNTED,
    HIGHER,
    OTHERS,
    beside_trivial,
    findings,
    most_finished,
    of_own_network,
    scored_on,
    unfinished,
)

STRATEGIES = "Strategies: negatives and losses"
ARMS = f"Other video networks (AVTS: {names.WITHOUT_ARM['avts']})"

CONTROL_SETS = (SHUFFLED, REORDERED)
#: Column -> set, score, what is better. Controls may lie wholly on one side of the threshold: they have no accuracy.
COLUMNS = {
    **{f"Accuracy ({SETS[which]})": (which, "accuracy", HIGHER) for which in SETS if which not in CONTROL_SETS},
    **{f"AUC ({SETS[which]})": (which, "auc", HIGHER) for which in (EASY, HARD, *CONTROL_SETS)},
}
TRAINED_ON = "Trained on"
TASK = {MIXED: "accuracy", EASY: "accuracy"}  # what training is to be seen in; hard negatives are reported as they are


def avts(study: Study) -> Table:
    """Accuracy and AUC on the sets of negatives, beside chance, the untrained network and two controls."""
    every = names.in_order(study.rows("avts"))
    source = most_finished(study, every, "avts")
    shown: dict[str, tuple[str, str]] = {}  # label -> who, for the rows of networks
    rows: list[Row] = []

    def add(group: str, who: tuple[str, str]) -> None:
        cells = (words(_trained_on(study, *who)), *_cells(study.select("avts", *who)))
        rows.append(Row(label=label(*who), cells=cells, group=group))
        shown[label(*who)] = who

    for who in every:
        if names.base_of(who[0]) == "avts" and who[1] != UNTRAINED:
            add(STRATEGIES if who[0] == "avts" else ARMS, who)
    rows.append(Row(label=CHANCE, cells=(ABSENT, *[measured(source, "chance")] * len(COLUMNS)), group=CONTROLS))
    for who in every:
        if who[1] == UNTRAINED:
            add(CONTROLS, who)
    for who in every:
        if who not in shown.values():
            add(OTHERS, who)

    compared = [name for name, (_, ordering) in shown.items() if ordering != UNTRAINED]
    untrained = [name for name, (_, ordering) in shown.items() if ordering == UNTRAINED]
    better = (0, *(0 if which in CONTROL_SETS else sign for which, _, sign in COLUMNS.values()))
    columns = (TRAINED_ON, *COLUMNS)
    of_untrained = [sign if TASK.get(which) == score else 0 for which, score, sign in COLUMNS.values()]
    marked = beside_trivial(rows, compared, [CHANCE], better)
    own = of_own_network(shown)
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
            f"the same learning rates, the table of orderings says. {scored_on(study, 'avts')} {CELLS} {COUNTED}"
        ),
        columns=columns,
        rows=marked,
        findings=(
            *findings(marked, compared, [CHANCE], better, columns, "chance"),
            *findings(
                marked,
                compared,
                untrained,
                (0, *of_untrained),
                columns,
                "its own network untrained, where finished,",
                own,
            ),
            *_shuffled(study, shown),
            *unfinished(marked, list(shown)),
        ),
    )


def _trained_on(study: Study, method: str, ordering: str) -> str:
    """ "easy; contrastive, then 75 % easy, 25 % hard; contrastive"; stages alike are named once."""
    stages = study.stages(method, ordering)
    if not stages:
        return "–" if stages is None else "initial weights"
    return " → ".join(dict.fromkeys(names.options_text(stage) or "its own recipe" for stage in stages))


def _cells(nodes: Sequence[Node]) -> tuple[Cell, ...]:
    return tuple(measured(nodes, "sets", which, score) for which, score, _ in COLUMNS.values())


def _shuffled(study: Study, shown: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    """A sentence on the control that must be at chance: in which rows it is, by its 95 % interval, and in which not.

    Told without a threshold: shuffled clips may all lie on one side of it, and a leak would not show. Over seeds and
    scenes; of a single seed over its scenes alone, which is said.
    """
    inside: list[str] = []
    outside: list[str] = []
    single = False
    for name, who in shown.items():
        own = choosing(study, SHUFFLED, *who)
        scores, chance = own.scores(), same_for_all(own, CHANCE, "chance").scores()
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
