"""Statements "this is above that", each tested on the same items and seeds (PROTOCOLS §10).

Which pairs are compared: a heatmap and its controls, a trained network and the same one untrained, a trained method and
the trivial ones, and orderings with each other only where their compute is equal, but for a counter, which is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from reports import names
from reports.cells import Cell, Part, Row, Table, words
from reports.headline import main_row
from reports.items import (
    Worth,
    best_constant,
    ciou_hits,
    correct,
    counted,
    minus_error,
    pointing_hits,
    ratios,
    right,
)
from reports.names import DEFAULT_RULE, MASK, PERMUTED, TRUE, UNTRAINED, label
from reports.statistics import Scores, paired
from reports.study import Node, Study

HEATMAPS = "Does the heatmap follow the sound, and does training help?"
ORDERINGS = "Orderings with equal compute"
FEATURES = "Sound classification"
COUNTING = "Counting: above what does not listen, and does pre-training help?"
SEPARATION = "Separation: does it follow the sound-maker, and does pre-training help?"


class Metric(NamedTuple):
    """What is compared, and how its differences are printed."""

    name: str
    scale: float = 100.0
    digits: int = 1


CIOU, POINTING = Metric("cIoU@0.5"), Metric("Pointing (3)")
#: What a count is worth; an error is turned round, so that more is better.
COUNTS: tuple[tuple[Metric, Worth], ...] = (
    (Metric("Counting accuracy"), right),
    (Metric("−MAE (sources)", 1.0, 3), minus_error),
)
SDR = Metric("SDR (dB)", 1.0, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a statement: what it is called, its planned runs, and how they were scored item by item."""

    name: str
    nodes: list[Node]
    score: Callable[[Node], Scores] = field(repr=False)

    def scores(self) -> dict[int, Scores]:
        return {node.seed: found for node in self.nodes if (found := self.score(node))}


def differences(study: Study) -> Table:
    """Every statement of which the plan has both sides."""
    parts = (_heatmaps, _orderings, _features, _counting, _separation)
    return Table(
        name="differences",
        short="Differences",
        title="Paired differences",
        caption=(
            "Each statement says that the first is above the second. Difference in percentage points (−MAE in sources, "
            "SDR in dB), paired over the same items and seeds, ± half of its 95 % interval with both the seeds and the "
            "items taken as samples: the wider of the paired t-interval over seeds and the Dorfman-Berbaum-Metz-Hillis "
            "interval (the former alone where each seed has items of its own, as the mixtures of separation). "
            "Supported: the whole interval lies above zero; contradicted: below; else inconclusive, as is anything "
            "from a single seed. The best constant is chosen in hindsight, from the true counts of the test scenes, "
            "for each seed and score. The intervals are not corrected for the number of statements: about one in "
            "twenty misses the truth."
        ),
        columns=("Score", "Difference", "Verdict"),
        rows=tuple(row for part in parts for row in part(study) if row is not None),
    )


def _heatmaps(study: Study) -> Iterator[Row | None]:
    for method, ordering in names.in_order(study.rows("localization")):
        if not study.stages(method, ordering) or (method == "cavl" and ordering != "c1"):
            continue
        own = _heatmap(study, method, ordering)
        for control in ("unaligned", "random-centre", "other-audio"):
            yield _statement(HEATMAPS, CIOU, own, _heatmap(study, method, ordering, control))
        yield _statement(HEATMAPS, CIOU, own, _heatmap(study, method, UNTRAINED))
        own_sound = _pointing(study, method, ordering)
        other_sound = _pointing(study, method, ordering, "hit_other", "absent-kind")
        yield _statement(HEATMAPS, POINTING, own_sound, other_sound)
        yield _statement(HEATMAPS, POINTING, own_sound, _pointing(study, method, UNTRAINED))
        for trivial in names.MASKS:
            yield _statement(HEATMAPS, CIOU, own, _heatmap(study, trivial, "none", MASK))


def _orderings(study: Study) -> Iterator[Row | None]:
    for method, ordering, control in matched_pairs(study):
        a, b = (method, ordering), (method, control)
        sides: list[tuple[Metric, Side, Side]] = [
            (POINTING, _pointing(study, *a), _pointing(study, *b)),
            (CIOU, _heatmap(study, *a), _heatmap(study, *b)),
            (Metric("Probe accuracy"), _probe(study, "miniature", *a), _probe(study, "miniature", *b)),
        ]
        for metric, worth in COUNTS:
            sides.append((metric, _counter(study, worth, *a), _counter(study, worth, *b)))
        for variant in study.variants("separation", *a):
            sides.append((SDR, _separator(study, *a, variant), _separator(study, *b, variant)))
        for metric, first, second in sides:
            yield _statement(ORDERINGS, metric, _besides(study, a, first), _besides(study, b, second))


def _features(study: Study) -> Iterator[Row | None]:
    for name in dict.fromkeys(n.variant for n in study.select("classification") if n.variant):
        metric = Metric(f"{names.PROBES.get(name, name)} accuracy")
        for method, ordering in names.in_order(study.rows("classification")):
            if study.stages(method, ordering) and (method != "cavl" or ordering in ("c1", "c1-c2")):
                own = _probe(study, name, method, ordering)
                for other in ((method, UNTRAINED), ("spectrogram-statistics", "none")):
                    yield _statement(FEATURES, metric, own, _probe(study, name, *other))
        if name != "miniature":  # there it is among the orderings
            source, scene = (_probe(study, name, "cavl", ordering) for ordering in ("c1-c2", "c1-c2scene"))
            yield _statement(FEATURES, metric, source, scene)


def _counting(study: Study) -> Iterator[Row | None]:
    every = names.in_order(study.rows("counting"))
    for method, ordering in every:
        for metric, worth in COUNTS:
            own = _counter(study, worth, method, ordering)
            yield _statement(COUNTING, metric, own, _constant(study, worth, own.nodes))
            for _, other in (who for who in every if who[0] == method):
                yield _statement(COUNTING, metric, own, _counter(study, worth, method, other, PERMUTED))
            if ordering != UNTRAINED:
                yield _statement(COUNTING, metric, own, _counter(study, worth, method, UNTRAINED))


def _separation(study: Study) -> Iterator[Row | None]:
    for method, ordering in names.in_order(study.rows("separation")):
        variants = study.variants("separation", method, ordering)
        for variant in variants:
            who = (method, ordering, variant)
            own = _separator(study, *who)
            for control in ("shuffled", "mixture"):
                yield _statement(SEPARATION, SDR, own, _separator(study, *who, control))
            solo = _separator(study, *who, "located-solo")
            yield _statement(SEPARATION, SDR, solo, _separator(study, *who, "shuffled-solo"))
            if ordering != UNTRAINED:
                yield _statement(SEPARATION, SDR, own, _separator(study, method, UNTRAINED, variant))
        first = _separator(study, method, ordering, variants[0])
        yield _statement(SEPARATION, SDR, first, _separator(study, method, ordering, None, "audio-assignment"))
        for other in variants[1:]:
            yield _statement(SEPARATION, SDR, first, _separator(study, method, ordering, other))


def matched_pairs(study: Study) -> list[tuple[str, str, str]]:
    """(method, ordering, control) trained alike but for what they were trained on.

    The first of each group of equal schedules, in the order of :data:`names.ORDERINGS`, stands against the others.
    """
    groups: dict[tuple[str, object], list[str]] = {}
    for method, ordering in names.in_order(study.rows("localization", "classification", "counting", "separation")):
        if stages := study.stages(method, ordering):
            groups.setdefault((method, names.schedule(stages)), []).append(ordering)
    return [(method, group[0], other) for (method, _), group in groups.items() for other in group[1:]]


def _besides(study: Study, who: tuple[str, str], side: Side) -> Side:
    """``side``, named with the counter that its ordering had besides equal compute, if it had one."""
    counter = names.counter_of(study.stages(*who) or ())
    return replace(side, name=f"{side.name} ({counter})") if counter else side


# -- sides -------------------------------------------------------------------------------------------------------------


def _heatmap(study: Study, method: str, ordering: str, which: str = "aligned") -> Side:
    return Side(
        name=label(method, ordering, which),
        nodes=study.select("localization", method, ordering),
        score=lambda node: ciou_hits(study, node, which, MASK if which == MASK else DEFAULT_RULE),
    )


def _pointing(study: Study, method: str, ordering: str, column: str = "hit", heard: str = "") -> Side:
    return Side(
        name=label(method, ordering, heard),
        nodes=study.select("localization", method, ordering),
        score=lambda node: pointing_hits(study, node, column),
    )


def _probe(study: Study, name: str, method: str, ordering: str) -> Side:
    return Side(
        name=label(method, ordering),
        nodes=study.select("classification", method, ordering, name),
        score=lambda node: correct(study, node),
    )


def _counter(study: Study, worth: Worth, method: str, ordering: str, labels: str = TRUE) -> Side:
    return Side(
        name=label(method, ordering, labels),
        nodes=study.select("counting", method, ordering, labels),
        score=lambda node: counted(study, node, worth),
    )


def _constant(study: Study, worth: Worth, nodes: list[Node]) -> Side:
    return Side(name="the best constant", nodes=nodes, score=lambda node: best_constant(study, node, worth))


def _separator(study: Study, method: str, ordering: str, variant: str | None, row: str = "") -> Side:
    """``row``: "" for the headline."""
    return Side(
        name="the mixture as the estimate" if row == "mixture" else label(method, ordering, row, variant or ""),
        nodes=study.select("separation", method, ordering, variant),
        score=lambda node: ratios(study, node, row or main_row([node])),
    )


def _statement(group: str, metric: Metric, first: Side, second: Side) -> Row | None:
    """None where the plan lacks a side, or where finished runs have no such scores (the method lacks the ability)."""
    if not first.nodes or not second.nodes:
        return None
    a, b = first.scores(), second.scores()
    finished = [{node.seed for node in side.nodes if node.run} for side in (first, second)]
    known = a.keys() & b.keys()
    if not known and finished[0] & finished[1]:
        return None
    nodes = {node.key: node for node in (*first.nodes, *second.nodes)}.values()
    parts = tuple(
        Part(seed=n.seed, run=n.run.id, stale=n.run.stale) if n.run else Part(seed=n.seed, problem=n.problem)
        for n in nodes
    )
    statement = f"{first.name} above {second.name}"
    if not known:
        return Row(label=statement, group=group, cells=(words(metric.name), Cell(parts=parts), words("–")))
    difference = paired(a, b)
    cell = Cell(parts=parts, items=difference.items, difference=difference, scale=metric.scale, digits=metric.digits)
    return Row(label=statement, group=group, cells=(words(metric.name), cell, words(difference.verdict)))
