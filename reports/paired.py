"""What can be compared with what: a score of planned runs, item by item, and the difference of two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from reports import names
from reports.cells import Cell, Part
from reports.headline import main_row
from reports.item_scores import (
    Worth,
    along_the_way,
    best_constant,
    choices,
    ciou_hits,
    correct,
    correspondences,
    counted,
    minus_error,
    pointing_hits,
    ratios,
    recognised,
    right,
    synchronies,
)
from reports.names import DEFAULT_RULE, MASK, TRUE, label
from reports.results import Node, Study, dig
from reports.statistics import Difference, Scores, common_seeds, paired


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
AVC = Metric("AVC accuracy")


def probe_metric(name: str) -> Metric:
    return Metric(f"Probe accuracy ({names.PROBES.get(name, name)})")


def avts_metric(which: str) -> Metric:
    return Metric(f"AVTS accuracy ({names.SETS.get(which, which)})")


def choice_metric(which: str) -> Metric:
    return Metric(f"AVTS 2AFC ({names.SETS.get(which, which)})")


def action_metric(data: str) -> Metric:
    return Metric(f"Action accuracy ({names.ACTIONS.get(data, data)})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a statement: what it is called, its planned runs, and how they were scored item by item."""

    name: str
    nodes: list[Node]
    score: Callable[[Node], Scores] = field(repr=False)

    def scores(self) -> dict[int, Scores]:
        return {node.seed: found for node in self.nodes if (found := self.score(node))}


def compare(metric: Metric, first: Side, second: Side) -> tuple[Cell, Difference | None]:
    """The cell of ``first`` minus ``second``; without a difference where they have no item of a common seed."""
    nodes = {node.key: node for node in (*first.nodes, *second.nodes)}.values()
    parts = tuple(
        Part(seed=n.seed, run=n.run.id, stale=n.run.stale) if n.run else Part(seed=n.seed, problem=n.problem)
        for n in nodes
    )
    a, b = first.scores(), second.scores()
    if not common_seeds(a, b):
        return Cell(parts=parts), None
    difference = paired(a, b)
    cell = Cell(parts=parts, items=difference.items, difference=difference, scale=metric.scale, digits=metric.digits)
    return cell, difference


def unable(first: Side, second: Side) -> bool:
    """Whether finished runs of both sides have no such scores: a method lacks the ability, or files are damaged."""
    finished = [{node.seed for node in side.nodes if node.run} for side in (first, second)]
    return bool(finished[0] & finished[1]) and not common_seeds(first.scores(), second.scores())


# -- sides -------------------------------------------------------------------------------------------------------------


def heatmap(study: Study, method: str, ordering: str, which: str = "aligned") -> Side:
    return Side(
        name=label(method, ordering, which),
        nodes=study.select("localization", method, ordering),
        score=lambda node: ciou_hits(study, node, which, MASK if which == MASK else DEFAULT_RULE),
    )


def pointing(study: Study, method: str, ordering: str, column: str = "hit", heard: str = "") -> Side:
    return Side(
        name=label(method, ordering, heard),
        nodes=study.select("localization", method, ordering),
        score=lambda node: pointing_hits(study, node, column),
    )


def probe(study: Study, name: str, method: str, ordering: str) -> Side:
    return Side(
        name=label(method, ordering),
        nodes=study.select("classification", method, ordering, name),
        score=lambda node: correct(study, node),
    )


def counter(study: Study, worth: Worth, method: str, ordering: str, labels: str = TRUE) -> Side:
    return Side(
        name=label(method, ordering, labels),
        nodes=study.select("counting", method, ordering, labels),
        score=lambda node: counted(study, node, worth),
    )


def constant(study: Study, worth: Worth, nodes: list[Node]) -> Side:
    return Side(name="the best constant", nodes=nodes, score=lambda node: best_constant(study, node, worth))


def separator(study: Study, method: str, ordering: str, variant: str | None, row: str = "") -> Side:
    """``row``: "" for the headline."""
    return Side(
        name="the mixture as the estimate" if row == "mixture" else label(method, ordering, row, variant or ""),
        nodes=study.select("separation", method, ordering, variant),
        score=lambda node: ratios(study, node, row or main_row([node])),
    )


def correspondence(study: Study, method: str, ordering: str) -> Side:
    return Side(
        name=label(method, ordering),
        nodes=study.select("avc", method, ordering),
        score=lambda node: correspondences(study, node),
    )


def synchrony(study: Study, which: str, method: str, ordering: str, remark: str = "") -> Side:
    """``which``: one of :data:`names.SETS`."""
    return Side(
        name=label(method, ordering, remark),
        nodes=study.select("avts", method, ordering),
        score=lambda node: synchronies(study, node, which),
    )


def choosing(study: Study, which: str, method: str, ordering: str, remark: str = "") -> Side:
    """As :func:`synchrony`, but for any threshold: how often the own sound scores above the wrong one."""
    return Side(
        name=label(method, ordering, remark),
        nodes=study.select("avts", method, ordering),
        score=lambda node: choices(study, node, which),
    )


def more_on(study: Study, which: str, than: str, method: str, ordering: str) -> Side:
    """By how much synchronisation is told better on one of :data:`names.SETS` than on another."""

    def score(node: Node) -> Scores:
        a, b = synchronies(study, node, which), synchronies(study, node, than)
        return {item: a[item] - b[item] for item in a if item in b}

    return Side(name=label(method, ordering), nodes=study.select("avts", method, ordering), score=score)


def progress(
    study: Study, metric: str, task: str, first: tuple[str, str], second: tuple[str, str]
) -> tuple[Side, Side]:
    """The mean of what was measured along the way of training the weights that ``task`` measured in the end.

    ``first`` and ``second``: (method, ordering); both are told from the updates that they have in common, seed by seed.
    """

    def side(who: tuple[str, str], other: tuple[str, str]) -> Side:
        beside = {node.seed: node for node in study.select(task, *other)}

        def score(node: Node) -> Scores:
            return along_the_way(study, node, metric, beside[node.seed]) if node.seed in beside else {}

        return Side(name=label(*who), nodes=study.select(task, *who), score=score)

    return side(first, second), side(second, first)


def action(study: Study, data: str, method: str, ordering: str) -> Side:
    return Side(
        name=label(method, ordering),
        nodes=study.select("action", method, ordering, data),
        score=lambda node: recognised(study, node),
    )


def same_for_all(side: Side, name: str, which: str) -> Side:
    """What needs no training, on the items of ``side``: the score ``which`` of its own results (chance, majority)."""

    def score(node: Node) -> Scores:
        value = dig(node.run.result, which) if node.run else None
        return dict.fromkeys(side.score(node), value) if isinstance(value, int | float) else {}

    return Side(name=name, nodes=side.nodes, score=score)
