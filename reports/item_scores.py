"""Scores per item, from the item tables of the runs: what paired comparisons are made of."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from registry.item_table import means
from reports.results import Node, Study
from reports.statistics import Scores

if TYPE_CHECKING:
    from pandas import DataFrame


def scores(study: Study, node: Node, metric: str, **where: str) -> Scores:
    """Item -> the mean of its measurements; NaN stays NaN."""
    found = study.measurements(node, metric, **where)
    return means(found["item"], found["value"])


def condition(found: DataFrame, name: str) -> list[str | None]:
    """Of each row what its condition says under a name; None where it says nothing."""
    return list(found[name]) if name in found else [None] * len(found)


def balanced(study: Study, node: Node, **where: str) -> Scores:
    """Item -> the mean of the shares told right of its matched and its mismatched pairs, where it has both."""
    found = study.measurements(node, "right", **where)
    told = means(zip(found["item"], condition(found, "matched"), strict=True), found["value"])
    both = {item: (told.get((item, "1")), told.get((item, "0"))) for item, _ in told}
    return {item: (own + wrong) / 2 for item, (own, wrong) in both.items() if own is not None and wrong is not None}


def along_the_way(study: Study, node: Node, metric: str, beside: Node, *, last: bool = False) -> Scores:
    """The mean of a metric over the updates behind the node's weights (trapezoid rule), as a single item.

    Only of the updates at which it was measured behind ``beside`` too: between updates curves are bent, and a mean over
    others would differ without any difference of the weights. Nothing where a stage of either is not finished.
    ``last``: of the last stage alone, its updates counted from its own first.
    """
    own, other = (_measured(study, n, metric, last) for n in (node, beside))
    steps = sorted(own.keys() & other.keys())
    if len(steps) < 2:
        return {}
    area = sum((right - left) * (own[left] + own[right]) / 2 for left, right in itertools.pairwise(steps))
    return {f"mean {metric}": area / (steps[-1] - steps[0])}


def _measured(study: Study, node: Node, metric: str, last: bool) -> dict[int, float]:
    """Update -> value, over the stages behind the node's weights; nothing unless all of them are finished."""
    stages = study.training(node)
    if node.run is None or not stages or any(stage.run is None for stage in stages):
        return {}
    if last and (run := stages[-1].run):
        return dict(zip(*study.metrics(run).get(metric, ((), ())), strict=True))
    return dict(zip(*study.history(node, metric), strict=True))
