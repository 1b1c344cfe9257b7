"""pIA, AUC_N and confidences by hand and by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import auc

from benchmarks.metrics import negatives as metrics

HEATMAP = np.array([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]])


def test_by_hand() -> None:
    assert metrics.universal_threshold([1.0, 2.0, 3.0, 4.0, 5.0]) == 4.0
    assert metrics.universal_threshold([0.0, 1.0]) == 0.75
    assert metrics.pia(HEATMAP, 5.0) == 0.25, "what lies on the threshold is not marked"
    assert metrics.confidence(HEATMAP) == 7.0
    assert metrics.confidence(HEATMAP, "top_quarter") == 6.5
    assert metrics.confidence(np.array([[3.0]]), "top_quarter") == 3.0
    assert metrics.auc_n([0.0]) == 1.0
    assert metrics.auc_n([1.0]) == pytest.approx(0.025)


def test_a_method_that_marks_nothing_is_perfect() -> None:
    silent = np.zeros((4, 4))
    threshold = metrics.universal_threshold([silent.max()] * 3)
    assert metrics.pia(silent, threshold) == 0
    assert metrics.auc_n([0.0] * 3) == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_auc_n_by_scikit_learn(pias) -> None:
    thresholds = [i / 20 for i in range(21)]
    shares = [sum(p <= t for p in pias) / len(pias) for t in thresholds]
    assert metrics.auc_n(pias) == pytest.approx(auc(thresholds, shares), abs=1e-9)


@given(arrays(np.float64, (3, 5), elements=st.floats(-10, 10)), st.floats(-10, 10))
def test_pia_and_top_quarter_pixel_by_pixel(heatmap, threshold) -> None:
    pixels = heatmap.ravel().tolist()
    assert metrics.pia(heatmap, threshold) == pytest.approx(sum(p > threshold for p in pixels) / 15, abs=1e-9)
    assert metrics.confidence(heatmap, "top_quarter") == pytest.approx(sum(sorted(pixels)[-3:]) / 3, abs=1e-9)


def test_what_is_refused() -> None:
    for values in (np.zeros(4), np.zeros((0, 4)), np.array([[np.nan]])):
        with pytest.raises(ValueError, match="a map must be"):
            metrics.pia(values, 0.5)
    with pytest.raises(ValueError, match="unknown confidence 'mean'; known: maximum, top_quarter"):
        metrics.confidence(HEATMAP, "mean")
    with pytest.raises(ValueError, match="maxima must be"):
        metrics.universal_threshold([])
    with pytest.raises(ValueError, match="pIAs must be"):
        metrics.auc_n([1.5])
