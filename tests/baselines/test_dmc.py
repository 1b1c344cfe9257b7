"""DMC: the clustering against a loop over points, the loss by hand, the published sizes, and a golden training."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import nn

from baselines.dmc import DMC, DMCConfig, cluster, max_margin_loss, projection, similarities, unit
from cavl.config import from_dict, to_dict
from cavl.spectrogram import SpectrogramConfig

GOLDEN = (3.013432, 2.990721)  # losses of the first and the tenth step

TINY = {
    "spectrogram": SpectrogramConfig(window=64, hop=32, frames=16, bins=16),
    "image_size": 32,
    "audio_trunk": (4, "M", 8),
    "visual_trunk": (4, "M", 8),
    "clusters": 3,
    "dimension": 4,
}
OPTIONS = [
    {},
    {"closeness": "cosine", "stiffness": 5.0},
    {"projections": "separate", "anchors": "both", "hinge": "cluster"},
]


def build(seed=0, **options):
    torch.manual_seed(seed)
    return DMC(DMCConfig(**TINY | options))


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def scenes(model, batch=6, seed=0):
    generator = draw(seed)
    return SimpleNamespace(
        image=torch.randint(0, 256, (batch, 3, 40, 32), dtype=torch.uint8, generator=generator),
        waveform=torch.randint(-9000, 9000, (batch, model.window), dtype=torch.int16, generator=generator),
    )


# --- the paper's sizes --------------------------------------------------------------------------------------------


def test_the_published_sizes():
    with torch.device("meta"):
        model = DMC(DMCConfig())
        sound, image = (
            model.audio_trunk(torch.zeros(1, 1, 512, 432)),
            model.visual_trunk(torch.zeros(1, 3, 256, 256)),
        )
    assert sound.shape == (1, 512, 64, 54)
    assert image.shape == (1, 512, 16, 16)
    assert model.window == 110_336  # 432 frames, 256 samples apart, at 11,025 Hz: 10 s
    assert [tuple(space.shape) for space in model.spaces] == [(10, 16, 512)]


def test_the_parameters_are_those_of_the_description():
    """VGGish's six and VGG16's thirteen convolutions, each with bias and batch norm, and ten spaces of 16 x 512."""

    def trunk(colours, channels):
        ins = (colours, *channels)
        return sum(9 * i * o + o + 2 * o for i, o in zip(ins, channels, strict=False))

    vggish = (64, 128, 256, 256, 512, 512)
    vgg16 = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    with torch.device("meta"):
        count = sum(p.numel() for p in DMC(DMCConfig()).parameters())
    assert count == trunk(1, vggish) + trunk(3, vgg16) + 10 * 16 * 512 == 19_308_224


# --- clustering ---------------------------------------------------------------------------------------------------


def by_hand(vectors, spaces, iterations, measure, stiffness):
    """EM written as the paper has it: one point, one space at a time."""

    def to_unit(x):
        length = np.sqrt((x**2).sum() + 1e-12)
        return x * np.tanh(10 * length) / length

    points, k = len(vectors), len(spaces)
    projected = [[spaces[j] @ vectors[i] for j in range(k)] for i in range(points)]
    assignments = np.full((points, k), 1 / k)
    for _ in range(iterations):
        centres = []
        for j in range(k):
            total = sum(assignments[i, j] * projected[i][j] for i in range(points))
            centres.append(to_unit(total / assignments[:, j].sum()))
        for i in range(points):
            close = np.array([projected[i][j] @ centres[j] for j in range(k)])
            if measure == "cosine":
                close /= [np.sqrt((projected[i][j] ** 2).sum() + 1e-12) for j in range(k)]
            weights = np.exp(stiffness * close)
            assignments[i] = weights / weights.sum()
    return np.array(centres), assignments


@pytest.mark.parametrize("measure", ["inner_product", "cosine"])
@pytest.mark.parametrize("iterations", [1, 3])
def test_clustering_is_em_point_by_point(measure, iterations):
    vectors = torch.randn(2, 7, 5, generator=draw(1), dtype=torch.float64)
    spaces = torch.randn(3, 4, 5, generator=draw(2), dtype=torch.float64)
    found = cluster(vectors, spaces, iterations, measure, 2.0)
    for i in range(2):
        centres, assignments = by_hand(vectors[i].numpy(), spaces.numpy(), iterations, measure, 2.0)
        np.testing.assert_allclose(found.centres[i], centres, atol=1e-6)
        np.testing.assert_allclose(found.assignments[i], assignments, atol=1e-6)


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 9), st.floats(0.1, 50))
def test_assignments_share_every_point_out(seed, k, points, stiffness):
    vectors = 3 * torch.randn(2, points, 5, generator=draw(seed))
    centres, assignments = cluster(vectors, projection(k, 4, 5), 3, "inner_product", stiffness)
    assert assignments.shape == (2, points, k)
    assert (assignments >= 0).all()
    torch.testing.assert_close(assignments.sum(-1), torch.ones(2, points))
    assert (centres.norm(dim=-1) <= 1 + 1e-5).all()


def test_the_order_of_points_does_not_matter():
    vectors, spaces = torch.randn(1, 9, 5, generator=draw()), torch.randn(3, 4, 5, generator=draw(1))
    order = torch.randperm(9, generator=draw(2))
    found, moved = (cluster(v, spaces, 3, "inner_product", 1.0) for v in (vectors, vectors[:, order]))
    torch.testing.assert_close(found.centres, moved.centres)
    torch.testing.assert_close(found.assignments[:, order], moved.assignments)


def test_two_groups_are_told_apart():
    """Points along two axes, and two spaces that each see one of them: a stiff clustering gives each its own."""
    vectors = torch.eye(2).repeat_interleave(4, 0).unsqueeze(0)
    spaces = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    assignments = cluster(vectors, spaces, 3, "inner_product", 20.0).assignments[0]
    torch.testing.assert_close(assignments, torch.eye(2).repeat_interleave(4, 0), atol=1e-6, rtol=0)


def test_unit_vectors():
    assert unit(torch.tensor([3.0, 4.0])).tolist() == pytest.approx([0.6, 0.8])
    assert unit(torch.tensor([0.03, 0.04])).norm().item() == pytest.approx(math.tanh(0.5))
    zero = torch.zeros(2, requires_grad=True)
    unit(zero)[0].backward()
    assert not unit(zero).any()
    assert zero.grad.tolist() == pytest.approx([10, 0], rel=1e-3)


@pytest.mark.parametrize("measure", ["inner_product", "cosine"])
def test_equal_points_and_zeros_have_finite_gradients(measure):
    for vectors in (torch.zeros(1, 4, 5), torch.full((1, 4, 5), 5**-0.5)):
        vectors.requires_grad_()
        spaces = projection(3, 4, 5).requires_grad_()
        centres, assignments = cluster(vectors, spaces, 3, measure, 5.0)
        (centres.sum() + assignments.square().sum()).backward()
        assert torch.isfinite(vectors.grad).all()
        assert torch.isfinite(spaces.grad).all()


@pytest.mark.parametrize("measure", ["inner_product", "cosine"])
def test_the_gradient_of_clustering(measure):
    vectors = torch.randn(1, 4, 3, generator=draw(3), dtype=torch.float64, requires_grad=True)
    spaces = torch.randn(2, 2, 3, generator=draw(4), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v, s: tuple(cluster(v, s, 2, measure, 1.5)), (vectors, spaces))


# --- objective ----------------------------------------------------------------------------------------------------


def test_similarities_are_cosines():
    audio = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])  # one sound, two clusters
    visual = torch.tensor([[[3.0, 0.0], [0.0, -1.0]], [[1.0, 1.0], [1.0, 0.0]]])
    expected = [[[1, -1], [math.sqrt(0.5), 0]]]
    torch.testing.assert_close(similarities(audio, visual), torch.tensor(expected), atol=1e-6, rtol=0)


def test_the_loss_by_hand():
    """Three scenes, two clusters. Image 0 has sound 1, 1 has 2, 2 has 0 as its mismatched one."""
    similarity = torch.zeros(3, 3, 2)
    similarity[0, 0] = torch.tensor([1.0, 0.5])
    similarity[1, 1] = torch.tensor([1.0, 1.0])
    similarity[2, 2] = torch.tensor([-1.0, 0.0])
    similarity[1, 0] = torch.tensor([-1.0, 0.9])  # leads its own by -2, 0.4
    similarity[2, 1] = torch.tensor([-1.0, -1.0])  # by -2, -2
    similarity[0, 2] = torch.tensor([0.0, 0.5])  # by 1, 0.5
    sounds, none = torch.tensor([1, 2, 0]), torch.tensor([], dtype=torch.long)
    scene = (max(0, 2 - 1.6) + max(0, 2 - 4) + (2 + 1.5)) / 3
    single = ((0 + 1.4) + 0 + (2 + 1.5)) / 3
    assert max_margin_loss(similarity, sounds, none, 1.0, "scene").item() == pytest.approx(scene)
    assert max_margin_loss(similarity, sounds, none, 1.0, "cluster").item() == pytest.approx(single)


def test_sounds_as_anchors_compare_with_their_own_row():
    similarity = torch.randn(4, 4, 2, generator=draw())
    other, none = torch.tensor([1, 2, 3, 0]), torch.tensor([], dtype=torch.long)
    by_image = max_margin_loss(similarity.transpose(0, 1), other, none, 1.0, "scene")
    by_sound = max_margin_loss(similarity, none, other, 1.0, "scene")
    both = max_margin_loss(similarity, other, other, 1.0, "scene")
    assert by_sound.item() == pytest.approx(by_image.item())
    assert both.item() == pytest.approx(
        (by_sound.item() + max_margin_loss(similarity, other, none, 1.0, "scene").item()) / 2
    )


def test_own_centres_that_agree_perfectly_cost_nothing():
    centres = torch.zeros(2, 3, 4)
    centres[0, :, 0], centres[1, :, 0] = 1, -1
    none = torch.tensor([], dtype=torch.long)
    assert max_margin_loss(similarities(centres, centres), torch.tensor([1, 0]), none, 1.0, "scene").item() == 0


# --- abilities ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS)
def test_distances_and_correspondence_are_of_the_same_pairs(options):
    model = build(**options).eval()
    s = scenes(model)
    distances = model.scene_distances(s.image[:4], s.waveform, torch.ones(6))
    assert distances.shape == (6, 4)
    assert (distances > 0).all()
    assert (distances < 2 * 3).all()
    scores = model.corresponds(s.image[:4], s.waveform[:4])
    torch.testing.assert_close(scores, -distances.diagonal(), atol=1e-5, rtol=0)


def test_heatmaps_are_the_assignments_to_the_clusters_that_agree_best(monkeypatch):
    """Cluster 2's centres agree, 0's are at right angles, 1's are opposed."""
    model = build().eval()
    s = scenes(model, 1)
    visual = model.visual_clusters(s.image)
    turned = torch.zeros_like(visual.centres)
    turned[0, 0, 0], turned[0, 0, 1] = -visual.centres[0, 0, 1], visual.centres[0, 0, 0]
    turned[0, 1], turned[0, 2] = -visual.centres[0, 1], visual.centres[0, 2]
    monkeypatch.setattr(model, "audio_clusters", lambda waveform: visual._replace(centres=turned))
    heat = model.localize(s.image, s.waveform, 3)
    control = model.localize_controls(s.image, s.waveform, 1, draw())["unaligned"]
    maps = visual.assignments[0].T.reshape(3, 16, 16)
    for place, j in enumerate((2, 0, 1)):
        small = torch.nn.functional.interpolate(maps[None, None, j], (40, 32), mode="bilinear")[0, 0]
        torch.testing.assert_close(heat[0, place], (small - small.min()) / (small.max() - small.min()))
    torch.testing.assert_close(control[0, 0], heat[0, 2])


def test_more_sources_than_clusters_are_refused():
    model = build().eval()
    s = scenes(model, 2)
    with pytest.raises(ValueError, match="4 sources cannot be told apart by 3 clusters: configure clusters=4"):
        model.localize(s.image, s.waveform, 4)


def test_embeddings_are_the_pooled_maps():
    model, mean = build().eval(), build(embedding_pool="mean").eval()
    waveform = scenes(model).waveform
    with torch.no_grad():
        maps = model.audio_map(waveform).flatten(2)
    assert torch.equal(model.audio_embedding(waveform), maps.max(-1).values)
    torch.testing.assert_close(mean.audio_embedding(waveform), maps.mean(-1))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("value", [0, 255])
def test_silence_and_constant_images_are_answered(options, value):
    model = build(**options).eval()
    image, silence = (
        torch.full((2, 3, 32, 32), value, dtype=torch.uint8),
        torch.zeros(2, model.window, dtype=torch.int16),
    )
    for answer in (model.localize(image, silence, 2), model.corresponds(image, silence)):
        assert torch.isfinite(answer).all()


def test_damaged_input_is_refused():
    model = build().eval()
    s = scenes(model, 2)
    with pytest.raises(ValueError, match="NaN"):
        model.corresponds(s.image, torch.full((2, model.window), torch.nan))
    with pytest.raises(ValueError, match="image holds NaN"):
        model.corresponds(torch.full((2, 3, 32, 32), torch.nan), s.waveform)
    with pytest.raises(ValueError, match="at least two scenes"):
        model.train().training_step(scenes(model, 1), draw())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"clusters": 0}, "clusters must be at least 1"),
        ({"stiffness": 0.0}, "stiffness must exceed 0"),
        ({"margin": -1.0}, "margin must exceed 0"),
        ({"visual_trunk": (4, "M", 6)}, "projections='separate'"),
    ],
)
def test_configurations_without_meaning_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        DMCConfig(**TINY | values)


def test_separate_projections_take_trunks_of_other_sizes():
    model = build(projections="separate", visual_trunk=(4, "M", 6)).eval()
    s = scenes(model, 2)
    assert [space.shape[2] for space in model.spaces] == [8, 6]
    assert model.scene_distances(s.image, s.waveform, torch.ones(2)).shape == (2, 2)


# --- training -----------------------------------------------------------------------------------------------------


def train(model, steps, seed=0):
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    s, losses = scenes(model), []
    for step in range(steps):
        loss, logs = model.training_step(s, draw(seed + step))
        assert logs["loss"] == pytest.approx(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_golden_losses():
    losses = train(build(), 10)
    assert (losses[0], losses[9]) == pytest.approx(GOLDEN, rel=1e-3)
    assert losses[9] < losses[0]


@pytest.mark.parametrize("options", OPTIONS)
def test_every_weight_learns_and_the_loss_falls(options):
    model = build(**options)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    losses = train(model, 12)
    assert losses[-1] < losses[0]
    # A convolution's bias is taken away again by the batch norm that follows: its gradient is rounding.
    normed = {f"{name}.bias" for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}
    assert all(not torch.equal(p, before[n]) for n, p in model.named_parameters() if n not in normed)


def test_state_goes_through_safetensors():
    model = build()
    train(model, 2)
    other = build(seed=1)
    other.load_state_dict(load(save(model.state_dict())))
    s = scenes(model)
    assert torch.equal(model.eval().corresponds(s.image, s.waveform), other.eval().corresponds(s.image, s.waveform))


def test_configurations_are_plain_values():
    config = DMCConfig(**TINY)
    assert from_dict(DMCConfig, to_dict(config)) == config
    assert DMC.recipe == {"optimizer": "adam"}
