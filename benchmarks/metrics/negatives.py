"""Negative sounds: how much of an image is marked as sounding for a sound that nothing in it makes?

Task
----
A method gives maps (H, W), not rescaled, of images heard with silence, noise or what is off screen. All should be low.

Conventions
-----------
One threshold for all items, :func:`universal_threshold`: the third quartile of the maxima of the negative sounds' maps
(*ours*; [1]_ speaks of "a universal threshold"). What lies above it, not on it, is marked: a map that is zero
everywhere marks nothing.

Metrics
-------
* :func:`pia`: the share of an image that is marked, 0 at best.
* :func:`auc_n`: area under the share of items with pIA <= t over t = 0, 0.05, ..., 1, 1 at best.
* :func:`confidence`: of a map, its maximum or the mean of its largest quarter [2]_.

References
----------
.. [1] Juanola, Haro, Fuentes, "A critical assessment of visual sound source localization models including negative
   audio", arXiv:2410.01020.
.. [2] Mo, Morgado, "A closer look at weakly-supervised audio-visual source localization", NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.metrics.localization import THRESHOLDS

Array = npt.NDArray[Any]

#: Name -> confidence of a map (H, W) that something in it sounds.
CONFIDENCES: Mapping[str, Callable[[Array], float]] = {
    "maximum": lambda values: float(values.max()),
    "top_quarter": lambda values: float(np.sort(values, axis=None)[-max(1, values.size // 4) :].mean()),
}


def validate(values: Array) -> None:
    """Check a map: (H, W), not empty, finite; raises ``ValueError`` otherwise."""
    if values.ndim != 2 or not values.size or not np.all(np.isfinite(values)):
        raise ValueError(f"a map must be (H, W), not empty and finite, not {values.shape} or with NaN or infinity")


def confidence(values: Array, rule: str = "maximum") -> float:
    """The confidence of one unscaled map (H, W), by a rule of :data:`CONFIDENCES`."""
    validate(values)
    if rule not in CONFIDENCES:
        raise ValueError(f"unknown confidence {rule!r}; known: {', '.join(CONFIDENCES)}")
    return CONFIDENCES[rule](values.astype(np.float64))


def universal_threshold(maxima: Sequence[float] | Array) -> float:
    """The third quartile (linear between items) of the maxima of the negative sounds' maps."""
    values = np.asarray(maxima, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.all(np.isfinite(values)):
        raise ValueError(f"maxima must be one-dimensional, some, and finite, not {values.shape} or with NaN")
    return float(np.quantile(values, 0.75))


def pia(values: Array, threshold: float) -> float:
    """The share of an image that a map (H, W) marks as sounding, in [0, 1]."""
    validate(values)
    return float(np.mean(values > threshold))


def auc_n(pias: Sequence[float] | Array) -> float:
    """Area, by the trapezoid rule, under the share of items whose pIA is at most 0, 0.05, ..., 1."""
    values = np.asarray(pias, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"pIAs must be one-dimensional, some, and within [0, 1], not {values.shape}")
    return float(np.trapezoid([np.mean(values <= t) for t in THRESHOLDS], THRESHOLDS))
