"""Tables 4 and 6: separation of two sounds, guided by their localized makers."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from reports import labels
from reports.cells import Cell, Row, Table, measured, paper
from reports.fairness import Who
from reports.item_scores import condition
from reports.labels import UNTRAINED, label
from reports.paired import Metric, Score, Side, statement
from reports.published import PAPER, SDR_SIR_SAR, published
from reports.results import Node, Study, dig
from reports.statistics import Item, Scores
from reports.tables import common
from reports.task_report import TaskReport, later

TASK = "separation"
#: In brackets behind a name: which of the sounds separated in one run.
REMARKS = {
    "located-mixture": "located with the mixture",
    "located-solo": "located with the solo",
    "shuffled": "shuffled",
    "shuffled-solo": "shuffled, located with the solo",
    "audio-assignment": "audio assignment as the mask",
    "told-kinds": "told the two kinds",
    "shuffled-kinds": "told the kinds of another pair",
    "oracle-order": "blind, its sounds in the order that fits best",
}
#: Headlines that say how they came about; the cheap rival's caption does.
SAID = ("told-kinds", "oracle-order")
#: What follows the conditioning in the variant of a network: values that are not the preset's.
UNUSUAL = {
    "plain": "plain loss",
    "weighted": "weighted loss",
    "independent": "independent masks",
    "competing": "competing masks",
    "mean": "averaged mixtures",
    "sum": "summed mixtures",
    "mixture": "located with the mixture",
    "solo": "located with the solo",
}
STATEMENTS = "Separation: above its cheap rival, does it follow the sound-maker, and does pre-training help?"
#: It sees nothing and is told the kinds.
CHEAP = "mean-spectrum"
#: It learns from labels, and is told the kinds.
LABELLED = "av-miml"


class Network(NamedTuple):
    """A planned separation network, or a method that needs none. Without a variant: any of the ordering's."""

    method: str
    ordering: str
    variant: str | None


#: Arms of the preset "paper", pre-trained on the sounds that are separated. Without them the method itself is all.
INSTRUMENT = ":instrument"
ON_MUSIC, ON_INSTRUMENTS = "cavl:music", f"cavl{INSTRUMENT}"

#: The paper's row -> method, ordering (None: the first one planned), variant. "cavl" is what guides the separation.
PAPER_ROWS: dict[str, tuple[str, str | None, str | None]] = {
    "NMF-MFCC": ("nmf-mfcc", None, None),
    "AV-Mix-Sep": ("av-mix-sep", None, None),
    "Sound-of-Pixels": ("sound-of-pixels", None, None),
    "AV-MIML": ("av-miml", None, None),
    "Co-Separation": ("co-separation", None, None),
    "Our-Model-Center": ("cavl", "c1", "center"),
    "Our-Model-Mask": ("cavl", "c1", "mask"),
}
BOTH = ("c1-c2", "mask")  # Table 5: localization trained with scenes of two sources, too
MATCHED = ("c1-matched", "mask")  # on those of one, for as many updates; Our-Model-Mask is the paper's own "solo"
FURTHER = {
    (5,): "The paper's Table 5 (localization trained on two sources, too)",
    (5, 6): "The paper's Tables 5 (localization trained on two sources, too) and 6 (no separation network)",
}
WITHOUT = "The paper's row without a separation network"


class Test(NamedTuple):
    """One of the paper's tests of separation, as a table of ours."""

    table: int  # of the paper
    guide: str  # the method that locates the sound-makers
    title: str
    besides: tuple[int, ...] = ()  # further tables of the paper that have rows in it
    suffix: str = ""  # of its rows of results

    @property
    def arm(self) -> str:
        """Behind the names of the methods that were trained for it, where they have others, too."""
        return "".join(self.guide.partition(":")[1:])


def test_on_music(study: Study) -> Test:
    """Table 4, and what Tables 5 and 6 add to it where the sounds are the same."""
    title = "Table 4. Separation of two sounds"
    if any(method == ON_MUSIC for method, _ in study.rows(TASK)):
        return Test(4, ON_MUSIC, title, (5,))
    return Test(4, "cavl", title, (5,) if _heard_in_noise(study) else (5, 6))


TEST_ON_INSTRUMENTS = Test(6, ON_INSTRUMENTS, "Table 6. Separation of two instruments of AudioSet")
#: What follows the rows of the same mixtures over a bed of noise, Table 6 in generated worlds.
IN_NOISE = " in noise"
TEST_IN_NOISE = Test(6, "cavl", "Table 6. Separation of two sounds over a bed of noise", suffix=IN_NOISE)

MIXTURE, IDEAL = "Mixture as the estimate", "Ideal ratio mask"
BOUNDS = {"mixture": MIXTURE, "ideal-ratio-mask": IDEAL, "ideal-log-mask": f"{IDEAL} on the log-frequency axis"}
#: Printed beside the paper's three, which it has not.
FURTHER_MEASURES = {"SI-SDR": "si_sdr", "SDR gain": "sdri"}
LOCATED = {
    "located-mixture": "Sound-makers located with the mixture",
    "located-solo": "Sound-makers located with the clean solo (§6.4)",
}
CONTROLS = {
    "shuffled": "Control: sound-makers of other pairs, located with their mixture",
    "shuffled-solo": "Control: sound-makers of other pairs, located with their clean solos",
    "shuffled-kinds": "Control: told the kinds of other pairs",
}
CONTROL_OF = dict(zip((*LOCATED, "told-kinds"), CONTROLS, strict=True))
COLUMNS = (*(f"Paper {metric}" for metric in SDR_SIR_SAR), *SDR_SIR_SAR, *FURTHER_MEASURES, "Knows")
BETTER = (0, 0, 0, common.HIGHER, common.HIGHER, 0, 0, 0, 0)
SDR = COLUMNS.index("SDR")

LOSSES = {
    "plain": "plain loss (Eq 8)",
    "weighted": "loss weighted by the square root of the mixture's magnitude (in the paper plain, Eq 8)",
}
MASKS = {
    "independent": "each mask by a sigmoid (§6.4)",
    "competing": "the masks of one mixture by a softmax, so that they add up to one (in the paper each by a sigmoid)",
}
MIXING = {"mean": "mixtures are the mean of two solos", "sum": "mixtures are the sum of two solos"}


def networks(study: Study) -> list[Network]:
    """All that is planned, the orderings of each method as in :data:`labels.ORDERINGS`."""
    return [
        Network(*who, variant) for who in labels.in_order(study.rows(TASK)) for variant in study.variants(TASK, *who)
    ]


def called(who: Network, row: str = "") -> str:
    """``row``: which of its results, if not the headline. The conditioning of a variant has no other name."""
    phrases = [UNUSUAL.get(word, word) for word in (who.variant or "").split()]
    return label(who.method, who.ordering, REMARKS.get(row, row), phrases)


def main_row(nodes: Sequence[Node]) -> str:
    """The row of results that a score stands on; older runs do not name it: the one located as they were configured."""
    for node in nodes:
        if node.run is not None:
            if primary := dig(node.run.result, "primary"):
                return str(primary)
            wanted = f"located-{dig(node.run.config, 'evaluation', 'network', 'located')}"
            return wanted if dig(node.run.result, "rows", wanted) else "located-mixture"
    return "located-mixture"  # the default; none has run yet


def heard_on_instruments(who: Network) -> bool:
    """Whether it separates the sounds of AudioSet-Instrument: an arm of its method says so."""
    return who.method.endswith(INSTRUMENT)


def separations(study: Study) -> list[Table]:
    """Tables 4 and 6, each where the plan has networks for it."""
    on_instruments = [heard_on_instruments(who) for who in networks(study)]
    tables = [] if all(on_instruments) else [separation(study)]
    if any(on_instruments):
        return [*tables, instruments(study)]
    return [*tables, in_noise(study)] if _heard_in_noise(study) else tables


def separation(study: Study) -> Table:
    """Table 4: every separation network, what bounds it, and its controls."""
    return _table(study, test_on_music(study), [who for who in networks(study) if not heard_on_instruments(who)])


def instruments(study: Study) -> Table:
    """Table 6: the same for the sounds of AudioSet-Instrument."""
    return _table(study, TEST_ON_INSTRUMENTS, [who for who in networks(study) if heard_on_instruments(who)])


def in_noise(study: Study) -> Table:
    """Table 6 in generated worlds: the same networks, and the same mixtures over a bed of noise."""
    return _table(study, TEST_IN_NOISE, networks(study))


def _heard_in_noise(study: Study) -> bool:
    finished = (node.run.result for node in study.select(TASK) if node.run)
    return any(dig(result, "rows", f"mixture{IN_NOISE}") for result in finished)


def _planned(study: Study, test: Test, every: Sequence[Network], name: str) -> Network:
    """Who stands in the paper's row ``name``: the arm that was trained for the test, or the method itself."""
    method, ordering, variant = PAPER_ROWS[name]
    methods = [test.guide] if method == "cavl" else list(dict.fromkeys((f"{method}{test.arm}", method)))
    for wanted in ((one, ordering, variant) for one in methods):
        for who in every:
            if all(w in (None, own) for w, own in zip(wanted, who, strict=True)):
                return who
    there = (one for one in methods if study.absence(TASK, one, ordering or "none", ""))
    return Network(next(there, methods[0]), ordering or "none", variant)


def _table(study: Study, test: Test, every: Sequence[Network]) -> Table:
    rows: list[Row] = []
    further = FURTHER.get(test.besides, "")
    shown: dict[str, tuple[Network, str]] = {}  # label -> whose row of results it shows
    headlines: dict[str, Network] = {}  # label -> who, for the rows that show a network's headline

    def add(group: str, name: str, who: Network, row: str, printed: tuple[int, str] | None = None) -> None:
        absent = study.absence(TASK, who.method, who.ordering, common.NOT_IN_THIS_SUITE)
        rows.append(
            Row(label=name, cells=_cells(study, _nodes(study, who), (row, test.suffix), printed, absent), group=group)
        )
        shown[name] = (who, row)

    def headline(group: str, who: Network, printed: tuple[int, str] | None = None) -> None:
        row = main_row(_nodes(study, who))
        name = called(who, row if row in SAID and who.method != CHEAP else "")
        if printed is not None and who not in every:
            name = printed[1]
        elif printed is not None and not name.startswith(printed[1]):
            name = f"{printed[1]}: {name}"
        add(group, name, who, row, printed)
        headlines[name] = who

    for name in PAPER[test.table].rows:
        if name not in PAPER_ROWS:
            continue  # CAVL-C1, which has no network: below
        headline(common.THE_PAPERS, _planned(study, test, every, name), (test.table, name))
    both, matched, assignment = (Network(test.guide, *who) for who in (BOTH, MATCHED, ("c1", None)))
    if 5 in test.besides and both in every:
        headline(further, both, (5, "Our-Model-both"))
        if matched in every:
            headline(further, matched, (5, "Our-Model-solo"))
    if 6 in (test.table, *test.besides) and _has(study, assignment, f"audio-assignment{test.suffix}"):
        where = "" if test.table == 6 else " (AudioSet-Instrument)"
        name = f"CAVL-C1{where}: {called(assignment, 'audio-assignment')}"
        add(WITHOUT if test.table == 6 else further, name, assignment, "audio-assignment", (6, "CAVL-C1"))
    for who in every:
        if who.method == CHEAP:
            headline(common.RIVALS, who)
    finished = {who: sum(n.run is not None for n in _nodes(study, who)) for who in every}
    most = max(every, key=lambda who: finished[who])
    for row, name in BOUNDS.items():  # they are the seed's, not a network's: whichever has finished most tells them
        if not test.suffix or _has(study, most, row + test.suffix):
            add("Bounds (they use no network)", name, most, row)
    for who in every:
        if who not in headlines.values():
            headline(common.OTHERS, who)
    for row, group in {**LOCATED, **CONTROLS}.items():
        for who in every:
            if row != main_row(_nodes(study, who)) and _has(study, who, row + test.suffix):
                add(group, called(who, row), who, row)

    groups = (common.THE_PAPERS, further, WITHOUT, common.OTHERS, *LOCATED.values())
    compared = [row.label for row in rows if row.group in groups]
    rivals = [row.label for row in rows if row.group == common.RIVALS]
    differences = _of_sounds(study, shown, test.suffix)
    nodes = [node for who in every for node in _nodes(study, who)]
    marked = common.beside_trivial(rows, rivals, [MIXTURE], BETTER, differences)
    marked = common.beside_trivial(marked, compared, [MIXTURE, *rivals], BETTER, differences)
    return Table(
        name=f"table{test.table}",
        short=f"Table {test.table}",
        title=test.title,
        caption=(
            "SDR, SIR and SAR of BSS Eval v3 in dB, higher is better, each estimate against the sound it was asked for "
            "(no permutation, but of blind separation; PROTOCOLS §8). SAR measures artifacts only, not separation: the "
            "mixture has none, hence inf. SI-SDR is scale-invariant SDR, SDR gain that over the mixture as the "
            "estimate. The cheap rival sees nothing and is told the kinds of both sounds; of each it knows the mean "
            "spectrum of the training solos. "
            'Under "Knows" stands what a row knows beforehand, or is told, beyond sound and pictures. '
            f"{_labelled(every)}{common.scored_on(nodes, noun='sound')} {_left_out(study, shown, test.suffix)} "
            f"{_mixtures(study, every)}{_noise(study, test)}"
            f"{_settings(study)} Center: conditioned on the visual centre; mask: on the visual map max-pooled under "
            "the centre's assignment. In training the sound-maker is located with the clean solo; at test, unless a "
            f"row says otherwise, with the {_located(study, every)}. {common.NOT_HERE} "
            f"{common.CELLS} {common.COUNTED} {common.provenance(test.table, *test.besides, study=study)}"
        ),
        columns=COLUMNS,
        rows=marked,
        findings=(
            *common.findings(marked, compared, [MIXTURE], BETTER, COLUMNS, "the mixture as the estimate", differences),
            *common.findings(marked, compared, rivals, BETTER, COLUMNS, common.ITS_RIVALS, differences),
            *_against_controls(marked, shown, differences),
            *_above_the_bound(marked, differences),
            *common.unfinished(marked, headlines),
        ),
    )


def by_kind(study: Study) -> list[Table]:
    """SDR of the sounds of each kind, of every network's headline and of its sound-makers located with the solo."""
    found = {name: None for who in networks(study) for node in _nodes(study, who) for name in _kinds(node)}
    kinds = sorted(found)
    rows = [
        Row(label=called(who, "" if row == main_row(_nodes(study, who)) else row), cells=tuple(cells))
        for who in networks(study)
        for row in dict.fromkeys((main_row(_nodes(study, who)), "located-solo"))
        if _has(study, who, row)
        and (cells := [measured(_nodes(study, who), "rows", row, "by_kind", kind, scale=1.0) for kind in kinds])
    ]
    title = "Separation by kind of sound"
    caption = (
        "SDR in dB of the sounds of each kind that were asked back: those of Table 4, kind by kind. A kind has few "
        f"sounds; compare columns with care. {common.scored_on(study.select(TASK), noun='sound')} {common.CELLS}"
    )
    return (
        [
            Table(
                name="separation_by_kind",
                short="By kind",
                title=title,
                caption=caption,
                columns=tuple(kinds),
                rows=tuple(rows),
            )
        ]
        if rows
        else []
    )


def _kinds(node: Node) -> list[str]:
    """The kinds of which a finished run scored sounds."""
    found = dig(node.run.result, "rows", main_row([node]), "by_kind") if node.run else None
    return list(found) if isinstance(found, Mapping) else []


def _nodes(study: Study, who: Network) -> list[Node]:
    return study.select(TASK, *who)


def _mixtures(study: Study, every: Sequence[Network]) -> str:
    """Which they are; older runs, which do not say, have drawn them."""
    listed = {bool(dig(n.run.result, "listed")) for who in every for n in _nodes(study, who) if n.run}
    if listed == {True}:
        return "The mixtures are those of a published list of which both videos are there."
    return "The mixtures are drawn once and the same in every row and seed."


def _noise(study: Study, test: Test) -> str:
    """What lies under the mixtures of Table 6 in generated worlds."""
    if not test.suffix:
        return ""
    below = " or ".join(f"{level:g}" for level in common.configured(study.select(TASK), "noise"))
    return (
        f" They are those of Table 4 over a bed of pink noise {below} dB below each. Both sounds are asked back, the "
        "noise is not, and nobody was trained with it."
    )


def _cells(
    study: Study, nodes: Sequence[Node], row_of: tuple[str, str], printed: tuple[int, str] | None, absent: str
) -> tuple[Cell, ...]:
    """``row_of``: a row of results, and what follows its name in this table."""
    numbers = [None if printed is None else published(*printed, metric) for metric in SDR_SIR_SAR]
    row, where = "".join(row_of), ("rows", "".join(row_of))
    common_to_all: dict[str, Any] = {"excluded": (*where, "excluded"), "scale": 1.0, "digits": 2, "absent": absent}
    ours = [
        measured(
            nodes,
            *(*where, metric.lower()),
            items=(*where, "items"),
            published=number,
            scores=separator(None, row, metric.lower()).of(study),
            **common_to_all,
        )
        for metric, number in zip(SDR_SIR_SAR, numbers, strict=True)
    ]
    further = [
        measured(nodes, *where, measure, items=(*where, "items"), **common_to_all)
        for measure in FURTHER_MEASURES.values()
    ]
    return (*map(paper, numbers), *ours, *further, Cell(words=_known(nodes, row_of[0])))


def _known(nodes: Sequence[Node], row: str) -> str:
    """What a row knows beyond sound and pictures, as its runs say; those of the first versions knew nothing more."""
    finished = [node.run.result for node in nodes if node.run]
    if row in BOUNDS or not finished:
        return "–"
    told = "the two kinds" if row.endswith("-kinds") else "nothing"
    return ", ".join(dict.fromkeys(str(result.get("knows") or told) for result in finished))


def _has(study: Study, who: Network, row: str) -> bool:
    """Whether a row is to be shown: not where finished runs lack it, the method being unable to."""
    finished = [n.run for n in _nodes(study, who) if n.run]
    return bool(_nodes(study, who)) and (not finished or any(dig(r.result, "rows", row) for r in finished))


def _of_sounds(study: Study, shown: Mapping[str, tuple[Network, str]], suffix: str = "") -> common.Differences:
    """Differences over the sounds that both rows have; over the rows' own means where a run's sounds are not known."""

    @functools.cache
    def scores(who: Network, row: str, measure: str) -> tuple[dict[int, dict[str, float]], dict[int, float]]:
        """Seed -> sound -> score, and seed -> mean."""
        sounds: dict[int, dict[str, float]] = {}
        row += suffix
        for node in _nodes(study, who):
            sounds.setdefault(node.seed, {}).update(ratios(study, node, row, measure))
        return sounds, measured(_nodes(study, who), "rows", row, measure, scale=1.0).by_seed

    def differences(first: Row, second: Row, column: int) -> dict[int, float]:
        (who, row), (other, other_row) = shown[first.label], shown[second.label]
        measure = FURTHER_MEASURES.get(COLUMNS[column], COLUMNS[column].lower())
        sounds, means = scores(who, row, measure)
        other_sounds, other_means = scores(who if other_row in BOUNDS else other, other_row, measure)
        found = {}
        for seed in means.keys() & other_means.keys():
            a, b = sounds[seed], other_sounds[seed]
            by_sound = [a[sound] - b[sound] for sound in a if sound in b]
            found[seed] = sum(by_sound) / len(by_sound) if by_sound else means[seed] - other_means[seed]
        return found

    return differences


def _against_controls(
    rows: Sequence[Row], shown: Mapping[str, tuple[Network, str]], differences: common.Differences
) -> tuple[str, ...]:
    """One sentence: which networks separate no better with the right sound-maker than with another pair's.

    Each way of locating the sound-makers is held against its own control.
    """
    by_row = {shown[row.label]: row for row in rows}
    seeds, beaten = set(), []
    for (who, which), row in by_row.items():
        control = by_row.get((who, CONTROL_OF.get(which, "")))
        found = differences(row, control, SDR) if control else {}
        if control and (failures := common.no_better(found, common.HIGHER)):
            own, other = (r.cells[SDR].mean_text for r in (row, control))
            beaten.append(f"{row.label} ({own}; shuffled {other}; {common.in_seeds(failures, len(found))})")
        seeds |= {len(found)} if found else set()
    if beaten:
        return (f"SDR: no better than with shuffled sound-makers: {'; '.join(beaten)}.",)
    every = "SDR: every network is better than with shuffled sound-makers"
    return (f"{every} {common.in_every_seed(seeds)}.",) if seeds else ()


def _above_the_bound(rows: Sequence[Row], differences: common.Differences) -> tuple[str, ...]:
    """A sentence only if something is wrong: a mask cannot do better than the ideal one."""
    (ideal,) = (row for row in rows if row.label == IDEAL)
    above = []
    for row in rows:
        found = differences(row, ideal, SDR)
        if broken := sum(difference > 0 for difference in found.values()):
            above.append(f"{row.label} ({common.in_seeds(broken, len(found))})")
    return (f"SDR: above the ideal ratio mask, which should bound every row: {'; '.join(above)}.",) if above else ()


def _located(study: Study, every: Sequence[Network]) -> str:
    """ "mixture", "clean solo": what locates the sound-makers in the headline rows."""
    rows = dict.fromkeys(main_row(_nodes(study, who)) for who in every)
    names = {"located-mixture": "mixture", "located-solo": "clean solo"}
    return " or ".join(names[row] for row in rows if row in names)


def _labelled(every: Sequence[Network]) -> str:
    """What AV-MIML knows, where it is there."""
    told = (
        "AV-MIML is told them, too, and in training the solos' kinds, in place of the ImageNet classes of the paper. "
    )
    return told if any(labels.base_of(who.method) == LABELLED for who in every) else ""


def _settings(study: Study) -> str:
    """How the networks were trained and on what evaluated, from the finished runs."""
    every = study.select(TASK)
    usual = [n for n in every if n.variant and len(n.variant.split()) == 1]
    said = [LOSSES.get(loss, f"loss {loss}") for loss in common.configured(usual, "network", "loss")]
    said += [MASKS.get(masks, f"masks {masks}") for masks in common.configured(usual, "network", "masks")]
    said += [MIXING.get(mixing, f"mixing {mixing}") for mixing in common.configured(usual, "network", "mixing")]
    pairs = sorted({count for n in every if n.run and isinstance(count := dig(n.run.result, "pairs"), int)})
    said += [f"{' or '.join(f'{count:,}' for count in pairs)} pairs"] if pairs else []
    said += [f"{updates:,} updates" for updates in common.configured(usual, "updates")]
    said += [f"learning rate {lr:g}" for lr in common.configured(usual, "lr")]
    return f" Unless a row says otherwise: {'; '.join(said)} (of these the paper states the loss only)." if said else ""


def _left_out(study: Study, shown: Mapping[str, tuple[Network, str]], suffix: str = "") -> str:
    """The rule, and for each reason how many sounds at most a run left out of which rows, from the runs' files."""
    most: dict[str, dict[str, int]] = {}  # reason -> label -> sounds
    for name, (who, row) in shown.items():
        for node in _nodes(study, who):
            for (its, reason), count in left_out(study, node).items():
                if its == row + suffix:
                    found = most.setdefault(reason, {})
                    found[name] = max(found.get(name, 0), count)
    scored = {name for name, (who, _) in shown.items() if any(n.run for n in _nodes(study, who))}
    said = []
    for reason, found in most.items():
        same = found.keys() == scored and len(set(found.values())) == 1
        rows = f"{max(found.values()):,} in every row" if same else ", ".join(f"{c:,} in {n}" for n, c in found.items())
        said.append(f" Left out, at most in a run, for a {reason}: {rows}.")
    return (
        "A silent reference leaves its pair out of every row, an estimate that is silent or not finite only its own "
        f"row.{''.join(said)}"
    )


# -- item by item ------------------------------------------------------------------------------------------------------


def ratios(study: Study, node: Node, row: str, measure: str = "sdr") -> Scores:
    """Separated sound -> its SDR (``measure`` "sir": SIR, "sar": SAR) in dB, for one row of a separation run.

    Sounds that were excluded are not there. The same pairs are mixed for every seed and method, so items pair. Both
    sounds of a pair are one cluster.
    """
    found = study.measurements(node, measure, row=row).dropna(subset="value")
    sounds = zip(condition(found, "pair"), found["item"], found["value"], strict=True)
    return {Item(f"pair {pair}: {item}", f"pair {pair}"): value for pair, item, value in sounds}


def left_out(study: Study, node: Node) -> Counter[tuple[str, str]]:
    """(row, reason) -> how many sounds a separation run left out of it."""
    found = study.measurements(node, "sdr")
    return Counter((str(row), why) for row, why in zip(condition(found, "row"), found["excluded"], strict=True) if why)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSounds(Score):
    """A score of one variant of the networks; beside them what has no network stands with what it has, its headline."""

    headline: Score
    arm: str = ""  # of methods that were trained for the test

    def whose(self, study: Study, who: Who) -> Who:
        arm = (f"{who[0]}{self.arm}", who[1])
        return arm if arm in study.rows(TASK) else who

    def side(self, study: Study, method: str, ordering: str) -> Side:
        alone = study.variants(TASK, method, ordering) == [None]
        return Score.side(self.headline if alone else self, study, method, ordering)


def separator(variant: str | None, row: str = "", measure: str = "sdr", table: int = 4) -> Score:
    """``row``: "" for the headline; ``measure`` as of :func:`ratios`; ``table`` 6: over a bed of noise, where it is."""
    suffix = IN_NOISE if table == 6 else ""

    def named(method: str, ordering: str) -> str:
        return "the mixture as the estimate" if row == "mixture" else called(Network(method, ordering, variant), row)

    def items(study: Study, node: Node) -> Scores:
        wanted = row or main_row([node])
        noisy = suffix and node.run and dig(node.run.result, "rows", wanted + suffix)
        return ratios(study, node, wanted + suffix if noisy else wanted, measure)

    name = f"{measure.upper()} (dB{', Table 6' if table == 6 else ''})"
    options: dict[str, Any] = {"task": TASK, "metric": Metric(name, 1.0, 2), "named": named}
    if variant is None:
        return Score(items=items, **options)
    arm = INSTRUMENT if table == 6 else ":music"
    return OfSounds(items=items, variant=variant, headline=separator(None, "", measure, table), arm=arm, **options)


#: In which a network (by the mask) is held against its cheap rival; located with the mixture, or with the clean solo.
SDR_MASK, SDR_MASK_SOLO = separator("mask"), separator("mask", "located-solo")


def statements(study: Study) -> Iterator[Row | None]:
    metric = separator(None).metric
    rival = separator(None).side(study, CHEAP, "none")
    for who in labels.in_order(study.rows(TASK)):
        if (headline := main_row(study.select(TASK, *who))) in SAID:
            own = separator(None).side(study, *who)
            for row in ("shuffled-kinds", "mixture") if headline == "told-kinds" else ("mixture",):
                yield statement(STATEMENTS, metric, own, separator(None, row).side(study, *who))
            if who[0] != CHEAP:
                yield statement(STATEMENTS, metric, own, rival)
            continue
        variants = study.variants(TASK, *who)
        for variant in variants:
            own, *controls = (separator(variant, row).side(study, *who) for row in ("", "shuffled", "mixture"))
            for control in controls:
                yield statement(STATEMENTS, metric, own, control)
            solo, other = (separator(variant, row).side(study, *who) for row in ("located-solo", "shuffled-solo"))
            yield statement(STATEMENTS, metric, solo, other)
            for one in (own, solo) if main_row(own.nodes) != "located-solo" else (own,):
                yield statement(STATEMENTS, metric, one, rival)
            if who[1] != UNTRAINED:
                yield statement(STATEMENTS, metric, own, separator(variant).side(study, who[0], UNTRAINED))
        first = separator(variants[0]).side(study, *who)
        yield statement(STATEMENTS, metric, first, separator(None, "audio-assignment").side(study, *who))
        for variant in variants[1:]:
            yield statement(STATEMENTS, metric, first, separator(variant).side(study, *who))


REPORT = TaskReport(
    task=TASK,
    noun="sound",
    tables=separations,
    appendix=by_kind,
    figures=lambda study: [
        *later("reports.figures.source_maps", "recorded")(study),
        *later("reports.figures.separation", "separated", "side_by_side")(study),
    ],
    matched=lambda study, *who: [separator(variant) for variant in study.variants(TASK, *who)],
    statements=statements,
)
