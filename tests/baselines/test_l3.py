"""L3-Net at the paper's sizes, its spectrogram, both objectives, its abilities, and a golden training."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchaudio
from safetensors.torch import load, save
from torch import nn

from baselines.l3 import L3, L3Config, LearnedFilters, LogMagnitude, of_other_kinds, orderings
from cavl.config import from_dict, to_dict

GOLDEN = {"avc": (0.72355, 0.57851), "classify": (2.38745, 1.65348)}  # losses of the first and the tenth step

TINY = {
    "sample_rate": 4000,
    "seconds": 0.5,
    "fft": 64,
    "analysis_window": 50,
    "hop": 50,
    "mel_bins": 12,
    "filters": 10,
    "image_size": 32,
    "channels": (4, 4, 8, 8),
    "fusion": 16,
    "classes": 3,
    "probe_hop_seconds": 0.25,
    "fps": 8.0,
    "frame_of": "scene",
}
CLIPS = {"frames": 3, "frame_of": "moment"}
VARIANTS = [{}, {"front_end": "mel"}, {"front_end": "waveform"}, CLIPS, {"frame_of": "moment"}]


def build(seed=0, **options):
    torch.manual_seed(seed)
    return L3(L3Config(**TINY | options))


def scenes(model, batch=6, seed=0):
    draw = torch.Generator().manual_seed(seed)
    clip = torch.randint(0, 256, (batch, max(2, model.config.frames), 3, 40, 40), dtype=torch.uint8, generator=draw)
    return SimpleNamespace(
        image=clip[:, 0],
        clip=clip[:, : model.config.frames] if model.config.frame_of == "moment" else None,
        waveform=torch.randint(-9000, 9000, (batch, model.window), dtype=torch.int16, generator=draw),
        kinds=tuple((i % 3,) for i in range(batch)),
    )


def seen(model, s):
    return s.image if s.clip is None else s.clip


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


# --- the paper's sizes --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paper():
    return L3(L3Config()).eval()


def test_the_paper_sizes(paper):
    assert paper.window == 48_000
    with torch.no_grad():
        spectrogram = paper.front_end(torch.zeros(1, 48_000, dtype=torch.int16))
        maps = paper.vision_maps(torch.zeros(1, 3, 224, 224, dtype=torch.uint8))
        vision = paper.vision_vector(torch.zeros(1, 3, 224, 224, dtype=torch.uint8))
        audio = paper.audio_embedding(torch.zeros(1, 48_000, dtype=torch.int16))
        logits = paper.logits(vision, audio)
    assert spectrogram.shape == (1, 257, 199)
    assert maps.shape == (1, 512, 28, 28)
    assert vision.shape == audio.shape == (1, 512)
    assert torch.equal(vision[0], maps[0].flatten(1).max(1).values)
    assert logits.shape == (1, 2)
    assert [layer.weight.shape for layer in paper.fusion if hasattr(layer, "weight")] == [(128, 1024), (2, 128)]
    assert paper.recipe == {"optimizer": "adam", "weight_decay": 1e-5}


def test_the_parameters_are_those_of_the_description(paper):
    """Eight 3 x 3 convolutions with bias, each with BatchNorm's scale and shift, a subnetwork; 1024 -> 128 -> 2."""

    def subnetwork(colours):
        layers = [(colours, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
        return sum(9 * i * o + o + 2 * o for i, o in layers)

    fusion = 1024 * 128 + 128 + 128 * 2 + 2
    count = sum(p.numel() for p in paper.parameters())
    assert count == subnetwork(3) + subnetwork(1) + fusion == 9_508_738


def test_a_frame_of_the_moment_is_asked_for_as_a_clip():
    assert (L3(L3Config(**TINY | CLIPS)).clip_frames, build(**CLIPS).clip_fps) == (3, 8.0)
    assert build(frame_of="moment").clip_frames == 1
    assert L3Config().frame_of == "moment"
    assert not hasattr(build(frame_of="scene"), "clip_frames")
    assert not hasattr(build(frame_of="scene"), "clip_fps")


def test_one_frame_is_seen_alike_as_a_clip_and_as_an_image():
    model = build(frame_of="moment")
    s = scenes(model)
    of_clip, _ = model.training_step(s, draw())
    s.image, s.clip = torch.zeros_like(s.image), s.clip
    again, _ = model.training_step(s, draw())
    assert torch.equal(of_clip, again), "the scene's still image is not looked at"
    model.eval()
    assert torch.equal(model.corresponds(s.clip, s.waveform), model.corresponds(s.clip[:, 0], s.waveform))


def test_frozen_subnetworks_keep_weights_and_statistics():
    model = build(**CLIPS)
    before = {name: v.clone() for name, v in model.state_dict().items()}
    loss, _ = model.training_step(scenes(model), draw(), frozen=True)
    loss.backward()
    assert {n.partition(".")[0] for n, p in model.named_parameters() if p.grad is not None} == {"fusion"}
    assert all(torch.equal(v, before[name]) for name, v in model.state_dict().items())
    assert all(m.training for m in model.modules())
    with pytest.raises(ValueError, match="nothing to learn but avc"):
        model.training_step(scenes(model), draw(), objective="classify", frozen=True)


def test_the_probe_windows_overlap_by_half():
    paper = L3Config()
    assert paper.probe_hop_seconds * 2 == paper.seconds == 1
    assert build().probe_hop == 1000
    assert build().window == 2000


# --- front ends ---------------------------------------------------------------------------------------------------


def tone(frequency, rate=48_000, seconds=1.0):
    t = torch.arange(round(rate * seconds)) / rate
    return 0.4 * torch.sin(2 * math.pi * frequency * t)


def test_the_spectrogram_is_a_direct_fourier_sum():
    config = L3Config()
    waveform = torch.randn(1, 48_000, generator=draw()) * 0.1
    found = LogMagnitude(config)(waveform)[0].numpy()
    n = np.arange(480)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / 480)
    for frame in (0, 1, 57, 198):
        samples = waveform[0, 240 * frame : 240 * frame + 480].double().numpy()
        for k in (0, 1, 100, 256):
            magnitude = abs(np.sum(hann * samples * np.exp(-2j * np.pi * k * n / 512)))
            assert found[k, frame] == pytest.approx(math.log(1 + magnitude / 0.01), abs=1e-4)
    assert 240 * 198 + 480 == 48_000, "the last frame ends with the sound: nothing is padded or lost"


def test_it_agrees_with_torchaudio_where_window_and_fft_are_alike():
    config = L3Config(analysis_window=512, front_end="mel", mel_bins=40)
    waveform = torch.randn(2, 48_000, generator=draw()) * 0.1
    oracle = torchaudio.transforms.MelSpectrogram(48_000, 512, 512, 240, n_mels=40, power=1.0, center=False)
    torch.testing.assert_close(LogMagnitude(config)(waveform), torch.log1p(oracle(waveform) / 0.01))


@pytest.mark.parametrize("frequency", [1000, 3000, 15_000])
def test_a_tone_lands_in_its_bin(frequency):
    found = LogMagnitude(L3Config())(tone(frequency)[None])[0]
    assert set(found.argmax(0).tolist()) == {round(frequency / (48_000 / 512))}


def test_a_tone_lands_in_its_mel_bin():
    def mel(hertz):
        return 2595 * math.log10(1 + hertz / 700)

    found = LogMagnitude(L3Config(front_end="mel"))(tone(3000)[None])[0]
    assert found.shape == (48, 199)
    assert abs(int(found.mean(1).argmax()) - (49 * mel(3000) / mel(24_000) - 1)) < 1


def test_a_moment_lands_in_its_frames():
    waveform = torch.zeros(1, 48_000)
    waveform[0, 1200] = 1  # in the middle of frame 4 (960 to 1439); frame 5 begins here, where its window is 0
    found = LogMagnitude(L3Config())(waveform)[0]
    assert torch.nonzero(found.sum(0)).flatten().tolist() == [4]
    waveform[0, 1300] = 1
    found = LogMagnitude(L3Config())(waveform)[0]
    assert torch.nonzero(found.sum(0)).flatten().tolist() == [4, 5]


def test_learned_filters_are_correlations_that_training_can_change():
    config = L3Config(**TINY | {"front_end": "waveform"})
    layer = LearnedFilters(config).eval()
    waveform = torch.randn(2, 2000, generator=draw())
    found = layer(waveform)
    assert found.shape == (2, 10, 40)
    expected = (waveform[1, 150:200] * layer.filters.weight[4, 0]).sum() / math.sqrt(1 + 1e-5)  # of frame 3
    assert found[1, 4, 3].item() == pytest.approx(max(0.0, expected.item()), abs=1e-5)
    found.sum().backward()
    assert layer.filters.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("options", VARIANTS)
def test_int16_and_float_are_the_same_sound(options):
    model = build(**options).eval()
    pcm = scenes(model).waveform
    torch.testing.assert_close(model.audio_embedding(pcm), model.audio_embedding(pcm.double() / 32768))


# --- audio-visual correspondence ----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", VARIANTS)
def test_the_loss_is_the_cross_entropy_of_own_and_other_sounds(options):
    model = build(**options)
    s = scenes(model)
    loss, logs = model.training_step(s, draw(7))
    model = build(**options).train()  # BatchNorm's running values apart, the same
    with torch.no_grad():
        vision, audio = model.vision_vector(seen(model, s)).numpy(), model.audio_vector(s.waveform).numpy()
    first, _, second = model.fusion
    weights = [p.detach().numpy() for p in (first.weight, first.bias, second.weight, second.bias)]
    other = (np.arange(6) + torch.randint(1, 6, (6,), generator=draw(7)).numpy()) % 6
    total, right = 0.0, 0
    for i in range(6):
        for j, corresponds in ((i, 1), (other[i], 0)):
            hidden = np.maximum(0, weights[0] @ np.concatenate([vision[i], audio[j]]) + weights[1])
            a, b = weights[2] @ hidden + weights[3]
            total += math.log(math.exp(a) + math.exp(b)) - (a, b)[corresponds]
            right += (b > a) == corresponds
    assert not (other == np.arange(6)).any()
    assert float(loss.detach()) == pytest.approx(total / 12, abs=1e-5)
    assert logs == {"loss": pytest.approx(float(loss.detach())), "accuracy": pytest.approx(right / 12)}


def test_each_subnetwork_is_evaluated_once_a_step():
    model, calls = build(), []
    model.vision.register_forward_hook(lambda *_: calls.append("vision"))
    model.audio.register_forward_hook(lambda *_: calls.append("audio"))
    model.training_step(scenes(model), draw())
    assert sorted(calls) == ["audio", "vision"]


def test_negatives_follow_the_draw():
    model = build()
    losses = [float(model.training_step(scenes(model), draw(seed))[0].detach()) for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_only_the_sound_decides_between_own_and_other():
    """Were all sounds the same, own and other pairs would be told apart by chance only: log 2 at the least."""
    model = build()
    s = scenes(model)
    s.waveform = s.waveform[:1].expand(6, -1)
    loss, logs = model.training_step(s, draw())
    assert float(loss.detach()) >= math.log(2)
    assert logs["accuracy"] == 0.5


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("objective", ["avc", "classify"])
def test_gradients_reach_the_objective_parameters_and_no_other(options, objective):
    model = build(**options)
    loss, _ = model.training_step(scenes(model), draw(), objective=objective)
    loss.backward()
    idle = ("vision_classifier", "audio_classifier") if objective == "avc" else ("fusion",)
    # A convolution's bias is taken away again by the batch norm that follows: its gradient is rounding.
    normed = {f"{name}.bias" for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}
    for name, parameter in model.named_parameters():
        if name.startswith(idle):
            assert parameter.grad is None, name
        else:
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.any() or name in normed, name


@pytest.mark.parametrize("options", [*VARIANTS, {"objective": "classify"}])
def test_a_step_under_autocast_has_a_float32_loss(options):
    options = dict(options)
    objective = options.pop("objective", "avc")
    model = build(**options)
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = model.training_step(scenes(model), draw(), objective=objective)
        assert LogMagnitude(model.config)(scenes(model).waveform).dtype == torch.float32
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_bad_steps_are_refused_and_leave_no_trace():
    model = build()
    s = scenes(model)
    with pytest.raises(ValueError, match="objective must be 'avc' or 'classify'"):
        model.training_step(s, draw(), objective="avts")
    with pytest.raises(ValueError, match="at least two scenes"):
        model.training_step(scenes(model, batch=1), draw())
    with pytest.raises(ValueError, match="needs scenes with video; for still images choose frame_of='scene'"):
        build(**CLIPS).training_step(s, draw())
    s.kinds = (*s.kinds[:5], (0, 2))
    with pytest.raises(ValueError, match="exactly one source, of a known kind: curriculum 1"):
        model.training_step(s, draw(), objective="classify")
    s.kinds = ()
    with pytest.raises(ValueError, match="exactly one source, of a known kind: curriculum 1"):
        model.training_step(s, draw(), objective="classify")
    s.kinds = ((1,),) * 5 + ((3,),)
    with pytest.raises(ValueError, match="kinds 1 to 3 do not fit classes=3"):
        model.training_step(s, draw(), objective="classify")
    with pytest.raises(ValueError, match="kinds 0 to 2 do not fit classes=0"):
        build(classes=0).training_step(scenes(model), draw(), objective="classify")
    assert int(model.trained_by) == 0


# --- the supervised baselines -------------------------------------------------------------------------------------


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def by_hand(classifier, vector):
    """A classifier's two layers in NumPy."""
    first, _, second = classifier
    w = [p.detach().double().numpy() for p in (first.weight, first.bias, second.weight, second.bias)]
    return w[2] @ np.maximum(0, w[0] @ vector.double().numpy() + w[1]) + w[3]


def test_classification_sums_both_cross_entropies():
    model = build()
    s = scenes(model)
    loss, logs = model.training_step(s, draw(), objective="classify")
    with torch.no_grad():
        model = build()
        vision, audio = model.vision_vector(s.image), model.audio_vector(s.waveform)
    total, right = 0.0, {"vision": 0, "audio": 0}
    for i, (kind,) in enumerate(s.kinds):
        for sense, classifier, vectors in (
            ("vision", model.vision_classifier, vision),
            ("audio", model.audio_classifier, audio),
        ):
            probabilities = softmax(by_hand(classifier, vectors[i]))
            total -= math.log(probabilities[kind])
            right[sense] += probabilities.argmax() == kind
    assert float(loss.detach()) == pytest.approx(total / 6, abs=1e-5)
    assert logs["vision_accuracy"] == pytest.approx(right["vision"] / 6)
    assert logs["audio_accuracy"] == pytest.approx(right["audio"] / 6)


def test_direct_combination_is_the_dot_product_of_class_distributions():
    model = build()
    s = scenes(model)
    model.training_step(s, draw(), objective="classify")
    model.eval()
    with torch.no_grad():
        vision, audio = model.vision_vector(s.image), model.audio_vector(s.waveform)
    expected = [
        float(softmax(by_hand(model.vision_classifier, v)) @ softmax(by_hand(model.audio_classifier, a)))
        for v, a in zip(vision, audio, strict=True)
    ]
    assert model.corresponds(s.image, s.waveform).tolist() == pytest.approx(expected, abs=1e-6)


def test_what_was_trained_last_decides_the_score_and_goes_with_the_weights():
    model = build()
    s = scenes(model)

    def scores(m):
        return m.eval().corresponds(s.image, s.waveform)

    def fused(m):
        with torch.no_grad():
            logits = m.eval().logits(m.vision_vector(s.image), m.audio_vector(s.waveform))
        return logits[:, 1] - logits[:, 0]

    torch.testing.assert_close(scores(model), fused(model))  # untrained
    model.train().training_step(s, draw(), objective="classify")
    direct = scores(model)
    assert (direct > 0).all(), "a dot product of distributions is positive"
    assert not torch.allclose(direct, fused(model))

    other = build(seed=5)
    other.load_state_dict(load(save(model.state_dict())))
    assert torch.equal(scores(other), direct)

    other.train().training_step(s, draw(), objective="avc")
    torch.testing.assert_close(scores(other), fused(other))
    again = build(seed=6)
    again.load_state_dict(load(save(other.state_dict())))
    assert torch.equal(scores(again), scores(other))


def test_supervised_pre_training_leaves_the_fusion_network_as_it_was_drawn():
    model = build()
    drawn = {name: p.clone() for name, p in model.fusion.named_parameters()}
    train(model, "classify", 3)
    assert all(torch.equal(p, drawn[name]) for name, p in model.fusion.named_parameters())
    hidden = {name: p.clone() for name, p in model.vision_classifier.named_parameters()}
    train(model, "avc", 3)
    assert all(torch.equal(p, hidden[name]) for name, p in model.vision_classifier.named_parameters())
    assert not any(torch.equal(p, drawn[name]) for name, p in model.fusion.named_parameters())


def test_classifiers_do_not_change_the_other_initial_weights():
    plain, supervised = build(classes=0).state_dict(), build(classes=3).state_dict()
    assert all(torch.equal(tensor, supervised[name]) for name, tensor in plain.items())
    assert {name.split(".")[0] for name in supervised.keys() - plain.keys()} == {
        "vision_classifier",
        "audio_classifier",
    }


def test_orderings_share_one_schedule_on_single_sources():
    found = orderings((30, 20), (1e-3, 1e-4), 10)
    every, longer = found.pop("all"), found.pop("c1-matched")
    assert [(s.curricula, s.updates, s.lr) for s in every] == [((1, 2), 30, 1e-3), ((1, 2), 10, 1e-4)]
    assert [(s.curricula, s.updates, s.lr) for s in longer] == [((1,), 30, 1e-3), ((1,), 10, 1e-4)]
    assert longer[:1] == found["avc"]
    assert {s.options["objective"] for s in every} == {"avc"}
    objectives = {name: [stage.options["objective"] for stage in stages] for name, stages in found.items()}
    assert objectives == {
        "untrained": [],
        "avc": ["avc"],
        "avc-matched": ["avc", "avc"],
        "supervised": ["classify"],
        "supervised-matched": ["classify", "classify"],
        "supervised-avc": ["classify", "avc"],
    }
    for stages in found.values():
        assert [(s.updates, s.lr) for s in stages] == [(30, 1e-3), (20, 1e-4)][: len(stages)]
        assert all(stage.curricula == (1,) for stage in stages)
    assert found["avc-matched"][:1] == found["avc"]
    assert found["supervised-avc"][:1] == found["supervised"]
    assert found["supervised-avc"][1].options["frozen"]
    with pytest.raises(ValueError, match="two stages"):
        orderings((30,), (1e-3, 1e-4))


# --- localization -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("objective", ["avc", "classify"])
@pytest.mark.parametrize("batch", [1, 3])
def test_heatmaps_span_0_to_1_at_the_image_size(options, objective, batch):
    model = build(**options)
    model.training_step(scenes(model), draw(), objective=objective)
    model.eval()
    s = scenes(model, batch)
    image = torch.randint(0, 256, (batch, 3, 48, 80), dtype=torch.uint8, generator=draw())
    heat = model.localize(image, s.waveform, 3, n_objects=2)
    control = model.localize_controls(image, s.waveform, 3, draw())["activation"]
    for maps in (heat, control):
        assert maps.shape == (batch, 3, 48, 80)
        assert maps.dtype == torch.float32
        assert maps.amin((2, 3)).tolist() == [[0] * 3] * batch
        assert maps.amax((2, 3)).tolist() == [[1] * 3] * batch
        assert torch.equal(maps[:, 0], maps[:, 2])


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("objective", ["avc", "classify"])
def test_the_map_is_the_agreement_of_each_place(monkeypatch, frames, objective):
    """Where one place has all maxima, that place's value is the score of the whole image (of a clip repeating it)."""
    model = build(**CLIPS if frames == 3 else {})
    model.training_step(scenes(model), draw(), objective=objective)
    model.eval()
    s = scenes(model, 2)
    maps = torch.rand(2, 8, 4, 4, generator=draw())
    maps[0, :, 1, 2] = maps[1, :, 3, 0] = 2.0
    monkeypatch.setattr(model, "vision_maps", lambda image: maps.repeat_interleave(len(image) // 2, 0))
    raw = []
    monkeypatch.setattr("baselines.l3.heatmaps", lambda m, size: raw.append(m[:, 0]) or m)
    model.localize(s.image, s.waveform, 1)
    image = s.image if frames == 1 else s.image.unsqueeze(1).expand(-1, frames, -1, -1, -1)
    scores = model.corresponds(image, s.waveform)
    assert raw[0].shape == (2, 4, 4)
    assert [raw[0][0, 1, 2].item(), raw[0][1, 3, 0].item()] == pytest.approx(scores.tolist(), abs=1e-5)


@pytest.mark.parametrize("place", [(0, 0), (1, 2), (3, 3)])
def test_heatmaps_move_with_the_unit_that_the_sound_asks_for(monkeypatch, place):
    """A fusion network that adds vision unit 5 to its verdict: the map peaks where that unit is active, others not."""
    model = build().eval()
    with torch.no_grad():
        for p in model.fusion.parameters():
            p.zero_()
        model.fusion[0].weight[0, 5] = model.fusion[2].weight[1, 0] = 1
    maps = torch.zeros(1, 8, 4, 4)
    maps[0, 5, place[0], place[1]] = 1
    maps[0, 6, 2, 1] = 100  # active, and nothing to do with it; the control sees this one
    monkeypatch.setattr(model, "vision_maps", lambda image: maps)
    image, waveform = torch.zeros(1, 3, 64, 64, dtype=torch.uint8), torch.zeros(1, 2000, dtype=torch.int16)

    def peak(heat):
        row, column = divmod(int(heat[0, 0].argmax()), 64)
        return row // 16, column // 16

    assert peak(model.localize(image, waveform, 1)) == place
    assert peak(model.localize_controls(image, waveform, 1, draw())["activation"]) == (2, 1)


# --- what is given ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("value", [0, 255])
def test_silence_and_constant_images_are_answered(options, value):
    model = build(**options).eval()
    image = torch.full((2, 3, 32, 32), value, dtype=torch.uint8)
    clip = image.unsqueeze(1).expand(-1, model.config.frames, -1, -1, -1)
    silence = torch.zeros(2, model.window, dtype=torch.int16)
    assert torch.isfinite(model.audio_embedding(silence)).all()
    assert torch.isfinite(model.corresponds(image if model.config.frames == 1 else clip, silence)).all()
    assert torch.isfinite(model.localize(image, silence, 2)).all()
    s = scenes(model)
    s.image, s.waveform = torch.full_like(s.image, value), torch.zeros_like(s.waveform)
    s.clip = None if s.clip is None else torch.full_like(s.clip, value)
    loss, _ = model.train().training_step(s, draw())
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("options", VARIANTS)
def test_damaged_or_short_input_is_refused(options):
    model = build(**options).eval()
    s = scenes(model)
    image = seen(model, s)
    noise = torch.full((6, model.window), float("nan"))
    for ask in (
        lambda w: model.corresponds(image, w),
        lambda w: model.localize(s.image, w, 1),
        lambda w: model.localize_controls(s.image, w, 1, draw()),
        model.audio_embedding,
    ):
        with pytest.raises(ValueError, match="waveform holds NaN"):
            ask(noise)
    broken = torch.full(image.shape, float("inf"))
    with pytest.raises(ValueError, match="image holds NaN"):
        model.corresponds(broken, s.waveform)
    with pytest.raises(ValueError, match="image holds NaN"):
        model.localize(torch.full((6, 3, 32, 32), float("nan")), s.waveform, 1)
    with pytest.raises(ValueError, match="hears 2000 samples at a time, not 1999"):
        model.audio_embedding(s.waveform[:, :1999])
    with pytest.raises(ValueError, match=r"waveform must be \(batch, samples\)"):
        model.audio_embedding(s.waveform[0])
    if model.config.frames > 1:
        for wrong in (s.image, s.clip[:, :2]):
            with pytest.raises(ValueError, match=r"a clip must be \(batch, 3, 3, height, width\)"):
                model.corresponds(wrong, s.waveform)


def test_the_order_of_frames_is_read():
    model = build(**CLIPS).eval()
    s = scenes(model)
    assert not torch.allclose(model.corresponds(s.clip, s.waveform), model.corresponds(s.clip.flip(1), s.waveform))


@pytest.mark.parametrize("options", VARIANTS)
def test_one_is_answered_as_among_many(options):
    model = build(**options).eval()
    s = scenes(model)
    many = model.corresponds(seen(model, s), s.waveform)
    one = model.corresponds(seen(model, s)[2:3], s.waveform[2:3])
    assert many.shape == (6,)
    assert one.tolist() == pytest.approx([many[2].item()], abs=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hop": 0}, "hop must be at least 1"),
        ({"frames": 0}, "frames must be at least 1"),
        ({"floor": 0.0}, "must exceed 0"),
        ({"classes": -1}, "must not be negative"),
        ({"channels": (4, 8, 8)}, "four blocks"),
        ({"fft": 32}, "choose a longer fft"),
        ({"image_size": 7}, "at least 8 for three poolings"),
        ({"hop": 400}, "25 x 5|33 x 5"),
        ({"front_end": "waveform", "filters": 7}, "7 x 40"),
        ({"probe_hop_seconds": 0.6}, "probe_hop_seconds"),
        ({"frames": 6, "frame_of": "moment"}, "outlast the 0.5 s of sound"),
        ({"frames": 2}, "a scene's still image is one"),
        ({"front_end": "mel", "mel_bins": 40}, "fewer mel_bins or a longer fft"),
    ],
)
def test_configurations_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        L3Config(**TINY | options)


def test_configurations_are_plain():
    config = L3Config(**TINY | {"front_end": "mel"})
    assert from_dict(L3Config, to_dict(config)) == config


# --- training -----------------------------------------------------------------------------------------------------


def train(model, objective, updates):
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, weight_decay=1e-5)
    losses = []
    for _ in range(updates):
        loss, _ = model.train().training_step(scenes(model), draw(), objective=objective)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("objective", ["avc", "classify"])
def test_golden_training(objective):
    """A change to the numerics must show here. Ten steps of Adam on one batch, one thread."""
    losses = train(build(), objective, 10)
    assert losses[-1] < losses[0]
    assert (losses[0], losses[-1]) == pytest.approx(GOLDEN[objective], abs=1e-3)


def test_correspondence_is_learned():
    """Three colours, each with its tone; own pairs score above others of pictures and sounds not trained on."""
    model = build(classes=0, image_size=16, channels=(4, 8, 8, 16))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3, weight_decay=1e-5)
    for update in range(30):
        s, _ = coloured_tones(model, 24, update)
        loss, _ = model.train().training_step(s, draw(update))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    s, kind = coloured_tones(model, 64, 1000)
    other = (kind.unsqueeze(1) != kind).float().argmax(1)
    own, mismatched = model.corresponds(s.image, s.waveform), model.corresponds(s.image, s.waveform[other])
    assert (own > mismatched).float().mean() > 0.9


def coloured_tones(model, size, seed):
    r = draw(seed)
    kind = torch.randint(3, (size,), generator=r)
    colour = torch.tensor([[200, 40, 40], [40, 200, 40], [40, 40, 200]])[kind].view(-1, 3, 1, 1)
    image = colour + torch.randint(-40, 40, (size, 3, 32, 32), generator=r)
    frequency = torch.tensor([200.0, 600.0, 1400.0])[kind] * (0.95 + 0.1 * torch.rand(size, generator=r))
    sound = 0.3 * torch.sin(2 * math.pi * frequency.unsqueeze(1) * torch.arange(model.window) / model.sample_rate)
    return SimpleNamespace(image=image.to(torch.uint8), clip=None, waveform=sound, kinds=()), kind


# --- negatives of other kinds -------------------------------------------------------------------------------------


def test_negatives_of_other_kinds_share_none_and_are_uniform_among_the_others():
    kinds = [(0,), (0,), (1,), (2, 3), (3,)]
    counts = torch.zeros(5, 5)
    for seed in range(600):
        chosen = of_other_kinds(kinds, draw(seed))
        counts[torch.arange(5), chosen] += 1
    share = counts / 600
    allowed = torch.tensor([[0, 0, 1, 1, 1], [0, 0, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0]])
    expected = allowed / allowed.sum(1, keepdim=True)
    assert (share[allowed == 0] == 0).all()
    assert (share - expected).abs().max() < 0.08  # four standard errors
    for bad, message in (([(0,), ()], "whose kinds are known"), ([(0,), (0,)], "enlarge the batch")):
        with pytest.raises(ValueError, match=message):
            of_other_kinds(bad, draw())


def test_a_batch_of_two_kinds_takes_its_negatives_from_the_other():
    """The loss with negatives='other_kinds' is that of the pairs written out, with the fusion network as it is."""
    model = build(negatives="other_kinds").train()
    batch = scenes(model, 2)
    vision, audio = model.vision_vector(batch.image), model.audio_vector(batch.waveform)
    logits = model.logits(torch.cat([vision, vision]), torch.cat([audio, audio.flip(0)]))
    expected = F.cross_entropy(logits, torch.tensor([1, 1, 0, 0]))
    loss, _ = model.training_step(batch, draw(), objective="avc")
    torch.testing.assert_close(loss, expected)
