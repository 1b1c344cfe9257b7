"""Eq 6 against scipy's Poisson distribution, the restricted mode, and that the network learns a rate."""

import numpy as np
import pytest
import torch
from scipy.stats import poisson

from cavl.counting import Counter, CounterConfig, most_probable_count, poisson_loss
from cavl.spectrogram import SpectrogramConfig


def test_eq_6_is_the_negative_log_likelihood_up_to_its_constant():
    rate, count = torch.tensor([0.5, 2.0, 4.2]), torch.tensor([1, 2, 5])
    likelihood = -poisson.logpmf(count.numpy(), rate.numpy())
    constant = np.log([1, 2, 120])
    assert float(poisson_loss(rate, count)) == pytest.approx(float((likelihood - constant).mean()), rel=1e-5)


@pytest.mark.parametrize("rate", [0.2, 1.0, 1.5, 2.0, 2.01, 3.7, 4.999, 6.3, 40.0])
def test_most_probable_count_is_the_restricted_mode(rate):
    pmf = poisson.pmf(np.arange(1, 6), rate)
    # At whole rates two counts are equally probable: the smaller is taken.
    best = 1 + int(np.flatnonzero(pmf >= pmf.max() * (1 - 1e-9))[0])
    assert int(most_probable_count(torch.tensor([rate]))) == best


def test_training_moves_the_rate_to_the_counts():
    torch.manual_seed(0)
    config = CounterConfig(spectrogram=SpectrogramConfig(hop=350, frames=16, bins=16), audio_trunk=(4, "M", 4))
    counter = Counter(config)
    waveform = torch.randint(-9000, 9000, (8, counter.window), dtype=torch.int16)
    scenes = type("Scenes", (), {"waveform": waveform, "n_sources": torch.full((8,), 4)})
    optimizer = torch.optim.SGD(counter.parameters(), 1e-2, momentum=0.9)
    for _ in range(60):
        loss, _ = counter.training_step(scenes, torch.Generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert counter(waveform).mean().item() == pytest.approx(4, abs=0.5)
    assert counter.eval().count(waveform).shape == (8,)
