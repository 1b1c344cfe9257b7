"""Attention: mechanism and triplet loss by hand, the published sizes, what the map shows, and a golden training."""

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import nn

from baselines.attention import (
    SOUNDNET,
    Attention,
    AttentionConfig,
    attend,
    distance,
    lengths,
    sound_network,
    triplet_loss,
)
from cavl.config import from_dict, to_dict

GOLDEN = (0.715005, 0.700676)  # losses of the first and the tenth step

TINY = {
    "sample_rate": 4000,
    "window": 2000,
    "sound_layers": ((4, 16, 4, 2), (8, 8, 2, 1), (6, 4, 2, 1)),
    "image_size": 32,
    "visual_trunk": (4, "M", 8),
}
OURS = {"negative": "image", "normalise": True, "temperature": 0.2}
OPTIONS = [{}, OURS, {"mechanism": "softmax", "loss": "squared"}, {"mechanism": "rectified"}]


def build(seed=0, **options):
    torch.manual_seed(seed)
    return Attention(AttentionConfig(**TINY | options))


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def scenes(model, batch=6, seed=0):
    generator = draw(seed)
    return SimpleNamespace(
        image=torch.randint(0, 256, (batch, 3, 40, 32), dtype=torch.uint8, generator=generator),
        waveform=torch.randint(-9000, 9000, (batch, model.window), dtype=torch.int16, generator=generator),
    )


# --- the published sizes ------------------------------------------------------------------------------------------


def test_the_published_sizes():
    with torch.device("meta"):
        model = Attention(AttentionConfig())
        sound = model.sound_network(torch.zeros(1, 1, 220_500))
        maps = model.visual_trunk(torch.zeros(1, 3, 320, 320))
        query, context = model.query(sound.mean(-1)), model.context(torch.zeros(1, 512))
    assert sound.shape == (1, 1000, lengths(220_500, SOUNDNET)[-1])
    assert maps.shape == (1, 512, 20, 20)
    assert query.shape == (1, 512)
    assert context.shape == (1, 1000)
    assert (model.sample_rate, model.window, model.image_size) == (22_050, 220_500, 320)


def test_the_parameters_are_those_of_the_description():
    """SoundNet's eight 1-D convolutions (batch norm after all but the last), VGG16 to conv5_3, two pairs of layers."""
    channels = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    visual = sum(9 * i * o + o + 2 * o for i, o in zip((3, *channels), channels, strict=False))
    kernels = ((1, 16, 64), (16, 32, 32), (32, 64, 16), (64, 128, 8), (128, 256, 4), (256, 512, 4), (512, 1024, 4))
    sound = sum(k * i * o + o + 2 * o for i, o, k in kernels) + 8 * 1024 * 1000 + 1000
    query, context = 1000 * 1000 + 1000 + 1000 * 512 + 512, 512 * 512 + 512 + 512 * 1000 + 1000
    with torch.device("meta"):
        count = sum(p.numel() for p in Attention(AttentionConfig()).parameters())
    assert count == visual + sound + query + context == 28_079_624


@given(st.integers(1, 4000), st.lists(st.tuples(*(st.integers(1, n) for n in (4, 9, 4, 3))), min_size=2, max_size=4))
def test_lengths_are_those_of_the_network(samples, layers):
    predicted = lengths(samples, layers)
    if min(predicted) >= 1:
        with torch.device("meta"):
            assert sound_network(layers)(torch.zeros(2, 1, samples)).shape == (2, layers[-1][0], predicted[-1])


# --- attention ----------------------------------------------------------------------------------------------------

POINTS = torch.tensor([[[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [1.0, 1.0]]])  # cosines with (5, 0): 1, 0, -1, sqrt(.5)
COSINES = (1.0, 0.0, -1.0, math.sqrt(0.5))


def softmax(values):
    weights = [math.exp(v) for v in values]
    return [w / sum(weights) for w in weights]


@pytest.mark.parametrize(
    ("mechanism", "temperature", "expected"),
    [
        ("softmax", 1.0, softmax(COSINES)),
        ("softmax", 0.5, softmax([2 * c for c in COSINES])),
        ("rectified_softmax", 1.0, softmax([max(0, c) for c in COSINES])),
        ("rectified_softmax", 0.2, softmax([5 * max(0, c) for c in COSINES])),
        ("rectified", 1.0, [max(0, c) / (1 + math.sqrt(0.5)) for c in COSINES]),
    ],
)
def test_weights_by_hand(mechanism, temperature, expected):
    found = attend(POINTS, torch.tensor([[5.0, 0.0]]), mechanism, temperature)
    assert found[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_query_that_no_point_agrees_with():
    opposed = torch.tensor([[-1.0, -1.0]])
    assert not attend(POINTS[:, [0, 1, 3]], opposed, "rectified", 1.0).any()
    assert attend(POINTS[:, [0, 1, 3]], opposed, "rectified_softmax", 1.0)[0].tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("mechanism", ["softmax", "rectified_softmax", "rectified"])
def test_the_gradient_of_attention(mechanism):
    points = torch.randn(2, 5, 3, generator=draw(1), dtype=torch.float64, requires_grad=True)
    query = torch.randn(2, 3, generator=draw(2), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p, q: attend(p, q, mechanism, 0.7), (points, query))


@pytest.mark.parametrize("mechanism", ["softmax", "rectified_softmax", "rectified"])
def test_dead_points_and_queries_have_finite_gradients(mechanism):
    points, query = torch.zeros(1, 4, 3, requires_grad=True), torch.zeros(1, 3, requires_grad=True)
    attend(points, query, mechanism, 0.2).square().sum().backward()
    assert torch.isfinite(points.grad).all()
    assert torch.isfinite(query.grad).all()


# --- objective ----------------------------------------------------------------------------------------------------


def test_the_loss_by_hand():
    """|(d+, d- - 1)| where (d+, d-) = softmax(D+, D-): 1/2 each for equal distances, 3/4 for D+ - D- = log 3."""
    equal, behind = torch.tensor([1.5]), torch.tensor([1.5 + math.log(3)])
    assert triplet_loss(equal, equal).item() == pytest.approx(math.sqrt(0.5))
    assert triplet_loss(behind, equal).item() == pytest.approx(math.hypot(0.75, 0.25 - 1))
    assert triplet_loss(equal, behind).item() == pytest.approx(math.hypot(0.25, 0.75 - 1))
    assert triplet_loss(behind, equal, "squared").item() == pytest.approx(0.75**2 + 0.75**2)
    both = torch.cat([equal, behind])
    assert triplet_loss(both, torch.cat([equal, equal])).item() == pytest.approx((math.sqrt(0.5) + 0.75 * 2**0.5) / 2)


def test_distances_are_euclidean_and_finite_at_0():
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    found = distance(x, torch.zeros(2, 2))
    assert found.tolist() == pytest.approx([5, 1e-6])
    found.sum().backward()
    assert x.grad[0].tolist() == pytest.approx([0.6, 0.8])
    assert not x.grad[1].any()


@pytest.mark.parametrize("options", [{}, OURS])
def test_a_step_compares_the_pairs_that_are_stated(options, monkeypatch):
    """The step's loss from the model's parts: scene i's sound with scene i's image, and with what is mismatched."""
    model = build(**options)
    s = scenes(model, 4)
    other = torch.tensor([2, 0, 3, 1])
    monkeypatch.setattr("baselines.attention.mismatched", lambda n, generator: other)
    torch.manual_seed(0)
    loss, _ = model.training_step(s, draw())
    sound, maps = model.sound_embedding(s.waveform), model.visual_map(s.image).flatten(2).mT
    expected = []
    for i in range(4):
        own = model.visual_embedding(maps[i], sound[i])
        positive = model.distance(own, sound[i])
        if model.config.negative == "sound":  # what the own sound has found, from another's sound
            negative = model.distance(own, sound[other[i]])
        else:  # what the sound finds in another's image
            negative = model.distance(model.visual_embedding(maps[other[i]], sound[i]), sound[i])
        expected.append(math.sqrt(2) * (positive - negative).sigmoid())
    assert loss.item() == pytest.approx(torch.stack(expected).mean().item(), rel=1e-4)


# --- abilities ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS)
def test_distances_and_correspondence_are_of_the_same_pairs(options):
    model = build(**options).eval()
    s = scenes(model)
    distances = model.scene_distances(s.image[:4], s.waveform, torch.ones(6))
    assert distances.shape == (6, 4)
    scores = model.corresponds(s.image[:4], s.waveform[:4])
    torch.testing.assert_close(scores, -distances.diagonal(), atol=1e-5, rtol=1e-5)
    single = model.corresponds(s.image[2:3], s.waveform[5:6])
    assert single.item() == pytest.approx(-distances[5, 2].item(), rel=1e-4)


def test_the_map_peaks_where_the_image_answers_the_query(monkeypatch):
    model = build().eval()
    s = scenes(model, 2)
    with torch.no_grad():
        query = model.query(model.sound_embedding(s.waveform))
    maps = -query.view(2, 8, 1, 1).repeat(1, 1, 4, 4)
    maps[0, :, 1, 2], maps[1, :, 3, 0] = query[0], 7 * query[1]  # an answer's length does not matter
    monkeypatch.setattr(model, "visual_map", lambda image: maps)
    heat = model.localize(s.image, s.waveform, 3)
    assert heat.shape == (2, 3, 40, 32)
    assert torch.equal(heat[:, 0], heat[:, 2])
    for i, (row, column) in enumerate([(1, 2), (3, 0)]):
        peak = int(heat[i, 0].argmax())
        assert (peak // 32 // 10, peak % 32 // 8) == (row, column)
        assert (heat[i, 0].min(), heat[i, 0].max()) == (0, 1)


def test_the_ear_is_soundnet_s_scale():
    """Full scale is 256, and what comes after the last layer is averaged over time."""
    model = build().eval()
    waveform = scenes(model, 2).waveform
    with torch.no_grad():
        maps = model.sound_network(256 * waveform.float().unsqueeze(1) / 32768)
    torch.testing.assert_close(model.sound_embedding(waveform), maps.mean(-1))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("value", [0, 255])
def test_silence_and_constant_images_are_answered(options, value):
    model = build(**options).eval()
    image = torch.full((2, 3, 32, 32), value, dtype=torch.uint8)
    silence = torch.zeros(2, model.window, dtype=torch.int16)
    heat = model.localize(image, silence, 2)
    assert torch.isfinite(heat).all()
    assert ((heat >= 0) & (heat <= 1)).all()
    assert torch.isfinite(model.corresponds(image, silence)).all()


def test_damaged_input_is_refused():
    model = build().eval()
    s = scenes(model, 2)
    with pytest.raises(ValueError, match="NaN"):
        model.localize(s.image, torch.full((2, model.window), torch.nan), 1)
    with pytest.raises(ValueError, match="image holds NaN"):
        model.localize(torch.full((2, 3, 32, 32), torch.nan), s.waveform, 1)
    with pytest.raises(ValueError, match="hears 2000 samples at a time, not 1999"):
        model.localize(s.image, s.waveform[:, 1:], 1)
    with pytest.raises(ValueError, match="enlarge the batch to two scenes"):
        model.train().training_step(scenes(model, 1), draw())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_size": 0}, "image_size must be at least 1"),
        ({"temperature": 0.0}, "width and temperature must exceed 0"),
        ({"sound_layers": ((4, 16, 4, 2),)}, "two or more"),
        ({"sound_layers": ((4, 16, 4, 0), (4, 4, 1, 1))}, "two or more"),
        ({"window": 20}, "choose a longer window"),
    ],
)
def test_configurations_without_meaning_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        AttentionConfig(**TINY | values)


# --- training -----------------------------------------------------------------------------------------------------


def train(model, steps, seed=0):
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    s, losses = scenes(model), []
    for _ in range(steps):
        loss, logs = model.training_step(s, draw(seed))
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
def test_every_weight_learns(options):
    model = build(**options)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    losses = train(model, 12)
    assert min(losses[-3:]) < losses[0]
    # A convolution's bias is taken away again by the batch norm that follows: its gradient is rounding.
    normed = {
        f"{name}.{i}.bias"
        for name in ("sound_network", "visual_trunk")
        for i, layer in enumerate(getattr(model, name)[:-1])
        if isinstance(layer, (nn.Conv1d, nn.Conv2d))
    }
    assert all(not torch.equal(p, before[n]) for n, p in model.named_parameters() if n not in normed)


def test_state_goes_through_safetensors():
    model = build()
    train(model, 2)
    other = build(seed=1)
    other.load_state_dict(load(save(model.state_dict())))
    s = scenes(model)
    assert torch.equal(model.eval().localize(s.image, s.waveform, 1), other.eval().localize(s.image, s.waveform, 1))


def test_configurations_are_plain_values():
    config = AttentionConfig(**TINY)
    assert from_dict(AttentionConfig, to_dict(config)) == config
    assert Attention.recipe == {"optimizer": "adam"}
