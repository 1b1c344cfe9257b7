"""AV-MIML: its sizes as published, each step on cases that are known by hand, and two kinds that come back."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.av_miml import AVMIML, MIML, AVMIMLConfig, guided, hinge_loss, key_bases, train

SMALL = AVMIMLConfig(sample_rate=11_025, fft=512, bases=6, iterations=50, hidden=32, epochs=20, batch=4)


def test_the_network_has_the_published_sizes():
    """rhgao/Deep-MIML-Network: F 2401, fc 1024, L 25 and K 4, each layer with batch norm."""
    network = MIML(2401, 25, AVMIMLConfig())
    shapes = [tuple(p.shape) for p in network.parameters()]
    assert shapes == [(1024, 2401), (1024,), (1024,), (1024,), (100, 1024), (100,), (100,), (100,)]
    assert sum(p.numel() for p in network.parameters()) == 1024 * 2402 + 2048 + 100 * 1025 + 200 == 2_564_396
    bags = torch.rand(3, 25, 2401)
    assert network.relation(bags).shape == (3, 25, 25)
    assert network(bags).shape == (3, 25)
    config = AVMIMLConfig()
    assert (config.fft // 2 + 1, config.bases, config.sub_concepts, config.epochs) == (2401, 25, 4, 300)
    assert config.fft / config.sample_rate == 0.1


def test_scores_are_those_of_the_best_sub_concept_of_the_best_basis():
    network = MIML(5, 3, AVMIMLConfig(hidden=7, sub_concepts=2)).eval()
    bags = torch.rand(2, 4, 5)
    every = network.layers(bags.view(8, 5)).view(2, 4, 3, 2)
    assert torch.equal(network(bags), every.amax((1, 3)))


def test_the_loss_is_the_hinge_of_equation_3():
    scores, labels = torch.tensor([[2.0, 1.5, 0.2, 3.0], [0.0, 0.0, 0.0, 0.0]]), torch.tensor([0, 2])
    first = (0.5 + 0 + 2.0) / 4  # 1 - (2 - 1.5), 1 - (2 - 0.2) < 0, 1 - (2 - 3)
    assert float(hinge_loss(scores, labels)) == pytest.approx((first + 3 / 4) / 2)


def test_key_bases_are_sure_and_not_alone():
    bases = torch.arange(1.0, 13).view(3, 2, 2)
    config = AVMIMLConfig(threshold=0.5, several=2, kept=3)
    sure = torch.tensor([[0.9, 0.6], [0.95, 0.4], [0.7, 0.8]])  # the second recording has but one above 0.5
    found = key_bases(bases, sure, config)
    assert torch.equal(found, torch.stack([bases[0, 0], bases[2, 1], bases[2, 0]], 1))
    assert key_bases(bases, 0.1 * sure, config).shape == (2, 3)  # none above: of all, the surest
    bases[1] = 0  # silence, or fewer bases than M
    assert key_bases(bases, 0.1 * sure, AVMIMLConfig(kept=9)).shape == (2, 4)


def test_a_mixture_of_disjoint_dictionaries_is_told_apart():
    low, high = np.eye(6, dtype=np.float32)[:, :3], np.eye(6, dtype=np.float32)[:, 3:]
    shares = guided(np.random.default_rng(0).random((6, 9)).astype(np.float32) + 0.1, [low, high], 5)
    assert shares.shape == (2, 6, 9)
    assert shares[0, :3] == pytest.approx(1)
    assert shares[0, 3:] == pytest.approx(0, abs=1e-6)
    assert guided(np.zeros((6, 9), np.float32), [low, high], 5) == pytest.approx(0.5)


def test_it_learns_which_basis_is_whose():
    """Bags of two kinds of basis: one of the label, one that all have."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(24) % 3
    own, common = torch.eye(8)[labels].unsqueeze(1), torch.eye(8)[7].expand(24, 1, 8)
    bags = torch.cat([own, common], 1) + 0.05 * torch.rand(24, 2, 8, generator=draw)
    network = train(bags, labels, 3, AVMIMLConfig(hidden=32, epochs=20, batch=8, lr=1e-2), seed=1)
    sure = network.relation(bags).softmax(-1)[torch.arange(24), :, labels]
    assert (sure[:, 0] > sure[:, 1]).all()
    assert (network(bags).argmax(1) == labels).all()


def solos():
    time = torch.arange(11_025) / 11_025
    for pitch in (1.0, 1.2, 1.5, 0.9):
        yield 0.3 * torch.sin(2 * torch.pi * 300 * pitch * time) * (time * 6 % 1), 3
        yield 0.3 * torch.sin(2 * torch.pi * 2500 * pitch * time) * (time * 5 % 1), 7


def test_two_kinds_that_it_has_heard_come_back():
    method = AVMIML(SMALL)
    method.fit_kinds([*solos(), (torch.zeros(11_025), 3)])
    assert method.spectra.keys() == {3, 7}
    low, high = (next(s for s, kind in solos() if kind == k) for k in (3, 7))
    found = method.separate_kinds((low + high).unsqueeze(0), torch.tensor([[3, 7]]))
    assert torch.allclose(found.sum(1)[0], low + high, atol=1e-3)
    for estimate, sound in zip(found[0], (low, high), strict=True):
        assert 10 * torch.log10(sound.square().sum() / (estimate - sound).square().sum()) > 15
    other = method.separate_kinds((low + high).unsqueeze(0), torch.tensor([[7, 3]]))
    assert torch.allclose(other, found.flip(1), atol=1e-3)
    with pytest.raises(ValueError, match="no training solo of kind 4"):
        method.separate_kinds(torch.zeros(1, 4096), torch.tensor([[3, 4]]))


def test_only_so_many_solos_of_each_kind_are_learned_from():
    torch.manual_seed(5)
    few = AVMIML(replace(SMALL, solos=1))
    few.fit_kinds(solos())
    torch.manual_seed(5)
    two = AVMIML(SMALL)
    two.fit_kinds(list(solos())[:2])
    assert all(torch.equal(few.spectra[kind], two.spectra[kind]) for kind in (3, 7))


@pytest.mark.parametrize("changes", [{"bases": 0}, {"fft": 2}, {"lr": 0.0}, {"threshold": 2.0}, {"solos": 0}])
def test_choices_that_cannot_be_meant_are_refused(changes):
    with pytest.raises(ValueError, match="must be at least"):
        AVMIMLConfig(**changes)
