"""Mix-and-separate: two solos of a batch are mixed, and the network is to give both back (Zhao et al. 2018, §3.2).

What Sound-of-Pixels, AV-Mix-Sep and Co-Separation have in common; their public code takes the same steps: spectrograms
of window 1022 and hop 256, resampled to 256 log-frequency bins; the logarithm of the mixture's magnitude is heard, and
the loss is weighted by log(1 + magnitude) within [0.001, 10]. No label is read: *any* two solos are mixed.

Ours: windows of 65,280 samples, not 65,535, as many as CAVL's separation network hears (256 frames both), so that the
sounds of all rows pair; every second solo of a batch is mixed with another of it; nothing is augmented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from cavl.alignment import mismatched
from cavl.curriculum import Ordering, Stage
from cavl.separation import mixed_parts
from cavl.spectrogram import LogSpectrogram, as_float, magnitude

TINY = 1e-10  # magnitude; the logarithm of silence is -23
WEIGHTS = (1e-3, 10.0)
RATIO = 5.0  # masks to be learned are at most this, where phases cancel in the mixture


class Solos(Protocol):
    """A batch of single-source scenes, on the model's device."""

    image: Tensor  # (B, 3, H, W) uint8
    waveform: Tensor  # (B, T) int16


@dataclass(frozen=True, slots=True)
class Mixes:
    """M mixtures of two solos each, as magnitudes on the log-frequency axis."""

    pairs: Tensor  # (M, 2): numbers of the solos in their batch
    mixture: Tensor  # (M, 1, F, T)
    parts: Tensor  # (M, 2, F, T): the solos as loud as in the mixture

    @property
    def weights(self) -> Tensor:
        """(M, 1, F, T): what each point of the spectrogram counts in the loss."""
        return torch.log1p(self.mixture).clamp(*WEIGHTS)

    @property
    def ratios(self) -> Tensor:
        """(M, 2, F, T): the ratio masks that are to be learned, within [0, 5]."""
        return (self.parts / self.mixture).clamp(0, RATIO)

    @property
    def dominant(self) -> Tensor:
        """(M, 2, F, T): the binary masks, 1 where a part is more than half of the mixture."""
        return (self.parts > self.mixture / 2).float()


def mix(spectrogram: LogSpectrogram, waveform: Tensor, draw: torch.Generator) -> Mixes:
    """Mix every second of the solos (B, T) with another one of them.

    Raises
    ------
    ValueError
        If there are fewer than two, or as :func:`cavl.separation.as_audible`.
    """
    if len(waveform) < 2:
        raise ValueError("two solos at least are mixed: enlarge training.batch")
    partners = mismatched(len(waveform), draw)
    pairs = torch.stack([torch.arange(len(partners)), partners], 1)[::2].to(waveform.device)
    with torch.autocast(waveform.device.type, enabled=False):
        stft = spectrogram.stft(mixed_parts(waveform.unsqueeze(1), "mean", 2).squeeze(1))
        parts = spectrogram.to_log_frequency(magnitude(stft))[pairs]
        mixture = spectrogram.to_log_frequency(magnitude(stft[pairs].sum(1, keepdim=True))) + TINY
    return Mixes(pairs, mixture, parts)


def log_mixture(spectrogram: LogSpectrogram, mixture: Tensor, window: int) -> Tensor:
    """Mixtures (B, T) of one window -> what the networks hear (B, 1, F, T').

    Raises
    ------
    ValueError
        If they are of another length.
    """
    if mixture.shape[-1] != window:
        raise ValueError(f"a mixture must be {window} samples long, not {mixture.shape[-1]}; cut it in windows")
    with torch.autocast(mixture.device.type, enabled=False):
        heard = spectrogram.to_log_frequency(magnitude(spectrogram.stft(as_float(mixture))))
        return (heard + TINY).log().unsqueeze(1)


def draw_weights(network: nn.Module, deviation: float) -> None:
    """Normal weights of a ``deviation``, and 1 ± 0.02 for batch norm's, as the public code begins."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0, deviation)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.02)


def orderings(updates: int, lr: float, drops: tuple[int, ...] = ()) -> dict[str, Ordering]:
    """``c1``: trained on scenes of one source, the rate falling to a tenth at ``drops``; and the network before."""
    return {"untrained": (), "c1": (Stage(curricula=(1,), updates=updates, lr=lr, drops=drops),)}
