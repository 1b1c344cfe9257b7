"""Shapes of §4.2, the projection against torch's grid_sample, and the error of warp + unwarp."""

import pytest
import torch
import torch.nn.functional as F

from cavl.spectrogram import LogSpectrogram, SpectrogramConfig, as_float, resampling_matrix

PAPER = SpectrogramConfig()


def tone(hz: float, seconds: float = 2.0, rate: int = 11_025) -> torch.Tensor:
    return 0.5 * torch.sin(2 * torch.pi * hz * torch.arange(int(seconds * rate)) / rate).unsqueeze(0)


def test_ten_seconds_give_512_by_432():
    assert PAPER.samples == 110_336  # 10 s = 110,250 samples, padded (PROTOCOLS §1)
    assert LogSpectrogram(PAPER)(torch.zeros(1, PAPER.samples, dtype=torch.int16)).shape == (1, 1, 512, 432)
    assert LogSpectrogram(PAPER)(torch.zeros(1, 110_250)).shape[-1] == 431


def test_projection_equals_grid_sample_with_aligned_corners():
    magnitude = torch.rand(2, 512, 7, dtype=torch.float64)
    y = torch.linspace(0, 1, 512, dtype=torch.float64)
    grid_y = (21**y - 1) / 20 * 2 - 1
    grid = torch.stack(torch.broadcast_tensors(torch.linspace(-1, 1, 7).double(), grid_y.unsqueeze(1)), -1)
    expected = F.grid_sample(magnitude.unsqueeze(1), grid.expand(2, -1, -1, -1), align_corners=True).squeeze(1)
    spectrogram = LogSpectrogram(PAPER).double()
    assert torch.allclose(spectrogram.to_log_frequency(magnitude), expected, atol=1e-5)


def test_projection_keeps_the_border_rows():
    """Without aligned corners border rows lose half of their energy; here both ends map to themselves."""
    warped = LogSpectrogram(PAPER).to_log_frequency(torch.ones(1, 512, 3))
    assert torch.allclose(warped, torch.ones_like(warped), atol=1e-6)


@pytest.mark.parametrize("hz", [200.0, 440.0, 1760.0, 5000.0])
def test_a_tone_lights_the_bin_of_its_frequency(hz):
    config = SpectrogramConfig(bins=64, oversample=4, hop=350, frames=64)
    spectrogram = LogSpectrogram(config)
    found = spectrogram(tone(hz))[0, 0, :, 20:40].mean(1).argmax().item()
    linear = hz / (config.sample_rate / 2) * (config.linear_bins - 1)
    u = torch.log1p(torch.tensor(linear * 20 / 511)) / torch.log(torch.tensor(21.0))
    assert abs(found - float(u) * 63) < 1.5


def test_silence_is_zero_and_finite():
    assert LogSpectrogram(PAPER)(torch.zeros(1, 4000)).abs().max() == 0


def test_istft_inverts_stft():
    spectrogram = LogSpectrogram(SpectrogramConfig(hop=350))
    wave = torch.rand(2, 22_050) - 0.5
    assert torch.allclose(spectrogram.istft(spectrogram.stft(wave), 22_050), wave, atol=1e-5)


def test_error_of_warp_and_unwarp_is_as_stated():
    """A mask that is smooth on the log axis survives the way to the linear axis and back within 1 %."""
    spectrogram = LogSpectrogram(PAPER)
    y = torch.linspace(0, 1, 512)
    mask = (0.5 + 0.4 * torch.sin(6 * torch.pi * y)).view(1, 512, 1)
    back = spectrogram.to_log_frequency(spectrogram.to_linear_frequency(mask))
    assert (back - mask).abs().max() < 0.01


def test_int16_and_float_agree():
    pcm = torch.tensor([[0, 16_384, -32_768]], dtype=torch.int16)
    assert as_float(pcm).tolist() == [[0.0, 0.5, -1.0]]


@pytest.mark.parametrize("bad", [torch.tensor([[float("nan")]]), torch.tensor([[float("inf")]]), torch.zeros(5)])
def test_bad_waveforms_are_refused(bad):
    with pytest.raises(ValueError, match="waveform"):
        as_float(bad)


def test_resampling_reads_linearly():
    rows = resampling_matrix(torch.tensor([0.0, 1.25, 3.0]), 4)
    assert (rows @ torch.tensor([0.0, 10.0, 20.0, 30.0])).tolist() == [0.0, 12.5, 30.0]


def test_bad_config_is_refused():
    with pytest.raises(ValueError, match="hop"):
        SpectrogramConfig(hop=0)
