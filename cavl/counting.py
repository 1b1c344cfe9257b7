"""Counting the sources of a sound by Poisson regression (§3.2.2, §6.3, Eq 6).

The number of sources y is taken for a Poisson count whose expectation lambda = f(a) the network reads from the sound.
The paper predicts "the number that holds the maximal probability"; with lambda that is about floor(lambda), which is
too small by half a source on average, so :func:`rounded_count` stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_COUNT = 5  # the paper's scenes have 1 to 5 sources


class Sounds(Protocol):
    waveform: Tensor  # (B, T) int16
    n_sources: Tensor  # (B,) labelled number of sources


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterConfig:
    hidden: int | None = None  # units of the layer before lambda; None: as many as the embedding has (512-512-1)

    def __post_init__(self) -> None:
        if self.hidden is not None and self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")


class Counter(nn.Module):
    """Audio network -> pooled features -> two fully-connected layers -> lambda > 0 by softplus.

    The audio network maps (B, T) -> (B, D) and has ``sample_rate``, ``window`` and ``embedding_size`` (D). It may come
    pre-trained (§4.3.3), and is trained further with the two layers on top.
    """

    recipe: ClassVar[dict[str, Any]] = {"optimizer": "sgd", "momentum": 0.9}

    def __init__(self, config: CounterConfig, audio_network: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.audio_network = audio_network
        self.sample_rate: int = audio_network.sample_rate  # type: ignore[assignment]
        self.window: int = audio_network.window  # type: ignore[assignment]
        size: int = audio_network.embedding_size  # type: ignore[assignment]
        hidden = config.hidden or size
        self.head = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, 1))

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, T) -> lambda (B,), the expected number of sources."""
        return F.softplus(self.head(self.audio_network(waveform)).float()).squeeze(1)

    def training_step(self, scenes: Sounds, draw: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        loss = poisson_loss(self(scenes.waveform), scenes.n_sources)
        return loss, {"loss": float(loss.detach())}

    @torch.no_grad()
    def count(self, waveform: Tensor) -> Tensor:
        """(B, T) -> the most probable number of sources (B,), 1 to 5."""
        return most_probable_count(self(waveform))

    @torch.no_grad()
    def count_sources(self, waveform: Tensor) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """(B, T) -> the most probable numbers of sources (B,), 1 to 5, and the expected ones (B,)."""
        rate = self(waveform)
        return most_probable_count(rate).cpu().numpy(), rate.cpu().double().numpy()


def poisson_loss(rate: Tensor, count: Tensor) -> Tensor:
    """Eq 6 without its constant ln(y!), averaged over the batch: f - y log f."""
    return (rate - count * rate.clamp_min(1e-8).log()).mean()


def most_probable_count(rate: Tensor) -> Tensor:
    """The most probable count under the Poisson distribution restricted to 1..5: clip(ceil(lambda) - 1, 1, 5)."""
    return (rate.ceil() - 1).clamp(1, MAX_COUNT).long()


def rounded_count(rate: Tensor) -> Tensor:
    """The whole number nearest to the expectation: clip(round(lambda), 1, 5); halves are rounded up."""
    return (rate + 0.5).floor().clamp(1, MAX_COUNT).long()
