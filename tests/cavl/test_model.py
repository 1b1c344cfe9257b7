"""The network at the paper's sizes, its abilities, and a golden training."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load, save

from cavl.alignment import nearest_centres, scene_distance
from cavl.clustering import ClusteringConfig
from cavl.model import CAVL, CAVLConfig, as_points
from cavl.spectrogram import SpectrogramConfig

GOLDEN = (3.4701, 2.4185)  # losses of the first and the tenth step

TINY = CAVLConfig(
    spectrogram=SpectrogramConfig(hop=350, frames=16, bins=16, oversample=4),
    image_size=32,
    audio_trunk=(4, "M", 8, "M", 8),
    visual_trunk=(4, "M", 8, "M", 8),
    encoder_layers=2,
    clustering=ClusteringConfig(beta=10.0),
)


def scenes(model, batch=6, seed=0, n=None):
    draw = torch.Generator().manual_seed(seed)
    return SimpleNamespace(
        image=torch.randint(0, 256, (batch, 3, 32, 32), dtype=torch.uint8, generator=draw),
        waveform=torch.randint(-9000, 9000, (batch, model.window), dtype=torch.int16, generator=draw),
        n_sources=torch.tensor(n if n is not None else [1, 2, 3, 1, 2, 3])[:batch],
    )


@pytest.fixture
def model():
    torch.manual_seed(0)
    return CAVL(TINY)


def test_paper_sizes():
    model = CAVL(CAVLConfig()).eval()
    with torch.no_grad():
        audio = model.audio_map(torch.zeros(1, 110_336, dtype=torch.int16))
        visual = model.visual_map(torch.zeros(1, 3, 256, 256, dtype=torch.uint8))
    assert audio.shape == (1, 512, 64, 54)
    assert as_points(audio).shape == (1, 3456, 512)
    assert visual.shape == (1, 512, 16, 16)
    assert as_points(visual).shape == (1, 256, 512)
    assert model.audio_encoder[0].weight.numel() == 512 * 512


def test_points_keep_their_places():
    maps = torch.arange(24).view(1, 2, 3, 4)
    assert as_points(maps)[0, 1 * 4 + 2].tolist() == maps[0, :, 1, 2].tolist()


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("options", [{}, {"reduction": "sum_of_squares"}, {"negatives": "sampled"}])
def test_the_loss_by_k2_is_the_loss_over_the_square_of_the_number_of_sources(k, options):
    torch.manual_seed(0)
    model = CAVL(CAVLConfig(**{f: getattr(TINY, f) for f in TINY.__slots__} | options))
    _, logs = model.training_step(scenes(model, n=[k] * 6), torch.Generator().manual_seed(0))
    assert logs["loss_by_k2"] == pytest.approx(logs["loss"] / k**2, rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"negatives": "sampled"},
        {"reduction": "sum_of_squares"},
        {"margin_per_source": False},
        {"encoder_layers": 1},
        {"batch_norm": False},
        {"clustering": ClusteringConfig(beta=10.0, init="random", gradient="last")},
        {"clustering": ClusteringConfig(init="strided", normalise=False)},
    ],
)
@pytest.mark.parametrize("alignment", ["source", "scene"])
def test_every_option_trains(options, alignment):
    torch.manual_seed(0)
    model = CAVL(CAVLConfig(**{f: getattr(TINY, f) for f in TINY.__slots__} | options))
    loss, logs = model.training_step(scenes(model), torch.Generator().manual_seed(0), alignment=alignment)
    loss.backward()
    assert logs["loss"] == pytest.approx(float(loss.detach()))
    assert torch.isfinite(loss)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in gradients)
    assert any(g.abs().sum() > 0 for g in gradients)


def test_golden_training():
    """A change to the numerics must show here. Ten steps of Adam on one batch, one thread."""
    torch.manual_seed(0)
    model = CAVL(TINY)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []
    for step in range(10):
        loss, _ = model.training_step(scenes(model), torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(GOLDEN[0], rel=1e-4)
    assert losses[-1] == pytest.approx(GOLDEN[1], rel=1e-2)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("n", [1, 2])
def test_localize_gives_assignments_at_image_size(model, batch, n):
    s = scenes(model, batch)
    heat = model.eval().localize(s.image, s.waveform, n)
    assert heat.shape == (batch, n, 32, 32)
    assert heat.dtype == torch.float32
    assert 0 <= heat.min() <= heat.max() <= 1


def test_with_one_source_aligned_and_unaligned_heatmaps_add_up_to_one(model):
    """Two visual centres: the one not chosen has the rest of every point's assignment."""
    s = scenes(model)
    draw = torch.Generator().manual_seed(0)
    controls = model.eval().localize_controls(s.image, s.waveform, 1, draw)
    total = model.localize(s.image, s.waveform, 1) + controls["unaligned"]
    assert torch.allclose(total, torch.ones_like(total), atol=1e-5)
    assert controls["random-centre"].shape == total.shape


def test_localize_clusters_the_image_for_all_objects(model):
    s = scenes(model)
    model.eval()
    visual = model.visual_clusters(s.image, 4)
    assert visual.centres.shape[1] == 4
    assert model.localize(s.image, s.waveform, 1, n_objects=3).shape == (6, 1, 32, 32)


def test_a_fixed_number_of_visual_centres_is_told_nothing_of_the_number_of_objects():
    torch.manual_seed(0)
    model = CAVL(replace(TINY, visual_centres=5)).eval()
    s = scenes(model)
    alone, among = (model.localize(s.image, s.waveform, 1, n_objects=n) for n in (1, 3))
    assert torch.equal(alone, among)
    visual = model.visual_clusters(s.image, 5)
    nearest = nearest_centres(model.audio_clusters(s.waveform, 1), visual)
    assert torch.equal(alone, model._heatmaps(visual, nearest, s.image))
    makers = model.sound_maker(s.image, s.waveform, "center")
    assert torch.equal(makers, visual.centres.take_along_dim(nearest.unsqueeze(-1), 1).squeeze(1))
    own = model.scene_distances(s.image, s.waveform, s.n_sources)
    assert torch.equal(own, scene_distance(model.audio_clusters(s.waveform, s.n_sources), visual))
    model.train().training_step(s, torch.Generator().manual_seed(0))[0].backward()


@pytest.mark.parametrize("centres", [0, 1, -3])
def test_too_few_visual_centres_are_refused(centres):
    with pytest.raises(ValueError, match="visual_centres must be"):
        CAVLConfig(visual_centres=centres)


def test_scene_distances_are_square_and_own_pairs_lie_on_the_diagonal(model):
    s = scenes(model)
    model.eval()
    whole = model.scene_distances(s.image, s.waveform, s.n_sources)
    one = model.scene_distances(s.image[2:3], s.waveform[2:3], s.n_sources[2:3])
    assert whole.shape == (6, 6)
    assert float(whole[2, 2]) == pytest.approx(float(one[0, 0]), abs=1e-4)


def test_a_mixture_locates_by_the_audio_centre_that_is_nearest_to_something_seen():
    torch.manual_seed(0)
    model = CAVL(replace(TINY, visual_centres=4)).eval()
    s = scenes(model)
    with torch.no_grad():
        audio, visual = model.audio_clusters(s.waveform, 2), model.visual_clusters(s.image, 4)
    makers = model.sound_maker(s.image, s.waveform, "center", 2)
    for heard, seen, maker in zip(audio.centres, visual.centres, makers, strict=True):
        pairs = {(a, v): float((heard[a] - seen[v]).norm()) for a in range(2) for v in range(4)}
        assert torch.equal(maker, seen[min(pairs, key=pairs.__getitem__)[1]])
    seen_there = model.sound_maker_map(s.image, s.waveform, 1)
    assert torch.equal(seen_there, model.localize(s.image, s.waveform, 1)[:, 0])


def test_embedding_pools_the_trunk(model):
    s = scenes(model)
    model.eval()
    maps = model.audio_map(s.waveform).detach()
    assert torch.allclose(model.audio_embedding(s.waveform), maps.amax((2, 3)))


def test_larger_images_are_resized_and_heatmaps_come_back_at_their_size(model):
    s = scenes(model)
    image = torch.randint(0, 256, (2, 3, 48, 48), dtype=torch.uint8)
    assert model.eval().localize(image, s.waveform[:2], 1).shape == (2, 1, 48, 48)


@pytest.mark.parametrize("value", [0, 255])
def test_silence_and_constant_images_give_finite_output(model, value):
    image = torch.full((2, 3, 32, 32), value, dtype=torch.uint8)
    silence = torch.zeros(2, model.window, dtype=torch.int16)
    model.eval()
    assert torch.isfinite(model.localize(image, silence, 2)).all()
    assert torch.isfinite(model.audio_embedding(silence)).all()


def test_nan_is_refused(model):
    s = scenes(model)
    with pytest.raises(ValueError, match="waveform holds NaN"):
        model.localize(s.image, torch.full((6, model.window), float("nan")), 1)
    with pytest.raises(ValueError, match="image holds NaN"):
        model.localize(torch.full((6, 3, 32, 32), float("nan")), s.waveform, 1)
    with pytest.raises(ValueError, match="image must be"):
        model.localize(s.image[:, :1], s.waveform, 1)


def test_state_round_trips_through_safetensors(model):
    other = CAVL(TINY)
    other.load_state_dict(load(save(model.state_dict())))
    s = scenes(model)
    assert torch.equal(model.eval().audio_embedding(s.waveform), other.eval().audio_embedding(s.waveform))


def test_autocast_keeps_spectrogram_and_clustering_in_float32(model):
    s = scenes(model)
    with torch.autocast("cpu", torch.bfloat16):
        assert model.spectrogram(s.waveform).dtype == torch.float32
        assert model.audio_clusters(s.waveform, 2).centres.dtype == torch.float32
        loss, _ = model.training_step(s, torch.Generator())
    assert loss.dtype == torch.float32


def test_unknown_alignment_is_refused(model):
    with pytest.raises(ValueError, match="alignment"):
        model.training_step(scenes(model), torch.Generator(), alignment="pixel")


def test_correspondence_is_minus_the_distance_of_one_source(model):
    """-S of Eq 4 of each image with its own sound: the diagonal of all distances."""
    s = scenes(model)
    model.eval()
    ones = torch.ones(len(s.image), dtype=torch.int64)
    expected = -model.scene_distances(s.image, s.waveform, ones).diagonal()
    torch.testing.assert_close(model.corresponds(s.image, s.waveform), expected)


def test_an_evaluation_may_ask_for_another_number_of_visual_centres(model):
    s = scenes(model)
    model.eval()
    model.visual_centres = 3
    assert model.n_visual_centres(1) == model.n_visual_centres(4) == 3
    three = model.localize(s.image, s.waveform, 1, n_objects=4)
    model.visual_centres = "n+1"
    torch.testing.assert_close(model.localize(s.image, s.waveform, 1, n_objects=2), three)
