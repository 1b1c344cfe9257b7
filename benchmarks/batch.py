"""Scenes put together into a batch on the device: the only place where windows are cut and clips tiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.datasets.scene import Dataset, Scene


@dataclass(slots=True)
class Batch:
    image: Tensor  # (B, 3, H, W) uint8
    waveform: Tensor  # (B, T) int16
    n_sources: Tensor  # (B,) int64
    kinds: tuple[tuple[int, ...], ...] = ()  # of each scene's sources; () where unknown

    def __len__(self) -> int:
        return len(self.image)


def cut(waveform: npt.NDArray[np.int16], start: int, length: int) -> npt.NDArray[np.int16]:
    """``length`` samples from ``start`` along the last axis; a shorter recording is repeated (tiled) to fill them."""
    total = waveform.shape[-1]
    if start + length <= total:
        return waveform[..., start : start + length]
    return np.take(waveform, np.arange(start, start + length) % total, axis=-1)


def centre_start(samples: int, window: int) -> int:
    """Where the window in the middle of a recording begins: the window of every evaluation."""
    return max(0, (samples - window) // 2)


def require_rate(method: Any, scenes: Dataset) -> None:
    """Raises ``ValueError`` if the method wants another sample rate than the scenes have."""
    if method.sample_rate != scenes.sample_rate:
        raise ValueError(
            f"the method wants sounds of {method.sample_rate} Hz, the {scenes.split} set has {scenes.sample_rate} Hz"
        )


def collate(
    scenes: Sequence[Scene],
    window: int,
    device: torch.device | str = "cpu",
    *,
    starts: Sequence[int] | npt.NDArray[np.int64] | None = None,
    counts: Sequence[int] | None = None,
) -> Batch:
    """Batch of scenes with images of one size; ``starts``: first samples of the windows (default: the middle ones).

    Raises
    ------
    ValueError
        If a scene has no image, naming it.
    """
    for scene in scenes:
        if scene.image is None:
            raise ValueError(f"scene {scene.id} has no image")
    if starts is None:
        starts = [centre_start(len(s.waveform), window) for s in scenes]
    sound = np.stack([cut(s.waveform, int(start), window) for s, start in zip(scenes, starts, strict=True)])
    image = np.stack([s.image for s in scenes])  # type: ignore[misc]
    n = [s.n_sources for s in scenes] if counts is None else list(counts)
    return Batch(
        torch.from_numpy(image).permute(0, 3, 1, 2).contiguous().to(device),
        torch.from_numpy(sound).to(device),
        torch.tensor(n, device=device),
        tuple(scene.kinds for scene in scenes),
    )


class Indexed(Protocol):
    """Scenes by their number: a dataset, several, or a choice of them."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Scene: ...


class Pool:
    """Several datasets read as one: a mixed stage trains on the union of its curricula."""

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.datasets = list(datasets)
        self.ends = np.cumsum([len(d) for d in self.datasets])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> Scene:
        which = int(np.searchsorted(self.ends, index, side="right"))
        return self.datasets[which][int(index - (self.ends[which - 1] if which else 0))]
