"""Counting scores against cases by hand, scikit-learn, and all guesses that there are."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn
from sklearn.dummy import DummyClassifier

from benchmarks.metrics import counting as metrics

COUNTS = np.array([1, 1, 2, 3, 5])
PREDICTED = np.array([1, 2, 2, 5, 2])
RATES = np.array([1.5, 0.5, 2.25, 3.0, 4.0])

counts = st.lists(st.integers(1, 5), min_size=1).map(np.array)
pairs = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1).map(lambda items: np.array(items).T)


def test_by_hand() -> None:
    assert metrics.accuracy(COUNTS, PREDICTED) == pytest.approx(2 / 5)
    assert metrics.mae(COUNTS, PREDICTED) == pytest.approx((0 + 1 + 0 + 2 + 3) / 5)
    assert metrics.mae(COUNTS, RATES) == pytest.approx((0.5 + 0.5 + 0.25 + 0 + 1) / 5)
    assert metrics.rates_by_count(COUNTS, RATES) == {1: (1.0, 0.5), 2: (2.25, 0.0), 3: (3.0, 0.0), 5: (4.0, 0.0)}


def test_unsigned_counts_do_not_wrap_around() -> None:
    assert metrics.mae(COUNTS.astype(np.uint8), PREDICTED.astype(np.uint8)) == pytest.approx(6 / 5)
    assert metrics.constant(COUNTS.astype(np.uint8), 2)["mae"] == pytest.approx(6 / 5)


def test_trivial_rows_by_hand() -> None:
    """Errors of guessing 1..5 where the truth is 1, 2, 3, 4, 5: 2, 1.4, 1.2, 1.4, 2."""
    rows = metrics.trivial(COUNTS, training=np.array([3, 3, 3, 5, 5, 5, 4]))
    assert {name: (row["accuracy"], row["mae"]) for name, row in rows.items()} == {
        "random": (pytest.approx(1 / 5), pytest.approx((2 + 2 + 1.4 + 1.2 + 2) / 5)),
        "always-1": (pytest.approx(2 / 5), pytest.approx((0 + 0 + 1 + 2 + 4) / 5)),
        "always-2": (pytest.approx(1 / 5), pytest.approx((1 + 1 + 0 + 1 + 3) / 5)),
        "majority": (pytest.approx(1 / 5), pytest.approx((2 + 2 + 1 + 0 + 2) / 5)),  # 3: the smaller of equals
        "median": (0, pytest.approx((3 + 3 + 2 + 1 + 1) / 5)),  # 4
    }


@given(pairs)
def test_against_scikit_learn(items: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = items
    assert metrics.accuracy(truth, predicted) == pytest.approx(sklearn.accuracy_score(truth, predicted))
    assert metrics.mae(truth, predicted) == pytest.approx(sklearn.mean_absolute_error(truth, predicted))
    table = sklearn.confusion_matrix(truth, predicted, labels=[1, 2, 3, 4, 5])
    assert metrics.confusion(truth, predicted).tolist() == table.tolist()


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4).map(np.array))
def test_the_uniform_guess_is_the_mean_of_all_guesses(truth: np.ndarray) -> None:
    guesses = [np.array(guess) for guess in product(range(1, 6), repeat=len(truth))]
    expected = metrics.uniform(truth)
    assert expected["accuracy"] == pytest.approx(np.mean([np.mean(truth == guess) for guess in guesses]))
    assert expected["mae"] == pytest.approx(np.mean([np.mean(abs(truth - guess)) for guess in guesses]))


@given(counts)
def test_majority_and_median_are_the_best_constants(truth: np.ndarray) -> None:
    constants = [metrics.constant(truth, n) for n in range(1, 6)]
    majority, median = metrics.majority(truth), metrics.median(truth)
    assert metrics.constant(truth, majority)["accuracy"] == max(c["accuracy"] for c in constants)
    assert metrics.constant(truth, median)["mae"] == pytest.approx(min(c["mae"] for c in constants))
    assert median in truth
    dummy = DummyClassifier(strategy="most_frequent").fit(truth[:, None], truth)
    assert majority == dummy.predict([[0]])[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.accuracy(COUNTS, PREDICTED[:3]), r"true counts are \(5,\) but predictions \(3,\)"),
        (lambda: metrics.accuracy(COUNTS, RATES), "integers, not float64: round"),
        (lambda: metrics.accuracy(COUNTS, PREDICTED + 1), "predicted counts must lie in 1 to 5"),
        (lambda: metrics.confusion(COUNTS, PREDICTED - 1), "predicted counts must lie in 1 to 5"),
        (lambda: metrics.mae(COUNTS, np.where(RATES > 3, np.nan, RATES)), "NaN"),
        (lambda: metrics.mae(COUNTS / 1, RATES), r"\(n,\) integers"),
        (lambda: metrics.mae(COUNTS[None], RATES[None]), r"\(n,\) integers"),
        (lambda: metrics.uniform(COUNTS[:0]), "no item"),
        (lambda: metrics.majority(COUNTS - 1), "must lie in 1 to 5, not in 0 to 4: leave other items out"),
        (lambda: metrics.median(COUNTS + 1), "must lie in 1 to 5, not in 2 to 6"),
        (lambda: metrics.trivial(COUNTS, COUNTS[:0]), "no item"),
        (lambda: metrics.rates_by_count(COUNTS, RATES[:2]), r"true counts are \(5,\)"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
