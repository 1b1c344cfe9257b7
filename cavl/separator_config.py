"""Sizes and choices of the separation network (§6.4), apart from it: presets name them without importing its code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cavl.spectrogram import SpectrogramConfig


def paper_spectrogram() -> SpectrogramConfig:
    """256 x 256 for 65,280 samples, 5.9 s: a departure from §4.2's 512 x 432 of 10 s, which six halvings do not fit."""
    return SpectrogramConfig(frames=256, bins=256)


def require_halvings(spectrogram: SpectrogramConfig, channels: tuple[int, ...]) -> None:
    """Raises ``ValueError`` if a U-Net with a level of each of these ``channels`` cannot halve the spectrogram."""
    if not channels or min(channels) < 1:
        raise ValueError(f"channels must be positive numbers, one a level, not {channels}")
    multiple = 2 ** len(channels)
    for name in ("frames", "bins"):
        if getattr(spectrogram, name) % multiple:
            raise ValueError(
                f"spectrogram.{name} must be a multiple of {multiple} for {len(channels)} levels, "
                f"not {getattr(spectrogram, name)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparatorConfig:
    """The paper's sizes."""

    spectrogram: SpectrogramConfig = field(default_factory=paper_spectrogram)
    channels: tuple[int, ...] = (16, 32, 64, 128, 256, 512)  # of the encoder's levels
    conditioning: Literal["center", "mask"] = "mask"  # the visual centre, or the maps max-pooled under its assignment
    loss: Literal["plain", "weighted"] = "plain"  # Eq 8, or weighted by the square root of the mixture's magnitude
    #: Of the sound-makers in one mixture: a sigmoid each (§6.4), or a softmax over them: what one has, no other has.
    masks: Literal["independent", "competing"] = "independent"
    mixing: Literal["mean", "sum"] = "mean"  # of two solos
    located: Literal["mixture", "solo"] = "mixture"  # at test, with which sound; in training it is the clean solo

    def __post_init__(self) -> None:
        require_halvings(self.spectrogram, self.channels)
