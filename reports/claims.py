"""Claims of the summaries of L3-Net and AVTS: a fixed list, each tested on the runs (PROTOCOLS §10).

A claim is data: a sentence of a summary, what we take it to say, and the paired comparisons that decide it. It is
supported where all of its comparisons are, contradicted where one of them is, else inconclusive. Another paper's claims
are added to :data:`CLAIMS` in the same form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reports import labels
from reports.cells import Cell, Row, Table, words
from reports.paired import Score, Side, TrainingScore, Who, compare, unable
from reports.results import NOT_SELECTED, Study
from reports.statistics import Difference, Estimate, common_seeds, over_items
from reports.tables import action, avc, avts, classification

SUPPORTED, CONTRADICTED, INCONCLUSIVE, NOT_RUN = "supported", "contradicted", "inconclusive", "not run"
ONE_SEED = "one seed: as far as it goes, "
FOR, AGAINST, UNDECIDED = (ONE_SEED + said for said in ("in favour", "against", "undecided"))

#: What one side is said to be, beside the other.
Relation = Literal["above", "at least", "about equal", "slightly above"]
#: Ours, as the summaries give no number: differences that count as none, and those that count as slight.
EQUAL, SLIGHT = 0.03, 0.05
WITHIN: Mapping[Relation, float] = {"at least": EQUAL, "about equal": EQUAL, "slightly above": SLIGHT}
PHRASES: Mapping[Relation, str] = {"at least": "at least as good as", "about equal": "about equal to"}

SCORES: Mapping[str, Score | TrainingScore] = {
    "avc": avc.SCORE,
    **{f"probe {name}": classification.probe(name) for name in classification.PROBES},
    **avts.SCORES,
    **{f"action {data}": action.accuracy(data) for data in action.ACTIONS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``first`` is in ``relation`` to ``second``, both (method, ordering), in one of :data:`SCORES`.

    ``further``: it counts where the plan has both sides, and is not missed where it has not (another data set).
    """

    first: Who
    relation: Relation = "above"
    second: Who
    score: str
    further: bool = False

    def __post_init__(self) -> None:
        if self.score not in SCORES:
            raise ValueError(f"there is no score {self.score!r}; there are: {', '.join(SCORES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """``quote``: the sentence, in the words of ``source``; ``reading``: what we take it to say."""

    id: str
    source: str
    quote: str
    reading: str
    comparisons: tuple[Comparison, ...]


def _each(
    firsts: Sequence[Who], relation: Relation, seconds: Sequence[Who], *scores: str, further: Sequence[str] = ()
) -> tuple[Comparison, ...]:
    """Every first with every second, in every score."""
    return tuple(
        Comparison(first=first, relation=relation, second=second, score=score, further=score in further)
        for score in (*scores, *further)
        for first in firsts
        for second in seconds
    )


#: All the comparisons, with as many seeds as verdicts need at least.
COMMAND = "tox -e benchmark -- --preset ablations --seeds 3"

L3_SUMMARY, AVTS_SUMMARY = "L3-Net summary", "AVTS summary"
REAL_PROBES, REAL_ACTIONS = ("probe esc10", "probe esc50"), ("action ucf101", "action hmdb51")
L3, CURRICULUM, EASY_ONLY = ("l3", "avc"), ("avts", "curriculum"), ("avts", "easy")
SCRATCH, LABELLED = ("avts", "untrained"), ("avts", "supervised")
OTHER_TRUNKS = [(f"avts:{trunk}", "curriculum") for trunk in ("mc2", "mc4", "mc5")]

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="L1",
        source=L3_SUMMARY,
        quote="L3-net performs equally as the supervised pre-training baseline.",
        reading="at equal compute, AVC needs no supervised pre-training",
        comparisons=_each([("l3", "avc-matched")], "about equal", [("l3", "supervised-avc")], "avc"),
    ),
    Claim(
        id="L2",
        source=L3_SUMMARY,
        quote="The direct combination baseline actually performed worse",
        reading="direct combination is the worst of the three at AVC",
        comparisons=_each([L3, ("l3", "supervised-avc")], "above", [("l3", "supervised")], "avc"),
    ),
    Claim(
        id="L3",
        source=L3_SUMMARY,
        quote="I wonder if using mel spaced bins would make learning the audio embedding an easier task",
        reading="mel bins give a better audio embedding",
        comparisons=_each([("l3:mel", "avc")], "above", [L3], "probe miniature", further=REAL_PROBES),
    ),
    Claim(
        id="L4",
        source=L3_SUMMARY,
        quote="what would be the effect of ditching the spectrogram input, using conv1D layers, and let the network "
        "learn the filters it wants to use on the raw audio by itself?",
        reading="a learned front end is better than the spectrogram, at AVC and as an embedding",
        comparisons=_each([("l3:waveform", "avc")], "above", [L3], "avc", "probe miniature", further=REAL_PROBES),
    ),
    Claim(
        id="L5",
        source=L3_SUMMARY,
        quote="adding a recurrent layer and training on a sequence of video frames: could this help the AVC task AND "
        "produce a more meaningful audio embedding?",
        reading="several frames with a recurrent layer help AVC and the embedding",
        comparisons=_each([("l3:recurrent", "avc")], "above", [L3], "avc", "probe miniature", further=REAL_PROBES),
    ),
    Claim(
        id="A1",
        source=AVTS_SUMMARY,
        quote="Authors employed curriculum learning wherein they trained with easy samples for the first 50 epochs and "
        "then trained with 75-25 split for the next 40 epochs and got massive gains.",
        reading="the curriculum beats hard negatives, and 75/25, from the start",
        comparisons=_each([CURRICULUM], "above", [("avts", "hard"), ("avts", "mixed")], "avts mixed"),
    ),
    Claim(
        id="A2",
        source=AVTS_SUMMARY,
        quote="Training with super hard samples at any stage yielded worse performance",
        reading="super-hard negatives hurt, late or from the start",
        comparisons=_each([CURRICULUM], "above", [("avts", "super-hard"), ("avts", "super-hard-start")], "avts mixed"),
    ),
    Claim(
        id="A3",
        source=AVTS_SUMMARY,
        quote="Fine tuning with BCE loss after contrastive loss yielded better performance on test set consisting of "
        "the 75-25 easy-hard negative sample split.",
        reading="contrastive, then BCE, is at least as good as either alone",
        comparisons=_each([("avts", "curriculum-bce")], "at least", [CURRICULUM, ("avts", "bce")], "avts mixed"),
    ),
    Claim(
        id="A4",
        source=AVTS_SUMMARY,
        quote="Contrastive loss converges better than BCE loss (in this context).",
        reading="with the same negatives, the contrastive loss learns faster and ends higher than BCE from scratch",
        comparisons=_each([CURRICULUM], "above", [("avts", "bce")], "avts along the way", "avts mixed"),
    ),
    Claim(
        id="A5",
        source=AVTS_SUMMARY,
        quote="Curriculum of learning should reflect test set statistics",
        reading="on the 75/25 test set the 75/25 curriculum beats easy negatives, and by more than on the easy one",
        comparisons=_each([CURRICULUM], "above", [EASY_ONLY], "avts mixed", "avts mixed less easy"),
    ),
    Claim(
        id="A6",
        source=AVTS_SUMMARY,
        quote="Used 3D convs in the initial layers (MCx models) and then used 2D convs for visual processing. MC3 was "
        "found the best.",
        reading="MC3 is the best of MC2 to MC5",
        comparisons=_each([CURRICULUM], "above", OTHER_TRUNKS, "avts mixed"),
    ),
    Claim(
        id="A7",
        source=AVTS_SUMMARY,
        quote="Self supervision through AVTS on SoundNet dataset with their audio subnetwork and then using a 1vsAll "
        "SVM yielded better results than L3 net self supervised on SoundNet dataset.",
        reading="the audio embedding of AVTS classifies sounds better than that of L3-Net",
        comparisons=_each([CURRICULUM], "above", [L3], "probe miniature", further=REAL_PROBES),
    ),
    Claim(
        id="A8",
        source=AVTS_SUMMARY,
        quote="Pretraining performance > Training from scratch.",
        reading="pre-training helps action recognition",
        comparisons=_each([CURRICULUM], "above", [SCRATCH], "action miniature", further=REAL_ACTIONS),
    ),
    Claim(
        id="A9",
        source=AVTS_SUMMARY,
        quote="Pretraining with self-supervised was slightly less than fully supervised.",
        reading="for action recognition, pre-training on labels is slightly better than on synchronisation",
        comparisons=_each([LABELLED], "slightly above", [CURRICULUM], "action miniature", further=REAL_ACTIONS),
    ),
)


# -- verdicts ----------------------------------------------------------------------------------------------------------


def holds(relation: Relation, difference: Estimate) -> bool | None:
    """Whether the interval of ``difference`` (fractions) leaves no doubt of the relation (True), or of its contrary.

    ``above``: the interval lies above zero, or below it. ``at least``: above minus :data:`EQUAL`, unless it lies below
    zero. ``about equal``: within ± :data:`EQUAL`, or wholly outside. ``slightly above``: between zero and
    :data:`SLIGHT`, or wholly outside.
    """
    low, high, within = difference.low, difference.high, WITHIN.get(relation, math.inf)
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    match relation:
        case "above":
            true, false = low > 0, high < 0
        case "at least":
            true, false = low > -within and high >= 0, high < 0
        case "about equal":
            true, false = low > -within and high < within, low > within or high < -within
        case "slightly above":
            true, false = low > 0 and high < within, high < 0 or low > within
    return True if true else False if false else None


def verdict(comparison: Comparison, first: Side, second: Side, difference: Difference | None) -> str:
    """On one comparison; of a single seed only what it says by the interval over its items (PROTOCOLS §10).

    A score that is not one of items has no such interval: from one seed it is undecided.
    """
    if difference is None:
        return NOT_RUN
    if difference.n > 1:
        return {True: SUPPORTED, False: CONTRADICTED, None: INCONCLUSIVE}[holds(comparison.relation, difference)]
    a, b = first.scores(), second.scores()
    (seed,) = common_seeds(a, b)
    of_items = over_items(a[seed], b[seed])
    told = None if of_items.half is None else holds(comparison.relation, of_items)
    return {True: FOR, False: AGAINST, None: UNDECIDED}[told]


def overall(verdicts: Sequence[str]) -> str:
    """Of a claim, from those on its comparisons: all must hold, one that does not is enough.

    With one that stands on a single seed the claim does; "not run" where nothing is.
    """
    if CONTRADICTED in verdicts:
        return CONTRADICTED
    if all(said == NOT_RUN for said in verdicts):
        return NOT_RUN
    if not any(said.startswith(ONE_SEED) for said in verdicts):
        return SUPPORTED if all(said == SUPPORTED for said in verdicts) else INCONCLUSIVE
    if AGAINST in verdicts:
        return AGAINST
    return FOR if all(said in (SUPPORTED, FOR) for said in verdicts) else UNDECIDED


# -- the table ---------------------------------------------------------------------------------------------------------


def claims(study: Study, every: Sequence[Claim] = CLAIMS) -> Table:
    """Every claim of which the plan has a comparison, with its verdict; the others are named above the table."""
    rows: list[Row] = []
    said: dict[str, str] = {}  # "A1 (its reading)" -> verdict
    absent: dict[str, list[str]] = {}  # in which words -> claims of which nothing is in the plan
    for claim in every:
        tested = [(c, *_sides(study, c)) for c in claim.comparisons]
        tested = [(c, a, b) for c, a, b in tested if not c.further or (a.nodes and b.nodes)]
        known_as = f"{claim.id} ({claim.reading})"
        if not any(a.nodes and b.nodes for _, a, b in tested):
            left_out = [NOT_SELECTED] in [_missing(study, *t) for t in tested]
            absent.setdefault(NOT_SELECTED if left_out else "not part of this plan", []).append(known_as)
            continue
        found = [(_statement(study, *t), *_tested(study, *t)) for t in tested]
        said[known_as] = overall([its for *_, its in found])
        group = f"{claim.id} ({said[known_as]}): {claim.reading}. “{claim.quote}” ({claim.source})"
        rows += [
            Row(label=statement, group=group, cells=(words(SCORES[c.score].metric.name), cell, words(its)))
            for (c, *_), (statement, cell, its) in zip(tested, found, strict=True)
        ]
    return Table(
        name="claims",
        short="Claims",
        title="Claims of the summaries",
        caption=(
            "A fixed list of what the summaries say of L3-Net and AVTS (in quotation marks, their words; before them, "
            "our reading), each tested by the comparisons beneath it: differences in percentage points, first less "
            "second, paired over the same items and seeds, ± half of the 95 % interval over both, as among the paired "
            "differences. Supported: every comparison is, its whole interval lying where the claim puts it; "
            "contradicted: one of them is, its whole interval lying elsewhere; else inconclusive. About equal: within "
            f"± {100 * EQUAL:g} points; at least as good: not below by {100 * EQUAL:g} points or more, and not below "
            f"beyond doubt; slightly above: by less than {100 * SLIGHT:g} points; these bounds are ours. “Massive” and "
            "“much” are tested as above. One seed settles nothing: what is said of it stands on the interval over its "
            "items. Questions are tested as if they were asserted. The intervals are not corrected for the number of "
            "comparisons. 75/25 less easy: of each scene, so above zero where the first gains more, or loses less, on "
            "75/25. Means while training are over the updates at which both sides were measured. "
            f"Comparisons that this plan lacks, or has from one seed only, are made by: {COMMAND}."
        ),
        columns=("Score", "Difference", "Verdict"),
        rows=tuple(rows),
        findings=_findings(said, absent) if rows else (),
    )


def _sides(study: Study, comparison: Comparison) -> tuple[Side, Side]:
    return SCORES[comparison.score].sides(study, comparison.first, comparison.second)


def _statement(study: Study, comparison: Comparison, first: Side, second: Side) -> str:
    """ "L3-Net avc above L3-Net supervised", and whether one of them was trained for longer."""
    both = (study.stages(*who) for who in (comparison.first, comparison.second))
    unmatched = " (not trained for as long)" if len({labels.schedule(stages) for stages in both if stages}) > 1 else ""
    return f"{first.name} {PHRASES.get(comparison.relation, comparison.relation)} {second.name}{unmatched}"


def _missing(study: Study, comparison: Comparison, first: Side, second: Side) -> list[str]:
    """Why the plan lacks a side, of each that it lacks."""
    task, sides = SCORES[comparison.score].task, ((comparison.first, first), (comparison.second, second))
    return list(dict.fromkeys(study.absence(task, *who) for who, side in sides if not side.nodes))


def _tested(study: Study, comparison: Comparison, first: Side, second: Side) -> tuple[Cell, str]:
    """The difference and the verdict on it."""
    if missing := _missing(study, comparison, first, second):
        return words(", ".join(missing)), NOT_RUN
    if unable(first, second):
        return words("n/a"), INCONCLUSIVE
    cell, difference = compare(SCORES[comparison.score].metric, first, second)
    return cell, verdict(comparison, first, second, difference)


def _findings(said: Mapping[str, str], absent: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """One sentence for each verdict that there is."""
    heads = {
        SUPPORTED: "Supported",
        CONTRADICTED: "Contradicted",
        INCONCLUSIVE: "Inconclusive",
        FOR: "From one seed only, which settles nothing; as far as it goes, in favour of",
        AGAINST: "From one seed only, which settles nothing; as far as it goes, against",
        UNDECIDED: "From one seed only, which settles nothing; undecided as far as it goes",
        NOT_RUN: "Not run yet",
    }
    sentences = [
        f"{head}: {'; '.join(found)}."
        for verdict, head in heads.items()
        if (found := [claim for claim, its in said.items() if its == verdict])
    ]
    return (*sentences, *(f"{why.capitalize()}: {'; '.join(claims)}." for why, claims in absent.items()))
