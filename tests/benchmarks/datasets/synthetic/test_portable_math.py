"""The arithmetic under the miniature world: tables safe from the C library's last bit, pure draws."""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.datasets.synthetic.portable_math import GRID, POWER, SINE, Draw, exp2, octaves, sine
from benchmarks.datasets.synthetic.synthesis import (
    RATE,
    TICK,
    glide,
    harmonics,
    held,
    look,
    phase,
    phrases,
    smooth,
    struck,
)


@pytest.mark.parametrize(
    ("table", "function"),
    [(SINE, lambda i: math.sin(2 * math.pi * i / 4096)), (POWER, lambda i: 2 ** (i / 1024))],
    ids=["sine", "power"],
)
def test_no_table_entry_is_near_a_rounding_boundary(table, function):
    # Libraries differ by some 2^-52 = 2e-16; no entry within 1e-6 of a boundary, in units of the 2^-20 grid (1e-12).
    exact = np.array([function(i) * GRID for i in range(len(table))])
    distance_to_half = np.abs(exact - np.floor(exact) - 0.5)
    assert distance_to_half.min() > 1e-6
    assert (table * GRID == np.rint(exact)).all()
    assert np.abs(table - exact / GRID).max() <= 0.5 / GRID


@given(st.floats(-30, 30))
def test_exp2_and_sine_follow_the_functions_they_stand_for(x):
    assert octaves(x) == pytest.approx(2**x, rel=1e-3)
    assert sine(x) == pytest.approx(math.sin(2 * math.pi * x), abs=2e-3)
    assert float(exp2([x])[0]) == octaves(x)


def test_a_draw_is_a_pure_function_of_its_purpose():
    first, again, other = (Draw(*key) for key in ((0, "a", 1), (0, "a", 1), (0, "a", 2)))
    values = [first.unit() for _ in range(50)]
    assert values == [again.unit() for _ in range(50)]
    assert not set(values) & {other.unit() for _ in range(50)}


def test_draws_have_the_distributions_they_promise():
    draw = Draw(0, "distribution")
    units = np.array([draw.unit() for _ in range(4000)])
    assert 0 <= units.min() < units.max() < 1
    assert units.mean() == pytest.approx(0.5, abs=0.02)
    counts = np.bincount([draw.integer(3, 9) for _ in range(6000)], minlength=9)
    assert counts[:3].sum() == 0
    assert counts[3:].min() > 850
    assert all(sorted(draw.sample(range(6), 6)) == list(range(6)) for _ in range(20))
    noise = draw.noise(40_001)
    assert noise.shape == (40_001,)
    assert -1 <= noise.min() < noise.max() < 1
    assert noise.std() == pytest.approx(1 / math.sqrt(3), rel=0.02)
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 0.02


def test_noise_reads_little_endian_halves_of_the_generators_words():
    word = int(np.random.Philox(key=_key("0/noise")).random_raw())
    halves = [(word >> shift) & 0xFFFF for shift in (0, 16, 32, 48)]
    signed = [h - 65536 if h >= 32768 else h for h in halves]
    assert Draw(0, "noise").noise(4).tolist() == [h / 32768 for h in signed]


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def test_an_oscillator_is_in_tune_and_a_glide_is_linear():
    hertz = np.full(2 * RATE // TICK + 1, 441.0)
    turns = phase(hertz) / 2**32  # a period of 441 Hz is 25 samples
    assert np.abs((turns[24::25] + 0.5) % 1 - 0.5).max() < 1e-4
    tone = look(harmonics([1]), phase(hertz))
    assert np.argmax(np.abs(np.fft.rfft(tone))) == 882
    assert glide(np.array([0.0, 1.0]))[TICK // 2] == pytest.approx((TICK // 2) / TICK)


def test_harmonics_are_the_sum_of_sines_at_their_amplitudes():
    turns = np.arange(4096) / 4096
    wanted = np.sin(2 * np.pi * turns) + 0.25 * np.sin(6 * np.pi * turns)
    np.testing.assert_allclose(harmonics([1, 0, 0.25]), wanted / np.abs(wanted).max(), atol=1e-5)


def test_smooth_is_a_moving_average():
    noise = Draw(0, "smooth").noise(500)
    padded = np.concatenate([np.zeros(7), noise.astype(float)])
    wanted = np.array([padded[i : i + 8].sum() for i in range(500)]) / math.sqrt(8)
    np.testing.assert_allclose(smooth(noise, 8), wanted, atol=1e-6)


@given(st.integers(0, 10_000), st.integers(105, 1000))
def test_phrases_leave_an_onset_and_a_pause_in_every_scene(seed, ticks):
    spans = phrases(Draw(seed), ticks)
    loud = held(spans, ticks, 3, 3)
    assert (loud == 0).any()
    assert ((loud[1:] > 0) & (loud[:-1] == 0)).any()
    assert all(later[0] - earlier[1] >= 15 for earlier, later in pairwise(spans))


def test_a_stroke_peaks_after_one_tick_and_halves_as_told():
    loud = struck([10], [0.8], 5.0, 40)
    assert loud[:11].max() == 0
    assert loud[11] == 0.8
    assert loud[16] == pytest.approx(0.4, rel=1e-3)
