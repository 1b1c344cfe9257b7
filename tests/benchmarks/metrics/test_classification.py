"""Accuracies against cases by hand and scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score

from benchmarks.metrics import classification as metrics

LABELS = np.array([3, 3, 7, 7, 7, 9])
PREDICTED = np.array([3, 7, 7, 7, 3, 9])
FOLDS = np.array([2, 2, 2, 2, 1, 1])


def test_by_hand() -> None:
    assert metrics.accuracy(LABELS, PREDICTED) == pytest.approx(4 / 6)
    assert metrics.fold_accuracies(LABELS, PREDICTED, FOLDS) == {1: 0.5, 2: 0.75}
    assert metrics.mean_accuracy(LABELS, PREDICTED, FOLDS) == 0.625, "the mean of the folds, not of the items"
    assert metrics.chance(LABELS) == 0.5


def test_folds_come_in_order() -> None:
    assert list(metrics.fold_accuracies(LABELS, PREDICTED, FOLDS)) == [1, 2]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3)), min_size=1))
def test_against_scikit_learn(items: list[tuple[int, int, int]]) -> None:
    labels, predicted, folds = np.array(items).T
    assert metrics.accuracy(labels, predicted) == pytest.approx(accuracy_score(labels, predicted))
    for fold, score in metrics.fold_accuracies(labels, predicted, folds).items():
        assert score == pytest.approx(accuracy_score(labels[folds == fold], predicted[folds == fold]))
    dummy = DummyClassifier(strategy="most_frequent").fit(labels[:, None], labels)
    assert metrics.chance(labels) == pytest.approx(dummy.score(labels[:, None], labels))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.accuracy(LABELS, PREDICTED[:3]), "6 labels but 3"),
        (lambda: metrics.accuracy(LABELS[:0], LABELS[:0]), "no item"),
        (lambda: metrics.accuracy(LABELS / 1, PREDICTED), "integers"),
        (lambda: metrics.fold_accuracies(LABELS, PREDICTED, FOLDS[None]), r"\(n,\) integers"),
        (lambda: metrics.chance(LABELS[:0]), "no item"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
