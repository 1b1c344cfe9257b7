"""Geometry of drawn scenes: where objects are placed, and the boxes of what is seen of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.synthetic.portable_math import Draw

SILENT = 128  # label of the first silent object
TRIES = 40  # places tried for an object
RADII = (0.19, 0.26)  # of an object at rest, where there are at most three


def place(draw: Draw, taken: Sequence[tuple[float, float, float]], crowd: int) -> tuple[float, float, float]:
    """A place (x, y, radius) apart from those taken, or the most apart of those tried; a crowd is drawn smaller."""
    radius = draw.between(*RADII) * float(np.sqrt(min(1.0, 3 / crowd)))
    best, best_apart = (0.5, 0.5), -1.0
    for _ in range(TRIES):
        x, y = draw.between(radius, 1 - radius), draw.between(radius, 1 - radius)
        apart = min(
            (float(np.sqrt((x - a) * (x - a) + (y - b) * (y - b))) / (radius + r) for a, b, r in taken), default=9.0
        )
        if apart > best_apart:
            best, best_apart = (x, y), apart
        if best_apart >= 1.2:
            break
    return *best, radius


def boxes(objects: npt.NDArray[np.uint8], n_sources: int) -> npt.NDArray[np.int32]:
    """Boxes (n, 4) of the sounding objects, see :class:`~benchmarks.datasets.scene.Scene`."""
    return np.array([extent(objects == source + 1) for source in range(n_sources)], np.int32)


def extent(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Box (x0, y0, x1, y1), half-open, of the pixels of a mask; zeros where it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
