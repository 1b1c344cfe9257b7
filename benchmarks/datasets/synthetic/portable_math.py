"""Random numbers and the two transcendental functions of the miniature world, the same bits on every machine.

Random words come from Philox, a counter-based generator whose stream NumPy promises to keep; its distributions carry
no such promise, so words become numbers here, by exact arithmetic. Sine and power of two come from tables that are
computed by the C library once and rounded to multiples of 2^-20: libraries differ in the last bit of a double (2^-52),
and no entry lies so near to a rounding boundary that this could show (a test asserts it).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Key = tuple[int | str, ...]  # a scene's name among draws: (world, split, number of sources, index)
Floats = npt.NDArray[np.float64]

GRID = 2.0**20
#: sin(2 pi i / 4096) and 2^(i / 1024).
SINE: Floats = np.array([round(math.sin(2 * math.pi * i / 4096) * GRID) / GRID for i in range(4096)])
POWER: Floats = np.array([round(2 ** (i / 1024) * GRID) / GRID for i in range(1024)])


def sine(turns: float) -> float:
    """sin(2 pi ``turns``)."""
    return float(SINE[math.floor(turns * 4096) & 4095])


def exp2(x: npt.ArrayLike) -> Floats:
    """2^x, with x cut to a multiple of 1/1024."""
    steps = np.floor(np.asarray(x, dtype=np.float64) * 1024).astype(np.int64)
    return np.ldexp(POWER[steps & 1023], steps >> 10)


def octaves(x: float) -> float:
    """:func:`exp2` of one number: the frequency ratio of ``x`` octaves."""
    return float(exp2(x))


class Draw:
    """Random draws for one purpose, such as (seed, "test", 3, index, "stage"): a pure function of it.

    >>> Draw(0, "test", 3, "stage").unit() == Draw(0, "test", 3, "stage").unit()
    True
    """

    def __init__(self, *purpose: str | int) -> None:
        text = "/".join(map(str, purpose))
        key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")
        self._raw = np.random.Philox(key=key).random_raw

    def unit(self) -> float:
        """In [0, 1): 53 bits of a word."""
        return float((self._raw() >> 11) * 2.0**-53)

    def between(self, low: float, high: float) -> float:
        """In [low, high)."""
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """Among low, ..., high - 1."""
        return low + (int(self._raw()) * (high - low) >> 64)

    def chance(self, probability: float) -> bool:
        return self.unit() < probability

    def choice(self, items: Sequence[T]) -> T:
        return items[self.integer(0, len(items))]

    def sample(self, items: Sequence[T], n: int) -> list[T]:
        """``n`` distinct ones of ``items``, in random order."""
        rest = list(items)
        return [rest.pop(self.integer(0, len(rest))) for _ in range(n)]

    def noise(self, n: int) -> npt.NDArray[np.float32]:
        """White noise (n,) in [-1, 1): 16 bits of a word a sample."""
        words = np.asarray(self._raw((n + 3) // 4)).astype("<u8").view("<i2")[:n]
        return words.astype(np.float32) * np.float32(2.0**-15)
