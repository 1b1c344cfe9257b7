"""Retrieval: does a sound find its own image among others?

Task
----
A batch of n scenes gives the matrix S, (n, n): row a, column v is the distance of sound a from image v (Eq. 4), small
where they agree, so the diagonal holds the matched pairs.

Conventions
-----------
Smaller is better. A tie counts as the chance of winning it by a coin toss, so that a collapsed network, whose distances
are all equal, scores exactly chance and not 0 or 1 by the accident of an index order.

Metrics
-------
* :func:`pair_accuracy`: "accuracy" of the paper's Fig. 4b, which it does not define; ours: against one sampled other
  image per sound; chance is 1/2. It can rise without any object being aligned (scenes of many sources are easily told
  apart), so it is always reported beside pointing.
* :func:`recall_at_1`: the matched image is the nearest of all n; chance is 1/n.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def validate(S: Array) -> None:
    """Check a distance matrix: (n, n), n >= 2, finite; raises ``ValueError`` otherwise."""
    if S.ndim != 2 or S.shape[0] != S.shape[1]:
        raise ValueError(f"S must be square, sounds by images, not {S.shape}")
    if len(S) < 2:
        raise ValueError("S needs at least two scenes: a single one has nothing to be mistaken for")
    if not np.all(np.isfinite(S)):
        raise ValueError("S holds NaN or infinite distances")


def validate_negatives(negatives: Array, n: int) -> None:
    """Check mismatched images: (n,) integers in 0..n-1, the i-th never i; raises ``ValueError`` otherwise."""
    if negatives.shape != (n,) or not np.issubdtype(negatives.dtype, np.integer):
        raise ValueError(f"negatives must be ({n},) integers, not {negatives.shape} {negatives.dtype}")
    if negatives.min() < 0 or negatives.max() >= n:
        raise ValueError(f"negatives must be image numbers 0 to {n - 1}")
    if np.any(negatives == np.arange(n)):
        raise ValueError("a scene cannot be its own negative")


def pair_accuracy(S: Array, negatives: Array) -> float:
    """Fraction of sounds whose own image is nearer than the given other one; ties count half.

    Parameters
    ----------
    S
        (n, n) distances.
    negatives
        (n,) for each sound the number of one mismatched image.
    """
    validate(S)
    validate_negatives(negatives, len(S))
    matched = np.diagonal(S)
    other = S[np.arange(len(S)), negatives]
    return float(np.mean((matched < other) + 0.5 * (matched == other)))


def recall_at_1(S: Array) -> float:
    """Fraction of sounds whose own image is the nearest of all; one of m equally near ones counts 1/m."""
    validate(S)
    nearest = np.equal(S, S.min(axis=1, keepdims=True))  # (n, n)
    return float(np.mean(np.diagonal(nearest) / nearest.sum(axis=1)))
