"""Paired comparison: what can be compared with what, item by item, and the difference of two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from reports.cells import Cell, Part, Row, words
from reports.fairness import Inequalities, Who, said
from reports.item_scores import along_the_way
from reports.labels import label
from reports.results import Node, Study, dig
from reports.statistics import Difference, Scores, common_seeds, paired

NOTHING: Inequalities = {}


class Metric(NamedTuple):
    """What is compared, and how its differences are printed."""

    name: str
    scale: float = 100.0
    digits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a statement: what it is called, its planned runs, and how they were scored item by item."""

    name: str
    nodes: list[Node]
    score: Callable[[Node], Scores] = field(repr=False)

    def scores(self) -> dict[int, Scores]:
        return {node.seed: found for node in self.nodes if (found := self.score(node))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score in which runs of a task are compared: what each test item of a run has in it.

    ``variant``: only of these runs of the task; ``named``: what a method with an ordering is called in it.
    """

    task: str
    metric: Metric
    items: Callable[[Study, Node], Scores] = field(repr=False)
    variant: str | None = None
    named: Callable[[str, str], str] = label

    def side(self, study: Study, method: str, ordering: str) -> Side:
        variants = study.variants(self.task, method, ordering)
        return Side(
            name=self.named(method, ordering),
            # A method of which the task has only one sort of run has no variant.
            nodes=study.select(self.task, method, ordering, None if variants == [None] else self.variant),
            score=lambda node: self.items(study, node),
        )

    def sides(self, study: Study, first: Who, second: Who) -> tuple[Side, Side]:
        return self.side(study, *first), self.side(study, *second)

    def whose(self, study: Study, who: Who) -> Who:
        """Whose runs tell the score of ``who``: an arm's, where one was trained for what is scored."""
        return who

    def of(self, study: Study) -> Callable[[Node], Scores]:
        """What a run's test items have in it, as a cell asks."""
        return lambda node: self.items(study, node)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingScore:
    """As :class:`Score`: the mean of what was measured along the way of training the weights that ``task`` measured.

    Both sides are told from the updates that they have in common, seed by seed. ``last``: of the last stage alone.
    """

    task: str
    metric: Metric
    measured: str
    last: bool = False

    def whose(self, study: Study, who: Who) -> Who:
        return who

    def sides(self, study: Study, first: Who, second: Who) -> tuple[Side, Side]:
        def side(who: Who, other: Who) -> Side:
            beside = {node.seed: node for node in study.select(self.task, *other)}

            def score(node: Node) -> Scores:
                if node.seed not in beside:
                    return {}
                return along_the_way(study, node, self.measured, beside[node.seed], last=self.last)

            return Side(name=label(*who), nodes=study.select(self.task, *who), score=score)

        return side(first, second), side(second, first)


def same_for_all(side: Side, name: str, which: str) -> Side:
    """What needs no training, on the items of ``side``: the score ``which`` of its own results (chance, majority)."""

    def score(node: Node) -> Scores:
        value = dig(node.run.result, which) if node.run else None
        return dict.fromkeys(side.score(node), value) if isinstance(value, int | float) else {}

    return Side(name=name, nodes=side.nodes, score=score)


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


def statement(group: str, metric: Metric, first: Side, second: Side, unequal: Inequalities = NOTHING) -> Row | None:
    """That the first is above the second, as a row of the paired differences; inconclusive where they are ``unequal``.

    None where the plan lacks a side, or where finished runs have no such scores (the method lacks the ability).
    """
    if not first.nodes or not second.nodes or unable(first, second):
        return None
    cell, difference = compare(metric, first, second)
    its = "–" if difference is None else f"inconclusive: {said(unequal)}" if unequal else difference.verdict
    return Row(label=f"{first.name} above {second.name}", group=group, cells=(words(metric.name), cell, words(its)))
