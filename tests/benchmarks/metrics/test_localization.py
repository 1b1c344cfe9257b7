"""cIoU and its relatives against cases worked out by hand, scikit-learn and brute force."""

from collections.abc import Callable
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import jaccard_score

from benchmarks.metrics import localization as metrics

# Two boxes on a 4 x 4 frame, one over columns 1-2, one over columns 2-3, both over rows 1-2 (1-based, inclusive):
BOXES = np.array([[1, 1, 2, 2], [2, 1, 3, 2]])
G = np.array(
    [
        [0.5, 1.0, 0.5, 0.0],
        [0.5, 1.0, 0.5, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
)  # sum 4
HEATMAP = np.array(
    [
        [0.90, 0.80, 0.30, 0.10],
        [0.70, 0.50, 0.46, 0.05],
        [0.60, 0.20, 0.20, 0.00],
        [0.10, 0.10, 0.10, 0.10],
    ]
)  # maximum 0.9; the 8th and the 9th highest pixels are both 0.20, so the median is 0.20

#: rule -> (pixels of A, sum of g in A, pixels of A where g = 0); cIoU = agreed / (4 + disputed)
BY_HAND = {
    "threshold=0.5": (5, 3.0, 1),  # .9 .8 .7 .6 .5: g = .5 1 .5 0 1
    "max_fraction=0.1": (14, 4.0, 8),  # >= .09: all but .05 and .00
    "max_fraction=0.5": (6, 3.5, 1),  # >= .45: .46 as well
    "top_half": (8, 4.0, 2),  # of the two .20 the first
    "median_gt": (7, 4.0, 1),  # neither .20
    "median_ge": (9, 4.0, 3),  # both .20
}


def test_consensus_by_hand() -> None:
    np.testing.assert_array_equal(metrics.consensus(BOXES, (4, 4)), G)


def test_consensus_of_three_annotators_is_capped() -> None:
    g = metrics.consensus(np.array([[1, 1, 2, 2]] * 3 + [[2, 2, 3, 4]]), (4, 3))
    np.testing.assert_array_equal(g, [[1, 1, 0], [1, 1, 0.5], [0, 0.5, 0.5], [0, 0.5, 0.5]])


def test_boxes_are_inclusive() -> None:
    """A box over the whole frame, 1..256, covers every pixel."""
    g = metrics.consensus(np.array([[1, 1, 256, 256]] * 2), (256, 256))
    assert g.sum() == 256 * 256


def test_every_rule_has_a_case() -> None:
    assert set(BY_HAND) == set(metrics.BINARISATIONS)


@pytest.mark.parametrize("rule", BY_HAND)
def test_binarisation_and_ciou_by_hand(rule: str) -> None:
    pixels, agreed, disputed = BY_HAND[rule]
    mask = metrics.binarise(HEATMAP, rule)
    assert mask.dtype == np.bool_
    assert mask.sum() == pixels
    assert metrics.ciou(mask, G) == pytest.approx(agreed / (4 + disputed), abs=1e-15)


def test_the_rules_give_six_different_scores_for_one_heatmap() -> None:
    scores = {round(metrics.ciou(metrics.binarise(HEATMAP, rule), G), 12) for rule in metrics.BINARISATIONS}
    assert scores == {round(x, 12) for x in (0.6, 1 / 3, 0.7, 2 / 3, 0.8, 4 / 7)}


def test_top_half_breaks_ties_by_index_and_takes_half_rounded_down() -> None:
    constant = np.full((3, 3), 0.5)
    np.testing.assert_array_equal(
        metrics.binarise(constant, "top_half"), [[True, True, True], [True, False, False], [False] * 3]
    )
    large = metrics.binarise(np.tile([0.7, 0.2, 0.2, 0.2], (64, 16)), "top_half")  # 1,024 high, 1,024 of the 3,072 low
    np.testing.assert_array_equal(np.flatnonzero(large & (np.arange(64) % 4 > 0))[-1], 4 * 341 + 1)
    assert not metrics.binarise(constant, "median_gt").any()
    assert metrics.binarise(constant, "median_ge").all()


@given(arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)))
def test_properties_of_the_rules(heatmap: np.ndarray) -> None:
    masks = {rule: metrics.binarise(heatmap, rule) for rule in metrics.BINARISATIONS}
    assert masks["top_half"].sum() == 17
    assert not (masks["median_gt"] & ~masks["median_ge"]).any()
    assert not (masks["max_fraction=0.5"] & ~masks["max_fraction=0.1"]).any()
    assert masks["top_half"].sum() <= masks["median_ge"].sum()
    assert heatmap[masks["top_half"]].min() >= heatmap[~masks["top_half"]].max()


def test_degenerate() -> None:
    assert metrics.degenerate(np.zeros((2, 2), bool))
    assert metrics.degenerate(np.ones((2, 2), bool))
    assert not metrics.degenerate(np.eye(2, dtype=bool))


def test_min_max() -> None:
    np.testing.assert_allclose(metrics.min_max(np.array([[-3.0, 1.0], [-1.0, 5.0]])), [[0, 0.5], [0.25, 1]])
    np.testing.assert_array_equal(metrics.min_max(np.full((2, 2), 7.0)), np.zeros((2, 2)))


masks = arrays(np.bool_, (6, 6))
maps = arrays(np.float64, (6, 6), elements=st.sampled_from([0.0, 0.5, 1.0])).filter(lambda g: g.any())


@given(masks, masks.filter(lambda m: m.any()))
def test_for_a_binary_truth_ciou_is_the_jaccard_index(mask: np.ndarray, truth: np.ndarray) -> None:
    expected = jaccard_score(truth.ravel(), mask.ravel())
    assert metrics.ciou(mask, truth.astype(float)) == pytest.approx(expected, abs=1e-12)


@given(masks, maps)
def test_ciou_lies_between_0_and_1_and_is_1_only_for_the_support(mask: np.ndarray, g: np.ndarray) -> None:
    score = metrics.ciou(mask, g)
    assert 0 <= score <= 1
    assert (score == 1) == np.array_equal(mask, g > 0)


@given(masks, maps)
def test_one_more_disputed_pixel_lowers_a_positive_score(mask: np.ndarray, g: np.ndarray) -> None:
    free = np.argwhere(~mask & (g == 0))
    more = mask.copy()
    more[tuple(free[:1].T)] = True
    before, after = metrics.ciou(mask, g), metrics.ciou(more, g)
    assert after < before if len(free) and before > 0 else after == before


def test_success_rate_counts_equality() -> None:
    assert metrics.success_rate([0.5, 0.4999, 1.0, 0.0]) == 0.5
    assert metrics.success_rate([0.3, 0.2], threshold=0.3) == 0.5


@pytest.mark.parametrize(
    ("cious", "area"),
    [
        ([1.0], 1.0),
        ([0.0], 0.025),  # success 1 at the threshold 0 only: one half-interval of 0.05
        ([0.15], 3 * 0.05 + 0.025),  # reaches 0, .05, .10 and .15, the last by equality
        ([0.0, 1.0], (0.025 + 1.0) / 2),
        ([0.62, 0.31, 0.5], (0.625 + 0.325 + 0.525) / 3),  # last thresholds reached: .60, .30, .50
    ],
)
def test_auc_by_hand(cious: list[float], area: float) -> None:
    assert metrics.auc(cious) == pytest.approx(area, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_auc_is_the_mean_score_within_the_spacing(cious: list[float]) -> None:
    assert metrics.auc(cious) == pytest.approx(np.mean(cious), abs=0.025 + 1e-9)


def test_summarise() -> None:
    assert metrics.summarise([0.0, 1.0], [True, False]) == pytest.approx(
        {"ciou@0.5": 0.5, "auc": 0.5125, "mean_ciou": 0.5, "degenerate": 0.5}
    )


def test_pointing_takes_the_first_of_equal_maxima() -> None:
    heatmap = np.array([[0.2, 0.9], [0.9, 0.1]])
    assert metrics.pointing(heatmap, np.array([[0, 1], [0, 0]]))
    assert not metrics.pointing(heatmap, np.array([[0, 0], [1, 0]]))


def test_matched_iou_by_hand() -> None:
    """Greedy would give object 0 its best mask (IoU 2/3) and leave object 1 with 0; the best total does otherwise."""
    objects = np.array([[[1, 1, 1, 0]], [[0, 1, 1, 1]]])
    predicted = np.array([[[0, 1, 1, 0]], [[1, 0, 0, 0]]])
    # IoU of mask 0: 2/3 with either object; of mask 1: 1/3 with object 0, 0 with object 1.
    np.testing.assert_allclose(metrics.matched_iou(predicted, objects), [1 / 3, 2 / 3])


def test_an_object_without_a_mask_scores_0() -> None:
    objects = np.array([[[1, 0]], [[0, 1]]])
    np.testing.assert_array_equal(metrics.matched_iou(objects[1:], objects), [0, 1])


@settings(max_examples=30, deadline=None)
@given(arrays(np.bool_, (4, 3, 3)), arrays(np.bool_, (3, 3, 3)).filter(lambda o: o.any(axis=(1, 2)).all()))
def test_matched_iou_is_the_best_of_all_assignments(predicted: np.ndarray, objects: np.ndarray) -> None:
    iou = [[jaccard_score(o.ravel(), p.ravel()) for o in objects] for p in predicted]
    best = max(sum(iou[p][o] for o, p in enumerate(order)) for order in permutations(range(len(iou)), len(objects)))
    assert metrics.matched_iou(predicted, objects).sum() == pytest.approx(best, abs=1e-9)


def test_silent_area_by_hand() -> None:
    silent = np.array([[[1, 1, 0, 0]], [[0, 1, 1, 1]]])  # 4 pixels together
    predicted = np.array([[[1, 0, 0, 0]], [[1, 0, 1, 0]]])  # claim the first and the third
    assert metrics.silent_area(predicted, silent) == 0.5


ONES, NAN = np.ones((2, 2)), np.full((2, 2), np.nan)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.ciou(ONES, np.ones((2, 3))), "mask is .* but the consensus map is"),
        (lambda: metrics.ciou(0.3 * ONES, ONES), "only 0 and 1; binarise"),
        (lambda: metrics.ciou(NAN, ONES), "only 0 and 1"),
        (lambda: metrics.ciou(ONES, NAN), "consensus map holds NaN"),
        (lambda: metrics.ciou(ONES, 2 * ONES), r"must lie in \[0, 1\]"),
        (lambda: metrics.ciou(ONES, 0 * ONES), "zero everywhere"),
        (lambda: metrics.ciou(np.ones((1, 2, 2)), ONES), "2 dimensions"),
        (lambda: metrics.ciou(np.ones((0, 2)), np.ones((0, 2))), "empty"),
        (lambda: metrics.binarise(ONES, "mean"), "unknown binarisation 'mean'; known: threshold=0.5"),
        (lambda: metrics.binarise(NAN, "top_half"), "heatmap holds NaN"),
        (lambda: metrics.binarise(-ONES, "top_half"), r"must lie in \[0, 1\]"),
        (lambda: metrics.binarise(np.ones(4), "top_half"), "2 dimensions"),
        (lambda: metrics.min_max(NAN), "finite"),
        (lambda: metrics.consensus(np.ones((0, 4), int), (4, 4)), "no box"),
        (lambda: metrics.consensus(np.array([[1.0, 1, 2, 2]]), (4, 4)), "integers"),
        (lambda: metrics.consensus(np.array([[1, 1, 5, 2]]), (4, 4)), "leaves the 4 x 4 frame"),
        (lambda: metrics.consensus(np.array([[0, 1, 2, 2]]), (4, 4)), "leaves the 4 x 4 frame"),
        (lambda: metrics.consensus(np.array([[2, 1, 2, 2]]), (4, 4)), "has no area"),
        (lambda: metrics.auc([]), "empty"),
        (lambda: metrics.success_rate([0.2, np.nan]), "NaN"),
        (lambda: metrics.auc([1.1]), r"must lie in \[0, 1\]"),
        (lambda: metrics.summarise([0.2], [True, False]), "degenerate flags"),
        (lambda: metrics.pointing(ONES, 0 * ONES), "no pixel"),
        (lambda: metrics.pointing(ONES, np.ones((3, 3))), "but the object's mask is"),
        (lambda: metrics.matched_iou(ONES[None], 0 * ONES[None]), "no pixel"),
        (lambda: metrics.matched_iou(ONES, ONES[None]), "3 dimensions"),
        (lambda: metrics.matched_iou(ONES[None], np.ones((1, 3, 3))), "but the objects' masks are"),
        (lambda: metrics.silent_area(ONES[None], 0 * ONES[None]), "no silent object"),
        (lambda: metrics.degenerate(0.5 * ONES), "only 0 and 1"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@given(arrays(np.float64, (5, 6), elements=st.sampled_from([-1.0, 0.0, 0.25, 3.0])), st.integers(0, 30))
def test_the_highest_pixels_are_those_of_a_stable_sort(values: np.ndarray, n: int) -> None:
    expected = np.zeros(30, dtype=bool)
    expected[sorted(range(30), key=lambda i: (-values.ravel()[i], i))[:n]] = True
    np.testing.assert_array_equal(metrics.highest(values, n).ravel(), expected)


def test_adaptive_ciou_by_hand() -> None:
    """g has six pixels; the six highest are .9 .8 .7 .6 .5 .46: g = .5 1 .5 0 1 .5."""
    assert metrics.adaptive_ciou(HEATMAP, G) == pytest.approx(3.5 / 5, abs=1e-15)
    assert metrics.adaptive_ciou(G * 7 - 3, G) == 1, "whatever the scale"


@given(arrays(np.float64, (6, 6), elements=st.floats(-5, 5)), maps)
def test_adaptive_ciou_pixel_by_pixel(heatmap: np.ndarray, g: np.ndarray) -> None:
    truth = g.ravel().tolist()
    order = sorted(range(36), key=lambda i: (-heatmap.ravel()[i], i))[: sum(v > 0 for v in truth)]
    expected = sum(truth[i] for i in order) / (sum(truth) + sum(truth[i] == 0 for i in order))
    assert metrics.adaptive_ciou(heatmap, g) == pytest.approx(expected, abs=1e-9)


def test_the_worst_source_of_an_image_decides() -> None:
    cious = [0.9, 0.6, 0.4, 0.8, 1.0, 0.0]
    groups = ["a", "a", "b", "b", "alone", ""]
    assert metrics.smallest(cious, groups) == {"a": 0.6, "b": 0.4}
    found = metrics.interactive(cious, groups)
    assert found["iiou"] == 0.5
    assert found["iauc"] == pytest.approx((0.625 + 0.425) / 2)  # last thresholds reached: .60, .40
    assert found["groups"] == 2
    with pytest.raises(ValueError, match="no image has two sources"):
        metrics.interactive([0.5, 0.5], ["a", ""])
    with pytest.raises(ValueError, match="2 cIoUs but 1 groups"):
        metrics.interactive([0.5, 0.5], ["a"])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
def test_iiou_and_iauc_as_the_public_scorer_defines_them(pairs: list[tuple[float, float]]) -> None:
    """At each threshold an image counts where both of its sources reach it; the area by the trapezoid rule."""
    cious = [value for pair in pairs for value in pair]
    groups = [f"image {i // 2}" for i in range(len(cious))]
    shares = [sum(a >= t and b >= t for a, b in pairs) / len(pairs) for t in metrics.THRESHOLDS.tolist()]
    found = metrics.interactive(cious, groups)
    assert found["iiou"] == pytest.approx(shares[10], abs=1e-9)
    assert found["iauc"] == pytest.approx(sum((a + b) / 2 * 0.05 for a, b in pairwise(shares)), abs=1e-9)


def test_mixed_pairs_are_scored_at_0_3() -> None:
    assert metrics.class_aware([0.3, 0.29, 0.5, 0.0]) == {"ciou@0.3": 0.5, "auc": metrics.auc([0.3, 0.29, 0.5, 0.0])}


@pytest.mark.parametrize(
    ("side", "size", "expected"),
    [(31, 224, "small"), (32, 224, "medium"), (96, 224, "large"), (144, 224, "huge"), (36, 256, "small")],
)
def test_size_classes_are_of_224_pixels(side: int, size: int, expected: str) -> None:
    g = np.zeros((size, size))
    g[:side, :side] = 0.5
    assert metrics.size_class(g) == expected
