"""Twelve sounds: each a function (draw, ticks) -> samples (ticks * TICK,), of any loudness and peaks of about 1.

Pitch, notes, rhythm and timbre are drawn; the ranges overlap, so that a kind is known by its manner rather than its
pitch.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from benchmarks.datasets.synthetic.portable_math import SINE, Draw, exp2, octaves
from benchmarks.datasets.synthetic.synthesis import (
    RATE,
    TICK,
    Sound,
    glide,
    harmonics,
    held,
    look,
    melody,
    phase,
    phrases,
    shifted,
    smooth,
    step,
    stepped,
    strikes,
    struck,
    swing,
)

PURE = harmonics([1])
SAW = harmonics([1 / n for n in range(1, 11)])
ODD = harmonics([1 / n if n % 2 else 0 for n in range(1, 10)])
HORN = harmonics([1, 0.1, 0.5, 0, 0.2])
PULSE = harmonics([1] * 24)
FLUTE = harmonics([1, 0.25, 0.06])


def harp(draw: Draw, ticks: int) -> Sound:
    """Plucked strings: a burst of noise in a loop that averages neighbours once a period (Karplus & Strong 1983).

    The loop has a fixed number of points and is read at the string's own speed, so all strings are computed at once
    and any pitch is in tune.
    """
    points = 64
    spans = phrases(draw, ticks)
    starts = strikes(draw, spans, ticks, 12, 36)
    base = draw.between(110, 260)
    pitches = [base * octaves(step(draw)) for _ in starts]
    lengths = [min(end - start, 110) for start, end in zip(starts, [*starts[1:], ticks], strict=True)]
    periods = 2 + max(int(f * n * TICK / RATE) for f, n in zip(pitches, lengths, strict=True))

    loop = np.empty((periods, len(starts), points + 1), np.float32)  # column 0 repeats the last one: the loop is closed
    loop[0, :, 1:] = draw.noise(len(starts) * points).reshape(-1, points)
    loop[0, :, 0] = loop[0, :, -1]
    half = np.float32(draw.between(0.493, 0.4985))
    for before, after in pairwise(loop):
        np.add(before[:, 1:], before[:, :-1], out=after[:, 1:])
        after[:, 1:] *= half
        after[:, 0] = after[:, -1]

    out = np.zeros(ticks * TICK, np.float32)
    for number, (start, pitch, length) in enumerate(zip(starts, pitches, lengths, strict=True)):
        turns = np.arange(length * TICK) * (pitch * points / RATE)
        note = loop[:, number, 1:].reshape(-1).take(turns.astype(np.int64))
        out[start * TICK : (start + length) * TICK] = note * glide(held([(-1, length)], length, 1, 4))
    return out * glide(held(spans, ticks, 1, 10))


def bell(draw: Draw, ticks: int) -> Sound:
    """Frequency modulation with an inharmonic ratio, its index dying away with the tone (Chowning 1973)."""
    spans = phrases(draw, ticks)
    starts = strikes(draw, spans, ticks, 22, 60)
    base, ratio = draw.between(220, 600), draw.choice((1.4, 2.24, 2.76))
    pitch = stepped(starts, [base * octaves(step(draw)) for _ in starts], ticks)
    loud = struck(starts, [draw.between(0.6, 1) for _ in starts], draw.between(12, 24), ticks)
    loud *= held(spans, ticks, 1, 12)
    bend = glide(loud * draw.between(0.2, 0.45)) * look(PURE, phase(pitch * ratio))
    return glide(loud) * look(PURE, shifted(phase(pitch), bend))


def fiddle(draw: Draw, ticks: int) -> Sound:
    """A bowed saw with vibrato."""
    spans = phrases(draw, ticks)
    pitch = melody(draw, spans, draw.between(150, 270), ticks, 18, 50)
    vibrato = 1 + draw.between(0.012, 0.025) * swing(draw, ticks, 5, 7)
    return glide(held(spans, ticks, 10, 8)) * look(SAW, phase(pitch * vibrato))


def flute(draw: Draw, ticks: int) -> Sound:
    """A nearly pure tone with breath around it and a trembling loudness."""
    spans = phrases(draw, ticks)
    pitch = melody(draw, spans, draw.between(330, 620), ticks, 14, 45)
    turning = phase(pitch)
    breath = smooth(draw.noise(ticks * TICK), 12) * look(PURE, turning)
    tremble = held(spans, ticks, 6, 6) * (0.8 + 0.2 * swing(draw, ticks, 3.5, 5.5))
    return glide(tremble) * (look(FLUTE, turning) + np.float32(draw.between(0.25, 0.6)) * breath)


def clarinet(draw: Draw, ticks: int) -> Sound:
    """Odd harmonics, notes slurred."""
    spans = phrases(draw, ticks)
    pitch = melody(draw, spans, draw.between(150, 290), ticks, 12, 40)
    return glide(held(spans, ticks, 4, 4)) * look(ODD, phase(pitch))


def drum(draw: Draw, ticks: int) -> Sound:
    """A skin whose pitch falls as it is let go, and the rattle of the snare."""
    starts = strikes(draw, phrases(draw, ticks), ticks, 9, 30)
    peaks = [draw.between(0.5, 1) for _ in starts]
    loud = struck(starts, peaks, draw.between(4, 8), ticks)
    snap = struck(starts, [1.0] * len(starts), 2.0, ticks)
    skin = look(PURE, phase(draw.between(70, 150) * (1 + draw.between(0.6, 1.4) * snap)))
    rattle = smooth(draw.noise(ticks * TICK), 3) * glide(snap) * np.float32(draw.between(0.2, 0.7))
    return glide(loud) * (skin + rattle)


def siren(draw: Draw, ticks: int) -> Sound:
    """A horn that sweeps up and down."""
    sweep = draw.between(0.25, 0.45) * swing(draw, ticks, 0.7, 2.5)
    pitch = draw.between(450, 850) * exp2(sweep)
    return glide(held(phrases(draw, ticks), ticks, 5, 5)) * look(HORN, phase(pitch))


def bird(draw: Draw, ticks: int) -> Sound:
    """Short chirps that sweep up or down."""
    starts = strikes(draw, phrases(draw, ticks), ticks, 9, 24)
    spans = [(start, min(start + draw.integer(6, 12), ticks)) for start in starts]
    low, width = draw.between(1300, 2400), draw.between(0.35, 0.8)
    down = draw.chance(0.5)
    pitch = np.full(ticks + 1, low)
    for start, end in spans:
        way = np.arange(end - start + 1) / (end - start)
        pitch[start : end + 1] = low * exp2(draw.between(0, 0.3) + width * (1 - way if down else way))
    return glide(held(spans, ticks, 2, 3)) * look(PURE, phase(pitch))


def engine(draw: Draw, ticks: int) -> Sound:
    """A train of pulses that revs up within each phrase, with rumble."""
    spans = phrases(draw, ticks)
    pitch = np.full(ticks + 1, draw.between(32, 60))
    for start, end in spans:
        first, way = max(start, 0), (np.arange(max(start, 0), min(end, ticks) + 1) - start) / (end - start)
        pitch[first : first + len(way)] *= 1 + draw.between(0.2, 0.9) * way * (2 - way)
    rumble = smooth(draw.noise(ticks * TICK), 24) * np.float32(draw.between(0.08, 0.2))
    return glide(held(spans, ticks, 6, 10)) * (look(PULSE, phase(pitch)) + rumble)


def cricket(draw: Draw, ticks: int) -> Sound:
    """Irregular clicks, each a resonance struck by one sample and gone after 10 ms."""
    ping = SINE[(np.arange(TICK) * int(draw.between(900, 3600) / RATE * 4096)) & 4095]
    ping = (ping * exp2(-np.arange(TICK) / draw.between(12, 28))).astype(np.float32)
    out = np.zeros(ticks * TICK, np.float32)
    for start in strikes(draw, phrases(draw, ticks), ticks, 3, 12):
        at = start * TICK + draw.integer(0, TICK)
        part = out[at : at + TICK]
        part += np.float32(draw.between(0.5, 1)) * ping[: len(part)]
    return out


def surf(draw: Draw, ticks: int) -> Sound:
    """Noise that brightens as it swells."""
    loud = held(phrases(draw, ticks), ticks, draw.integer(12, 26), draw.integer(12, 26))
    white = draw.noise(ticks * TICK)
    bright = glide(loud * draw.between(0.3, 0.7))
    return glide(loud) * (bright * white + (1 - bright) * smooth(white, draw.integer(10, 30)) * np.float32(0.6))


#: First three formants of five vowels in Hz (after Peterson & Barney 1952, men), and their bandwidths.
VOWELS = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))
BANDWIDTHS = (80, 110, 160)


def voice(draw: Draw, ticks: int) -> Sound:
    """Syllables: harmonics of a gliding pitch, shaped by the formants of a vowel."""
    base, tract = draw.between(95, 230), draw.between(0.9, 1.2)
    spans = []
    for start, end in phrases(draw, ticks):
        while start < min(end, ticks):
            spans.append((start, min(start + draw.integer(14, 34), end)))
            start = spans[-1][1] + 2
    pitch = stepped([start for start, _ in spans], [base * octaves(draw.between(-0.15, 0.25)) for _ in spans], ticks)
    pitch *= 1 + 0.04 * swing(draw, ticks, 1, 3)
    tables = np.stack([vowel(base, [f * tract for f in draw.choice(VOWELS)]) for _ in range(4)])
    which = stepped([start for start, _ in spans], [draw.integer(0, 4) for _ in spans], ticks)[:-1]
    table = np.repeat(which.astype(np.uint32) << np.uint32(12), TICK)
    return glide(held(spans, ticks, 3, 5)) * tables.reshape(-1).take(table + (phase(pitch) >> np.uint32(20)))


def vowel(pitch: float, formants: list[float]) -> Sound:
    """Table (4096,) of the harmonics of ``pitch`` below 5 kHz, each as loud as the formants let it be."""
    hertz = np.arange(1, int(5000 / pitch / 1.3) + 1) * pitch
    loud = np.zeros(len(hertz))
    for centre, width, weight in zip(formants, BANDWIDTHS, (1.0, 0.5, 0.25), strict=True):
        offset = (hertz - centre) / (width / 2)
        loud += weight / np.sqrt(1 + offset * offset)
    return harmonics(list(loud))
