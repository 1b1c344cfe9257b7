"""Cheap rivals of the counting network against NumPy and scikit-learn, asked directly."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from baselines.counting import CountLogistic, CountStatisticsConfig, CountTrees, band_edges, statistics


def sounds(n, samples=4096, seed=0):
    """Noise of n different loudnesses, int16."""
    drawn = np.random.default_rng(seed).standard_normal((n, samples))
    return torch.from_numpy((drawn * np.linspace(300, 3000, n)[:, None]).astype(np.int16))


def test_the_statistics_are_those_that_numpy_finds():
    waveform = sounds(3)
    found = statistics(waveform, 256, 8)
    assert found.shape == (3, 5 * 8 + 2)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    edges = band_edges(129, 8)
    for sound, numbers in zip(waveform.numpy() / 32768, found, strict=True):
        frames = np.stack([sound[s : s + 256] * hann for s in range(0, 4096 - 255, 128)])
        heights = np.abs(np.fft.rfft(frames)).T  # (129, frames)
        bands = np.log(np.stack([heights[a:b].mean(0) for a, b in pairwise(edges)]) + 1e-3)
        whole = np.log(heights.mean(0) + 1e-3)
        expected = np.concatenate(
            [
                *(bands.mean(1), bands.std(1), np.percentile(bands, 10, axis=1), np.percentile(bands, 90, axis=1)),
                *(np.diff(bands, axis=1).std(1), [whole.mean(), whole.std()]),
            ]
        )
        assert numbers == pytest.approx(expected, abs=1e-4)


def test_there_are_162_of_them_as_configured():
    assert CountTrees().features(sounds(2)).shape == (2, 162)


@pytest.mark.parametrize(("bins", "bands"), [(513, 32), (129, 8), (33, 31)])
def test_bands_are_whole_rising_and_reach_the_top(bins, bands):
    edges = band_edges(bins, bands)
    assert edges[0] == 2
    assert edges[-1] == bins
    assert all(a < b for a, b in pairwise(edges))


def test_what_no_statistics_can_be_made_of_is_refused():
    with pytest.raises(ValueError, match="window of at least two FFTs"):
        CountStatisticsConfig(window=1500)


def learned(method):
    waveform, counts = sounds(60), np.repeat([1, 2, 3, 4, 5], 12)
    features = method.features(waveform)
    method.fit_counts(features, counts)
    return features, counts, sounds(20, seed=1)


def test_the_regression_says_what_scikit_learn_says():
    method = CountLogistic()
    features, counts, others = learned(method)
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(features), counts)
    rows = scaler.transform(method.features(others))
    mode, rate = method.count_sources(others)
    assert (mode == model.predict(rows)).all()
    assert rate == pytest.approx(model.predict_proba(rows) @ np.arange(1, 6))


def test_the_trees_say_what_scikit_learn_says_and_their_mode_is_the_networks():
    method = CountTrees()
    features, counts, others = learned(method)
    model = HistGradientBoostingRegressor(loss="poisson").fit(features, counts)
    mode, rate = method.count_sources(others)
    assert rate == pytest.approx(model.predict(method.features(others)))
    assert (mode == np.clip(np.ceil(rate) - 1, 1, 5)).all()
