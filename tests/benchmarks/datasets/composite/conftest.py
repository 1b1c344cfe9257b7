"""Tiny photographs and recordings, the same bytes everywhere."""

from __future__ import annotations

import struct
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.datasets.composite import CompositeConfig, CompositeData, CompositeDataModule

KINDS = ("bell", "cat", "drum", "fan", "horn", "owl", "saw")
RATE = 11_025


def picture(number: int, width: int = 40, height: int = 30) -> Image.Image:
    """A picture that no other number has."""
    y, x = np.mgrid[:height, :width]
    planes = [(x * (3 + number) + y * 5 * c + number * 37) % 256 for c in range(3)]
    return Image.fromarray(np.stack(planes, -1).astype(np.uint8), "RGB")


def tone(number: int, samples: int = 9000) -> np.ndarray:
    """A sawtooth that no other number has, between two silences."""
    sound = (np.arange(samples) * (200 + 7 * number) % 16_384 - 8192).astype(np.int16)
    sound[:1000] = sound[-1500:] = 0
    return sound


def png(image: Image.Image) -> bytes:
    """As a PNG file without compression, which no library's version can change."""
    width, height = image.size
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(image))

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows
    stored += struct.pack(">I", zlib.adler32(rows))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")


def write_wav(path: Path, sound: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, len(sound), "NONE", ""))
        file.writeframes(sound.astype("<i2").tobytes())


def fill(root: Path, *, photographs: int = 12, recordings: int = 12, kinds: tuple[str, ...] = KINDS) -> Path:
    """``root`` with photographs, recordings and the table of pairs of ``kinds``; and photographs of silent things."""
    for which, kind in enumerate((*kinds, "vase", "wall")):
        folder = root / "photographs" / kind
        folder.mkdir(parents=True)
        for number in range(photographs):
            (folder / f"{number:02}.png").write_bytes(png(picture(100 * which + number)))
    for which, kind in enumerate(kinds):
        folder = root / "recordings" / f"{kind}s"
        folder.mkdir(parents=True)
        for number in range(recordings):
            write_wav(folder / f"{number:02}.wav", tone(100 * which + number))
    rows = [f"{kind},{kind},{kind}s" for kind in kinds]
    (root / "pairs.csv").write_text("\n".join(["kind,photographs,recordings", *rows]) + "\n")
    return root


def source_of(root: Path, cache: Path, **changes: object) -> CompositeDataModule:
    """Small scenes of what is in ``root``."""
    values: dict[str, object] = {
        "photographs": str(root / "photographs"),
        "recordings": (str(root / "recordings"),),
        "pairs": str(root / "pairs.csv"),
        "least": (4, 1, 2),
        "scenes": CompositeConfig(image_size=48, seconds=1.0),
        "train": {"1": 8, "2": 6, "3": 6, "4": 4, "5": 4},
        "validation": 4,
        "test": {"1": 8, "2": 4, "3": 4},
        "probe_folds": 3,
    }
    return CompositeDataModule(CompositeData(**{**values, **changes}), cache)


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven kinds with twelve photographs and twelve recordings each: read only."""
    return fill(tmp_path_factory.mktemp("collection"))


@pytest.fixture(scope="session")
def source(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> CompositeDataModule:
    return source_of(collection, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def make():  # a fixture, since test modules cannot import this one
    """(fill, source_of, picture, tone)"""
    return fill, source_of, picture, tone


@pytest.fixture(scope="session")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> CompositeDataModule:
    """The preset's scenes of the real photographs and recordings."""
    return CompositeDataModule(
        CompositeData(
            photographs=str(shared_data / "caltech101"),
            recordings=(str(shared_data / "ESC-50"), str(shared_data / "instruments")),
        ),
        tmp_path_factory.mktemp("cache"),
    )
