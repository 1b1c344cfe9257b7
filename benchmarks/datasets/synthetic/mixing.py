"""Mixture of sounds: their levels in one waveform, and the envelope of each.

Sums are taken of whole numbers held in doubles, which are exact below 2^53 whatever the order of addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.synthetic.portable_math import Floats, octaves
from benchmarks.datasets.synthetic.synthesis import TICK

LOUDNESS = 1200  # RMS of every waveform in units of int16: loudness does not tell the count
SPREAD = 3.0  # a stem is at most this many dB louder or quieter than the others' common level
SCALE = 4096  # units of whole numbers in a sound's 1.0


@dataclass(frozen=True, slots=True)
class Mixture:
    waveform: npt.NDArray[np.int16]  # (T,): the sum of the stems, exactly
    stems: npt.NDArray[np.int16]  # (n, T)
    envelopes: npt.NDArray[np.uint8]  # (n, ticks): RMS around each tick, 255 at the stem's loudest


def mixed(sounds: Sequence[Floats], decibels: Sequence[float], samples: int) -> Mixture:
    """Mix sounds (ticks * TICK,) of whole numbers, each so many dB above the common level while it sounds.

    No sound is silence. The mixture has ``samples`` samples, and the loudness of all mixtures.
    """
    parts, envelopes = [], []
    for sound, level in zip(sounds, decibels, strict=True):
        sound[samples:] = 0
        energy = (sound * sound).reshape(-1, TICK).sum(1)
        sounding = energy[energy * 100 >= energy.max()]
        loudness = float(np.sqrt(sounding.sum() / (len(sounding) * TICK)))
        parts.append(np.rint(sound[:samples] * (octaves(level / 6.0206) / loudness * SCALE)))
        envelopes.append(envelope(energy))
    whole = np.stack(parts)
    mixture = whole.sum(0)
    gain = LOUDNESS / float(np.sqrt((mixture * mixture).sum() / samples))
    loudest = max(
        float(np.abs(whole).max()), float(np.abs(mixture).max())
    )  # the sparsest clicks nearly need this bound
    stems = np.rint(whole * min(gain, 32_700 / loudest)).astype(np.int16)
    return Mixture(stems.sum(0, dtype=np.int16), stems, np.stack(envelopes))


def envelope(energy: Floats) -> npt.NDArray[np.uint8]:
    """Loudness over five ticks around each (48 ms: a period of the lowest sound is 31 ms), relative to the largest."""
    total = np.concatenate([np.zeros(3), np.cumsum(energy), np.full(2, energy.sum())])
    around = total[5:] - total[:-5]
    return np.rint(np.sqrt(around / around.max()) * 255).astype(np.uint8)
