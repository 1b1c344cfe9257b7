"""Recordings: from a file to the sound of a source."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.composite.files import File, content_of
from benchmarks.datasets.scene import DamagedError
from benchmarks.datasets.sound_file import mono, read
from benchmarks.datasets.synthetic.portable_math import Draw, Floats
from benchmarks.datasets.synthetic.synthesis import RATE, TICK

SUFFIXES = (".wav", ".flac", ".ogg")
LEAST_RATE = 8000  # Hz: less is the telephone's
SHORTEST = 10  # ticks that sound: a tenth of a second
QUIET = 2500  # of its loudest tick's energy, -34 dB: what is quieter at either end is cut off

Samples = npt.NDArray[np.int32]


def decode(content: bytes, name: str) -> Samples:
    """The sound in a file: (T,) whole numbers in the range of int16, mono, 11,025 Hz, from its first sound to its last.

    Raises :class:`DamagedError` as :func:`~benchmarks.datasets.sound_file.read`, and if it holds no sound.
    """
    samples, rate = read(content, name, LEAST_RATE)
    return _sounding(mono(samples, rate, RATE).astype(np.int32), name)


def check(content: bytes, name: str) -> None:
    """Raises :class:`DamagedError` as :func:`decode`."""
    decode(content, name)


@functools.lru_cache(maxsize=1024)  # 0.2 MB each
def load(file: File) -> Samples:
    return decode(content_of(file), file.path)


def excerpt(file: File, draw: Draw, samples: int) -> Floats:
    """(ticks * TICK,) of which the first ``samples`` are wanted: a recording that fills the time, in whole numbers.

    Of a longer one, a part that is not a pause: it has a quarter of the average energy, or more. A shorter one is
    repeated, with pauses of 0.14 to 0.43 s, so that a short sound does not fill less of the time than a long one.
    """
    recording = load(file)
    length = -(-samples // TICK) * TICK
    if len(recording) >= length:
        energy = np.concatenate([np.zeros(1), np.cumsum(_energy(recording))])
        ticks = length // TICK
        loud = np.flatnonzero((energy[ticks:] - energy[:-ticks]) * 4 * (len(energy) - 1) >= energy[-1] * ticks)
        start = int(loud[draw.integer(0, len(loud))]) * TICK  # there is one: as parts cover the whole, so do energies
        return recording[start : start + length].astype(np.float64)
    sound = np.zeros(length)
    at = draw.integer(0, 45) * TICK
    while at < length:
        part = recording[: length - at]
        sound[at : at + len(part)] = part
        at += len(recording) + draw.integer(15, 45) * TICK
    return sound


def _sounding(whole: Samples, name: str) -> Samples:
    """From the first to the last tick that sounds, both ends faded over a tick so that a cut does not click."""
    energy = _energy(whole)
    loud = np.flatnonzero(energy * QUIET >= max(1.0, energy.max(initial=0)))
    if len(loud) < SHORTEST:
        raise DamagedError(f"{name} sounds for less than {SHORTEST * TICK / RATE:.2f} s")
    sound = whole[loud[0] * TICK : (loud[-1] + 1) * TICK].copy()
    ramp = np.arange(TICK)
    sound[:TICK] = sound[:TICK] * ramp // TICK
    sound[-TICK:] = sound[-TICK:] * ramp[::-1] // TICK
    return sound


def _energy(whole: Samples) -> Floats:
    """Of every whole tick."""
    ticks = len(whole) // TICK
    return np.square(whole[: ticks * TICK].reshape(ticks, TICK), dtype=np.float64).sum(1)
