"""Classification over official folds: the accuracy of each fold, their mean, and what guessing would give.

Task
----
Every item has a label, a predicted label and the fold in which it was tested.

Conventions
-----------
The mean accuracy is the mean of the folds' accuracies, as ESC-50's protocol has it; with folds of one size that is the
accuracy over all items. Folds are shown beside the mean: one fold is not a result over five.

Metrics
-------
:func:`accuracy`, :func:`fold_accuracies`, :func:`mean_accuracy`, :func:`chance`.

References
----------
Piczak, "ESC: Dataset for environmental sound classification", ACM Multimedia 2015.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def validate(labels: Array, *others: Array) -> None:
    """Check labels, and predictions or folds beside them: one-dimensional integers, at least one, all equally many.

    Raises
    ------
    ValueError
        Otherwise.
    """
    for values in (labels, *others):
        if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"labels, predictions and folds must be (n,) integers, not {values.shape} {values.dtype}")
        if len(values) != len(labels):
            raise ValueError(f"{len(labels)} labels but {len(values)} predictions or folds")
    if not len(labels):
        raise ValueError("no item: an accuracy over nothing is not a number")


def accuracy(labels: Array, predicted: Array) -> float:
    """Fraction of items predicted right."""
    validate(labels, predicted)
    return float(np.mean(labels == predicted))


def fold_accuracies(labels: Array, predicted: Array, folds: Array) -> dict[int, float]:
    """Fold -> fraction of its items predicted right, in order of fold."""
    validate(labels, predicted, folds)
    return {int(f): accuracy(labels[folds == f], predicted[folds == f]) for f in np.unique(folds)}


def mean_accuracy(labels: Array, predicted: Array, folds: Array) -> float:
    """Mean of the folds' accuracies."""
    return float(np.mean(list(fold_accuracies(labels, predicted, folds).values())))


def chance(labels: Array) -> float:
    """Accuracy of always naming the most frequent class: 1 / classes if they are balanced, else more."""
    validate(labels)
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))
