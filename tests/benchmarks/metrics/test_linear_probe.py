"""The probe against scikit-learn's own nested cross-validation, and what it must not see."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from benchmarks.metrics.linear_probe import GRID, probe, windows

N_CLASSES, N_FOLDS, PER_CELL = 3, 4, 3


def world(width: int, n_windows: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noisy features (36, n_windows, width) of unequal scales, labels and folds (36,)."""
    random = np.random.default_rng(seed)
    labels = np.tile(np.repeat(np.arange(N_CLASSES), PER_CELL), N_FOLDS) * 5 + 2
    folds = np.repeat(np.arange(1, N_FOLDS + 1), N_CLASSES * PER_CELL)
    centres = random.normal(size=(20, width))
    scales = 10.0 ** random.uniform(-3, 3, size=width)
    noise = random.normal(size=(len(labels), n_windows, width)) * 1.5
    return (centres[labels][:, None] + noise) * scales + 7, labels, folds


@pytest.mark.parametrize("width", [5, 80])  # fewer and more features than the 18 or 27 training items
def test_it_is_nested_cross_validation(width: int) -> None:
    features, labels, folds = world(width, n_windows=2)
    pooled = features.mean(axis=1)
    found = probe(features, labels, folds)
    for fold in np.unique(folds):
        training = folds != fold
        search = GridSearchCV(
            make_pipeline(StandardScaler(), LinearSVC(dual=False)),
            {"linearsvc__C": [C / width for C in GRID]},
            cv=LeaveOneGroupOut(),
        ).fit(pooled[training], labels[training], groups=folds[training])
        np.testing.assert_array_equal(found.predicted[~training], search.predict(pooled[~training]))
        assert found.chosen[fold] == pytest.approx(search.best_params_["linearsvc__C"] * width)


@pytest.mark.parametrize("pooling", ["mean", "scores"])
def test_a_folds_predictions_do_not_depend_on_its_labels(pooling: Literal["mean", "scores"]) -> None:
    features, labels, folds = world(6, n_windows=2)
    first = probe(features, labels, folds, pooling=pooling).predicted
    poisoned = labels.copy()
    poisoned[folds == 2] = np.roll(labels[folds == 2], 4)
    again = probe(features, poisoned, folds, pooling=pooling).predicted
    np.testing.assert_array_equal(first[folds == 2], again[folds == 2])


def test_features_of_the_test_fold_do_not_shift_the_standardisation() -> None:
    features, labels, folds = world(6)
    first = probe(features, labels, folds).predicted
    shifted = features.copy()
    shifted[np.flatnonzero(folds == 2)[0]] += 1e6  # one test item far away must not move the others' predictions
    again = probe(shifted, labels, folds).predicted
    others = np.flatnonzero(folds == 2)[1:]
    np.testing.assert_array_equal(first[others], again[others])


def test_separable_kinds_are_told_apart_and_permuted_ones_are_not() -> None:
    random = np.random.default_rng(3)
    labels, folds = np.tile(np.arange(10), 20), np.repeat(np.arange(5), 40)
    features = np.eye(10)[labels][:, None] + 0.1 * random.normal(size=(200, 1, 10))
    assert np.mean(probe(features, labels, folds).predicted == labels) == 1
    permuted = random.permutation(labels)
    assert np.mean(probe(features, permuted, folds).predicted == permuted) < 0.2  # chance 0.1, standard error 0.02


def test_scores_are_pooled_per_item_also_when_items_differ_in_length() -> None:
    """One item's windows: two weakly for class 1, one strongly for class 0. Decision values must be averaged."""
    labels, folds = np.tile([0, 1], 12), np.repeat(np.arange(3), 8)
    items = [np.array([[4.0 * label - 2]]) for label in labels]
    items[0] = np.array([[0.4], [0.4], [-30.0]])
    items[1] = np.array([[3.0], [3.0]])
    predicted = probe(items, labels, folds, pooling="scores").predicted
    np.testing.assert_array_equal(predicted, labels)


def test_it_is_deterministic() -> None:
    features, labels, folds = world(80, n_windows=2)
    first, second = (probe(features, labels, folds, pooling="scores") for _ in range(2))
    np.testing.assert_array_equal(first.predicted, second.predicted)
    assert first.chosen == second.chosen


@pytest.mark.parametrize("width", [4, 90])
def test_a_collapsed_trunk_is_at_chance(width: int) -> None:
    _, labels, folds = world(width)
    predicted = probe(np.full((len(labels), 1, width), 3.7), labels, folds).predicted
    assert np.mean(predicted == labels) == pytest.approx(1 / N_CLASSES)


def test_on_one_hot_noise_of_two_classes() -> None:
    """Two classes: scikit-learn gives one decision value, not two."""
    labels, folds = np.tile([4, 8], 15), np.repeat([1, 2, 3], 10)
    features = np.where(labels == 8, 1.0, -1.0)[:, None, None] * np.ones((1, 1, 2))
    np.testing.assert_array_equal(probe(features, labels, folds).predicted, labels)


FEATURES, LABELS, FOLDS = world(4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: probe(FEATURES, LABELS[1:], FOLDS), "36 items but labels"),
        (lambda: probe(FEATURES, LABELS / 1, FOLDS), "integers"),
        (lambda: probe(FEATURES * np.nan, LABELS, FOLDS), "item 0 hold NaN"),
        (lambda: probe(FEATURES[:, 0], LABELS, FOLDS), "item 0 must be"),
        (lambda: probe([*FEATURES[1:], FEATURES[0, :, 1:]], LABELS, FOLDS), "item 35 must be"),
        (lambda: probe(FEATURES, LABELS, np.minimum(FOLDS, 2)), "at least three folds"),
        (lambda: probe(FEATURES, LABELS * 0, FOLDS), "only one class"),
        (lambda: probe(FEATURES, LABELS, FOLDS, pooling="max"), "pooling='max'; allowed"),  # type: ignore[arg-type]
        (lambda: windows(np.zeros(0), 3, 1), "not empty"),
        (lambda: windows(np.zeros((2, 3)), 3, 1), r"\(samples,\)"),
        (lambda: windows(np.zeros(9), 3, 4), "1 <= hop <= length"),
        (lambda: windows(np.zeros(9), 3, 0), "1 <= hop <= length"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_windows_by_hand() -> None:
    np.testing.assert_array_equal(windows(np.arange(7), 4, 3), [[0, 1, 2, 3], [3, 4, 5, 6]])
    np.testing.assert_array_equal(windows(np.arange(8), 4, 3), [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 0, 1]])
    np.testing.assert_array_equal(windows(np.arange(3), 8, 8), [[0, 1, 2, 0, 1, 2, 0, 1]])
    np.testing.assert_array_equal(windows(np.arange(6), 3, 3), [[0, 1, 2], [3, 4, 5]])


@given(st.integers(1, 50), st.integers(1, 20), st.data())
def test_windows_hold_every_sample_and_nothing_else(samples: int, length: int, data: st.DataObject) -> None:
    hop = data.draw(st.integers(1, length))
    cut = windows(np.arange(samples, dtype=np.int16), length, hop)
    assert cut.dtype == np.int16
    assert set(cut.ravel().tolist()) == set(range(samples))
    for number, row in enumerate(cut):
        np.testing.assert_array_equal(row, (number * hop + np.arange(length)) % samples)
    assert len(cut) == 1 or (len(cut) - 2) * hop + length < samples, "no window more than needed"
