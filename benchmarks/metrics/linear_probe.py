"""Linear probe (PROTOCOLS §7, paper §4.3.2): what a frozen trunk's features know about kinds of sound.

Features of every clip, one row per window -> one-vs-all linear SVM -> predicted label of every clip, by official folds.
Each fold is predicted by an SVM that never saw it: the standardisation is fitted on the other folds, and C is the one
of :data:`GRID` that does best when each of those in turn is held out (the smallest C among equals).

The SVM is solved in its primal form, which converges and draws no random numbers. Where there are more features than
training rows, the rows are first written in an orthonormal basis of their own span: an L2-regularised linear model is
the same in every such basis, and the cost no longer depends on the number of features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

Array = npt.NDArray[Any]
Pooling = Literal["mean", "scores"]

#: Values of C that are tried, in units of 1/D: D standardised features have a squared length of about D, so that one
#: grid suits trunks of every width.
GRID = (0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True, slots=True)
class Probe:
    """The outcome: ``predicted`` (n,) labels, and for each fold the C that was chosen, in units of 1/D."""

    predicted: npt.NDArray[np.int64]
    chosen: dict[int, float]


def windows(waveform: Array, length: int, hop: int) -> Array:
    """Cut a clip (T,) into windows (n_windows, length), every sample being in at least one.

    Windows start at 0, hop, 2 hop, ... Where the clip ends inside the last one, it is continued from its own beginning
    ("tiled"): a clip shorter than ``length`` gives one window, which repeats it.

    Raises
    ------
    ValueError
        For an empty clip, or if not 1 <= hop <= length (samples would be skipped).
    """
    if waveform.ndim != 1 or not len(waveform):
        raise ValueError(f"a clip must be (samples,) and not empty, not {waveform.shape}")
    if not 1 <= hop <= length:
        raise ValueError(f"windows need 1 <= hop <= length, not hop {hop} and length {length}")
    n_windows = 1 + max(0, -(-(len(waveform) - length) // hop))
    tiled = np.resize(waveform, (n_windows - 1) * hop + length)  # np.resize repeats from the start
    return np.lib.stride_tricks.sliding_window_view(tiled, length)[::hop].copy()


def probe(features: Array | Sequence[Array], labels: Array, folds: Array, *, pooling: Pooling = "mean") -> Probe:
    """Predict every item's label by a linear SVM trained on the other folds.

    Parameters
    ----------
    features
        (n_items, n_windows, D), or one (n_windows, D) array per item where items differ in length.
    labels, folds
        (n_items,) integers; at least three folds, since C is chosen by holding out one of the training folds.
    pooling
        ``mean``: an item is the mean of its windows' features. ``scores``: the SVM is trained on windows, and an item's
        score is the mean of its windows' decision values.

    Raises
    ------
    ValueError
        For shapes that do not fit, NaN, fewer than two classes or three folds, or a training fold set without two
        classes.
    """
    items = [np.asarray(item, dtype=np.float64) for item in features]
    _validate(items, labels, folds, pooling)
    if pooling == "mean":
        items = [item.mean(axis=0, keepdims=True) for item in items]

    predicted = np.zeros(len(labels), dtype=np.int64)
    chosen: dict[int, float] = {}
    for fold in np.unique(folds).tolist():
        training, testing = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        chosen[fold] = _choose(items, labels, folds, training)
        scores = _Scores(items, labels, training, testing)
        predicted[testing] = scores.predict(chosen[fold])
    return Probe(predicted, chosen)


def _choose(items: Sequence[Array], labels: Array, folds: Array, training: Array) -> float:
    """The C of the grid with the most right predictions when each training fold in turn is held out."""
    right = dict.fromkeys(GRID, 0)
    for held_out in np.unique(folds[training]):
        inner, outer = training[folds[training] != held_out], training[folds[training] == held_out]
        scores = _Scores(items, labels, inner, outer)
        for C in GRID:
            right[C] += int(np.sum(scores.predict(C) == labels[outer]))
    return max(GRID, key=lambda C: (right[C], -C))


class _Scores:
    """Standardised, rotated rows of a training and a test set, ready for one SVM after another."""

    def __init__(self, items: Sequence[Array], labels: Array, training: Array, testing: Array) -> None:
        rows = np.concatenate([items[i] for i in training])
        self.targets = np.repeat(labels[training], [len(items[i]) for i in training])
        self.lengths = [len(items[i]) for i in testing]
        scaler = StandardScaler().fit(rows)
        self.rows = scaler.transform(rows)
        self.tests = scaler.transform(np.concatenate([items[i] for i in testing]))
        self.width = rows.shape[1]
        if self.width > len(rows):
            basis = np.linalg.qr(self.rows.T).Q  # (D, rows)
            self.rows, self.tests = self.rows @ basis, self.tests @ basis

    def predict(self, C: float) -> Array:
        """The label with the highest decision value, averaged over an item's windows, for every test item."""
        svm = LinearSVC(C=C / self.width, dual=False).fit(self.rows, self.targets)
        values = svm.decision_function(self.tests)
        if values.ndim == 1:  # scikit-learn's form for two classes
            values = np.stack([-values, values], axis=1)
        starts = np.cumsum([0, *self.lengths[:-1]])
        summed = np.add.reduceat(values, starts, axis=0)  # each item's sum; its mean has the same maximum
        predicted: Array = svm.classes_[summed.argmax(axis=1)]
        return predicted


def _validate(items: Sequence[Array], labels: Array, folds: Array, pooling: str) -> None:
    if pooling not in get_args(Pooling):
        raise ValueError(f"pooling={pooling!r}; allowed: {', '.join(map(repr, get_args(Pooling)))}")
    if labels.shape != (len(items),) or folds.shape != (len(items),):
        raise ValueError(f"{len(items)} items but labels {labels.shape} and folds {folds.shape}")
    for values in (labels, folds):
        if not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"labels and folds must be integers, not {values.dtype}")
    for number, item in enumerate(items):
        if item.ndim != 2 or not len(item) or item.shape[1] != items[0].shape[1]:
            raise ValueError(f"features of item {number} must be (windows, {items[0].shape[-1]}), not {item.shape}")
        if not np.all(np.isfinite(item)):
            raise ValueError(f"features of item {number} hold NaN or infinite values")
    if len(np.unique(folds)) < 3:
        raise ValueError("a probe needs at least three folds: one to test, and one of the others to choose C")
    for fold in np.unique(folds):
        for other in np.unique(folds[folds != fold]):
            if len(np.unique(labels[(folds != fold) & (folds != other)])) < 2:
                raise ValueError(f"without folds {fold} and {other} only one class is left to train on")
