"""Statements "this is above that", each tested on the same items and seeds (PROTOCOLS §10).

Which pairs are compared: a heatmap and its controls, a trained network and the same one untrained, a trained method and
the trivial ones, and orderings with each other only where their compute is equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reports import names
from reports.cells import Cell, Part, Row, Table, words
from reports.names import DEFAULT_RULE, MASK, UNTRAINED, label
from reports.statistics import Scores, paired
from reports.study import Node, Study, ciou_hits, correct, pointing_hits

Score = Callable[[Node], Scores]  # of a run: item -> score

HEATMAPS = "Does the heatmap follow the sound, and does training help?"
ORDERINGS = "Orderings with equal compute"
FEATURES = "Sound classification"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a statement: what it is called, its planned runs, and how they were scored item by item."""

    name: str
    nodes: list[Node]
    score: Score = field(repr=False)

    def scores(self) -> dict[int, Scores]:
        return {node.seed: found for node in self.nodes if (found := self.score(node))}


def differences(study: Study) -> Table:
    """Every statement of which the plan has both sides."""

    def heatmap(method: str, ordering: str, which: str = "aligned") -> Side:
        rule = MASK if which == MASK else DEFAULT_RULE
        return Side(
            name=label(method, ordering, which),
            nodes=study.select("localization", method, ordering),
            score=lambda node: ciou_hits(study, node, which, rule),
        )

    def pointing(method: str, ordering: str, column: str = "hit", heard: str = "") -> Side:
        nodes = study.select("localization", method, ordering)
        name = label(method, ordering, heard)
        return Side(name=name, nodes=nodes, score=lambda node: pointing_hits(study, node, column))

    def probe(name: str, method: str, ordering: str) -> Side:
        nodes = study.select("classification", method, ordering, name)
        return Side(name=label(method, ordering), nodes=nodes, score=lambda node: correct(study, node))

    rows: list[Row | None] = []
    trained = [who for who in names.in_order(study.rows("localization")) if study.stages(*who)]
    for method, ordering in trained:
        if method == "cavl" and ordering != "c1":
            continue
        own = heatmap(method, ordering)
        for control in ("unaligned", "random-centre", "other-audio"):
            rows.append(_statement(HEATMAPS, "cIoU@0.5", own, heatmap(method, ordering, control)))
        rows.append(_statement(HEATMAPS, "cIoU@0.5", own, heatmap(method, UNTRAINED)))
        own_sound, other_sound = pointing(method, ordering), pointing(method, ordering, "hit_other", "absent-kind")
        rows.append(_statement(HEATMAPS, "Pointing (3)", own_sound, other_sound))
        rows.append(_statement(HEATMAPS, "Pointing (3)", own_sound, pointing(method, UNTRAINED)))
        for trivial in names.MASKS:
            rows.append(_statement(HEATMAPS, "cIoU@0.5", own, heatmap(trivial, "none", MASK)))

    for method, ordering, control in matched_pairs(study):
        a, b = (method, ordering), (method, control)
        rows.append(_statement(ORDERINGS, "Pointing (3)", pointing(*a), pointing(*b)))
        rows.append(_statement(ORDERINGS, "cIoU@0.5", heatmap(*a), heatmap(*b)))
        rows.append(_statement(ORDERINGS, "Probe accuracy", probe("miniature", *a), probe("miniature", *b)))

    for name in dict.fromkeys(n.probe for n in study.select("classification") if n.probe):
        metric = f"{names.PROBES.get(name, name)} accuracy"
        for method, ordering in names.in_order(study.rows("classification")):
            if study.stages(method, ordering) and (method != "cavl" or ordering in ("c1", "c1-c2")):
                for other in ((method, UNTRAINED), ("spectrogram-statistics", "none")):
                    rows.append(_statement(FEATURES, metric, probe(name, method, ordering), probe(name, *other)))
        if name != "miniature":  # there it is among the orderings
            source, scene = (probe(name, "cavl", ordering) for ordering in ("c1-c2", "c1-c2scene"))
            rows.append(_statement(FEATURES, metric, source, scene))
    return Table(
        name="differences",
        short="Differences",
        title="Paired differences",
        caption=(
            "Each statement says that the first is above the second. Difference in percentage points, paired over the "
            "same items and seeds, ± half of its 95 % interval with both the seeds and the items taken as samples (the "
            "wider of the paired t-interval over seeds and the Dorfman-Berbaum-Metz-Hillis interval). Supported: the "
            "whole interval lies above zero; contradicted: below; else inconclusive, as is anything from a single "
            "seed. The intervals are not corrected for the number of statements: about one in twenty misses the truth."
        ),
        columns=("Score", "Difference", "Verdict"),
        rows=tuple(row for row in rows if row is not None),
    )


def matched_pairs(study: Study) -> list[tuple[str, str, str]]:
    """(method, ordering, control) trained alike but for what they were trained on.

    The first of each group of equal schedules, in the order of :data:`names.ORDERINGS`, stands against the others.
    """
    groups: dict[tuple[str, object], list[str]] = {}
    for method, ordering in names.in_order(study.rows("localization", "classification")):
        if stages := study.stages(method, ordering):
            groups.setdefault((method, names.schedule(stages)), []).append(ordering)
    return [(method, group[0], other) for (method, _), group in groups.items() for other in group[1:]]


def _statement(group: str, metric: str, first: Side, second: Side) -> Row | None:
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
        return Row(label=statement, group=group, cells=(words(metric), Cell(parts=parts), words("–")))
    difference = paired(a, b)
    cell = Cell(parts=parts, items=difference.items, difference=difference)
    return Row(label=statement, group=group, cells=(words(metric), cell, words(difference.verdict)))
