"""Soft K-means against a plain loop, by gradient check, and on degenerate input."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cavl.clustering import ClusteringConfig, distances, initial_centres, objective, soft_kmeans


def plain_soft_kmeans(points, k, config):
    """Eqs 1-3 for one item by loops over Python floats; farthest-point initialisation."""
    rows = [[float(v) for v in p] for p in points]

    def unit(v):
        norm = math.sqrt(sum(a * a for a in v))
        return [a / norm for a in v] if config.normalise and norm > 1e-12 else v

    def d(a, b):
        return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))

    rows = [unit(r) for r in rows]
    mean = [sum(c) / len(rows) for c in zip(*rows, strict=True)]
    chosen = [min(range(len(rows)), key=lambda i: d(rows[i], mean))]
    while len(chosen) < k:
        chosen.append(max(range(len(rows)), key=lambda i: min(d(rows[i], rows[j]) for j in chosen)))
    centres = [rows[i] for i in chosen]

    def e_step():
        table = []
        for r in rows:
            weights = [math.exp(-config.beta * d(r, c)) for c in centres]
            table.append([w / sum(weights) for w in weights])
        return table

    for _ in range(config.iterations):
        w = e_step()
        centres = [
            unit(
                [
                    sum(w[i][j] * rows[i][c] for i in range(len(rows))) / sum(row[j] for row in w)
                    for c in range(len(mean))
                ]
            )
            for j in range(k)
        ]
    return centres, e_step()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    k=st.integers(1, 4),
    beta=st.sampled_from([1.0, 10.0, 30.0]),
    iterations=st.integers(1, 5),
    normalise=st.booleans(),
)
def test_agrees_with_a_plain_loop(seed, k, beta, iterations, normalise):
    points = torch.rand(1, 12, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    config = ClusteringConfig(beta=beta, iterations=iterations, normalise=normalise)
    got = soft_kmeans(points, k, config)
    centres, assignments = plain_soft_kmeans(points[0], k, config)
    assert torch.allclose(got.centres[0], torch.tensor(centres, dtype=torch.float64), atol=1e-6)
    assert torch.allclose(got.assignments[0], torch.tensor(assignments, dtype=torch.float64), atol=1e-6)


@pytest.mark.parametrize("gradient", ["all", "last"])
def test_gradient_check(gradient):
    torch.manual_seed(0)
    points = torch.rand(2, 6, 3, dtype=torch.float64, requires_grad=True)
    config = ClusteringConfig(beta=3.0, iterations=1 if gradient == "last" else 3, gradient=gradient)

    def centres_and_assignments(x):
        clusters = soft_kmeans(x, torch.tensor([2, 3]), config)
        return clusters.centres, clusters.assignments

    assert torch.autograd.gradcheck(centres_and_assignments, points, atol=1e-6)


def test_gradient_options_differ_only_backwards():
    torch.manual_seed(0)
    start = torch.rand(1, 20, 4)
    grads, centres = {}, {}
    for gradient in ("all", "last", "none"):
        points = start.clone().requires_grad_()
        clusters = soft_kmeans(points, 3, ClusteringConfig(beta=10.0, gradient=gradient))
        clusters.centres.square().sum().backward() if gradient != "none" else clusters.centres[..., 0].sum().backward()
        grads[gradient], centres[gradient] = points.grad, clusters.centres.detach()
    assert torch.equal(centres["all"], centres["last"])
    assert torch.equal(centres["all"], centres["none"])
    assert not torch.allclose(grads["all"], grads["last"])
    assert grads["none"].abs().sum() > 0  # through the points that are averaged


def test_gradient_at_distance_zero_is_finite():
    points = torch.eye(3).unsqueeze(0).requires_grad_()
    d = distances(points, points.detach())
    d.sum().backward()
    assert torch.isfinite(points.grad).all()


@pytest.mark.parametrize("init", ["farthest", "strided", "random"])
@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(
    "points",
    [torch.zeros(2, 16, 4), torch.ones(2, 16, 4), torch.eye(4)[:2].repeat(1, 8, 1).expand(2, -1, -1)],
    ids=["all-zero maps (silence)", "constant maps", "two distinct points"],
)
def test_degenerate_input_gives_finite_output(points, k, init):
    points = points.clone().requires_grad_()
    draw = torch.Generator().manual_seed(0)
    clusters = soft_kmeans(points, k, ClusteringConfig(beta=30.0, init=init), draw)
    (clusters.centres.sum() + clusters.assignments.square().sum()).backward()
    for tensor in (clusters.centres, clusters.assignments, points.grad):
        assert torch.isfinite(tensor).all()
    assert torch.allclose(clusters.assignments.sum(-1), torch.ones(2, 16), atol=1e-5)


def test_mixed_k_equals_each_item_alone():
    torch.manual_seed(1)
    points, k = torch.rand(4, 30, 5), torch.tensor([1, 3, 2, 4])
    config = ClusteringConfig(beta=10.0)
    together = soft_kmeans(points, k, config)
    for i, n in enumerate(k.tolist()):
        alone = soft_kmeans(points[i : i + 1], n, config)
        assert torch.allclose(together.centres[i, :n], alone.centres[0], atol=1e-6)
        assert torch.allclose(together.assignments[i, :, :n], alone.assignments[0], atol=1e-6)
        assert together.mask[i].sum() == n
        assert together.centres[i, n:].abs().sum() == 0
        assert together.assignments[i, :, n:].abs().sum() == 0


def test_em_lowers_eq_1_without_normalisation():
    """Soft EM with softmax assignments need not lower J each time, but on separated blobs it does."""
    torch.manual_seed(0)
    blobs = torch.cat([torch.randn(20, 2) * 0.1 + centre for centre in torch.tensor([[0.0, 0], [5, 0], [0, 5]])])
    values = []
    for iterations in (1, 2, 6):
        clusters = soft_kmeans(
            blobs.unsqueeze(0), 3, ClusteringConfig(beta=10.0, iterations=iterations, normalise=False)
        )
        values.append(float(objective(blobs.unsqueeze(0), clusters.centres, clusters.assignments)))
    assert values[0] >= values[1] >= values[2]
    found = clusters.centres[0].round().tolist()
    assert sorted(found) == [[0.0, 0.0], [0.0, 5.0], [5.0, 0.0]]


def test_initialisations_by_hand():
    points = torch.tensor([[[0.0], [1.0], [2.0], [3.0], [10.0]]])  # mean 3.2: nearest 3, farthest 10, then 0
    assert initial_centres(points, torch.tensor([3]), "farthest").tolist() == [[3, 4, 0]]
    assert initial_centres(points, torch.tensor([2]), "strided").tolist() == [[0, 2]]
    drawn = initial_centres(points, torch.tensor([5]), "random", torch.Generator().manual_seed(0))
    assert sorted(drawn[0].tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("k", [0, 17])
def test_impossible_k_is_refused(k):
    with pytest.raises(ValueError, match="number of centres"):
        soft_kmeans(torch.rand(1, 16, 2), k, ClusteringConfig())


def test_bad_config_is_refused():
    with pytest.raises(ValueError, match="beta"):
        ClusteringConfig(beta=0)
    with pytest.raises(ValueError, match="iterations"):
        ClusteringConfig(iterations=0)
