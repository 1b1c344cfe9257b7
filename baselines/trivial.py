"""Trivial rows, which every table needs: methods that look at no image, or learn nothing.

*Localization.* A full frame, a centred square, the mean of the training annotations and a random box. The first
three ignore what they are given; on the public Flickr-SoundNet test set, whose objects are large and central, they beat
published models, so that a localization score means nothing without them beside it. Each answers with the same mask for
each of the n sources (the random one draws a new box for each); a mask is not binarised further.

*Classification.* :class:`SpectrogramStatistics`: mean and standard deviation of log-mel bands, no training.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchaudio.transforms import MelSpectrogram

Map = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]


# --- localization --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskConfig:
    """What a method that looks at nothing still states: the sound it is handed."""

    sample_rate: int = 11_025  # Hz
    window: int = 22_050  # samples


class _Masks:
    """What methods that answer with masks have in common."""

    Config = MaskConfig
    heatmaps_are_masks = True
    image_size = None  # any

    def __init__(self, config: MaskConfig | None = None) -> None:
        config = config or MaskConfig()
        self.sample_rate, self.window = config.sample_rate, config.window


class _OneMask(_Masks, ABC):
    """A method whose answer depends on nothing but the size of the image."""

    @abstractmethod
    def mask(self, height: int, width: int) -> Mask:
        """(H, W), true where the method says that the sound comes from."""

    def localize(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None = None) -> Tensor:
        """Images (B, 3, H, W) and waveforms (B, T), both unread -> masks (B, n, H, W) of 0 and 1."""
        mask = torch.from_numpy(self.mask(*image.shape[-2:]))
        return mask.to(device=image.device, dtype=torch.float32).repeat(len(image), n, 1, 1)


class FullFrame(_OneMask):
    """Everything sounds."""

    def mask(self, height: int, width: int) -> Mask:
        return np.ones((height, width), dtype=np.bool_)


class CentredSquare(_OneMask):
    """A centred square of half the area; in a frame that is no square, a rectangle of the frame's proportions.

    Each side is the frame's divided by sqrt(2), rounded to the nearest pixel; what is left over is halved and rounded
    down to give the offset from the top left. At 256 x 256: side 181, offset 37.
    """

    def mask(self, height: int, width: int) -> Mask:
        mask = np.zeros((height, width), dtype=np.bool_)
        mask[_middle(height), _middle(width)] = True
        return mask


def _middle(size: int) -> slice:
    side = round(size / math.sqrt(2))
    offset = (size - side) // 2
    return slice(offset, offset + side)


class MeanTrainingMap(_OneMask):
    """Where the objects of the training images usually are: the pixels whose mean consensus reaches a level.

    The levels searched are 1 %, 2 %, ..., 100 % of the mean map's maximum. The one kept has the highest cIoU@0.5 **on
    the training annotations**; among equals the highest mean cIoU, then the lowest level.

    Attributes
    ----------
    level
        The level kept, in percent of the mean map's maximum; None before :meth:`fit`.
    """

    LEVELS = 100

    def __init__(self, config: MaskConfig | None = None) -> None:
        super().__init__(config)
        self.level: int | None = None
        self._mask: Mask | None = None

    def fit(self, maps: Collection[Map] | Tensor) -> None:
        """Learn the mask from training annotations.

        Parameters
        ----------
        maps
            The training images' consensus maps, (H, W) in [0, 1] each, none of them zero everywhere. Gone through
            twice, so that a collection which computes them on demand needs memory for one only.

        Raises
        ------
        ValueError
            For no map, or maps that differ in shape, leave [0, 1] or are zero everywhere.
        """
        if not len(maps):
            raise ValueError("the mean training map needs at least one training annotation")
        shape = tuple(next(iter(maps)).shape)
        total = np.zeros(shape)
        for g in maps:
            total += _consensus(g, shape)
        # reached[p]: the highest level, in steps of the maximum / 100, that pixel p reaches; 0 to 100.
        reached = np.floor(self.LEVELS * total / total.max()).astype(np.int64)
        cious = np.stack([self._cious(_consensus(g, shape), reached) for g in maps])  # (images, levels), levels from 1
        scores = list(zip((cious >= 0.5).mean(axis=0), cious.mean(axis=0), strict=True))
        self.level = 1 + scores.index(max(scores))
        self._mask = reached >= self.level

    def _cious(self, g: Map, reached: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """cIoU of one image at every level at once: the masks are nested, so both sums over them are running sums."""
        inside = np.bincount(reached.ravel(), weights=g.ravel(), minlength=self.LEVELS + 1)
        outside = np.bincount(reached[g == 0], minlength=self.LEVELS + 1)
        agreed, disputed = (np.cumsum(counts[::-1])[::-1][1:] for counts in (inside, outside))
        cious: npt.NDArray[np.float64] = agreed / (inside.sum() + disputed)
        return cious

    def mask(self, height: int, width: int) -> Mask:
        """(H, W); raises ``ValueError`` before :meth:`fit`, or for another size than the training annotations have."""
        if self._mask is None:
            raise ValueError("the mean training map has seen no training annotation yet: call fit first")
        if (height, width) != self._mask.shape:
            raise ValueError(f"the mean training map is {self._mask.shape}, it cannot answer for {(height, width)}")
        return self._mask


def _consensus(g: Map | Tensor, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    values = np.asarray(g, dtype=np.float64)
    if values.ndim != 2 or values.shape != shape:
        raise ValueError(f"consensus maps must be (H, W) of one size, not {values.shape} beside {shape}")
    if not np.all((values >= 0) & (values <= 1)) or not np.any(values):
        raise ValueError("a consensus map must lie in [0, 1] and not be zero everywhere")
    return values


def random_box(seed: int, item: str, source: int, height: int, width: int) -> Mask:
    """(H, W), true in the rectangle between two pixels, both included, each drawn uniformly from the frame.

    Ours: nothing published defines a "random" localization. A pure function of the seed, the item and the number of the
    source.
    """
    digest = hashlib.sha256(f"box {seed} {item} {source}".encode()).digest()
    a, b, c, d = (int.from_bytes(digest[i : i + 8], "big") for i in (0, 8, 16, 24))
    top, bottom = sorted((a % height, b % height))  # of 64 bits: uniform to within 1e-16
    left, right = sorted((c % width, d % width))
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[top : bottom + 1, left : right + 1] = True
    return mask


class RandomBox(_Masks):
    """:func:`random_box` for every item and source.

    The seed is drawn from torch's global generator, as the initial weights of other methods are. The item is the
    content of its waveform, so that its boxes do not depend on the batch it comes in.
    """

    def __init__(self, config: MaskConfig | None = None) -> None:
        super().__init__(config)
        self.seed = int(torch.randint(2**62, ()))

    def localize(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None = None) -> Tensor:
        """Images (B, 3, H, W), unread, and waveforms (B, T), told apart -> masks (B, n, H, W) of 0 and 1."""
        height, width = image.shape[-2:]
        items = [hashlib.sha256(row.tobytes()).hexdigest() for row in _as_float(waveform).cpu().numpy()]
        masks = [[random_box(self.seed, item, source, height, width) for source in range(n)] for item in items]
        return torch.from_numpy(np.array(masks)).to(device=image.device, dtype=torch.float32)


# --- classification ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsConfig:
    sample_rate: int = 11_025  # Hz
    fft: int = 1024  # samples of Hann window and FFT: 93 ms at 11,025 Hz; the hop is half of it
    bands: int = 64  # mel bands; the embedding has twice as many numbers

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.bands) < 1 or self.fft < 2:
            raise ValueError(f"sample_rate and bands must be at least 1 and fft at least 2, not {self}")


class SpectrogramStatistics:
    """Mean and standard deviation over time of log-mel bands: what the spectrogram says before anything is learned.

    Power spectrogram, triangular mel bands (HTK scale) from 0 to half the sample rate, natural logarithm of
    power + 1e-6. Takes a clip whole: it asks for no ``window``.
    """

    Config = StatisticsConfig

    def __init__(self, config: StatisticsConfig | None = None) -> None:
        config = config or StatisticsConfig()
        self.sample_rate = config.sample_rate
        self.mel = MelSpectrogram(
            config.sample_rate, config.fft, hop_length=config.fft // 2, n_mels=config.bands, pad_mode="constant"
        )

    def audio_embedding(self, waveform: Tensor) -> Tensor:
        """Waveforms (B, T), int16 PCM or float in [-1, 1], of any length -> (B, 2 bands): means, then deviations.

        Raises
        ------
        ValueError
            If the waveforms are not (B, T), are empty, or hold NaN or infinite samples.
        """
        bands = torch.log(self.mel.to(waveform.device)(_as_float(waveform)) + 1e-6)  # (B, bands, frames)
        return torch.cat([bands.mean(dim=-1), bands.std(dim=-1, correction=0)], dim=-1)


def _as_float(waveform: Tensor) -> Tensor:
    if waveform.ndim != 2 or not waveform.shape[1]:
        raise ValueError(f"waveforms must be (batch, samples), not {tuple(waveform.shape)}")
    if waveform.dtype == torch.int16:
        return waveform.float() / 32768
    if not torch.isfinite(waveform).all():
        raise ValueError("a waveform holds NaN or infinite samples; the recording it came from is damaged")
    return waveform.float()
