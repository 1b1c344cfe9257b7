"""Cheap rivals of the counting network: what statistics of a spectrogram tell of the number of sources (PROTOCOLS §5).

Neither has learned to hear: a logistic regression and Poisson gradient-boosted trees, scikit-learn's, on 162 numbers a
sound, trained in seconds on the scenes that the network is trained on. A counting network that is no better than they
are has learned little that its spectrogram did not say before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from cavl.counting import most_probable_count
from cavl.spectrogram import as_float, magnitude

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FLOOR = 1e-3  # log(magnitude + floor); for scale: a full-scale sine has magnitude 256 at an FFT of 1024
LOWEST = 2  # first bin of the lowest band: 22 Hz at 11,025 Hz


@dataclass(frozen=True, slots=True, kw_only=True)
class CountStatisticsConfig:
    sample_rate: int = 11_025  # Hz
    window: int = 22_050  # samples heard of a scene: as many as the networks hear
    fft: int = 1024  # samples of Hann window and FFT; the hop is half of it
    bands: int = 32

    def __post_init__(self) -> None:
        if self.window < 2 * self.fft or not 1 <= self.bands <= self.fft // 2 - LOWEST:
            raise ValueError(
                f"statistics need a window of at least two FFTs and 1 to {self.fft // 2 - LOWEST} bands, not {self}"
            )


def band_edges(bins: int, bands: int) -> list[int]:
    """First bins of ``bands`` bands up to the top of ``bins``, log-spaced, each of one bin at least."""
    edges = np.rint(np.geomspace(LOWEST, bins, bands + 1)).astype(int)
    return np.maximum(edges, LOWEST + np.arange(bands + 1)).tolist()


def statistics(waveform: Tensor, fft: int, bands: int) -> Floats:
    """Sounds (B, T) -> (B, 5 bands + 2), of the log of each band's mean magnitude, and of the whole's.

    Of each band over time: mean, deviation, 10th and 90th percentile, deviation of the differences from frame to frame;
    of the whole: mean and deviation.
    """
    hann = torch.hann_window(fft, device=waveform.device)
    stft = torch.stft(as_float(waveform), fft, fft // 2, window=hann, center=False, return_complex=True)
    heights = magnitude(stft).double()  # (B, bins, frames)
    edges = band_edges(heights.shape[1], bands)
    means = [heights[:, low:high].mean(1) for low, high in pairwise(edges)]
    logs = torch.log(torch.stack([*means, heights.mean(1)], 1) + FLOOR)
    band = logs[:, :-1]
    quantiles = torch.quantile(band, torch.tensor([0.1, 0.9], dtype=band.dtype, device=band.device), dim=-1)
    parts = [
        *(band.mean(-1), band.std(-1, correction=0), *quantiles, band.diff(dim=-1).std(-1, correction=0)),
        torch.stack([logs[:, -1].mean(-1), logs[:, -1].std(-1, correction=0)], 1),
    ]
    found: Floats = torch.cat(parts, 1).cpu().numpy()
    return found


class _Statistics(ABC):
    """Number of sources from :func:`statistics`, by a model of scikit-learn."""

    Config = CountStatisticsConfig

    def __init__(self, config: CountStatisticsConfig | None = None) -> None:
        self.config = config or CountStatisticsConfig()
        self.sample_rate, self.window = self.config.sample_rate, self.config.window

    def features(self, waveform: Tensor) -> Floats:
        """Sounds (B, T), int16 PCM or float in [-1, 1] -> (B, 162)."""
        return statistics(waveform, self.config.fft, self.config.bands)

    @abstractmethod
    def fit_counts(self, features: Floats, counts: Integers) -> None:
        """Learn from :meth:`features` (N, 162) of training scenes and their numbers of sources (N,)."""

    @abstractmethod
    def count_sources(self, waveform: Tensor) -> tuple[Integers, Floats]:
        """Sounds (B, T) -> the most probable numbers of sources (B,), 1 to 5, and the expected ones (B,)."""


class CountLogistic(_Statistics):
    """Multinomial logistic regression on standardised statistics, each number of sources a class.

    What is expected are the numbers weighted by their probabilities.
    """

    model: Pipeline

    def fit_counts(self, features: Floats, counts: Integers) -> None:
        self.model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, counts)

    def count_sources(self, waveform: Tensor) -> tuple[Integers, Floats]:
        probabilities, numbers = self.model.predict_proba(self.features(waveform)), self.model.classes_
        return numbers[probabilities.argmax(1)], probabilities @ numbers


class CountTrees(_Statistics):
    """Gradient-boosted trees that minimise the network's own loss, the Poisson deviance; scikit-learn's defaults.

    What is most probable follows from the expected number as it does for the network.
    """

    model: HistGradientBoostingRegressor

    def fit_counts(self, features: Floats, counts: Integers) -> None:
        # Without early stopping, which scikit-learn turns on by itself for many scenes, and which draws at random.
        trees: Any = HistGradientBoostingRegressor(loss="poisson", early_stopping=False)
        self.model = trees.fit(features, counts)

    def count_sources(self, waveform: Tensor) -> tuple[Integers, Floats]:
        rates = self.model.predict(self.features(waveform))
        return most_probable_count(torch.from_numpy(rates)).numpy(), rates
