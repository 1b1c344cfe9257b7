"""Image-blind rows of a localization test set: what maps score that look at no image, from the boxes alone.

A model's score means something only beside these. The full frame; a centred square of half the area; a random box; and
the mean map: of the training annotations where the set has some (SoundNet-Flickr), else of all *other* items of the
test set, its highest half of the pixels. That one is told of the test set: an oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.trivial import CentredSquare, FullFrame, MeanTrainingMap, random_box
from benchmarks.datasets.boxes import Item
from benchmarks.datasets.flickr_soundnet import ConsensusMaps
from benchmarks.datasets.test_sets import Opened
from benchmarks.metrics import detection
from benchmarks.metrics import localization as metrics

Mask = npt.NDArray[np.bool_]
Map = npt.NDArray[np.float64]
#: Item and its truth -> what is claimed.
Answer = Callable[[Item, Map], Mask]

FULL, SQUARE, RANDOM = "full frame", "centred square", "random box"
TRAINING_MAP = "mean training map"
ORACLE = "mean map of the other items (oracle)"


def answers(opened: Opened, seed: int) -> dict[str, Answer]:
    """Row -> its answer."""
    height, width = opened.marked.size
    full, square = FullFrame().mask(height, width), CentredSquare().mask(height, width)
    found: dict[str, Answer] = {FULL: lambda item, g: full, SQUARE: lambda item, g: square}
    if opened.sides is not None and opened.sides.train and opened.marked.annotations is not None:
        mean = MeanTrainingMap()
        mean.fit(ConsensusMaps(opened.marked.annotations, opened.sides.train))
        learned = mean.mask(height, width)
        found[TRAINING_MAP] = lambda item, g: learned
    elif len(opened.items) > 1:
        total = np.zeros((height, width))
        for item in opened.items:
            total += opened.marked.truth(item)
        found[ORACLE] = lambda item, g: metrics.highest(total - g, g.size // 2)
    found[RANDOM] = lambda item, g: random_box(seed, item.id, 0, height, width)
    return found


def claims(opened: Opened, seed: int = 0) -> Iterator[tuple[Item, Map, dict[str, Mask]]]:
    """Every item with its truth and what the rows claim."""
    known = answers(opened, seed)
    for item in opened.items:
        g = opened.marked.truth(item)
        yield item, g, {row: answer(item, g) for row, answer in known.items()}


def rows(opened: Opened, seed: int = 0) -> dict[str, Any]:
    """Score every row.

    Returns
    -------
    dict
        ``rows``: name -> the scores of :func:`scores`; ``percent``: the two headline ones in percent, two decimals;
        beside them what they stand on (:func:`account`).

    Raises
    ------
    ValueError
        If no listed item has a box.
    """
    if not opened.items:
        raise ValueError(f"{opened.title}: no listed item has a box")
    cious: dict[str, list[float]] = {}
    flags: dict[str, list[bool]] = {}
    classes: list[str] = []
    for _, g, masks in claims(opened, seed):
        classes.append(metrics.size_class(g))
        for row, mask in masks.items():
            cious.setdefault(row, []).append(metrics.ciou(mask, g))
            flags.setdefault(row, []).append(metrics.degenerate(mask))
    table = {row: scores(opened, opened.items, some, flags[row], classes) for row, some in cious.items()}
    return {
        "rows": table,
        "percent": {row: {m: round(100 * one[m], 2) for m in ("ciou@0.5", "auc")} for row, one in table.items()},
        **account(opened),
        "binarisation": "the rows are masks",
        "seed": seed,
    }


def scores(
    opened: Opened, items: Sequence[Item], cious: Sequence[float], flags: Sequence[bool], classes: Sequence[str]
) -> dict[str, Any]:
    """One row: ``ciou@0.5``, ``auc``, ``mean_ciou``, ``degenerate``; where pictures have several sources ``iiou`` and
    ``iauc``; with negatives ``ap`` and ``max_f1``, of one confidence for all; ``sizes``: the first two by size class.
    """
    found: dict[str, Any] = dict(metrics.summarise(cious, flags))
    found |= in_groups(opened, items, cious)
    if opened.negatives:
        n = len(opened.negatives)
        everything = [*cious, *[float("nan")] * n], [True] * len(cious) + [False] * n, np.zeros(len(cious) + n)
        found["ap"] = detection.average_precision(*everything)
        found["max_f1"] = detection.max_f1(*everything)["max_f1"]
    return {**found, "sizes": by_size(cious, classes)}


def in_groups(opened: Opened, items: Sequence[Item], cious: Sequence[float]) -> dict[str, float]:
    """IIoU and IAUC, where there are pictures of several sources."""
    groups = [item.group if opened.grouped else "" for item in items]
    return metrics.interactive(cious, groups) if cious and metrics.smallest(cious, groups) else {}


def by_size(cious: Sequence[float], classes: Sequence[str]) -> dict[str, dict[str, float]]:
    """Size class -> ``ciou@0.5``, ``auc`` and number of ``items``."""
    found: dict[str, dict[str, float]] = {}
    for name in metrics.SIZES:
        some = [ciou for ciou, own in zip(cious, classes, strict=True) if own == name]
        if some:
            found[name] = {"ciou@0.5": metrics.success_rate(some), "auc": metrics.auc(some), "items": len(some)}
    return found


def account(opened: Opened) -> dict[str, Any]:
    """What the scores of a set stand on, plain values: part of every score's name, and stored with it."""
    chosen, marked = opened.set, opened.marked
    height, width = marked.size
    about: Mapping[str, Any] = {} if chosen is None else {"source": chosen.source, "licence": chosen.licence}
    asked = {item.id for item in opened.items} | set(opened.without_boxes)
    return {
        "set": chosen.name if chosen else None,
        "title": opened.title,
        **about,
        "form": marked.form,
        "grid": [height, width],
        "consensus": marked.consensus,
        "images": len(opened.items),
        "listed": opened.listed,
        "expected": chosen.items if chosen else None,
        "negatives": len(opened.negatives),
        "without_boxes": list(opened.without_boxes),
        "dropped_boxes": {id: n for id, n in marked.dropped.items() if id in asked},
        "clipped_boxes": {id: n for id, n in marked.clipped.items() if id in asked},
        "refused": dict(opened.refused),
        "notes": list(opened.notes),
        "read": dict(opened.digests),
    }
