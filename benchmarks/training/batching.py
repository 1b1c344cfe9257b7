"""Batches: scenes put together on the device; the only place where windows are cut and clips padded or tiled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.datasets.detections import seen_in
from benchmarks.datasets.scene import Dataset, Scene
from cavl.spectrogram import lacking


@dataclass(slots=True)
class Batch:
    image: Tensor  # (B, 3, H, W) uint8
    waveform: Tensor  # (B, T) int16
    n_sources: Tensor  # (B,) int64
    kinds: tuple[tuple[int, ...], ...] = ()  # of each scene's sources; () where unknown
    recording: Tensor | None = None  # (B, T') int16: the whole scene's sound, of which ``waveform`` is a window
    starts: Tensor | None = None  # (B,) int64: first sample of that window
    lengths: Tensor | None = None  # (B,) int64: samples of the recordings; a shorter one is padded or repeated
    numbers: Tensor | None = None  # (B,) int64: of the scenes among those trained on
    clip: Tensor | None = None  # (B, F, 3, H, W) uint8: frames from that moment on, for methods that watch
    objects: Tensor | None = None  # (B, M, 5) int64: boxes and kinds of what is seen, for methods that ask for it

    def __len__(self) -> int:
        return len(self.image)


def cut(waveform: npt.NDArray[np.int16], start: int, length: int) -> npt.NDArray[np.int16]:
    """``length`` samples from ``start`` along the last axis; a shorter recording is repeated (tiled) to fill them.

    One that lacks hardly anything of a window (:data:`cavl.spectrogram.PADDED`) is padded with silence (PROTOCOLS §1).
    """
    total = waveform.shape[-1]
    if start + length <= total:
        return waveform[..., start : start + length]
    if start == 0 and lacking(total, length):
        return np.pad(waveform, [(0, 0)] * (waveform.ndim - 1) + [(0, length - total)])
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
    clips: npt.NDArray[np.uint8] | None = None,
    objects: npt.NDArray[np.int64] | None = None,
) -> Batch:
    """Batch of scenes with images of one size; ``starts``: first samples of the windows (default: the middle ones).

    ``clips`` (B, F, H, W, 3) are the frames that belong to the windows: :func:`clips_of`; ``objects`` (B, M, 5) what is
    seen in the images: :func:`~benchmarks.datasets.detections.objects_of`.

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
    longest = max(window, *(len(s.waveform) for s in scenes))
    whole = np.stack([cut(s.waveform, 0, longest) for s in scenes])
    image = np.stack([s.image for s in scenes])  # type: ignore[misc]
    n = [s.n_sources for s in scenes] if counts is None else list(counts)
    return Batch(
        torch.from_numpy(image).permute(0, 3, 1, 2).contiguous().to(device),
        torch.from_numpy(sound).to(device),
        torch.tensor(n, device=device),
        tuple(scene.kinds for scene in scenes),
        torch.from_numpy(whole).to(device),
        torch.as_tensor(np.asarray(starts, dtype=np.int64), device=device),
        torch.tensor([len(s.waveform) for s in scenes], device=device),
        clip=None if clips is None else torch.from_numpy(clips).permute(0, 1, 4, 2, 3).contiguous().to(device),
        objects=None if objects is None else torch.from_numpy(objects).to(device),
    )


class Indexed(Protocol):
    """Scenes by their number: a dataset, several, or a choice of them. Those with video also have :class:`Filmed`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Scene: ...


class Filmed(Protocol):
    """Scenes with video."""

    def clip(self, index: int, start_s: float, n_frames: int, fps: float) -> npt.NDArray[np.uint8]:
        """Frames (n_frames, H, W, 3) of a scene at ``start_s``, ``start_s`` + 1/``fps``, ... seconds."""
        ...


def watches(method: Any) -> bool:
    """Whether the method wants a clip, not only a still image."""
    return hasattr(method, "clip_frames")


def clips_of(
    method: Any, scenes: Any, indices: Sequence[int], starts: Sequence[int] | npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8] | None:
    """The clips (B, F, H, W, 3) that belong to windows of sound from ``starts`` on; None for a method of still images.

    Raises
    ------
    ValueError
        If the method wants clips and the scenes have no video, or are shorter than its clip.
    """
    if not watches(method):
        return None
    if not hasattr(scenes, "clip"):
        raise ValueError(f"{type(method).__name__} watches clips, and these scenes have still images only")
    frames, fps, rate = method.clip_frames, method.clip_fps, method.sample_rate
    return np.stack([scenes.clip(i, int(s) / rate, frames, fps) for i, s in zip(indices, starts, strict=True)])


def training_scene(scenes: Any, index: int, number: int) -> Scene:
    """A scene to train on: where it has several frames, the one that a ``number`` drawn from very many comes to.

    "The image is randomly selected from video" (§4.1); evaluations see the frame in the middle.
    """
    scene: Scene = scenes.with_frame(index, number) if hasattr(scenes, "with_frame") else scenes[index]
    return scene


Read = TypeVar("Read")


def ahead(read: Callable[[int], Read], steps: Iterable[int], by: int) -> Iterator[tuple[int, Read]]:
    """(step, ``read(step)``) for each step in turn, read by as many threads up to ``by`` steps before it is asked for.

    What is read must depend on the step alone. With ``by=0`` it is read when its turn comes, by no thread.
    """
    if by == 0:
        yield from ((step, read(step)) for step in steps)
        return
    waiting: deque[tuple[int, Future[Read]]] = deque()
    pool = ThreadPoolExecutor(by)
    try:
        for step in steps:
            waiting.append((step, pool.submit(read, step)))
            if len(waiting) > by:
                due, future = waiting.popleft()
                yield due, future.result()
        for due, future in waiting:
            yield due, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


class Pool:
    """Several datasets read as one: a mixed stage trains on the union of its curricula."""

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.datasets = list(datasets)
        self.ends = np.cumsum([len(d) for d in self.datasets])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> Scene:
        dataset, within = self._find(index)
        return dataset[within]

    def with_frame(self, index: int, number: int) -> Scene:
        """As :func:`training_scene`."""
        dataset, within = self._find(index)
        return training_scene(dataset, within, number)

    def clip(self, index: int, start_s: float, n_frames: int, fps: float) -> npt.NDArray[np.uint8]:
        """As :meth:`Filmed.clip`; raises ``ValueError`` if the dataset that holds the scene has no video."""
        dataset, within = self._find(index)
        if not hasattr(dataset, "clip"):
            raise ValueError(f"scene {dataset[within].id} has a still image only, no video")
        clip: npt.NDArray[np.uint8] = dataset.clip(within, start_s, n_frames, fps)
        return clip

    def seen(self, index: int) -> npt.NDArray[np.int64]:
        """As :func:`~benchmarks.datasets.detections.seen_in`."""
        return seen_in(*self._find(index))

    def _find(self, index: int) -> tuple[Dataset, int]:
        which = int(np.searchsorted(self.ends, index, side="right"))
        return self.datasets[which], int(index - (self.ends[which - 1] if which else 0))
