"""AVTS: trunks against torchvision and hand arithmetic, the pairs that a step compares, losses, a golden training."""

import dataclasses
import itertools
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load, save
from torch import nn
from torchvision.models.video import mc3_18

from baselines import avts
from baselines.avts import AVTS, NEGATIVES, AVTSConfig, contrastive_loss, distance, drawn_kinds, orderings
from benchmarks.presets.miniature import AVTS as AVTS_MINIATURE
from cavl.config import from_dict
from cavl.spectrogram import LogSpectrogram, SpectrogramConfig

GOLDEN = {  # losses of the first and the tenth step
    "contrastive": (0.564901, 0.242090),
    "bce": (0.896851, 0.692724),
    "classify": (1.253156, 0.848857),
}

TINY = AVTSConfig(
    spectrogram=SpectrogramConfig(window=64, hop=16, frames=16, bins=12),  # 240 samples
    audio_trunk=(4, "M", 8),
    trunk="small",
    widths=(4, 4, 4, 8, 8),
    clip_frames=4,
    clip_fps=200.0,
    image_size=16,
    embedding=8,
    audio_parts=4,
    video_parts=4,
    hidden=8,
    classes=3,
)
TOTAL = 800  # samples of a scene: more than three windows
MIXED = {"easy": 0.5, "hard": 0.25, "super-hard": 0.25}
CONFIGS = [TINY, dataclasses.replace(TINY, video_parts=1, audio_parts=1, normalise=False, shift=40)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def scenes(batch=8, seed=0, frames=4):
    """Random scenes; the window of each begins where ``starts`` says."""
    draw = generator(seed)
    recording = torch.randint(-9000, 9000, (batch, TOTAL), dtype=torch.int16, generator=draw)
    starts = torch.randint(TOTAL - 240 + 1, (batch,), generator=draw)
    return SimpleNamespace(
        clip=torch.randint(0, 256, (batch, frames, 3, 16, 16), dtype=torch.uint8, generator=draw),
        recording=recording,
        starts=starts,
        lengths=torch.full((batch,), TOTAL),
        waveform=torch.stack([r[s : s + 240] for r, s in zip(recording, starts.tolist(), strict=True)]),
        kinds=tuple((i % 3,) for i in range(batch)),
    )


@pytest.fixture
def model():
    torch.manual_seed(0)
    return AVTS(TINY)


# --- the trunks ------------------------------------------------------------------------------------------------------


def test_mc3_is_torchvisions():
    torch.manual_seed(0)
    published = mc3_18(num_classes=1)
    ours = avts.video_trunk(AVTSConfig())
    weights = {k: v for k, v in published.state_dict().items() if not k.startswith("fc.")}
    ours.load_state_dict(weights)  # strictly: the same names and shapes
    published.fc = nn.Identity()
    clip = torch.randn(1, 3, 5, 32, 32)
    with torch.no_grad():
        assert torch.equal(ours.eval()(clip).mean((2, 3, 4)), published.eval()(clip))


# By hand: the stem has 3 x 64 x 3 x 7 x 7 = 28,224 weights. A 2-D layer from a to b channels has 9ab, a 3-D one 27ab.
# Group 2 has four of 64 to 64: 147,456 in 2-D. Groups 3, 4 and 5 have one of a to 2a and three of 2a to 2a: 516,096,
# 2,064,384 and 8,257,536 in 2-D, besides 1 x 1 shortcuts of 8,192, 32,768 and 131,072. BatchNorm has two parameters a
# channel: 128 in the stem, 512, 1,280, 2,560 and 5,120 in the groups, whose shortcuts are normalised too.
STEM, GROUPS, REST = 28_224 + 128, (147_456, 516_096, 2_064_384, 8_257_536), 172_032 + 9_472


@pytest.mark.parametrize(
    ("mc", "parameters"), [(2, 11_195_328), (3, 11_490_240), (4, 12_522_432), (5, 16_651_200)], ids=str
)
def test_parameters_of_mc2_to_mc5(mc, parameters):
    with torch.device("meta"):
        trunk = avts.video_trunk(AVTSConfig(mc=mc))
    weights = sum(3 * g if number < mc - 2 else g for number, g in enumerate(GROUPS))
    assert sum(p.numel() for p in trunk.parameters()) == STEM + weights + REST == parameters


def test_parameters_of_the_whole():
    """VGGish's six convolutions with batch norm, two fully-connected layers into the common space, the fusion head."""
    channels = (1, 64, 128, 256, 256, 512, 512)
    audio = sum(9 * a * b + b + 2 * b for a, b in itertools.pairwise(channels))
    spaces = 12 * 512 * 128 + 128 + 512 * 128 + 128
    fusion = 256 * 128 + 128 + 128 + 1
    with torch.device("meta"):
        model = AVTS(AVTSConfig())
    assert sum(p.numel() for p in model.parameters()) == 11_490_240 + audio + spaces + fusion == 16_878_657


@pytest.mark.parametrize("trunk", ["r18", "small"])
@pytest.mark.parametrize("mc", [2, 3, 4, 5])
def test_mcx_convolves_over_time_in_its_first_x_minus_1_groups(mc, trunk):
    with torch.device("meta"):
        groups = avts.video_trunk(AVTSConfig(mc=mc, trunk=trunk))
    for number, group in enumerate(groups, 1):
        kernels = {m.kernel_size for m in group.modules() if isinstance(m, nn.Conv3d) and m.kernel_size != (1, 1, 1)}
        assert {depth for depth, *_ in kernels} == {3 if number < mc else 1}, f"group {number}"
    assert len(groups) == 5


def test_only_convolutions_over_time_mix_frames():
    """A changed frame reaches as far as the 3-D layers carry it: one frame a layer, two layers in MC3."""
    torch.manual_seed(0)
    trunk = avts.video_trunk(dataclasses.replace(TINY, mc=3)).eval()
    clip = torch.randn(1, 3, 9, 16, 16)
    changed = clip.clone()
    changed[:, :, 4] += 1
    with torch.no_grad():
        moved = (trunk(clip) != trunk(changed)).any(1).any(-1).any(-1)[0]
    assert moved.tolist() == [False, False, True, True, True, True, True, False, False]


def test_paper_sizes():
    with torch.device("meta"):
        model = AVTS(AVTSConfig())
        clip = torch.zeros(2, 25, 3, 112, 112, dtype=torch.uint8)
    assert model.video_map(clip).shape == (2, 512, 25, 7, 7), "only the frame is halved where nothing is 3-D"
    assert model.video_network()(clip).shape == (2, 512)
    assert model.video_fc.weight.shape == (128, 512), "averaged over time and frame, as in mc3_18"
    assert model.audio_fc.weight.shape == (128, 12 * 512)
    assert model.fusion[0].weight.shape == (128, 256)
    assert (model.config.margin, model.window, model.probe_hop) == (0.99, 11_000, 5500)
    assert (model.clip_frames, model.clip_fps, model.image_size) == (25, 25.0, 112)


def test_paper_sizes_of_sounds():
    model = AVTS(AVTSConfig(trunk="small")).eval()
    sound = torch.zeros(1, model.window, dtype=torch.int16)
    with torch.no_grad():
        assert model.spectrogram(sound).shape == (1, 1, 40, 101)
        assert model.audio_map(sound).shape == (1, 512, 5, 12)
        assert model.audio_vector(sound).shape == (1, 128)
    assert model.audio_embedding(sound).shape == (1, 512)


def test_video_network_shares_the_trunk_and_sees_time(model):
    network, clip = model.eval().video_network(), scenes().clip
    features = network(clip)
    assert features.shape == (8, network.embedding_size)
    assert torch.allclose(features, model.video_map(clip).mean((2, 3, 4)))
    assert {id(p) for p in network.parameters()} == {id(p) for p in model.video_trunk.parameters()}
    assert (network.clip_frames, network.clip_fps, network.image_size) == (4, 200.0, 16)
    features.sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    assert not torch.allclose(features, network(clip.flip(1)), atol=1e-4)


def test_parts_keep_the_order_that_averaging_loses(monkeypatch):
    """Maps whose frames are turned round in time: the average is the same, a vector of parts is not."""
    maps = torch.randn(2, 8, 4, 1, 1, generator=generator())
    for parts, the_same in ((1, True), (2, False), (4, False)):
        torch.manual_seed(0)
        model = AVTS(dataclasses.replace(TINY, video_parts=parts))
        monkeypatch.setattr(model, "video_map", lambda clip: clip)
        assert torch.allclose(model.video_vector(maps), model.video_vector(maps.flip(2)), atol=1e-5) == the_same
    torch.manual_seed(0)
    halves = AVTS(dataclasses.replace(TINY, video_parts=2))
    by_hand = torch.stack([maps[:, :, :2].mean((2, 3, 4)), maps[:, :, 2:].mean((2, 3, 4))], 2).flatten(1)
    monkeypatch.setattr(halves, "video_map", lambda clip: clip)
    expected = nn.functional.normalize(halves.video_fc(by_hand), dim=1)
    assert torch.allclose(halves.video_vector(maps), expected, atol=1e-6)


# --- what is compared ------------------------------------------------------------------------------------------------


def compared(monkeypatch, negatives, seed, batch=16, shift=None):
    """(scene of the clip, scene of the sound, the sound's first sample) of every pair of a step, positives first.

    Every sample of the recordings holds its own number, the clip the number of its scene, and both streams give them
    back instead of an embedding.
    """
    model = AVTS(dataclasses.replace(TINY, shift=shift))
    total = 1200
    numbered = torch.arange(batch * total).view(batch, total)
    starts = torch.randint(total - 240 + 1, (batch,), generator=generator(99))
    clip = torch.arange(batch, dtype=torch.uint8).view(-1, 1, 1, 1, 1).expand(-1, 4, 3, 16, 16)
    batch_ = SimpleNamespace(
        clip=clip,
        recording=numbered,
        starts=starts,
        lengths=torch.full((batch,), total),
        waveform=numbered.gather(1, starts.unsqueeze(1) + torch.arange(240)),
        kinds=((0,),) * batch,
    )
    seen = {}

    def spy(video, audio):
        seen["pairs"] = [(int(v[0]), *divmod(int(a[0]), total)) for v, a in zip(video, audio, strict=True)]
        assert torch.equal(audio[:, 1], audio[:, 0] + 239), "a window is heard whole"
        return distance(video, audio)

    monkeypatch.setattr(avts, "distance", spy)
    heard = []

    def ends(waveform):
        heard.append(len(waveform))
        return waveform[:, [0, -1]].double()

    monkeypatch.setattr(model, "audio_vector", ends)
    monkeypatch.setattr(model, "video_vector", lambda c: c[:, 0, 0, 0, :2].double())
    model.training_step(batch_, generator(seed), negatives=negatives)
    assert len(heard) == 1, "negatives must not be known by a batch normalisation of their own"
    return starts.tolist(), seen["pairs"]


@pytest.mark.parametrize("negatives", [None, {"easy": 1.0}, {"hard": 1.0}, {"super-hard": 1.0}, MIXED], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_clip_meets_its_own_sound_and_one_of_the_kind_asked_for(monkeypatch, negatives, seed):
    starts, pairs = compared(monkeypatch, negatives, seed)
    positives, others = pairs[:16], pairs[16:]
    assert positives == [(i, i, s) for i, s in enumerate(starts)]
    counts = dict.fromkeys(NEGATIVES, 0)
    for i, (clip, sound, start) in enumerate(others):
        assert clip == i
        if sound != clip:
            counts["easy"] += 1
            assert start == starts[sound], "another scene's sound is the window that is that scene's positive"
        elif abs(start - starts[i]) >= 240:
            counts["hard"] += 1
        else:
            counts["super-hard"] += 1
            assert abs(start - starts[i]) >= 30, "an eighth of the window"
    assert counts == {kind: 16 * (negatives or {"easy": 1.0}).get(kind, 0) for kind in NEGATIVES}


def test_negatives_are_a_pure_function_of_the_draw(monkeypatch):
    first, again, other = (compared(monkeypatch, MIXED, seed)[1] for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_the_least_shift_of_super_hard_negatives_is_the_configurations(monkeypatch):
    starts, pairs = compared(monkeypatch, {"super-hard": 1.0}, 0, shift=200)
    assert all(200 <= abs(start - starts[i]) < 240 for i, (_, _, start) in enumerate(pairs[16:]))


@pytest.mark.parametrize("n", range(2, 40))
@pytest.mark.parametrize(
    "shares", [{"easy": 0.75, "hard": 0.25}, {"hard": 0.3, "easy": 0.6, "super-hard": 0.1}], ids=str
)
def test_shares_of_negatives(n, shares):
    kinds = drawn_kinds(shares, n, generator(n))
    counts = {kind: int((kinds == number).sum()) for number, kind in enumerate(NEGATIVES)}
    assert sum(counts.values()) == n
    for kind, count in counts.items():
        exact = n * shares.get(kind, 0)
        assert abs(count - exact) < 1 + 1e-9
        if abs(exact - round(exact)) < 1e-9 and len(shares) == 2:
            assert count == round(exact)
    assert torch.equal(kinds, drawn_kinds(dict(reversed(shares.items())), n, generator(n))), "in whatever order"


def test_every_scene_is_as_likely_to_get_the_hard_negative():
    drawn = torch.stack([drawn_kinds({"easy": 0.75, "hard": 0.25}, 8, generator(seed)) for seed in range(2000)])
    assert ((drawn == 1).float().mean(0) - 0.25).abs().max() < 5 * (0.25 * 0.75 / 2000) ** 0.5


# --- losses ----------------------------------------------------------------------------------------------------------


def test_contrastive_loss_by_hand():
    a = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    b = torch.tensor([[0.3, 0.4], [0.0, 0.29], [3.0, 4.0], [1.0, 1.2]])
    d = distance(a, b)
    assert d.tolist() == pytest.approx([0.5, 0.29, 5.0, 0.2])
    own = torch.tensor([True, False, False, True])
    # d^2 of the own ones: .25 and .04; max(.99 - d, 0)^2 of the others: .7^2 and 0
    assert float(contrastive_loss(d, own, 0.99)) == pytest.approx((0.25 + 0.49 + 0.0 + 0.04) / 4)


def test_gradient_at_distance_zero_is_finite():
    a = torch.zeros(2, 3, requires_grad=True)
    contrastive_loss(distance(a, torch.zeros(2, 3)), torch.tensor([True, False]), 0.99).backward()
    assert torch.equal(a.grad, torch.zeros(2, 3))


def test_gradients_in_float64():
    torch.manual_seed(0)
    a, b = (0.4 * torch.randn(6, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    own = torch.tensor([True, False] * 3)
    assert (distance(a, b) < 0.99).any(), "within the margin, where negatives are pushed"
    assert torch.autograd.gradcheck(lambda a, b: contrastive_loss(distance(a, b), own, 0.99), (a, b))


def test_embeddings_have_length_1_unless_told_otherwise(model):
    s = scenes()
    for vector in (model.video_vector(s.clip), model.audio_vector(s.waveform)):
        assert torch.allclose(vector.norm(dim=1), torch.ones(8))
    loose = AVTS(dataclasses.replace(TINY, normalise=False))
    assert not torch.allclose(loose.video_vector(s.clip).norm(dim=1), torch.ones(8), atol=0.1)


def test_bce_of_the_logits(model):
    """Against the definition, on a step whose pairs are known: with two scenes each has the other's sound."""
    s = scenes(batch=2)
    value, logs = model.training_step(s, generator(), loss="bce")
    p = model._logit(model.video_vector(s.clip).repeat(2, 1), model.audio_vector(s.waveform)[[0, 1, 1, 0]]).sigmoid()
    by_hand = -(p[:2].log().sum() + (1 - p[2:]).log().sum()) / 4
    assert float(value.detach()) == pytest.approx(float(by_hand.detach()), rel=1e-5)
    assert logs == {"loss": float(value.detach())}


@pytest.mark.parametrize("normalise", [True, False])
def test_the_fusion_head_reads_components_of_about_1(normalise):
    torch.manual_seed(0)
    model = AVTS(dataclasses.replace(TINY, normalise=normalise))
    s, seen = scenes(), []
    model.fusion.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.training_step(s, generator(), loss="bce")
    own = torch.cat([model.video_vector(s.clip), model.audio_vector(s.waveform)], 1)
    if normalise:
        assert torch.allclose(seen[0].square().mean(1), torch.ones(16), atol=1e-5)
        own = own * 8**0.5
    assert torch.allclose(seen[0][:8], own, atol=1e-5)


@pytest.mark.parametrize("config", CONFIGS, ids=["parts", "pooled"])
@pytest.mark.parametrize("options", [{}, {"loss": "bce"}, {"negatives": MIXED}, {"objective": "classify"}], ids=str)
def test_every_option_trains(config, options):
    torch.manual_seed(0)
    model = AVTS(config)
    loss, logs = model.training_step(scenes(), generator(), **options)
    loss.backward()
    assert logs["loss"] == pytest.approx(float(loss.detach()))
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert all(torch.isfinite(g).all() for g in gradients.values())
    heads = {name.partition(".")[0] for name in gradients}
    if options == {"objective": "classify"}:
        assert heads == {"video_trunk", "classifier"}
    else:
        streams = {"audio_trunk", "video_trunk", "audio_fc", "video_fc"}
        assert heads == (streams | {"fusion"} if options == {"loss": "bce"} else streams)


STEPS = {
    "contrastive": {"negatives": {"easy": 0.75, "hard": 0.25}},
    "bce": {"negatives": {"easy": 0.75, "hard": 0.25}, "loss": "bce"},
    "classify": {"objective": "classify"},
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_training(model, name):
    """A change to the numerics must show here. Ten steps of Adam on one batch, one thread."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []
    for step in range(10):
        loss, _ = model.training_step(scenes(), generator(step), **STEPS[name])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(GOLDEN[name][0], rel=1e-4)
    assert losses[-1] == pytest.approx(GOLDEN[name][1], rel=1e-2)
    assert losses[-1] < losses[0]


def test_synchrony_is_learned_where_only_time_tells():
    """Scenes that look and sound alike but for one flash and one click: trained on hard negatives, clips of other
    scenes are told in sync from a quarter of a window late or early. Chance is .5; left untrained, it stays near it.
    """

    def flashes(n, seed):
        draw = generator(seed)
        recording, clip = torch.zeros(n, TOTAL, dtype=torch.int16), torch.zeros(n, 4, 3, 16, 16, dtype=torch.uint8)
        starts = torch.full((n,), 280)  # in the middle
        when = torch.randint(4, (n,), generator=draw)
        before, after = (torch.randint(4, (n,), generator=draw) for _ in range(2))
        for i in range(n):
            clip[i, when[i]] = 255
            for first, part in ((280, when[i]), (30, before[i]), (540, after[i])):  # one click in every window
                at = first + 60 * int(part) + 30
                recording[i, at : at + 8] = 9000
        return SimpleNamespace(
            clip=clip,
            recording=recording,
            starts=starts,
            lengths=torch.full((n,), TOTAL),
            waveform=recording[:, 280:520],
            kinds=((0,),) * n,
        )

    def right(model):
        held_out = flashes(60, 1000)
        model.eval()
        own = model.synchronised(held_out.clip, held_out.waveform)
        moved = [model.synchronised(held_out.clip, held_out.waveform.roll(by, 1)) for by in (-60, 60)]
        model.train()
        return float((own > torch.stack(moved)).float().mean())

    torch.manual_seed(0)
    model = AVTS(dataclasses.replace(TINY, image_size=8))
    untrained = right(model)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step in range(60):
        loss, _ = model.training_step(flashes(24, step), generator(step), negatives={"hard": 1.0})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert 0.3 < untrained < 0.7
    assert right(model) > 0.9


# --- abilities -------------------------------------------------------------------------------------------------------


def test_synchronised_answers_by_the_loss_that_trained_it_last(model):
    s = scenes()

    def by_distance():
        return -(model.video_vector(s.clip) - model.audio_vector(s.waveform)).norm(dim=1)

    def by_logit():
        return model._logit(model.video_vector(s.clip), model.audio_vector(s.waveform))

    def answers():
        return model.eval().synchronised(s.clip, s.waveform)

    assert torch.allclose(answers(), by_distance(), atol=1e-5), "untrained"
    for loss, expected in (("contrastive", by_distance), ("bce", by_logit), ("contrastive", by_distance)):
        model.train().training_step(s, generator(), loss=loss)
        assert torch.allclose(answers(), expected(), atol=1e-5)
    model.train().training_step(s, generator(), loss="bce")
    model.train().training_step(s, generator(), objective="classify")
    assert torch.allclose(answers(), by_logit(), atol=1e-5), "classifying trains no way to answer"


def test_what_trained_it_travels_with_the_weights(model):
    model.training_step(scenes(), generator(), loss="bce")
    state = load(save(model.state_dict()))
    assert state["trained_by"].dtype == torch.int64
    torch.manual_seed(1)
    other = AVTS(TINY)
    other.load_state_dict(state)
    s = scenes()
    answer = model.eval().synchronised(s.clip, s.waveform)
    assert torch.equal(other.eval().synchronised(s.clip, s.waveform), answer)
    assert torch.equal(other.audio_embedding(s.waveform), model.audio_embedding(s.waveform))


@pytest.mark.parametrize("loss", ["contrastive", "bce"])
def test_a_pair_scores_the_same_alone(model, loss):
    s = scenes()
    model.training_step(s, generator(), loss=loss)
    together = model.eval().synchronised(s.clip, s.waveform)
    assert together.shape == (8,)
    assert together.dtype == torch.float32
    assert not together.requires_grad
    alone = torch.cat([model.synchronised(s.clip[i : i + 1], s.waveform[i : i + 1]) for i in range(8)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_embedding_is_the_trunk_averaged(model):
    s = scenes()
    embedding = model.eval().audio_embedding(s.waveform)
    assert embedding.shape == (8, 8)
    assert torch.allclose(embedding, model.audio_map(s.waveform).mean((2, 3)))
    assert model.probe_hop == 120


@pytest.mark.parametrize("value", [0, 255])
def test_silence_and_constant_clips_give_finite_output(model, value):
    clip = torch.full((2, 4, 3, 16, 16), value, dtype=torch.uint8)
    silence = torch.zeros(2, 240, dtype=torch.int16)
    model.eval()
    assert torch.isfinite(model.synchronised(clip, silence)).all()
    assert torch.isfinite(model.audio_embedding(silence)).all()
    assert torch.isfinite(model.video_network()(clip)).all()


def test_larger_frames_are_resized(model):
    s = scenes()
    large = s.clip.repeat_interleave(2, 3).repeat_interleave(2, 4)
    assert model.eval().synchronised(large, s.waveform).shape == (8,)


def test_autocast_compares_in_float32(model):
    s = scenes()
    with torch.autocast("cpu", torch.bfloat16):
        assert model.audio_vector(s.waveform).dtype == model.video_vector(s.clip).dtype == torch.float32
        for options in STEPS.values():
            loss, _ = model.training_step(s, generator(), **options)
            assert loss.dtype == torch.float32
        assert model.video_network()(s.clip).dtype == torch.float32
        length = model.audio_vector(s.waveform).norm(dim=1)
    assert torch.allclose(length, torch.ones(8), atol=1e-5)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mc": 1}, "mc must be 2, 3, 4 or 5"),
        ({"mc": 6}, "mc must be 2, 3, 4 or 5"),
        ({"video_parts": 0}, "video_parts must be at least 1"),
        ({"widths": (1, 1, 1, 1, 0)}, "widths must be at least 1"),
        ({"margin": 0.0}, "margin and audio_width must exceed 0"),
        ({"classes": -1}, "classes must be 0"),
        ({"clip_frames": 26}, "26 frames at 25.0 a second outlast the sound of 0.998 s"),
    ],
    ids=lambda v: next(iter(v)) if isinstance(v, dict) else "",
)
def test_impossible_configurations_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        AVTSConfig(**change)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"negatives": {"easy": 0.5, "harder": 0.5}}, r"unknown negatives \['harder'\]; known: easy, hard, super-hard"),
        ({"negatives": {"easy": 0.5}}, "must sum to 1"),
        ({"negatives": {"easy": 1.5, "hard": -0.5}}, "must not be negative"),
        ({"negatives": {}}, "must sum to 1"),
        ({"negatives": {"easy": float("nan")}}, "must sum to 1"),
        ({"loss": "hinge"}, "loss must be one of 'contrastive', 'bce', not 'hinge'"),
        ({"objective": "separate"}, "objective must be 'synchronise' or 'classify'"),
    ],
    ids=str,
)
def test_unknown_options_are_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        model.training_step(scenes(), generator(), **options)


def test_scenes_that_do_not_fit_are_refused(model):
    still, one, short, two_kinds, unknown = (scenes() for _ in range(5))
    still.clip = None
    with pytest.raises(ValueError, match="have none"):
        model.training_step(still, generator())
    with pytest.raises(ValueError, match="at least 2"):
        model.training_step(scenes(batch=1), generator())
    short.recording, short.starts, short.lengths = short.waveform, torch.zeros(8).long(), torch.full((8,), 240)
    model.training_step(short, generator())
    with pytest.raises(ValueError, match="scenes of at least 719 samples, or a shorter window"):
        model.training_step(short, generator(), negatives={"hard": 1.0})
    two_kinds.kinds = ((0, 1),) * 8
    unknown.kinds = ()
    for bad in (two_kinds, unknown):
        with pytest.raises(ValueError, match="exactly one source"):
            model.training_step(bad, generator(), objective="classify")
    without = AVTS(dataclasses.replace(TINY, classes=0))
    with pytest.raises(ValueError, match="set classes"):
        without.training_step(one, generator(), objective="classify")


def test_more_kinds_than_classes_are_refused(model):
    s = scenes()
    s.kinds = ((3,),) * 8
    with pytest.raises(ValueError, match=r"kind 3.*classes=3"):
        model.training_step(s, generator(), objective="classify")


def test_bad_clips_and_sounds_are_refused(model):
    s = scenes()
    model.eval()
    with pytest.raises(ValueError, match="image holds NaN"):
        model.synchronised(torch.full((8, 4, 3, 16, 16), float("nan")), s.waveform)
    with pytest.raises(ValueError, match="waveform holds NaN"):
        model.synchronised(s.clip, torch.full((8, 240), float("inf")))
    with pytest.raises(ValueError, match="4 frames"):
        model.synchronised(s.clip[:, :3], s.waveform)
    with pytest.raises(ValueError, match="4 frames"):
        model.video_network()(s.clip[:, 0])
    with pytest.raises(ValueError, match="240 samples"):
        model.synchronised(s.clip, s.waveform[:, :-1])


# --- orderings -------------------------------------------------------------------------------------------------------


def test_the_published_optimizer_and_the_other():
    assert AVTS.recipe == AVTS(TINY).recipe == {"optimizer": "sgd", "momentum": 0.9}
    assert AVTS(dataclasses.replace(TINY, optimizer="adam")).recipe == {"optimizer": "adam"}


@pytest.mark.parametrize("options", [{"loss": "hinge"}, {"negatives": {"x": 1.0}}, {"objective": "sing"}])
def test_unknown_options_are_refused_whatever_the_objective(model, options):
    with pytest.raises(ValueError, match=r"must be|unknown negatives"):
        model.training_step(scenes(), generator(), **{"objective": "classify", **options})


@pytest.mark.parametrize("model", [{}, AVTS_MINIATURE], ids=["paper", "miniature"])
def test_bands_leave_no_frequency_out(model):
    assert (LogSpectrogram(from_dict(AVTSConfig, model).spectrogram).warp.sum(0) > 0).all()


def test_clips_and_sounds_come_in_pairs(model):
    s = scenes()
    with pytest.raises(ValueError, match="8 clips and 1 sounds"):
        model.eval().synchronised(s.clip, s.waveform[:1])


def test_orderings_are_compute_matched_and_share_what_they_can():
    named = orderings((300, 240, 120), (1e-3, 1e-4, 1e-5))
    three = {"curriculum-bce", "curriculum-matched", "bce-matched"}
    assert {name: len(stages) for name, stages in named.items()} == {
        name: 0 if name == "untrained" else 3 if name in three else 2 for name in named
    }
    assert named.pop("untrained") == ()
    for stages in named.values():
        schedule = [(300, 1e-3, (1,)), (240, 1e-4, (1,)), (120, 1e-5, (1,))][: len(stages)]
        assert [(s.updates, s.lr, s.curricula) for s in stages] == schedule
    first = named["easy"][0]
    assert all(named[n][0] == first for n in ("curriculum", "super-hard", "curriculum-bce"))
    assert named["curriculum"][1].options["negatives"] == {"easy": 0.75, "hard": 0.25}
    assert named["super-hard"][1].options["negatives"] == {"easy": 0.75, "super-hard": 0.25}
    assert {s.options["negatives"]["hard"] for s in named["hard"]} == {1.0}
    assert [s.options["loss"] for s in named["bce"]] == ["bce", "bce"]
    assert [s.options["loss"] for s in named["curriculum-bce"]] == ["contrastive", "contrastive", "bce"]
    assert named["bce-matched"][2].options == named["curriculum-bce"][2].options
    assert named["curriculum-matched"][:2] == named["curriculum-bce"][:2] == named["curriculum"]
    assert named["bce-matched"][:2] == named["bce"]
    assert {s.scenes for s in named["supervised-motions"]} == {"motions"}
    assert set(named) == {
        *("easy", "curriculum", "hard", "mixed", "super-hard", "super-hard-start", "bce", "curriculum-bce"),
        *("curriculum-matched", "bce-matched", "supervised", "supervised-motions"),
    }
    different = {str(stages) for stages in named.values()}
    assert len(different) == len(named)


@pytest.mark.parametrize("name", sorted(orderings((1, 1, 1), (1e-3, 1e-3, 1e-3))))
def test_every_ordering_trains(model, name):
    for stage in orderings((1, 1, 1), (1e-3, 1e-3, 1e-3))[name]:
        loss, _ = model.training_step(scenes(), generator(), **stage.options)
        assert torch.isfinite(loss)


def test_a_schedule_has_three_stages():
    with pytest.raises(ValueError, match="three stages"):
        orderings((300, 240), (1e-3, 1e-4))
