"""AP, F1 and a validated threshold against scikit-learn, exact fractions and a public scorer's definition."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from benchmarks.metrics import detection as metrics

#: (sounds, cIoU, confidence): three sounding items, one of them in the wrong place, two negatives.
BY_HAND = [(True, 0.9, 5.0), (False, math.nan, 4.0), (True, 0.2, 3.0), (True, 0.5, 2.0), (False, math.nan, 1.0)]

items = st.lists(
    st.tuples(st.booleans(), st.floats(0, 1), st.sampled_from([-1.0, -0.25, 0.0, 0.125, 0.5, 2.0, 7.0])),
    min_size=1,
    max_size=40,
).filter(lambda listed: any(sounds for sounds, *_ in listed))


def columns(listed):
    sounding, cious, confidences = zip(*listed, strict=True)
    return cious, sounding, confidences


def thresholds(listed):
    return sorted({c for *_, c in listed}, reverse=True)


def counts(listed, threshold):
    """(right, detected, sounding and not detected), item by item."""
    right = sum(s and c >= threshold and v >= 0.5 for s, v, c in listed)
    return right, sum(c >= threshold for *_, c in listed), sum(s and c < threshold for s, _, c in listed)


def test_by_hand() -> None:
    """Right are the first and the fourth: AP = 1/3 x 1/1 + 1/3 x 2/4. F1 at the fourth: 2 x 2 / (4 + 3)."""
    assert metrics.average_precision(*columns(BY_HAND)) == pytest.approx(1 / 3 + 1 / 6, abs=1e-15)
    assert metrics.max_f1(*columns(BY_HAND)) == {"max_f1": pytest.approx(4 / 7), "threshold": 2.0}
    assert metrics.at_threshold(*columns(BY_HAND), 3.0) == {
        "precision": pytest.approx(1 / 3),
        "recall": pytest.approx(1 / 3),
        "f1": pytest.approx(1 / 3),
        "detected": pytest.approx(3 / 5),
    }
    assert math.isnan(metrics.at_threshold(*columns(BY_HAND), 6.0)["precision"])


def test_equal_confidences_are_one_step() -> None:
    """All detected at once: precision and recall of everything, whatever the order."""
    for listed in (BY_HAND, BY_HAND[::-1]):
        same = [(sounds, ciou, 0.5) for sounds, ciou, _ in listed]
        assert metrics.average_precision(*columns(same)) == pytest.approx(2 / 5 * 2 / 3, abs=1e-15)
        assert metrics.max_f1(*columns(same))["max_f1"] == pytest.approx(4 / 8, abs=1e-15)


def test_nothing_right_is_zero() -> None:
    assert metrics.average_precision([0.1, 0.2], [True, False], [1, 2]) == 0
    assert metrics.max_f1([0.1, 0.2], [True, False], [1, 2])["max_f1"] == 0


@given(items)
def test_average_precision_is_the_sum_over_steps(listed) -> None:
    sounding = sum(s for s, *_ in listed)
    area, before = Fraction(0), 0
    for threshold in thresholds(listed):
        right, detected, _ = counts(listed, threshold)
        area += Fraction(right - before, sounding) * Fraction(right, detected)
        before = right
    assert metrics.average_precision(*columns(listed)) == pytest.approx(float(area), abs=1e-9)


@given(items)
def test_max_f1_by_every_threshold_and_by_scikit_learn(listed) -> None:
    cious, sounding, confidences = columns(listed)
    found = metrics.max_f1(cious, sounding, confidences)
    by_threshold = {}
    for threshold in thresholds(listed):
        right, detected, _ = counts(listed, threshold)
        by_threshold[threshold] = Fraction(2 * right, detected + sum(sounding))
    best = max(by_threshold.values())
    assert found["max_f1"] == pytest.approx(float(best), abs=1e-9)
    assert found["threshold"] == max(t for t, f1 in by_threshold.items() if f1 == best)
    assert metrics.at_threshold(cious, sounding, confidences, found["threshold"])["f1"] == pytest.approx(float(best))
    right = np.array(sounding) & (np.array(cious) >= 0.5)
    if right.any():
        precision, recall, _ = precision_recall_curve(right, confidences)
        recall = recall * right.sum() / sum(sounding)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
        assert found["max_f1"] == pytest.approx(f1.max(), abs=1e-9)


@given(items)
def test_the_rule_of_the_public_scorer(listed) -> None:
    """Item by item: thresholds are the confidences but the highest; wrong places are false positives, never missed."""
    ordered = sorted(c for *_, c in listed)[:-1][:: -max(1, len(listed) // 200)]
    points = []
    for threshold in ordered:
        right, detected, missed = counts(listed, threshold)
        points.append((right / detected, right / (right + missed) if right + missed else 1.0))
    envelope = [max(p for p, _ in points[i:]) for i in range(len(points))]
    area = sum(envelope[i] * (points[i + 1][1] - points[i][1]) for i in range(len(points) - 1))
    assert metrics.average_precision(*columns(listed), rule="slavc") == pytest.approx(area, abs=1e-9)


@pytest.mark.parametrize("n", [399, 400, 1000])
def test_the_public_scorer_looks_at_some_200_thresholds(n: int) -> None:
    draw = np.random.default_rng(n)
    listed = list(zip(draw.random(n) < 0.5, draw.random(n), draw.normal(size=n), strict=True))
    test_the_rule_of_the_public_scorer.hypothesis.inner_test(listed)


@pytest.mark.parametrize(
    ("cious", "sounding", "confidences", "message"),
    [
        ([0.5], [True, False], [1, 2], "do not fit"),
        ([0.5], [False], [1], "nothing sounds"),
        ([math.nan], [True], [1], "not within"),
        ([1.5], [True], [1], "not within"),
        ([0.5], [True], [math.inf], "infinite"),
    ],
)
def test_what_is_refused(cious, sounding, confidences, message) -> None:
    for metric in (metrics.average_precision, metrics.max_f1):
        with pytest.raises(ValueError, match=message):
            metric(cious, sounding, confidences)
    with pytest.raises(ValueError, match="unknown rule 'coco' of average precision; known: steps, slavc"):
        metrics.average_precision([0.5], [True], [1], rule="coco")
