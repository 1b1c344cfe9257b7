"""Resampling of sounds to another rate, in bounded memory whatever the two rates are.

Usual rates have few phases (48 kHz to 11,025 Hz: 147), odd ones as many as the rate (44,056 Hz: 11,025), of each of
which torchaudio tables its filter: 4 GB. SciPy's keeps one filter for all phases.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

#: Hz: what a sound may have.
RATES = range(1_000, 1_000_001)
#: Entries of torchaudio's table: 64 MB. Of more, the filter is SciPy's.
LARGEST_TABLE = 1 << 24
#: Of SciPy's filter, which has 20 taps a phase: 32 MB. Where two rates have more, the ratio is off by less than 1e-9.
MOST_PHASES = 200_000


def resampled(sounds: Tensor, old: int, new: int) -> Tensor:
    """(..., T) at ``old`` Hz -> (..., T') at ``new`` Hz, the same float type."""
    common = math.gcd(int(old), int(new))
    old, new = int(old) // common, int(new) // common
    if old * new > LARGEST_TABLE:
        import torch

        return torch.from_numpy(polyphase(sounds.numpy(), old, new))
    from torchaudio.functional import resample  # here: slow to import, and who resamples arrays alone needs it not

    return resample(sounds, old, new)  # type: ignore[no-untyped-call, no-any-return]


def polyphase(sounds: npt.NDArray[np.floating[Any]], old: int, new: int) -> npt.NDArray[np.floating[Any]]:
    """:func:`resampled` of an array, without delay, by SciPy's filter."""
    from scipy.signal import resample_poly

    low, high = sorted((int(old), int(new)))
    ratio = Fraction(low, high).limit_denominator(MOST_PHASES)
    up, down = (ratio.numerator, ratio.denominator) if new < old else (ratio.denominator, ratio.numerator)
    return sounds if up == down else resample_poly(sounds, up, down, axis=-1)
