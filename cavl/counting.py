"""Counting the sources of a sound by Poisson regression (§3.2.2, §6.3, Eq 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cavl.spectrogram import LogSpectrogram, SpectrogramConfig
from cavl.trunks import VGGISH, Plan, conv_trunk, out_channels

MAX_COUNT = 5  # the paper's scenes have 1 to 5 sources


class Sounds(Protocol):
    waveform: Tensor  # (B, T) int16
    n_sources: Tensor  # (B,) labelled number of sources


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterConfig:
    spectrogram: SpectrogramConfig = field(default_factory=SpectrogramConfig)
    audio_trunk: Plan = VGGISH
    width: float = 1.0
    batch_norm: bool = True


class Counter(nn.Module):
    """VGGish trunk -> global max-pooling -> two fully-connected layers -> lambda > 0 by softplus."""

    Config: ClassVar = CounterConfig
    recipe: ClassVar[dict[str, Any]] = {"optimizer": "sgd", "momentum": 0.9}

    def __init__(self, config: CounterConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.spectrogram.sample_rate
        self.window = config.spectrogram.samples
        channels = out_channels(config.audio_trunk, config.width)
        self.spectrogram = LogSpectrogram(config.spectrogram)
        self.audio_trunk = conv_trunk(config.audio_trunk, 1, batch_norm=config.batch_norm, width=config.width)
        self.head = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(inplace=True), nn.Linear(channels, 1))

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, T) -> lambda (B,), the expected number of sources."""
        pooled = self.audio_trunk(self.spectrogram(waveform)).amax((2, 3))
        return F.softplus(self.head(pooled).float()).squeeze(1)

    def training_step(self, scenes: Sounds, draw: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        loss = poisson_loss(self(scenes.waveform), scenes.n_sources)
        return loss, {"loss": float(loss.detach())}

    @torch.no_grad()
    def count(self, waveform: Tensor) -> Tensor:
        """(B, T) -> the most probable number of sources (B,), 1 to 5."""
        return most_probable_count(self(waveform))


def poisson_loss(rate: Tensor, count: Tensor) -> Tensor:
    """Eq 6 without its constant ln(y!), averaged over the batch: f - y log f."""
    return (rate - count * rate.clamp_min(1e-8).log()).mean()


def most_probable_count(rate: Tensor) -> Tensor:
    """The most probable count under the Poisson distribution restricted to 1..5: clip(ceil(lambda) - 1, 1, 5)."""
    return (rate.ceil() - 1).clamp(1, MAX_COUNT).long()
