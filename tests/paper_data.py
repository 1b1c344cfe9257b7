"""The paper's data sets in miniature, prepared by the store's own writer: generated sounds and images."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.datasets.kinetics_sounds import KINDS
from benchmarks.datasets.prepared import SAMPLE_RATE, Lost, Prepared
from benchmarks.preparation.packing import Clip, write

INSTRUMENTS = ("accordion", "cello", "flute", "tuba")


def sound(number: int, seconds: float = 10.0) -> np.ndarray:
    """A tone with a tremolo, another one for every number."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * (110 + 37 * (number % 40)) * time) * (1 + 0.5 * np.sin(2 * np.pi * 3 * time + number))
    return np.round(8000 * tone).astype(np.int16)


def picture(number: int, moment: int = 0) -> bytes:
    """A square on a plain background, another one for every number, that moves."""
    image = np.full((256, 256, 3), (number * 53 % 200, number * 31 % 200, 120), np.uint8)
    x, y = (number * 41 + 8 * moment) % 190, number * 67 % 190
    image[y : y + 64, x : x + 64] = (240, 240 - number % 100, 30)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def clip(id: str, number: int, fps: float = 1.0, seconds: float = 10.0, **attributes: Any) -> Clip:
    times = [k / fps for k in range(max(1, round(seconds * fps)))] if fps else []
    return Clip(
        id=id,
        waveform=sound(number, seconds),
        frames=[picture(number, k) for k in range(len(times))],
        times=times,
        attributes=attributes,
    )


def audioset(
    root: Path, train: Mapping[int, int], test: Mapping[int, int], *, fps: float = 1.0, lost: Sequence[Lost] = ()
) -> Prepared:
    """``train``, ``test``: number of sources -> clips of balanced_train and eval."""

    def clips() -> Iterator[Clip | Lost]:
        number = 0
        for split, sizes in (("balanced_train", train), ("eval", test)):
            for n, size in sizes.items():
                for i in range(size):
                    labels = [f"/m/{(i + k) % 7}" for k in range(n)]
                    number += 1
                    about = {"labels": labels, "sources": labels, "n_sources": n, "split": split, "start": 30.0}
                    yield clip(f"{split[:4]}{n}{number:06d}", number, fps, **about)
        yield from lost

    return write(root / "audioset", clips(), options={"settings": {"fps": fps}})


def lost_segment(id: str, n: int, split: str = "balanced_train", status: str = "missing") -> Lost:
    labels = [f"/m/{k}" for k in range(n)]
    about = {"labels": labels, "sources": labels, "n_sources": n, "split": split}
    return Lost(id=id, status=status, reason="Private video", attributes=about)


def instrument(root: Path, train: int, test: int) -> Prepared:
    """So many solos for training, and for validation and test each; a duet beside each five."""

    def clips() -> Iterator[Clip]:
        number = 0
        for split, size in (("train", train), ("validation", test), ("test", test)):
            for i in range(size):
                number += 1
                played = [INSTRUMENTS[i % 4]] + ([INSTRUMENTS[(i + 1) % 4]] if i % 5 == 4 else [])
                about = {"labels": [], "instruments": played, "n_sources": len(played), "split": split}
                yield clip(f"inst{number:07d}", 200 + number, **about)

    return write(root / "audioset_instrument", clips(), options={"settings": {"fps": 1.0}})


def music(
    root: Path, videos: int = 4, pieces: int = 2, duets: int = 4, *, options: Mapping[str, Any] | None = None
) -> Prepared:
    """Of each of four instruments so many solos, and so many duets, each video cut into pieces."""

    def clips() -> Iterator[Clip]:
        number = 0
        for name in INSTRUMENTS:
            for i in range(videos):
                split = ("validation", "test")[i] if i < 2 else "train"
                about = {"video": f"{name}{i}", "kind": "solo", "instruments": [name], "n_sources": 1, "split": split}
                for piece in range(pieces):
                    number += 1
                    yield clip(f"{name}{i}/{piece:03d}", 300 + number, start=10.0 * piece, **about)
        for i in range(duets):
            played = [INSTRUMENTS[i % 4], INSTRUMENTS[(i + 1) % 4]]
            about = {"video": f"duet{i}", "kind": "duet", "instruments": played, "n_sources": 2, "split": "train"}
            for piece in range(pieces):
                number += 1
                yield clip(f"duet{i}/{piece:03d}", 300 + number, start=10.0 * piece, **about)

    return write(root / "music", clips(), options={"settings": {"fps": 1.0}, **(options or {})})


def kinetics_sounds(root: Path, train: int, test: int, *, kinds: int = 4, fps: float = 1.0) -> Prepared:
    """So many clips for training, and for validation and test each, of the first kinds in turn."""

    def clips() -> Iterator[Clip]:
        for split, size in (("train", train), ("validation", test), ("test", test)):
            for i in range(size):
                about = {"kind": KINDS[i % kinds], "n_sources": 1, "split": split, "start": 0.0}
                yield clip(f"{split[:4]}{i:07d}", 400 + 7 * (i % kinds), fps, **about)

    return write(root / "kinetics_sounds", clips(), options={"settings": {"fps": fps}})


def flickr_soundnet(
    root: Path,
    boxes: Mapping[str, Any],
    training_boxes: Mapping[str, Any],
    *,
    missing: Sequence[str] = (),
    seconds: float = 1.0,
) -> Prepared:
    """``boxes``: of the test images."""

    def clips() -> Iterator[Clip | Lost]:
        for number, (id, listed) in enumerate(boxes.items()):
            about = {"boxes": listed, "n_sources": 1, "split": "test"}
            if id in missing:
                yield Lost(id=id, status="missing", reason="there is no picture of it", attributes=about)
            else:
                yield Clip(
                    id=id, waveform=sound(number, seconds), frames=[picture(number)], times=[0.0], attributes=about
                )

    return write(root / "flickr_soundnet", clips(), options={"training_boxes": dict(training_boxes)})


def esc50(root: Path, classes: int, per_fold: int = 1) -> Prepared:
    def clips() -> Iterator[Clip]:
        for label in range(classes):
            for fold in range(1, 6):
                for i in range(per_fold):
                    about = {"fold": fold, "label": label, "category": f"kind {label}", "esc10": label < 10}
                    yield clip(f"{fold}-{i}-A-{label}", 7 * label, fps=0, seconds=5.0, n_sources=1, **about)

    return write(root / "esc50", clips())
