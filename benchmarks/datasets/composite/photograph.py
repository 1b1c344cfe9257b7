"""Photographs: from a file to a patch of a scene."""

from __future__ import annotations

import functools
import io
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from benchmarks.datasets.composite.files import File, content_of
from benchmarks.datasets.scene import DamagedError, reason_of
from benchmarks.datasets.still import as_shown
from benchmarks.datasets.synthetic.portable_math import Draw

Colours = npt.NDArray[np.float32]  # (H, W, 3), 0 to 255

SUFFIXES = (".jpg", ".jpeg", ".png")
LEAST_SIDE, MOST_PIXELS = 16, 64 << 20
KEPT = 160  # pixels of the longer side of what is kept in memory: a patch is a third of an image at most
WIDEST = 1.6  # the longer side of a patch is at most so many times the shorter: what is longer is cut
ENLARGED = (0.5, 0.7)  # a ground's part of the shorter side of its photograph
CONTRAST = np.float32(0.9)  # of a ground, to that of its photograph
BLURRED = 6  # pixels to which a background's photograph is reduced: no object can be told in it


class Cut(NamedTuple):
    """What a patch shows of its photograph."""

    share: tuple[float, float]  # of either side
    place: tuple[float, float]  # where it lies: 0 at the left (the top), 1 at the right (the bottom)


WHOLE = Cut((0.85, 1.0), (0.0, 1.0))
MIDDLE = Cut((0.6, 0.75), (0.3, 0.7))  # hardly more than the object


def decode(content: bytes, name: str) -> Image.Image:
    """The picture in a file as a viewer shows it, RGB, its longer side at most ``KEPT`` pixels.

    Raises :class:`DamagedError` if it is none, is cut off, or is of a size that no photograph of an object has.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            width, height = picture.size  # known before anything is decoded
            if min(width, height) < LEAST_SIDE or width * height > MOST_PIXELS:
                raise DamagedError(f"{name} has {width} x {height} pixels")
            colour = as_shown(picture)
    except DamagedError:
        raise
    except UnidentifiedImageError:
        raise DamagedError(f"{name} is neither a JPEG nor a PNG file") from None
    except Exception as error:  # whatever a decoder may raise of a damaged file, it stops nothing else
        raise DamagedError(f"{name} cannot be decoded ({reason_of(error)})") from error
    colour.thumbnail((KEPT, KEPT), Image.Resampling.BICUBIC)
    return colour


def check(content: bytes, name: str) -> None:
    """Raises :class:`DamagedError` as :func:`decode`."""
    decode(content, name)


@functools.lru_cache(maxsize=4096)  # 50 kB each
def load(file: File) -> Image.Image:
    return decode(content_of(file), file.path)


def patch(file: File, draw: Draw, radius: float, cut: Cut = WHOLE) -> tuple[Colours, npt.NDArray[np.float32]]:
    """A piece of a photograph as it is pasted, and how opaque it is (h, w).

    Its area is that of a square of twice ``radius`` pixels. Where it is cut, mirrored or not, and in what light it is
    seen, is drawn; its edge is that of a rounded rectangle, and soft.
    """
    picture = load(file)
    share = draw.between(*cut.share)
    width, height = picture.width * share, picture.height * share
    width, height = min(width, height * WIDEST), min(height, width * WIDEST)
    left, top = (room * draw.between(*cut.place) for room in (picture.width - width, picture.height - height))
    stretch = float(np.sqrt(width / height))
    size = (max(3, round(2 * radius * stretch)), max(3, round(2 * radius / stretch)))
    pixels = _resized(picture, size, (left, top, left + width, top + height), draw.chance(0.5))
    return _lit(pixels, draw), opacity(*size)


def background(file: File, draw: Draw, side: int) -> Colours:
    """(``side``, ``side``, 3): a piece of a photograph, blurred until nothing in it can be told."""
    picture = load(file)
    share = draw.between(0.4, 0.9)
    width, height = picture.width * share, picture.height * share
    left, top = draw.between(0, picture.width - width), draw.between(0, picture.height - height)
    box = (left, top, left + width, top + height)
    small = picture.resize((BLURRED, BLURRED), Image.Resampling.BOX, box=box)
    return _lit(_resized(small, (side, side), None, draw.chance(0.5)), draw)


def ground(file: File, draw: Draw, side: int) -> Colours:
    """(``side``, ``side``, 3): a square of a photograph, unblurred, its contrast reduced to ``CONTRAST``."""
    picture = load(file)
    part = min(picture.size) * draw.between(*ENLARGED)
    left, top = draw.between(0, picture.width - part), draw.between(0, picture.height - part)
    pixels = _lit(_resized(picture, (side, side), (left, top, left + part, top + part), draw.chance(0.5)), draw)
    mean = np.rint(pixels.mean((0, 1), dtype=np.float64)).astype(np.float32)  # rounded: the same on every machine
    return mean + (pixels - mean) * CONTRAST


def half_blurred_ground(file: File, draw: Draw, side: int) -> Colours:
    """(``side``, ``side``, 3): a mixture of a :func:`ground` and a :func:`background` of one photograph."""
    sharp, blurred = ground(file, draw, side), background(file, draw, side)
    return blurred + (sharp - blurred) * np.float32(draw.between(0, 1))


def opacity(width: int, height: int) -> npt.NDArray[np.float32]:
    """(height, width) in [0, 1]: a rounded rectangle that fills the size; its edge falls off over a tenth of it."""
    x, y = ((2 * np.arange(n) + 1 - n) / n for n in (width, height))
    distance = (x * x * x * x)[None, :] + (y * y * y * y)[:, None]  # 1 where x^4 + y^4 = 1
    return np.clip((1 - distance) / 0.4, 0, 1).astype(np.float32)


def _resized(picture: Image.Image, size: tuple[int, int], box: Any, mirrored: bool) -> Colours:
    pixels = np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box=box), np.float32)
    return pixels[:, ::-1] if mirrored else pixels


def _lit(pixels: Colours, draw: Draw) -> Colours:
    light = draw.between(0.75, 1.2)
    tint = np.array([light * draw.between(0.92, 1.08) for _ in range(3)], np.float32)
    return np.minimum(pixels * tint, np.float32(255))
