"""Table 4: separation of two sounds, guided by their localized makers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reports import names
from reports.cells import Cell, Row, Table, measured, paper, words
from reports.headline import main_row
from reports.names import label
from reports.published import SDR_SIR_SAR, published
from reports.study import Node, Study, dig
from reports.tables.common import CELLS, HIGHER, OTHERS, OURS, THE_PAPERS, beside_trivial, findings, scored_on


class Network(NamedTuple):
    """A planned separation network, or a method that needs none. Without a variant: any of the ordering's."""

    method: str
    ordering: str
    variant: str | None


#: The paper's row -> ours (None: the first one planned).
PAPER_ROWS: dict[str, tuple[str, str | None, str | None]] = {
    "NMF-MFCC": ("nmf-mfcc", None, None),
    "AV-Mix-Sep": ("av-mix-sep", None, None),
    "Sound-of-Pixels": ("sound-of-pixels", None, None),
    "Co-Separation": ("co-separation", None, None),
    "Our-Model-Center": ("cavl", "c1", "center"),
    "Our-Model-Mask": ("cavl", "c1", "mask"),
}
BOTH = Network("cavl", "c1-c2", "mask")  # Table 5: localization trained with scenes of two sources, too
ASSIGNMENT = Network("cavl", "c1", None)  # Table 6: the audio assignment as the mask
FURTHER = "The paper's Tables 5 (localization trained on two sources, too) and 6 (no separation network)"

MIXTURE, IDEAL = "Mixture as the estimate", "Ideal ratio mask"
BOUNDS = {"mixture": MIXTURE, "ideal-ratio-mask": IDEAL, "ideal-log-mask": f"{IDEAL} on the log-frequency axis"}
LOCATED = {
    "located-mixture": "Sound-makers located with the mixture",
    "located-solo": "Sound-makers located with the clean solo (§6.4)",
}
CONTROLS = {
    "shuffled": "Control: sound-makers of other pairs, located with their mixture",
    "shuffled-solo": "Control: sound-makers of other pairs, located with their clean solos",
}
CONTROL_OF = dict(zip(LOCATED, CONTROLS, strict=True))
SDR = len(SDR_SIR_SAR)  # its column, behind the paper's


def networks(study: Study) -> list[Network]:
    """All that is planned, the orderings of each method as in :data:`names.ORDERINGS`."""
    return [
        Network(*who, variant)
        for who in names.in_order(study.rows("separation"))
        for variant in study.variants("separation", *who)
    ]


def called(who: Network, row: str = "") -> str:
    """``row``: which of its results, if not the headline."""
    return label(who.method, who.ordering, row, who.variant or "")


def separation(study: Study) -> Table:
    """Table 4: every separation network, what bounds it, and its controls."""
    every = networks(study)
    rows: list[Row] = []
    headlines: dict[str, Network] = {}  # label -> who, for the rows that show a network's headline

    def add(group: str, name: str, who: Network, row: str, printed: tuple[int, str] | None = None) -> None:
        rows.append(Row(label=name, cells=_cells(_nodes(study, who), row, printed), group=group))

    def headline(group: str, who: Network, printed: tuple[int, str] | None = None) -> None:
        name = called(who)
        if printed is not None:
            name = f"{printed[1]}: {name}" if who in every and name != printed[1] else printed[1]
        add(group, name, who, main_row(_nodes(study, who)), printed)
        headlines[name] = who

    for name, wanted in PAPER_ROWS.items():
        planned = (n for n in every if all(w in (None, own) for w, own in zip(wanted, n, strict=True)))
        method, ordering, variant = wanted
        headline(THE_PAPERS, next(planned, Network(method, ordering or "none", variant)), (4, name))
    if BOTH in every:
        headline(FURTHER, BOTH, (5, "Our-Model-both"))
    if _has(study, ASSIGNMENT, "audio-assignment"):
        add(
            FURTHER,
            f"CAVL-C1: {called(ASSIGNMENT, 'audio-assignment')}",
            ASSIGNMENT,
            "audio-assignment",
            (6, "CAVL-C1"),
        )
    finished = {who: sum(n.run is not None for n in _nodes(study, who)) for who in every}
    for row, name in BOUNDS.items():  # they are the seed's, not a network's: whichever has finished most tells them
        add("Bounds (they use no network)", name, max(every, key=lambda who: finished[who]), row)
    for who in every:
        if who not in headlines.values():
            headline(OTHERS, who)
    for row, group in {**LOCATED, **CONTROLS}.items():
        for who in every:
            if row != main_row(_nodes(study, who)) and _has(study, who, row):
                add(group, called(who, row), who, row)

    compared = [row.label for row in rows if row.group in (THE_PAPERS, FURTHER, OTHERS)]
    better = (0, 0, 0, HIGHER, HIGHER, 0)
    columns = (*(f"Paper {metric}" for metric in SDR_SIR_SAR), *SDR_SIR_SAR)
    marked = beside_trivial(rows, compared, [MIXTURE], better)
    return Table(
        name="table4",
        short="Table 4",
        title="Table 4. Separation of two sounds",
        caption=(
            "SDR, SIR and SAR of BSS Eval v3 in dB, higher is better, each estimate against the sound it was asked for "
            "(no permutation; PROTOCOLS §8). SAR measures artifacts only, not separation: the mixture has none, hence "
            f"inf. {scored_on(study, 'separation')}{_left_out(study)} The mixtures are drawn from the "
            "seed. Center: conditioned on the visual centre; mask: on the visual map max-pooled under the centre's "
            "assignment. In training the sound-maker is located with the clean solo; at test, unless a row says "
            f"otherwise, with the {_located(study, every)}. Not in this suite: no such method is part of the plan. "
            f"{CELLS} {OURS}"
        ),
        columns=columns,
        rows=marked,
        findings=(
            *findings(marked, compared, [MIXTURE], better, columns, "the mixture as the estimate"),
            *_against_controls(study, marked, headlines),
            *_above_the_bound(marked),
        ),
    )


def _nodes(study: Study, who: Network) -> list[Node]:
    return study.select("separation", *who)


def _cells(nodes: Sequence[Node], row: str, printed: tuple[int, str] | None) -> tuple[Cell, ...]:
    numbers = [None if printed is None else published(*printed, metric) for metric in SDR_SIR_SAR]
    where = ("rows", row)
    ours = [
        measured(
            nodes,
            *where,
            metric.lower(),
            items=(*where, "items"),
            excluded=(*where, "excluded"),
            published=number,
            scale=1.0,
            digits=2,
        )
        if nodes
        else words("not in this suite")
        for metric, number in zip(SDR_SIR_SAR, numbers, strict=True)
    ]
    return (*(paper(number, digits=2) for number in numbers), *ours)


def _has(study: Study, who: Network, row: str) -> bool:
    """Whether a row is to be shown: not where finished runs lack it, the method being unable to."""
    finished = [n.run for n in _nodes(study, who) if n.run]
    return bool(_nodes(study, who)) and (not finished or any(dig(r.result, "rows", row) for r in finished))


def _against_controls(study: Study, rows: Sequence[Row], headlines: dict[str, Network]) -> tuple[str, ...]:
    """One sentence: which networks separate no better with the right sound-maker than with another pair's."""
    cells = {row.label: row.cells[SDR] for row in rows if row.cells[SDR].estimate}
    pairs = {}
    for name, who in headlines.items():
        control = called(who, CONTROL_OF.get(main_row(_nodes(study, who)), ""))
        if name in cells and control in cells:
            pairs[name] = cells[name], cells[control]
    if not pairs:
        return ()
    beaten = [
        f"{name} ({own.mean_text}; shuffled {shuffled.mean_text})"
        for name, (own, shuffled) in pairs.items()
        if own.estimate and shuffled.estimate and not own.estimate.mean > shuffled.estimate.mean
    ]
    if not beaten:
        return ("SDR: every network is better than with shuffled sound-makers.",)
    return (f"SDR: no better than with shuffled sound-makers: {'; '.join(beaten)}.",)


def _above_the_bound(rows: Sequence[Row]) -> tuple[str, ...]:
    """A sentence only if something is wrong: a mask cannot do better than the ideal one."""
    means = {row.label: row.cells[SDR].estimate for row in rows}
    ideal = means[IDEAL]
    above = [name for name, own in means.items() if own and ideal and own.mean > ideal.mean]
    return (f"SDR: above the ideal ratio mask, which should bound every row: {'; '.join(above)}.",) if above else ()


def _located(study: Study, every: Sequence[Network]) -> str:
    """ "mixture", "clean solo": what locates the sound-makers in the headline rows."""
    rows = dict.fromkeys(main_row(_nodes(study, who)) for who in every)
    return " or ".join({"located-mixture": "mixture", "located-solo": "clean solo"}.get(row, row) for row in rows)


def _left_out(study: Study) -> str:
    """Why sounds were left out, and how many at most in one run, from the finished runs."""
    most: dict[str, int] = {}
    for node in study.select("separation"):
        found = dig(node.run.result, "excluded") if node.run else None
        for reason, count in found.items() if isinstance(found, dict) else ():
            most[reason] = max(most.get(reason, 0), count)
    said = ", ".join(f"{reason}: {count:,}" for reason, count in most.items() if count)
    return f" Left out, at most in a run: {said}." if said else ""
