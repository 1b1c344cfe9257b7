"""Eq 6 against scipy's Poisson distribution, the predicted counts, and that the network learns a rate."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson
from torch import nn

from cavl.counting import Counter, CounterConfig, most_probable_count, poisson_loss, rounded_count
from cavl.model import CAVL, CAVLConfig
from cavl.spectrogram import SpectrogramConfig

RATES = [0.2, 1.0, 1.5, 2.0, 2.01, 3.7, 4.999, 6.3, 40.0]


def network():
    torch.manual_seed(0)
    spectrogram = SpectrogramConfig(hop=350, frames=16, bins=16)
    plan = (4, "M", 4)
    return CAVL(CAVLConfig(spectrogram=spectrogram, audio_trunk=plan, visual_trunk=plan)).audio_network()


def sounds(counter, n_sources):
    draw = torch.Generator().manual_seed(1)
    shape = (len(n_sources), counter.window)
    waveform = torch.randint(-9000, 9000, shape, dtype=torch.int16, generator=draw)
    return SimpleNamespace(waveform=waveform, n_sources=torch.tensor(n_sources))


def test_eq_6_is_the_negative_log_likelihood_up_to_its_constant():
    rate, count = torch.tensor([0.5, 2.0, 4.2]), torch.tensor([1, 2, 5])
    likelihood = -poisson.logpmf(count.numpy(), rate.numpy())
    constant = np.log([1, 2, 120])
    assert float(poisson_loss(rate, count)) == pytest.approx(float((likelihood - constant).mean()), rel=1e-5)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_eq_6_is_least_where_the_rate_is_the_count(count):
    rate = torch.tensor([float(count)], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r: poisson_loss(r, torch.tensor([count])), rate)
    assert torch.autograd.grad(poisson_loss(rate, torch.tensor([count])), rate)[0].item() == pytest.approx(0)


@pytest.mark.parametrize("rate", RATES)
def test_most_probable_count_is_the_restricted_mode(rate):
    pmf = poisson.pmf(np.arange(1, 6), rate)
    # At whole rates two counts are equally probable: the smaller is taken.
    best = 1 + int(np.flatnonzero(pmf >= pmf.max() * (1 - 1e-9))[0])
    assert int(most_probable_count(torch.tensor([rate]))) == best


@given(st.floats(0, 100, width=32))
def test_rounded_count_is_the_nearest_of_one_to_five(rate):
    count = rounded_count(torch.tensor([rate]))
    assert count.dtype == torch.int64
    distance = [abs(rate - n) for n in range(1, 6)]
    assert distance[int(count) - 1] == min(distance)


def test_halves_are_rounded_up():
    halves = torch.tensor([0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
    assert rounded_count(halves).tolist() == [1, 2, 3, 4, 5, 5]


def test_the_papers_size():
    """§6.3: 512 pooled features, two fully-connected layers 512-512-1; as many units as asked for otherwise."""
    audio_network = CAVL(CAVLConfig()).audio_network()
    sizes = {hidden: Counter(CounterConfig(hidden=hidden), audio_network).head for hidden in (None, 7)}
    assert [tuple(p.shape) for p in sizes[None].parameters()] == [(512, 512), (512,), (1, 512), (1,)]
    assert [tuple(p.shape) for p in sizes[7].parameters()] == [(7, 512), (7,), (1, 7), (1,)]


def test_lambda_is_softplus_of_the_head_on_the_audio_network():
    class Loudness(nn.Module):
        sample_rate, window, embedding_size = 8, 4, 1

        def forward(self, waveform):
            return waveform.float().abs().amax(1, keepdim=True)

    counter = Counter(CounterConfig(), Loudness())
    assert (counter.sample_rate, counter.window) == (8, 4)
    with torch.no_grad():
        for parameter, value in zip(counter.parameters(), (2.0, -1.0, 0.5, 0.25), strict=True):
            parameter.fill_(value)
    rate = counter(torch.tensor([[0, -3, 1, 0], [0, 0, 0, 0]], dtype=torch.int16))
    # relu(2 * 3 - 1) = 5 and relu(2 * 0 - 1) = 0
    expected = [math.log1p(math.exp(0.5 * hidden + 0.25)) for hidden in (5, 0)]
    assert rate.tolist() == pytest.approx(expected)


def test_training_moves_the_rate_to_the_counts_and_the_audio_network_with_it():
    counter = Counter(CounterConfig(), network())
    scenes = sounds(counter, [4] * 8)
    before = [p.detach().clone() for p in counter.audio_network.parameters()]
    optimizer = torch.optim.SGD(counter.parameters(), 1e-2, momentum=0.9)
    for _ in range(60):
        loss, logs = counter.training_step(scenes, torch.Generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert logs == {"loss": loss.item()}
    assert counter(scenes.waveform).mean().item() == pytest.approx(4, abs=0.5)
    assert any(not torch.equal(p, b) for p, b in zip(counter.audio_network.parameters(), before, strict=True))


def test_count_is_the_most_probable_one_without_a_gradient():
    counter = Counter(CounterConfig(), network()).eval()
    scenes = sounds(counter, [1, 2, 3])
    counts = counter.count(scenes.waveform)
    assert counts.tolist() == most_probable_count(counter(scenes.waveform)).tolist()
    assert not counts.requires_grad


def test_lambda_and_loss_stay_float32_under_autocast():
    counter = Counter(CounterConfig(), network())
    scenes = sounds(counter, [1, 2])
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = counter.training_step(scenes, torch.Generator())
        assert counter(scenes.waveform).dtype == torch.float32
    assert loss.dtype == torch.float32


def test_no_hidden_unit_is_refused():
    with pytest.raises(ValueError, match="hidden must be at least 1, not 0"):
        CounterConfig(hidden=0)
