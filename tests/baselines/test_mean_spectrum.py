"""Separation by mean spectra: cases whose gains are known by hand."""

import numpy as np
import pytest
import torch

from baselines.mean_spectrum import MeanSpectrum, MeanSpectrumConfig, gains, wiener


def test_gains_of_an_exact_mixture_of_spectra_are_found():
    spectra = torch.tensor([[[1.0, 0.5], [2.0, 0.1], [0.2, 3.0]]])  # (1, 3, 2)
    true = torch.tensor([[[2.0, 0.0, 1.0], [1.0, 4.0, 0.5]]])  # (1, 2, 3 frames)
    found = gains(spectra @ true, spectra, 2000)
    assert torch.allclose(found, true, atol=1e-2)


def test_one_update_is_the_rule_of_itakura_saito():
    power, spectra = torch.tensor([[[6.0], [3.0]]]), torch.tensor([[[1.0, 2.0], [2.0, 1.0]]])
    # Start: 9 / (3 + 3) / 2 = 1.5 each, model 1.5 * [3, 3].
    model = np.array([4.5, 4.5])
    w, v = np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([6.0, 3.0])
    expected = 1.5 * (w.T @ (v / model**2)) / (w.T @ (1 / model))
    assert gains(power, spectra, 1)[0, :, 0].numpy() == pytest.approx(expected)


def test_disjoint_spectra_are_told_apart_completely():
    spectra = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    masks = wiener(torch.rand(1, 3, 5) + 0.1, spectra, 3)
    assert torch.equal(masks[0, 0], torch.tensor([[1.0] * 5, [1.0] * 5, [0.0] * 5]))
    assert torch.allclose(masks.sum(1), torch.ones(1, 3, 5))


def tones(n=8192):
    time = torch.arange(n) / 11_025
    return [torch.sin(2 * torch.pi * f * time) * 0.3 for f in (440.0, 2500.0)]


def test_two_tones_that_it_has_heard_come_back():
    low, high = tones()
    method = MeanSpectrum()
    method.fit_kinds([(low, 3), (high, 7), (0.5 * low, 3)])
    found = method.separate_kinds((low + high).unsqueeze(0), torch.tensor([[3, 7]]))
    assert found.shape == (1, 2, 8192)
    for estimate, tone in zip(found[0], (low, high), strict=True):
        assert 10 * torch.log10(tone.square().sum() / (estimate - tone).square().sum()) > 30
    other = method.separate_kinds((low + high).unsqueeze(0), torch.tensor([[7, 3]]))
    assert torch.allclose(other, found.flip(1), atol=1e-6)


def test_a_spectrum_is_the_mean_over_all_frames_of_a_kind():
    low, high = tones()
    method = MeanSpectrum(MeanSpectrumConfig(fft=512))
    method.fit_kinds([(low, 0), (high, 0)])
    power = [torch.stft(s, 512, 128, window=torch.hann_window(512), pad_mode="constant", return_complex=True).abs() ** 2
             for s in (low, high)]  # fmt: skip
    assert torch.allclose(method.spectra[0], torch.cat(power, 1).mean(1), rtol=1e-4, atol=1e-3)


def test_silence_stays_silent_and_finite():
    method = MeanSpectrum()
    method.fit_kinds([(tones()[0], 0), (torch.zeros(4096), 1)])
    for mixture in (torch.zeros(1, 4096), tones()[1][None, :4096]):
        assert torch.isfinite(method.separate_kinds(mixture, torch.tensor([[0, 1]]))).all()


def test_a_kind_never_heard_is_refused():
    method = MeanSpectrum()
    method.fit_kinds([(tones()[0], 0)])
    with pytest.raises(ValueError, match="no training solo of kind 4"):
        method.separate_kinds(torch.zeros(1, 4096), torch.tensor([[0, 4]]))
