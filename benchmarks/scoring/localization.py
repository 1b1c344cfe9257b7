"""Localization by somebody else's model: maps in a folder, scored as the suite scores its own (PROTOCOLS §6).

A map of any size is enlarged bilinearly to the set's grid, scaled to [0, 1] and binarised by every rule; the blind rows
are scored over the same items, and the difference to each is paired. An item whose map is missing, or cannot be read,
has no score and counts in none: the coverage says how many there are.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import t as student

from benchmarks.datasets.boxes import Item
from benchmarks.datasets.test_sets import Opened
from benchmarks.items import ItemTable
from benchmarks.metrics import detection, negatives
from benchmarks.metrics import localization as metrics
from benchmarks.progress import Report
from benchmarks.scoring import blind
from benchmarks.scoring.maps import Folder, Prediction, PredictionError
from cavl.images import heatmaps
from registry.item_table import condition

Map = npt.NDArray[np.float64]
HEADLINE = "threshold=0.5"
ADAPTIVE = "adaptive"  # as many pixels as the truth has: an oracle
RULES = (*metrics.BINARISATIONS, ADAPTIVE)
ROW = "aligned"  # as in the suite's own runs, so that items pair
MASK = "mask"


@dataclass(frozen=True, slots=True, kw_only=True)
class HowScored:
    """Choices that are part of a score's name."""

    as_they_are: bool = False  # maps are in [0, 1] already: 0.5 stands for them unscaled
    confidence: str = "maximum"  # of a map, where no file says it; "none": it has none
    ap: str = "steps"
    threshold: float | None = None  # of confidences, chosen on validation items
    seed: int = 0  # of the random boxes

    def __post_init__(self) -> None:
        if self.confidence not in (*negatives.CONFIDENCES, "none"):
            raise ValueError(f"unknown confidence {self.confidence!r}; known: {', '.join(negatives.CONFIDENCES)}, none")
        if self.ap not in detection.RULES:
            raise ValueError(f"unknown rule {self.ap!r} of average precision; known: {', '.join(detection.RULES)}")


@dataclass(slots=True)
class Scored:
    """What the items scored, in their order, those that have a map."""

    items: list[Item] = field(default_factory=list)
    cious: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # rule or blind row -> cIoUs
    flags: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    hits: list[bool] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    confidences: dict[str, float | None] = field(default_factory=dict)  # of negatives, too
    rescaled: dict[str, bool] = field(default_factory=dict)  # whether a map that gave a confidence goes from 0 to 1
    constant: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    excluded: dict[str, str] = field(default_factory=dict)


def on_grid(prediction: Prediction, size: tuple[int, int], how: HowScored) -> tuple[Map, bool]:
    """(H, W) in [0, 1] at the grid's size, and whether the map says nothing, being constant.

    Raises :class:`PredictionError` for a map that is to be taken as it is and leaves [0, 1].
    """
    values = prediction.values
    constant = bool(values.min() == values.max())
    if not how.as_they_are:
        return heatmaps(torch.from_numpy(values)[None, None], size)[0, 0].numpy(), constant
    if prediction.scaled:
        values = values / (65_535 if values.max() > 255 else 255)
    if values.min() < 0 or values.max() > 1:
        raise PredictionError(f"its values go from {values.min():.4g} to {values.max():.4g}, not within [0, 1]")
    tensor = torch.from_numpy(values)[None, None]
    grown = torch.nn.functional.interpolate(tensor, size, mode="bilinear", align_corners=False)
    return grown[0, 0].clamp(0, 1).numpy(), constant


def measure(
    opened: Opened, folder: Folder, how: HowScored, told: Mapping[str, float], progress: Report
) -> tuple[dict[str, Any], ItemTable]:
    """The result of one set of predictions, and its items.

    ``told``: item -> confidence, where a table of them was given.

    Raises
    ------
    ValueError
        If no item has a map that can be read.
    """
    found = Scored()
    total = len(opened.items) + len(opened.negatives)
    for number, (item, g, masks) in enumerate(blind.claims(opened, how.seed), start=1):
        _score(found, item, g, masks, folder, how, told, opened.marked.size)
        progress(number, total)
    for number, item in enumerate(opened.negatives, start=1):
        prediction = _read(found, item, folder)
        if prediction is not None:
            _be_certain(found, item, prediction, how, told)
        progress(len(opened.items) + number, total)
    if not found.items:
        why = next(iter(found.excluded.items()), None)
        said = f"; {why[0]}: {why[1]}" if why else f"; the first that is missing: {next(iter(found.missing), '')}"
        raise ValueError(f"{folder.path} has no map that can be read for any of {len(opened.items)} items{said}")
    return _result(opened, folder, found, how), _table(found)


def _read(found: Scored, item: Item, folder: Folder) -> Prediction | None:
    try:
        prediction = folder.read(item.prediction)
    except PredictionError as error:
        found.excluded[item.id] = str(error)
        return None
    if prediction is None:
        found.missing.append(item.id)
    return prediction


def _score(
    found: Scored,
    item: Item,
    g: Map,
    masks: Mapping[str, Any],
    folder: Folder,
    how: HowScored,
    told: Mapping[str, float],
    size: tuple[int, int],
) -> None:
    prediction = _read(found, item, folder)
    if prediction is None:
        return
    try:
        heat, constant = on_grid(prediction, size, how)
    except PredictionError as error:
        found.excluded[item.id] = str(error)
        return
    found.items.append(item)
    found.classes.append(metrics.size_class(g))
    found.hits.append(metrics.pointing(heat, g > 0))
    _be_certain(found, item, prediction, how, told)
    if constant:
        found.constant.append(item.id)
    for rule in metrics.BINARISATIONS:
        masks = {**masks, rule: metrics.binarise(heat, rule)}
    masks = {**masks, ADAPTIVE: metrics.highest(heat, int(np.count_nonzero(g)))}
    for row, mask in masks.items():
        found.cious[row].append(metrics.ciou(mask, g))
        found.flags[row].append(metrics.degenerate(mask))


def _be_certain(found: Scored, item: Item, prediction: Prediction, how: HowScored, told: Mapping[str, float]) -> None:
    """Note what a table, else the file, else the unscaled map says; pictures of grey values are scaled: nothing."""
    certain = told.get(item.id, told.get(item.prediction, prediction.confidence))
    if certain is None and how.confidence != "none" and not prediction.scaled:
        certain = negatives.confidence(prediction.values, how.confidence)
        found.rescaled[item.id] = bool(prediction.values.min() == 0 and prediction.values.max() == 1)
    found.confidences[item.id] = certain


def _without_rescaled(found: Scored) -> bool:
    """Maps that all go from 0 to 1 were rescaled one by one: what their values say is no confidence."""
    if len(found.rescaled) < 2 or not all(found.rescaled.values()):
        return False
    found.confidences.update(dict.fromkeys(found.rescaled))
    return True


def _result(opened: Opened, folder: Folder, found: Scored, how: HowScored) -> dict[str, Any]:
    rescaled = _without_rescaled(found)
    rules = {rule: _of_rule(opened, found, rule, how) for rule in RULES}
    blind_rows = [row for row in found.cious if row not in RULES]
    names = [item.prediction for item in (*opened.items, *opened.negatives)]
    n = len(opened.items)
    left = [id for id in found.excluded if id not in {item.id for item in opened.negatives}]
    away = [id for id in found.missing if id not in {item.id for item in opened.negatives}]
    notes = []
    if others := folder.others(names):
        notes.append(f"files that are no item's: {len(others)} (the first: {others[0]})")
    if found.constant:
        notes.append(f"maps that are constant, and point nowhere: {len(found.constant)} ({found.constant[0]})")
    if rescaled:
        notes.append("every map goes from 0 to 1: they were rescaled one by one, and have no confidence")
    return {
        "score": rules[HEADLINE]["ciou@0.5"],
        "rules": rules,
        "pointing": float(np.mean(found.hits)),
        "blind": {
            row: {**metrics.summarise(found.cious[row], found.flags[row]), **difference(found, row)}
            for row in blind_rows
        },
        **({} if rescaled else _silence(opened, folder)),
        "items": len(found.items),
        "coverage": f"{len(found.items):,} of {n:,} (missing {len(away):,}, refused {len(left):,})",
        "missing": found.missing,
        "excluded": found.excluded,
        **{name: value for name, value in blind.account(opened).items() if name != "notes"},
        "notes": [*opened.notes, *notes],
    }


def _of_rule(opened: Opened, found: Scored, rule: str, how: HowScored) -> dict[str, Any]:
    cious = found.cious[rule]
    scores: dict[str, Any] = dict(metrics.summarise(cious, found.flags[rule]))
    scores |= {"ciou@0.3": metrics.success_rate(cious, 0.3), **blind.in_groups(opened, found.items, cious)}
    scores["sizes"] = blind.by_size(cious, found.classes)
    silent = [item for item in opened.negatives if item.id in found.confidences]
    everything = [*found.items, *silent]
    certain = [found.confidences[item.id] for item in everything]
    if silent and not any(one is None for one in certain):
        columns = [*cious, *[math.nan] * len(silent)], [bool(item.boxes) for item in everything], certain
        scores["ap"] = detection.average_precision(*columns, rule=how.ap)
        best = detection.max_f1(*columns)
        scores |= {"max_f1": best["max_f1"], "max_f1_at": best["threshold"]}
        if how.threshold is not None:
            scores["at_threshold"] = detection.at_threshold(*columns, how.threshold)
    return scores


def _silence(opened: Opened, folder: Folder) -> dict[str, Any]:
    """pIA and AUC_N over the negatives whose maps are not scaled; read twice, for they may be too many to be kept."""
    maxima = [float(values.max()) for values in _unscaled(opened.negatives, folder)]
    if not maxima:
        return {}
    threshold = negatives.universal_threshold(maxima)
    areas = [negatives.pia(values, threshold) for values in _unscaled(opened.negatives, folder)]
    scores = {"pia": float(np.mean(areas)), "auc_n": negatives.auc_n(areas), "threshold": threshold}
    return {"silence": {**scores, "items": len(areas)}}


def _unscaled(items: Sequence[Item], folder: Folder) -> Iterator[Map]:
    for item in items:
        with contextlib.suppress(PredictionError):
            prediction = folder.read(item.prediction)
            if prediction is not None and not prediction.scaled:
                yield prediction.values


def difference(found: Scored, row: str) -> dict[str, Any]:
    """``difference``: of the mean cIoU, the maps' less a blind row's, over the same items; ``interval``: its 95 %
    t-interval over clusters (frames of one video, sources of one picture), None for a single one."""
    gains: dict[str, list[float]] = defaultdict(list)
    for item, own, other in zip(found.items, found.cious[HEADLINE], found.cious[row], strict=True):
        gains[item.cluster or item.id].append(own - other)
    sums = np.array([sum(some) for some in gains.values()])
    sizes = np.array([len(some) for some in gains.values()])
    mean, k = float(sums.sum() / sizes.sum()), len(sums)
    if k < 2:
        return {"difference": mean, "interval": None}
    rest = sums - mean * sizes
    error = math.sqrt(k / (k - 1) * float(np.square(rest).sum())) / int(sizes.sum())
    half = float(student.ppf(0.975, k - 1)) * error
    return {"difference": mean, "interval": [mean - half, mean + half]}


def _table(found: Scored) -> ItemTable:
    table = ItemTable()
    table.clusters = {item.id: item.cluster for item in found.items if item.cluster and item.cluster != item.id}
    for row, cious in found.cious.items():
        own, rule = (ROW, row) if row in RULES else (row, MASK)
        for item, ciou in zip(found.items, cious, strict=True):
            table.add(item.id, condition({"row": own, "rule": rule}), "ciou", ciou)
    for item, hit in zip(found.items, found.hits, strict=True):
        table.add(item.id, condition({"row": ROW}), "pointing", float(hit))
    for id, certain in found.confidences.items():
        if certain is not None:
            table.add(id, condition({"row": ROW}), "confidence", certain)
    for id in found.missing:
        table.add(id, condition({"row": ROW, "rule": HEADLINE}), "ciou", math.nan, "missing")
    for id, why in found.excluded.items():
        table.add(id, condition({"row": ROW, "rule": HEADLINE}), "ciou", math.nan, why)
    return table


def headline(result: Mapping[str, Any]) -> Sequence[str]:
    """What is to be known of the numbers, in sentences."""
    lines = [f"scored: {result['coverage']}"]
    for what, listed in (("missing", result["missing"]), ("refused", list(result["excluded"]))):
        if listed:
            lines.append(f"{what}: {len(listed):,} ({', '.join(listed[:3])}{', ...' if len(listed) > 3 else ''})")
    for id, why in list(result["excluded"].items())[:3]:
        lines.append(f"  {id}: {why}")
    return lines
