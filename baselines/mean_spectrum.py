"""Cheap rival of the separation network: the mean spectrum of each kind (PROTOCOLS §8). It sees nothing.

It is told the kinds of the two sounds, which no network is: of each kind it knows the mean power spectrum over the
training solos, finds by NMF how loud either is in each frame of the mixture, and masks the mixture by Wiener's rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from cavl.separation import as_audible
from cavl.spectrogram import as_float, magnitude

TINY = 1e-10  # power; of a full-scale sine it is 65,000


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSpectrumConfig:
    sample_rate: int = 11_025  # Hz
    fft: int = 1022  # samples of Hann window and FFT; the hop is a quarter of it
    iterations: int = 60  # updates of the gains

    def __post_init__(self) -> None:
        if self.fft < 4 or self.iterations < 1:
            raise ValueError(f"fft must be at least 4 and iterations at least 1, not {self}")


class MeanSpectrum:
    """Separation by one spectrum a kind, its gains by multiplicative Itakura-Saito updates."""

    Config = MeanSpectrumConfig

    def __init__(self, config: MeanSpectrumConfig | None = None) -> None:
        self.config = config or MeanSpectrumConfig()
        self.sample_rate = self.config.sample_rate
        self.spectra: dict[int, Tensor] = {}  # kind -> mean power (bins,)

    def fit_kinds(self, solos: Iterable[tuple[Tensor, int]]) -> None:
        """Learn the spectra from training solos: sound (T,) and kind each."""
        frames: dict[int, int] = {}
        for sound, kind in solos:
            power = magnitude(self._stft(as_float(sound.unsqueeze(0)))[0]).square()
            self.spectra[kind] = self.spectra.get(kind, 0) + power.sum(-1)
            frames[kind] = frames.get(kind, 0) + power.shape[-1]
        self.spectra = {kind: total / frames[kind] for kind, total in self.spectra.items()}

    def separate_kinds(self, mixture: Tensor, kinds: Tensor) -> Tensor:
        """(B, T) and the kinds (B, n) of the sounds in it -> these sounds (B, n, T).

        Raises
        ------
        ValueError
            For a kind of which there was no training solo.
        """
        unknown = sorted({*kinds.flatten().tolist()} - self.spectra.keys())
        if unknown:
            raise ValueError(f"there was no training solo of kind {unknown[0]}: its mean spectrum is not known")
        stft = self._stft(as_audible(mixture))  # (B, bins, frames)
        spectra = torch.stack([torch.stack([self.spectra[k] for k in some], 1) for some in kinds.tolist()])
        parts = wiener(magnitude(stft).square(), spectra.to(mixture.device), self.config.iterations)
        sounds = torch.istft(
            (parts * stft.unsqueeze(1)).flatten(0, 1),
            self.config.fft,
            self.config.fft // 4,
            window=torch.hann_window(self.config.fft, device=mixture.device),
            length=mixture.shape[-1],
        )
        return sounds.view(*kinds.shape, -1)

    def _stft(self, waveform: Tensor) -> Tensor:
        """(B, T) -> (B, bins, frames)"""
        hann = torch.hann_window(self.config.fft, device=waveform.device)
        fft = self.config.fft
        return torch.stft(waveform, fft, fft // 4, window=hann, pad_mode="constant", return_complex=True)


def gains(power: Tensor, spectra: Tensor, iterations: int) -> Tensor:
    """Power (B, F, T) of mixtures, spectra (B, F, n) -> how much of each is in each frame (B, n, T).

    Multiplicative updates of NMF under the Itakura-Saito divergence (Févotte et al. 2009), the spectra held, from equal
    gains that add up to the frame's power.
    """
    found = power.sum(1, keepdim=True) / spectra.sum(1).unsqueeze(-1).clamp_min(TINY) / spectra.shape[-1]
    for _ in range(iterations):
        model = (spectra @ found).clamp_min(TINY)
        found = found * (spectra.mT @ (power / model.square())) / (spectra.mT @ model.reciprocal()).clamp_min(TINY)
    return found


def wiener(power: Tensor, spectra: Tensor, iterations: int) -> Tensor:
    """Masks (B, n, F, T) that add up to one wherever the model has power: each spectrum's share of it."""
    parts = spectra.mT.unsqueeze(-1) * gains(power, spectra, iterations).unsqueeze(2)  # (B, n, F, T)
    return parts / parts.sum(1, keepdim=True).clamp_min(TINY)
