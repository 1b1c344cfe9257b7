"""NMF-MFCC (Spiertz & Gnann 2009, "Source-filter based clustering for monaural blind source separation"): blind.

It knows nothing and sees nothing. The magnitudes of the mixture's STFT are factored into components, a spectrum and its
gains each (§2); components are clustered by the MFCCs of their spectra, as many clusters as there are sounds, since the
filter of an instrument shapes the spectra of all its notes alike (§3.2, the paper's "MFCC" clustering by k-means); each
cluster's share of the power masks the mixture. Which sound is which it cannot say: whoever scores it must order them.

    magnitudes (F, T) ~ spectra (F, K) @ gains (K, T), by multiplicative updates under the KL divergence
    feature of a component: DCT of the log of its spectrum in mel bands, coefficients 1 to 13

*Literature*: 25 components, 200 updates and 20 mel bands are those of public code (yukisan0718's of this paper), 13
coefficients from the first on those of nussl. *Ours*: the STFT of the suite's other separators, the first factors by
SVD in place of random ones, each spectrum scaled to its own loudest band before the logarithm, shares of the power in
place of the magnitudes' (Wiener).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor
from torchaudio.functional import create_dct, melscale_fbanks

from cavl.separation import as_audible
from cavl.spectrogram import magnitude

Floats = npt.NDArray[np.float32]
TINY = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class NMFMFCCConfig:
    sample_rate: int = 11_025  # Hz
    fft: int = 1022  # samples of Hann window and FFT; the hop is a quarter of it
    components: int = 25
    iterations: int = 200  # updates of both factors
    mel_bins: int = 20
    coefficients: int = 13  # MFCCs of a component, the 0th left out
    loudness: float = 1e4  # logarithm: log(1 + loudness * band / loudest band)

    def __post_init__(self) -> None:
        if self.fft < 4 or min(self.components, self.iterations, self.coefficients) < 1 or self.loudness <= 0:
            raise ValueError(f"fft must be at least 4, components, iterations and coefficients at least 1, not {self}")
        if self.mel_bins <= self.coefficients:
            raise ValueError(f"{self.coefficients} coefficients beside the 0th need more than {self.mel_bins} mel_bins")
        if not mel_filters(self).any(0).all():
            raise ValueError(
                f"some of {self.mel_bins} mel_bins hold no frequency of an fft of {self.fft}: choose fewer"
            )


class NMFMFCC:
    """Blind separation; ability ``separate_blindly``."""

    Config = NMFMFCCConfig
    knows = "nothing; an oracle orders its sounds"

    def __init__(self, config: NMFMFCCConfig | None = None) -> None:
        self.config = config or NMFMFCCConfig()
        self.sample_rate = self.config.sample_rate

    def separate_blindly(self, mixture: Tensor, n: int) -> Tensor:
        """(B, T) -> n sounds each, in no order (B, n, T); they add up to the mixture."""
        fft, hann = self.config.fft, torch.hann_window(self.config.fft, device=mixture.device)
        samples = as_audible(mixture)
        stft = torch.stft(samples, fft, fft // 4, window=hann, pad_mode="constant", return_complex=True)
        masks = [self.masks(magnitude(one).cpu().numpy(), n) for one in stft]
        parts = torch.from_numpy(np.stack(masks)).to(mixture.device) * stft.unsqueeze(1)
        sounds = torch.istft(parts.flatten(0, 1), fft, fft // 4, window=hann, length=samples.shape[-1])
        return sounds.view(len(samples), n, -1)

    def masks(self, magnitudes: Floats, n: int) -> Floats:
        """Magnitudes (F, T) -> shares (n, F, T) that add up to one; of silence equal ones."""
        shares = np.full((n, *magnitudes.shape), 1 / n, dtype=np.float32)
        if magnitudes.any():
            spectra, gains = factors(magnitudes, self.config.components, self.config.iterations)
            cluster = clusters(self.features(spectra), n)
            power = np.stack([(spectra[:, cluster == c] @ gains[cluster == c]) ** 2 for c in range(n)])
            np.divide(power, power.sum(0), out=shares, where=power.sum(0) > TINY)
        return shares

    def features(self, spectra: Floats) -> Floats:
        """Spectra (F, K) -> MFCCs (K, coefficients), whatever their level."""
        bands = spectra.T @ mel_filters(self.config).numpy()
        bands /= np.maximum(bands.max(1, keepdims=True), TINY)
        dct = create_dct(self.config.coefficients + 1, self.config.mel_bins, norm="ortho").numpy()
        cepstra: Floats = np.log1p(self.config.loudness * bands) @ dct[:, 1:]
        return cepstra


def factors(magnitudes: Floats, components: int, iterations: int) -> tuple[Floats, Floats]:
    """Magnitudes (F, T), not all zero -> spectra (F, K) and gains (K, T), K = ``components`` or the shorter side."""
    options: Any = {"init": "nndsvda", "solver": "mu", "beta_loss": "kullback-leibler", "tol": 0, "random_state": 0}
    model = NMF(min(components, *magnitudes.shape), max_iter=iterations, **options)
    return model.fit_transform(magnitudes), model.components_


def clusters(features: Floats, n: int) -> npt.NDArray[np.int32]:
    """Features (K, D) -> cluster (K,) of each, 0 to n - 1; by k-means, the best of ten beginnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer different components than clusters
        found: npt.NDArray[np.int32] = KMeans(min(n, len(features)), n_init=10, random_state=0).fit_predict(features)
    return found


@lru_cache(maxsize=8)
def mel_filters(config: NMFMFCCConfig) -> Tensor:
    """(fft // 2 + 1, mel_bins) triangles on the HTK scale, from 0 Hz to half the sample rate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of empty filters: the configuration refuses them
        return melscale_fbanks(config.fft // 2 + 1, 0.0, config.sample_rate / 2, config.mel_bins, config.sample_rate)
