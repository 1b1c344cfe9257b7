"""Scores per item, read from the files that the runs left: what paired comparisons are made of."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable

from reports.results import Node, Study
from reports.statistics import Scores


def ciou_hits(study: Study, node: Node, row: str, rule: str) -> Scores:
    """Image -> 1 where its cIoU reaches 0.5, else 0 (their mean is cIoU@0.5); NaN stays NaN."""
    if node.run is None:
        return {}
    scores = {}
    for line in study.table(node.run, "items.csv"):
        if (line.get("row"), line.get("rule")) == (row, rule):
            value = _number(line.get("ciou"))
            scores[str(line.get("item"))] = value if math.isnan(value) else float(value >= 0.5)
    return scores


def pointing_hits(study: Study, node: Node, column: str = "hit") -> Scores:
    """Three-source image -> the share of its sources whose own object was pointed at.

    ``column="hit_other"``: pointed at by the sound of a kind that is not in the scene, the control.
    """
    if node.run is None:
        return {}
    hits: dict[str, list[float]] = {}
    for line in study.table(node.run, "pointing.csv"):
        if line.get("n_sources", "3") != "3":
            continue
        hits.setdefault(str(line.get("item")), []).append(_number(line.get(column)))
    return {item: sum(h) / len(h) for item, h in hits.items()}


def correct(study: Study, node: Node) -> Scores:
    """Recording -> 1 where the probe named its class, else 0."""
    if node.run is None:
        return {}
    return {
        str(line.get("item")): float(line.get("label") == line.get("predicted"))
        for line in study.table(node.run, "items.csv")
    }


def recognised(study: Study, node: Node) -> Scores:
    """Group of test clips -> the share of them whose action was named.

    Clips of a group show the same object before the same background, or are cut from one film: they are not
    independent, so that all of them are one item. A clip without a group is an item of its own.
    """
    if node.run is None:
        return {}
    told: dict[str, list[float]] = {}
    for line in study.table(node.run, "items.csv"):
        item = f"group {group}" if (group := line.get("group")) else str(line.get("item"))
        told.setdefault(item, []).append(float(line.get("label") == line.get("predicted")))
    return {item: sum(right) / len(right) for item, right in told.items()}


def correspondences(study: Study, node: Node) -> Scores:
    """Image -> its balanced accuracy: the mean of the shares told right of its matched and its mismatched pairs.

    Every image has as many pairs of either sort as any other, so the mean over images is that over all pairs.
    """
    return _balanced(study, node, lambda line: True)


def synchronies(study: Study, node: Node, which: str) -> Scores:
    """Scene -> the balanced accuracy of its pairs, of all its moments, in one of :data:`names.SETS`."""
    return _balanced(study, node, lambda line: line.get("set") == which)


def choices(study: Study, node: Node, which: str) -> Scores:
    """Scene -> the share of its moments whose own sound scores above the wrong one, in one of :data:`names.SETS`.

    Ties count half; chance is 1/2. This is a two-alternative forced choice (2AFC), which needs no threshold. NaN stays
    NaN.
    """
    if node.run is None:
        return {}
    moments: dict[tuple[str, str], dict[float, list[float]]] = {}  # (item, start) -> matched or not -> scores
    for line in study.table(node.run, "items.csv"):
        if line.get("set") == which:
            by_truth = moments.setdefault((str(line.get("item")), str(line.get("start"))), {})
            by_truth.setdefault(_number(line.get("matched")), []).append(_number(line.get("score")))
    chosen: dict[str, list[float]] = {}
    for (item, _), by_truth in moments.items():
        for own, wrong in itertools.product(by_truth.get(1.0, ()), by_truth.get(0.0, ())):
            worth = (own > wrong) + (own == wrong) / 2
            chosen.setdefault(item, []).append(math.nan if math.isnan(own) or math.isnan(wrong) else worth)
    return {item: sum(worth) / len(worth) for item, worth in chosen.items()}


def _balanced(study: Study, node: Node, wanted: Callable[[dict[str, str]], bool]) -> Scores:
    """Item -> the mean of the shares told right of its matched and its mismatched pairs, where it has both."""
    if node.run is None:
        return {}
    told: dict[str, dict[float, list[float]]] = {}  # item -> matched or not -> right or not
    for line in filter(wanted, study.table(node.run, "items.csv")):
        by_truth = told.setdefault(str(line.get("item")), {})
        by_truth.setdefault(_number(line.get("matched")), []).append(_number(line.get("right")))
    return {
        item: sum(sum(right) / len(right) for right in by_truth.values()) / 2
        for item, by_truth in told.items()
        if by_truth.keys() == {0.0, 1.0}
    }


def along_the_way(study: Study, node: Node, metric: str, beside: Node) -> Scores:
    """The mean of a metric over the updates behind the node's weights (trapezoid rule), as a single item.

    Only of the updates at which it was measured behind ``beside`` too: between updates curves are bent, and a mean over
    others would differ without any difference of the weights. Nothing where a stage of either is not finished.
    """
    own, other = (_measured(study, n, metric) for n in (node, beside))
    steps = sorted(own.keys() & other.keys())
    if len(steps) < 2:
        return {}
    area = sum((right - left) * (own[left] + own[right]) / 2 for left, right in itertools.pairwise(steps))
    return {f"mean {metric}": area / (steps[-1] - steps[0])}


def _measured(study: Study, node: Node, metric: str) -> dict[int, float]:
    """Update -> value, over all the stages behind the node's weights; nothing unless all of them are finished."""
    if node.run is None or any(stage.run is None for stage in study.training(node)):
        return {}
    return dict(zip(*study.history(node, metric), strict=True))


#: What a prediction of a number of sources is worth: right or wrong, and minus its distance, so that more is better.
Worth = Callable[[float, float], float]


def right(predicted: float, true: float) -> float:
    return float(predicted == true)


def minus_error(predicted: float, true: float) -> float:
    return -abs(predicted - true)


def counted(study: Study, node: Node, worth: Worth) -> Scores:
    """Scene -> what its most probable count is worth."""
    return {item: worth(mode, true) for item, (mode, true) in _counts(study, node).items()}


def best_constant(study: Study, node: Node, worth: Worth) -> Scores:
    """Scene -> what the constant prediction is worth that, with hindsight, serves the run's test scenes best."""
    numbers = {item: true for item, (_, true) in _counts(study, node).items()}
    by_constant = [{item: worth(c, true) for item, true in numbers.items()} for c in range(1, 6)]
    return max(by_constant, key=lambda scores: sum(scores.values()))


def _counts(study: Study, node: Node) -> dict[str, tuple[float, float]]:
    """Scene -> (its most probable count, its number of sources)."""
    if node.run is None:
        return {}
    return {
        str(line.get("item")): (_number(line.get("mode")), _number(line.get("n_sources")))
        for line in study.table(node.run, "items.csv")
    }


def ratios(study: Study, node: Node, row: str, measure: str = "sdr") -> Scores:
    """Separated sound -> its SDR (``measure`` "sir": SIR, "sar": SAR) in dB, for one row of a separation run.

    Sounds that were excluded are not there.

    Every seed mixes pairs of its own, so the seed is part of the item's name.
    """
    if node.run is None:
        return {}
    return {
        f"seed {node.seed}, pair {line.get('pair')}: {line.get('item')}": value
        for line in study.table(node.run, "items.csv")
        if line.get("row") == row and not math.isnan(value := _number(line.get(measure)))
    }


def left_out(study: Study, node: Node) -> Counter[tuple[str, str]]:
    """(row, reason) -> how many sounds a separation run left out of it."""
    lines = study.table(node.run, "items.csv") if node.run else []
    return Counter((str(line.get("row")), reason) for line in lines if (reason := line.get("excluded")))


def _number(text: str | None) -> float:
    """CSV text as a float; truth values as 1 and 0; anything else NaN."""
    if text in ("True", "False"):
        return float(text == "True")
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
