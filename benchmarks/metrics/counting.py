"""Counting: how often the predicted number of sources is right, and by how much it is wrong.

Task
----
Every sound has a true number of sources from 1 to 5 (:data:`cavl.counting.MAX_COUNT`) and a prediction: a whole
number, or the expectation lambda of a Poisson distribution, which has an error but cannot be right or wrong.

Conventions
-----------
The paper's "Mean Average Error" is the mean absolute error. Counts are ordered, so a prediction that listens to nothing
can have a small error: where scenes of one and two sources are most of a set, "2" is seldom off by more than one. The
trivial rows therefore belong beside every score. They are **expectations**, computed from the labels alone, not draws.

Metrics
-------
* :func:`accuracy`, :func:`mae`: Table 2.
* :func:`trivial`: both of them for a uniform guess, constant predictions, and the training set's majority and median.
* :func:`rates_by_count`, :func:`confusion`: what is predicted where the truth is 1, 2, ...
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cavl.counting import MAX_COUNT

Array = npt.NDArray[Any]

COUNTS = np.arange(1, MAX_COUNT + 1)


def validate(counts: Array, *predictions: Array) -> None:
    """Check true counts, (n,) integers from 1 to 5, n >= 1, and predictions beside them, (n,) finite numbers.

    Raises
    ------
    ValueError
        Otherwise.
    """
    if counts.ndim != 1 or not np.issubdtype(counts.dtype, np.integer):
        raise ValueError(f"true counts must be (n,) integers, not {counts.shape} {counts.dtype}")
    if not len(counts):
        raise ValueError("no item: an accuracy over nothing is not a number")
    if counts.min() < 1 or counts.max() > MAX_COUNT:
        raise ValueError(
            f"true counts must lie in 1 to {MAX_COUNT}, not in {counts.min()} to {counts.max()}: leave other items out "
            "and say how many they are"
        )
    for values in predictions:
        if values.shape != counts.shape:
            raise ValueError(f"true counts are {counts.shape} but predictions {values.shape}")
        if not np.all(np.isfinite(values)):
            raise ValueError("predictions hold NaN or infinite values")


def validate_predicted(predicted: Array) -> None:
    """Check predicted counts: integers from 1 to 5, which alone can be right; raises ``ValueError`` otherwise."""
    if not np.issubdtype(predicted.dtype, np.integer):
        raise ValueError(f"predicted counts must be integers, not {predicted.dtype}: round expectations first")
    if np.any((predicted < 1) | (predicted > MAX_COUNT)):
        raise ValueError(f"predicted counts must lie in 1 to {MAX_COUNT}: clip them first")


def accuracy(counts: Array, predicted: Array) -> float:
    """Fraction of items whose number of sources is predicted right; ``predicted`` are (n,) integers from 1 to 5."""
    validate(counts, predicted)
    validate_predicted(predicted)
    return float(np.mean(counts == predicted))


def mae(counts: Array, predicted: Array) -> float:
    """Mean absolute error of whole-numbered predictions or of lambda itself, (n,)."""
    validate(counts, predicted)
    return float(np.mean(np.abs(counts.astype(np.float64) - predicted)))  # unsigned integers would wrap around


# --- predictions that listen to nothing ------------------------------------------------------------------------------


def constant(counts: Array, prediction: int) -> dict[str, float]:
    """``accuracy`` and ``mae`` of predicting one number always."""
    predicted = np.full(counts.shape, prediction)
    return {"accuracy": accuracy(counts, predicted), "mae": mae(counts, predicted)}


def uniform(counts: Array) -> dict[str, float]:
    """Expected ``accuracy`` and ``mae`` of guessing 1 to 5 with equal probability, over all possible guesses."""
    validate(counts)
    return {"accuracy": 1 / len(COUNTS), "mae": float(np.mean(np.abs(counts[:, None] - COUNTS)))}


def majority(counts: Array) -> int:
    """The most frequent count, the smallest of equals: the constant with the best accuracy on ``counts``."""
    validate(counts)
    return int(np.argmax(np.bincount(counts)))


def median(counts: Array) -> int:
    """The median, the lower of two middle values: the constant with the least error on ``counts``."""
    validate(counts)
    return int(np.sort(counts)[(len(counts) - 1) // 2])


def trivial(counts: Array, training: Array) -> dict[str, dict[str, float]]:
    """Row -> ``accuracy`` and ``mae`` on ``counts``; ``training`` (m,) are the counts that majority and median know."""
    return {
        "random": uniform(counts),
        "always-1": constant(counts, 1),
        "always-2": constant(counts, 2),
        "majority": constant(counts, majority(training)),
        "median": constant(counts, median(training)),
    }


# --- by true count ---------------------------------------------------------------------------------------------------


def rates_by_count(counts: Array, rates: Array) -> dict[int, tuple[float, float]]:
    """True count (those that occur) -> mean and standard deviation of lambda over its items."""
    validate(counts, rates)
    chosen = {int(n): rates[counts == n] for n in np.unique(counts)}
    return {n: (float(values.mean()), float(values.std())) for n, values in chosen.items()}


def confusion(counts: Array, predicted: Array) -> npt.NDArray[np.int64]:
    """(5, 5): how many items of true count row + 1 are predicted as column + 1."""
    validate(counts, predicted)
    validate_predicted(predicted)
    table = np.zeros((MAX_COUNT, MAX_COUNT), dtype=np.int64)
    np.add.at(table, (counts - 1, predicted - 1), 1)
    return table
