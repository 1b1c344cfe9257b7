"""Synthesis of sounds: time, rhythm, gliding controls, oscillators, noise.

Time is counted in *ticks* of 105 samples (105 ticks make a second). Controls (pitch, loudness) are given at the ticks
and glide in between; a control of ``n`` ticks has ``n + 1`` points. An oscillator is a phase of 32 bits, summed in
integers (so exactly) and looked up in a table of one period.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.synthetic.portable_math import GRID, SINE, Draw, Floats, exp2, octaves

Sound = npt.NDArray[np.float32]
Phase = npt.NDArray[np.uint32]
Span = tuple[int, int]

RATE = 11_025  # samples a second
TICK = 105  # samples a tick
TICKS = RATE // TICK  # ticks a second
RAMP = np.arange(TICK) / TICK
TURN = 2.0**32  # one period in units of phase
WHOLE_SINES = SINE[np.outer(np.arange(1, 49), np.arange(4096)) & 4095] * GRID  # (48, 4096) harmonics, whole numbers


def phrases(draw: Draw, ticks: int) -> list[Span]:
    """Spans that sound, (first tick, end); the pauses between them last 0.14 to 0.43 s.

    The first onset comes within the first 0.57 s after a silence of 0.08 s at least, so every scene has an onset and a
    pause. A phrase may have begun before the scene (a negative first tick) or reach beyond its end.
    """
    onset = draw.integer(8, 60)
    before = onset - draw.integer(15, 45)
    spans = [(before - draw.integer(30, 80), before)] if before > 0 else []
    while onset < ticks:
        end = onset + draw.integer(30, 80)
        spans.append((onset, end))
        onset = end + draw.integer(15, 45)
    return spans


def strikes(draw: Draw, spans: Sequence[Span], ticks: int, shortest: int, longest: int) -> list[int]:
    """Ticks at which something is struck within the spans, ``shortest`` to ``longest`` - 1 ticks apart."""
    found = []
    for start, end in spans:
        tick = start
        while tick < min(end, ticks):
            if tick >= 0:
                found.append(tick)
            tick += draw.integer(shortest, longest)
    return found


def held(spans: Sequence[Span], ticks: int, attack: int, release: int) -> Floats:
    """Loudness (ticks + 1,) that rises over ``attack`` ticks, stays at 1, and falls over the last ``release``."""
    loud = np.zeros(ticks + 1)
    at = np.arange(ticks + 1)
    for start, end in spans:
        loud = np.maximum(loud, np.clip(np.minimum((at - start) / attack, (end - at) / release), 0, 1))
    return loud


def struck(starts: Sequence[int], peaks: Sequence[float], half_life: float, ticks: int) -> Floats:
    """Loudness (ticks + 1,) that reaches a peak one tick after each start and halves every ``half_life`` ticks."""
    loud = np.zeros(ticks + 1)
    for start, peak in zip(starts, peaks, strict=True):
        loud[start + 1 :] = peak * exp2(-np.arange(ticks - start) / half_life)
    return loud


def stepped(starts: Sequence[int], values: Sequence[float], ticks: int) -> Floats:
    """Control (ticks + 1,) that takes a value at each start and keeps it until the next."""
    control = np.full(ticks + 1, values[0], dtype=np.float64)
    for start, value in zip(starts, values, strict=True):
        control[max(start, 0) :] = value
    return control


def melody(draw: Draw, spans: Sequence[Span], base: float, ticks: int, shortest: int, longest: int) -> Floats:
    """Pitch in Hz (ticks + 1,): notes of ``shortest`` to ``longest`` - 1 ticks, from ``base`` up to an octave above."""
    starts = [tick for start, end in spans for tick in _cut(draw, start, end, shortest, longest)]
    return stepped(starts, [base * octaves(step(draw)) for _ in starts], ticks)


def step(draw: Draw) -> float:
    """An interval of the pentatonic scale, in octaves."""
    return draw.choice((0, 2, 4, 7, 9, 12)) / 12


def _cut(draw: Draw, start: int, end: int, shortest: int, longest: int) -> list[int]:
    starts = []
    while start < end:
        starts.append(start)
        start += draw.integer(shortest, longest)
    return starts


def swing(draw: Draw, ticks: int, slowest: float, fastest: float) -> Floats:
    """A slow sine (ticks + 1,) of a random phase and of ``slowest`` to ``fastest`` Hz, in [-1, 1]."""
    turns = draw.unit() + draw.between(slowest, fastest) / TICKS * np.arange(ticks + 1)
    return SINE[np.floor(turns * 4096).astype(np.int64) & 4095]


def glide(control: Floats) -> Sound:
    """From ticks (n + 1,) to samples (n * TICK,), linearly."""
    return _samples(control).astype(np.float32)


def phase(hertz: Floats) -> Phase:
    """Phase (n * TICK,) of an oscillator of that pitch (n + 1,)."""
    return np.cumsum(_samples(hertz * (TURN / RATE)).astype(np.uint32), dtype=np.uint32)


def _samples(control: Floats) -> Floats:
    return (control[:-1, None] + np.diff(control)[:, None] * RAMP).reshape(-1)


def shifted(phases: Phase, turns: Sound) -> Phase:
    """Phase modulation by ``turns`` periods."""
    return phases + (turns * np.float32(TURN)).astype(np.int64).astype(np.uint32)


def look(table: Sound, phases: Phase) -> Sound:
    """One sample per phase from a table of 4096 points."""
    return table.take(phases >> np.uint32(20))


def harmonics(amplitudes: Sequence[float]) -> Sound:
    """Table (4096,) of the sum of harmonics 1, 2, ... with these amplitudes (48 at most), its largest value 1."""
    # A matrix product adds in any order it likes; of whole numbers below 2^53 the sum is exact in every order.
    whole = np.rint(np.asarray(amplitudes) * 1024)
    table = whole @ WHOLE_SINES[: len(whole)]
    return (table / np.abs(table).max()).astype(np.float32)


def smooth(noise: Sound, width: int) -> Sound:
    """Moving average over ``width`` samples, scaled to the loudness of white noise; sums are of integers, so exact."""
    whole = np.concatenate([np.zeros(width, np.int64), np.cumsum((noise * np.float32(2**15)).astype(np.int64))])
    average = (whole[width:] - whole[:-width]).astype(np.float64) * (2.0**-15 / np.sqrt(width))
    return average.astype(np.float32)
