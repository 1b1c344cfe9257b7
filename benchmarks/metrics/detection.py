"""Detection of sounding objects: does a method know when nothing that it sees sounds?

Task
----
Of test items some are pairs of an image and a sound whose maker it shows, the others *negatives*, in which nothing
visible sounds. A method gives each a map, whose cIoU is that of :mod:`benchmarks.metrics.localization`, and a
*confidence* that something sounds there: a number of any scale, the same for all items.

Conventions
-----------
One-dimensional arrays of n items: ``cious`` (of negatives anything, NaN included), ``sounding`` and ``confidences``. An
item is right where something sounds and its cIoU is 0.5 or more. At a threshold an item is *detected* where its
confidence reaches it; items of equal confidence are detected together, in one step.

Metrics
-------
* :func:`average_precision`: two rules (:data:`RULES`). ``steps``: the area under the steps of precision over recall,
  recall being the share of *sounding* items that are right and detected. ``slavc`` is what the public scorer of [1]_
  computes: a detected item in the wrong place is a false positive but not missed, precision is enveloped, and some 200
  thresholds are looked at.
* :func:`max_f1`: the highest F1 over all thresholds, and where; :func:`at_threshold`: precision, recall and F1 at a
  threshold that was chosen elsewhere, by :func:`max_f1` on validation items.

References
----------
.. [1] Mo, Morgado, "A closer look at weakly-supervised audio-visual source localization", NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RULES = ("steps", "slavc")
RIGHT = 0.5  # cIoU
LOOKED_AT = 200  # thresholds of ``slavc``, about


class Items(NamedTuple):
    """Checked items, of the confidences the highest first."""

    right: Flags
    sounding: Flags
    confidences: Floats


def validate(cious: Sequence[float] | Array, sounding: Sequence[bool] | Array, confidences: Any) -> Items:
    """Check n items and sort them by confidence.

    Raises
    ------
    ValueError
        For lengths that differ, a sounding item whose cIoU is not within [0, 1], confidences that are not finite, or
        where nothing sounds at all (recall would be 0/0).
    """
    values, sounds = np.asarray(cious, dtype=np.float64), np.asarray(sounding, dtype=np.bool_)
    certain = np.asarray(confidences, dtype=np.float64)
    if not (values.ndim == 1 and values.shape == sounds.shape == certain.shape):
        raise ValueError(f"{values.shape} cIoUs, {sounds.shape} flags and {certain.shape} confidences do not fit")
    if not sounds.any():
        raise ValueError("nothing sounds in any item: there is no recall")
    if not np.all((values[sounds] >= 0) & (values[sounds] <= 1)):
        raise ValueError("the cIoU of an item that sounds is not within [0, 1]")
    if not np.all(np.isfinite(certain)):
        raise ValueError("a confidence is NaN or infinite")
    order = np.argsort(-certain, kind="stable")
    right = np.zeros(len(values), dtype=np.bool_)
    right[sounds] = values[sounds] >= RIGHT
    return Items(right[order], sounds[order], certain[order])


def average_precision(cious: Any, sounding: Any, confidences: Any, rule: str = "steps") -> float:
    """Average precision in [0, 1] of items as :func:`validate` wants them, by one of :data:`RULES`.

    ``steps`` is scikit-learn's ``average_precision_score`` of the items that are right, times the share of the sounding
    items that are: what is never right is never recalled.
    """
    items = validate(cious, sounding, confidences)
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r} of average precision; known: {', '.join(RULES)}")
    if rule == "slavc":
        return _as_slavc(items)
    if not items.right.any():
        return 0.0
    share = np.count_nonzero(items.right) / np.count_nonzero(items.sounding)
    return float(average_precision_score(items.right, items.confidences) * share)


def _as_slavc(items: Items) -> float:
    n = len(items.right)
    places = np.arange(1, n, max(1, n // LOOKED_AT))  # from the second highest confidence down
    detected = np.searchsorted(-items.confidences, -items.confidences[places], side="right")
    right, sounding = (np.concatenate([[0], np.cumsum(flags)])[detected] for flags in (items.right, items.sounding))
    missed = np.count_nonzero(items.sounding) - sounding
    precision = right / detected
    recall = np.where(right + missed > 0, right / np.maximum(right + missed, 1), 1.0)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(envelope[:-1] * np.diff(recall)))


def max_f1(cious: Any, sounding: Any, confidences: Any) -> dict[str, float]:
    """``max_f1``, the highest F1 over all thresholds, and the highest ``threshold`` that gives it."""
    items = validate(cious, sounding, confidences)
    last = np.flatnonzero(np.append(np.diff(items.confidences) < 0, True))  # of each step of equal confidences
    f1 = 2 * np.cumsum(items.right)[last] / (last + 1 + np.count_nonzero(items.sounding))
    best = int(np.argmax(f1))
    return {"max_f1": float(f1[best]), "threshold": float(items.confidences[last[best]])}


def at_threshold(cious: Any, sounding: Any, confidences: Any, threshold: float) -> dict[str, float]:
    """``precision``, ``recall``, ``f1`` and the share ``detected`` of items whose confidence reaches ``threshold``.

    Precision is NaN where none does.
    """
    items = validate(cious, sounding, confidences)
    detected = items.confidences >= threshold
    right, found = np.count_nonzero(items.right & detected), np.count_nonzero(detected)
    sounds = np.count_nonzero(items.sounding)
    return {
        "precision": right / found if found else float("nan"),
        "recall": right / sounds,
        "f1": 2 * right / (found + sounds),
        "detected": found / len(detected),
    }
