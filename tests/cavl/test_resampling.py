"""Resampling: the usual rates by torchaudio's filter, odd ones in bounded memory."""

import numpy as np
import pytest
import torch
from torchaudio.functional import resample

from cavl.resampling import polyphase, resampled


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 22_255, 32_000, 44_100, 48_000, 96_000, 192_000])
def test_usual_rates_are_torchaudios_to_the_last_bit(rate: int) -> None:
    sound = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (2, 4_000)).astype(np.float32))
    assert torch.equal(resampled(sound, rate, 11_025), resample(sound, rate, 11_025))


@pytest.mark.parametrize("rate", [44_056, 47_952, 192_001, 999_983])
def test_an_odd_rate_keeps_pitch_and_time_both_ways(rate: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    there = resampled(torch.from_numpy(tone)[None], rate, 11_025)[0].numpy()
    assert (there.dtype, abs(len(there) - 11_025) <= 1) == (np.float32, True)
    middle = slice(2_000, 9_000)
    expected = np.sin(2 * np.pi * 440 * np.arange(len(there)) / 11_025)
    np.testing.assert_allclose(there[middle], expected[middle], atol=0.01)
    np.testing.assert_allclose(
        polyphase(there, 11_025, rate)[rate // 4 : rate // 2], tone[rate // 4 : rate // 2], atol=0.02
    )


def test_the_same_rate_changes_nothing() -> None:
    sound = np.ones(7, np.float32)
    assert polyphase(sound, 44_100, 44_100) is sound
    assert torch.equal(resampled(torch.ones(1, 7), 11_025, 11_025), torch.ones(1, 7))
