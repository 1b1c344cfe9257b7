"""AV-MIML (Gao, Feris & Grauman, ECCV 2018, "Learning to Separate Object Sounds by Watching Unlabeled Video").

NMF takes the spectrum of a recording apart into basis vectors, labels say what is in it, but not which vector is whose:
multi-instance multi-label learning (MIML) finds that out over many recordings. The vectors so found for an object are
its dictionary, and guided NMF, the dictionaries of the objects that are there held fixed, takes a mixture apart.

    recording -> magnitudes (F, T) ~ bases (F, M) @ gains, KL divergence (§3.2); each basis scaled to a maximum of 1
    MIML (§3.3): basis -> FC, BN, ReLU (1024) -> FC, BN, ReLU -> sub-concepts (L, K) -> max over K: the relation map
        (M, L) -> max over the M bases: scores (L); loss: multi-label hinge
    key bases (§3.4): softmax of the relation map over the labels; those that speak for the recording's own label,
        where several of its bases do
    mixture (§3.5) ~ [W_1 W_2] @ gains, updates of the gains only; mask of j: W_j H_j / sum over all

Labels are *told*: in the paper ImageNet's classes that a network sees in the video, in this suite the true kinds of the
solos, one for each, at test the kinds of the two sounds. Sizes as published (public code: rhgao/Deep-MIML-Network):
F = 2,401 (0.1 s at 48 kHz, half overlapping), M = 25, K = 4; Adam, 1e-3 falling by 6 % every 5 epochs, 300 epochs.
*Ours*, where the paper refers to its supplement: what "several" is, how many bases a kind keeps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from sklearn.decomposition import non_negative_factorization
from torch import Tensor, nn

from baselines.nmf_mfcc import TINY, factors
from cavl.separation import as_audible
from cavl.spectrogram import as_float, magnitude

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class AVMIMLConfig:
    sample_rate: int = 48_000  # Hz
    fft: int = 4_800  # samples of Hann window and FFT, 0.1 s; the hop is half of it
    bases: int = 25  # M, of each recording
    iterations: int = 200  # updates of NMF, and of the gains of a mixture
    hidden: int = 1_024
    sub_concepts: int = 4  # K
    epochs: int = 300
    batch: int = 256  # recordings
    lr: float = 1e-3  # times 0.94 every 5 epochs
    solos: int | None = None  # recordings of each kind that are learned from, the first ones; None: all
    threshold: float = 0.3  # of a basis' softmax over the labels; from there on the public code calls a label found
    several: int = 2  # bases of a recording that must be above it
    kept: int = 100  # most bases of a kind's dictionary, the surest ones

    def __post_init__(self) -> None:
        for name in ("sample_rate", "bases", "iterations", "hidden", "sub_concepts", "epochs", "batch", "kept"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.fft < 4 or self.lr <= 0 or self.several < 0 or not 0 <= self.threshold <= 1:
            raise ValueError(f"fft must be at least 4, lr above 0, several not negative, threshold in [0, 1]: {self}")
        if self.solos is not None and self.solos < 1:
            raise ValueError(f"solos of each kind must be at least 1, not {self.solos}")


class MIML(nn.Module):
    """Which basis speaks for which label (§3.3, Fig. 3)?"""

    def __init__(self, bins: int, labels: int, config: AVMIMLConfig) -> None:
        super().__init__()
        self.labels = labels
        outputs = labels * config.sub_concepts
        first, second = nn.Linear(bins, config.hidden), nn.Linear(config.hidden, outputs)
        for layer in (first, second):
            nn.init.normal_(layer.weight, 0.0, 0.02)  # as in the public code
        normalised = nn.BatchNorm1d(config.hidden), nn.BatchNorm1d(outputs)
        self.layers = nn.Sequential(first, normalised[0], nn.ReLU(), second, normalised[1], nn.ReLU())

    def relation(self, bases: Tensor) -> Tensor:
        """(B, M, F) -> (B, M, L), the best of each label's sub-concepts."""
        scores: Tensor = self.layers(bases.flatten(0, 1))
        return scores.view(*bases.shape[:2], self.labels, -1).amax(-1)

    def forward(self, bases: Tensor) -> Tensor:
        """Bags of bases (B, M, F) -> scores (B, L), each by the basis that speaks for it most."""
        return self.relation(bases).amax(1)


class AVMIML:
    """Separation by dictionaries of kinds; abilities ``fit_kinds`` and ``separate_kinds``. Initial weights of MIML and
    the order of its batches follow from torch's global generator as it is when the method is made."""

    Config = AVMIMLConfig
    knows = "the two kinds, and in training the solos' (in the paper ImageNet's classes)"

    def __init__(self, config: AVMIMLConfig | None = None) -> None:
        self.config = config or AVMIMLConfig()
        self.sample_rate = self.config.sample_rate
        self.seed = int(torch.randint(1 << 62, ()))
        self.spectra: dict[int, Tensor] = {}  # kind -> its dictionary (F, bases)

    # -- training ----------------------------------------------------------------------------------------------------

    def fit_kinds(self, solos: Iterable[tuple[Tensor, int]]) -> None:
        """Learn the dictionaries from training solos: sound (T,) and kind each. Silent ones teach nothing."""
        taken: Counter[int] = Counter()
        bags, kinds = [], []
        for sound, kind in solos:
            if taken[kind] == self.config.solos or not sound.any():
                continue
            taken[kind] += 1
            bags.append(self._bases(sound))
            kinds.append(kind)
        names = sorted(taken)
        labels = torch.tensor([names.index(kind) for kind in kinds])
        bases = torch.stack(bags)
        network = train(bases, labels, len(names), self.config, self.seed)
        with torch.no_grad():
            sure = network.relation(bases).softmax(-1)
        for label, kind in enumerate(names):
            own = labels == label
            self.spectra[kind] = key_bases(bases[own], sure[own, :, label], self.config)

    def _bases(self, sound: Tensor) -> Tensor:
        """(T,) -> (M, F), each with a maximum of 1; of a sound too short for so many the last ones are 0."""
        magnitudes = magnitude(self._stft(as_float(sound.unsqueeze(0)))[0]).numpy()
        spectra, _ = factors(magnitudes, self.config.bases, self.config.iterations)
        scaled = torch.from_numpy(spectra.T / np.maximum(spectra.max(0), TINY)[:, None])
        return F.pad(scaled, (0, 0, 0, self.config.bases - len(scaled)))

    # -- separation --------------------------------------------------------------------------------------------------

    def separate_kinds(self, mixture: Tensor, kinds: Tensor) -> Tensor:
        """(B, T) and the kinds (B, n) of the sounds in it -> these sounds (B, n, T), which add up to the mixture.

        Raises
        ------
        ValueError
            For a kind of which there was no training solo.
        """
        unknown = sorted({*kinds.flatten().tolist()} - self.spectra.keys())
        if unknown:
            raise ValueError(f"there was no training solo of kind {unknown[0]}: its bases are not known")
        stft = self._stft(as_audible(mixture))  # (B, bins, frames)
        masks = [
            guided(magnitude(one).cpu().numpy(), [self.spectra[k].numpy() for k in some], self.config.iterations)
            for one, some in zip(stft, kinds.tolist(), strict=True)
        ]
        parts = torch.from_numpy(np.stack(masks)).to(mixture.device) * stft.unsqueeze(1)
        fft, hann = self.config.fft, torch.hann_window(self.config.fft, device=mixture.device)
        sounds = torch.istft(parts.flatten(0, 1), fft, fft // 2, window=hann, length=mixture.shape[-1])
        return sounds.view(*kinds.shape, -1)

    def _stft(self, waveform: Tensor) -> Tensor:
        """(B, T) -> (B, bins, frames)"""
        fft, hann = self.config.fft, torch.hann_window(self.config.fft, device=waveform.device)
        return torch.stft(waveform, fft, fft // 2, window=hann, pad_mode="constant", return_complex=True)


def train(bases: Tensor, labels: Tensor, n_labels: int, config: AVMIMLConfig, seed: int) -> MIML:
    """MIML learned from bags (R, M, F) and the label of each (R,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = MIML(bases.shape[-1], n_labels, config)
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), config.lr, weight_decay=1e-5)
    falling = torch.optim.lr_scheduler.StepLR(optimizer, 5, 0.94)
    for _ in range(config.epochs):
        for some in torch.randperm(len(bases), generator=draw).split(config.batch):
            optimizer.zero_grad()
            hinge_loss(network(bases[some]), labels[some]).backward()
            optimizer.step()
        falling.step()
    return network.eval()


def hinge_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Scores (B, L), the one label of each (B,) -> mean over bags of sum_i max(0, 1 - (own - score_i)) / L (Eq. 3)."""
    only = torch.full_like(scores, -1, dtype=torch.int64)  # behind the labels of a bag -1 ends their list
    only[:, 0] = labels
    return F.multilabel_margin_loss(scores, only)


def key_bases(bases: Tensor, sure: Tensor, config: AVMIMLConfig) -> Tensor:
    """Of recordings of one kind (R, M, F), how far each basis speaks for it (R, M) -> its dictionary (F, bases) (§3.4).

    Bases above the threshold of recordings that have ``several``; where there are none, all of them (*ours*: a kind
    must not be without). Of more than are kept, the surest.
    """
    there = bases.any(-1)
    above = there & (sure >= config.threshold)
    above &= above.sum(1, keepdim=True) >= config.several
    chosen = above if above.any() else there
    best = sure[chosen].argsort(descending=True, stable=True)[: config.kept]
    return bases[chosen][best].mT.contiguous()


def guided(magnitudes: Floats, dictionaries: Sequence[Floats], iterations: int) -> Floats:
    """Magnitudes (F, T), dictionaries (F, K_j) -> the share of each (n, F, T); equal ones where there is nothing."""
    shares = np.full((len(dictionaries), *magnitudes.shape), 1 / len(dictionaries), dtype=np.float32)
    if magnitudes.any():
        spectra = np.concatenate(dictionaries, 1).T  # scikit-learn has samples in rows: the dictionary is its H
        held: Any = {"H": spectra, "update_H": False, "n_components": len(spectra)}
        options: Any = {"solver": "mu", "beta_loss": "kullback-leibler", "tol": 0, "max_iter": iterations}
        gains, *_ = non_negative_factorization(magnitudes.T, **held, **options)
        ends = np.cumsum([d.shape[1] for d in dictionaries])[:-1]
        parts = zip(np.split(gains, ends, 1), np.split(spectra, ends), strict=True)
        found = np.stack([(gain @ spectrum).T for gain, spectrum in parts])
        np.divide(found, found.sum(0), out=shares, where=found.sum(0) > TINY)
    return shares
