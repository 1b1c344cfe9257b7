"""Retrieval against cases by hand and scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import top_k_accuracy_score

from benchmarks.metrics.retrieval import pair_accuracy, recall_at_1

# Row 0: own image nearest. Row 1: image 2 is nearer, image 0 equally near. Row 2: all equal.
S = np.array([[1.0, 2.0, 3.0], [5.0, 5.0, 4.0], [7.0, 7.0, 7.0]])


@pytest.mark.parametrize(
    ("negatives", "accuracy"),
    [([1, 2, 0], (1 + 0 + 0.5) / 3), ([2, 0, 1], (1 + 0.5 + 0.5) / 3)],
)
def test_pair_accuracy_by_hand(negatives: list[int], accuracy: float) -> None:
    assert pair_accuracy(S, np.array(negatives)) == pytest.approx(accuracy)


def test_rows_are_sounds() -> None:
    distances = np.array([[1.0, 2.0], [9.0, 4.0]])  # by rows 1 < 2 and 4 < 9; by columns 4 < 2 would be wrong
    assert pair_accuracy(distances, np.array([1, 0])) == 1
    assert pair_accuracy(distances.T, np.array([1, 0])) == 0.5
    assert recall_at_1(distances) == 1
    assert recall_at_1(distances.T) == 0.5


def test_recall_at_1_by_hand() -> None:
    assert recall_at_1(S) == pytest.approx((1 + 0 + 1 / 3) / 3)


def test_a_collapsed_network_is_at_chance() -> None:
    constant = np.zeros((5, 5))
    assert pair_accuracy(constant, np.array([1, 2, 3, 4, 0])) == 0.5
    assert recall_at_1(constant) == pytest.approx(0.2)


@given(st.integers(3, 8), st.randoms(use_true_random=False))
def test_without_ties_recall_is_scikit_learns_top_1(n: int, random: Any) -> None:
    distances = np.array(random.sample(range(1000), n * n), dtype=float).reshape(n, n)
    assert recall_at_1(distances) == pytest.approx(top_k_accuracy_score(np.arange(n), -distances, k=1))


@given(arrays(np.float64, (4, 4), elements=st.integers(0, 3).map(float)))
def test_pair_accuracy_averaged_over_all_negatives_bounds_recall(distances: np.ndarray) -> None:
    """Being first among all implies beating each one: recall never exceeds the accuracy against the hardest image."""
    hardest = np.array([min((j for j in range(4) if j != i), key=lambda j, i=i: distances[i, j]) for i in range(4)])
    assert recall_at_1(distances) <= pair_accuracy(distances, hardest) + 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: recall_at_1(np.zeros((2, 3))), "square"),
        (lambda: recall_at_1(np.zeros((1, 1))), "at least two"),
        (lambda: recall_at_1(np.full((2, 2), np.nan)), "NaN"),
        (lambda: pair_accuracy(np.zeros((2, 2)), np.array([0, 0])), "its own negative"),
        (lambda: pair_accuracy(np.zeros((2, 2)), np.array([1, 2])), "numbers 0 to 1"),
        (lambda: pair_accuracy(np.zeros((2, 2)), np.array([1])), r"\(2,\) integers"),
        (lambda: pair_accuracy(np.zeros((2, 2)), np.array([1.0, 0.0])), "integers"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
