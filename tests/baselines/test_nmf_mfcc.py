"""NMF-MFCC: cases that are known by hand, the parts against their libraries, and its bound, the ideal mask."""

import numpy as np
import pytest
import torch
from scipy.fft import dct
from torchaudio.functional import melscale_fbanks

from baselines.nmf_mfcc import NMFMFCC, NMFMFCCConfig, clusters, factors
from benchmarks.datasets.miniature import SECOND, Miniature
from benchmarks.metrics.separation import best_order, bss_eval
from benchmarks.tasks.separation import Mixed, common_rows
from benchmarks.training.batching import collate
from cavl.separation import mixed_parts
from cavl.spectrogram import LogSpectrogram, SpectrogramConfig


def test_an_exact_product_is_factored():
    draw = np.random.default_rng(0)
    spectra, gains = draw.random((40, 3)).astype(np.float32), draw.random((3, 30)).astype(np.float32) ** 4
    found = np.matmul(*factors(spectra @ gains, 3, 2000))
    assert np.abs(found - spectra @ gains).max() < 0.02
    assert factors(spectra @ gains, 100, 1)[0].shape == (40, 30)  # no more components than frames


def test_features_are_the_dct_of_log_mel_bands_whatever_the_level():
    config = NMFMFCCConfig()
    spectra = np.random.default_rng(1).random((512, 4)).astype(np.float32)
    bands = spectra.T @ melscale_fbanks(512, 0.0, 11_025 / 2, 20, 11_025).numpy()
    expected = dct(np.log1p(1e4 * bands / bands.max(1, keepdims=True)), norm="ortho", axis=1)[:, 1:14]
    found = NMFMFCC(config).features(spectra)
    assert found == pytest.approx(expected, abs=1e-3)
    assert NMFMFCC(config).features(0.01 * spectra) == pytest.approx(found, abs=1e-3)


def test_spectra_of_one_shape_are_one_cluster():
    grid = np.arange(512)[:, None]
    low, high = (
        np.exp(-((grid - centre) ** 2) / 2000) * (1 + np.cos(grid / np.array([2, 3, 5]))) for centre in (60, 300)
    )
    found = clusters(NMFMFCC().features(np.concatenate([low, high], 1).astype(np.float32)), 2)
    assert len(set(found[:3])) == len(set(found[3:])) == 1
    assert found[0] != found[3]


def instrument(formant, rhythm):
    """Two notes in turn, the harmonics of 200 and 270 Hz around a formant (Hz)."""
    time = torch.arange(11_025) / 11_025
    notes = []
    for pitch in (200, 270):
        harmonics = pitch * torch.arange(1, 5000 // pitch).unsqueeze(1)
        loud = torch.exp(-(((harmonics - formant) / 500) ** 2))
        notes.append((loud * torch.sin(2 * torch.pi * harmonics * time)).sum(0))
    return 0.1 * torch.where(time * rhythm % 2 < 1, *notes) * (1 - time * rhythm % 1)


def test_notes_of_one_timbre_are_one_sound_and_all_add_up_to_the_mixture():
    sounds = torch.stack([instrument(600, 6), instrument(3500, 5)])
    method = NMFMFCC(NMFMFCCConfig(components=4))  # a note each
    found = method.separate_blindly(sounds.sum(0, keepdim=True), 2)
    assert torch.allclose(found.sum(1)[0], sounds.sum(0), atol=1e-4)
    ordered = torch.from_numpy(best_order(sounds.double().numpy(), found[0].double().numpy()))
    for estimate, sound in zip(ordered, sounds, strict=True):
        assert 10 * torch.log10(sound.square().sum() / (estimate - sound).square().sum()) > 10


def test_silence_and_a_single_tone_are_answered():
    tone = torch.sin(torch.arange(8192) / 4).unsqueeze(0)
    for mixture in (torch.zeros(1, 8192), tone, (tone * 32767).short()):
        found = NMFMFCC().separate_blindly(mixture, 3)
        assert found.shape == (1, 3, 8192)
        assert torch.isfinite(found).all()


@pytest.mark.parametrize("changes", [{"components": 0}, {"fft": 2}, {"coefficients": 20}, {"fft": 64}])
def test_choices_that_cannot_be_meant_are_refused(changes):
    with pytest.raises(ValueError, match=r"must be|need more|choose fewer"):
        NMFMFCCConfig(**changes)


def test_with_the_oracles_order_it_stays_below_the_ideal_mask_on_every_pair():
    scenes = Miniature(SECOND, "validation", 1, 8)
    window = 65 * 256
    batch = collate([scenes[i] for i in range(8)], window)
    parts = mixed_parts(batch.waveform.view(4, 2, -1), "mean")
    mixed = Mixed(range(4), batch.image.view(4, 2, *batch.image.shape[1:]), parts, torch.zeros(4, 2))
    spectrogram = LogSpectrogram(SpectrogramConfig(hop=256, frames=64, bins=64, oversample=4))
    ideal = common_rows(spectrogram, mixed)["ideal-ratio-mask"].double().numpy()
    estimates = NMFMFCC().separate_blindly(mixed.mixture, 2).double().numpy()
    for references, bound, estimate in zip(mixed.parts.double().numpy(), ideal, estimates, strict=True):
        ordered = best_order(references, estimate)
        (own, other, best), *_ = bss_eval(references, np.stack([ordered, ordered[::-1], bound]))
        assert (own < best).all()
        assert own.mean() > other.mean() - 1e-9
