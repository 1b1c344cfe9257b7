"""SoundNet: its layers against those of paper and public code, the loss by hand, its teachers, and a short lesson."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet18

from baselines.attention import SOUNDNET, lengths
from baselines.l3 import L3, L3Config
from baselines.soundnet import FEATURES, Picture, SoundNet, SoundNetConfig, divergence, orderings, published
from benchmarks.presets import load
from cavl.config import decisive_part, from_dict

SMALL = from_dict(SoundNetConfig, load("smoke").methods["soundnet"].model)


def test_the_layers_are_the_papers():
    """Table 1 and cvondrick/soundnet's main_train.lua; 20 s come to four points in time."""
    config = SoundNetConfig()
    with torch.device("meta"):
        sound = SoundNet(config).sound
    convolutions = [m for m in sound if isinstance(m, nn.Conv1d)]
    assert [(c.out_channels, c.kernel_size[0], c.stride[0], c.padding[0]) for c in convolutions] == [
        *((16, 64, 2, 32), (32, 32, 2, 16), (64, 16, 2, 8), (128, 8, 2, 4)),
        *((256, 4, 2, 2), (512, 4, 2, 2), (1024, 4, 2, 2), (1000, 8, 2, 0)),
    ]
    assert [sum(p.numel() for p in c.parameters()) for c in convolutions] == [
        *(1_040, 16_416, 32_832, 65_664, 131_328, 524_800, 2_098_176, 8_193_000),
    ]
    assert sum(p.numel() for m in sound if isinstance(m, nn.BatchNorm1d) for p in m.parameters()) == 4_064
    assert [m.kernel_size for m in sound if isinstance(m, nn.MaxPool1d)] == [8, 8, 4]
    assert lengths(config.window, config.layers) == [27_562, 1_722, 862, 432, 54, 28, 15, 4]
    assert config.layers == SOUNDNET


def test_features_are_named_as_the_public_code_names_them():
    """Its layer 18 is pool5 (eval_esc50.lua), 24 the rectified conv7 (extract_feat.lua)."""
    method = SoundNet(SMALL).eval()
    waveform = torch.rand(2, SMALL.window) - 0.5
    for name, layers in (("pool5", 18), ("conv7", 24)):
        assert torch.allclose(method.maps(waveform, FEATURES[name]), method.sound[:layers](256 * waveform.unsqueeze(1)))
        embedding = SoundNet(replace(SMALL, features=name)).eval().audio_embedding(waveform)
        assert embedding.shape == (2, SMALL.sound_layers[FEATURES[name] - 1][0])
    assert torch.allclose(method.audio_embedding(waveform), method.maps(waveform, 5).mean(-1))


def test_the_loss_is_the_divergence_averaged_over_points_in_time():
    posteriors, scores = torch.tensor([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]]), torch.randn(2, 3, 4)
    q = scores.softmax(1)
    by_hand = [sum(float(p * (p / q[b, c, t]).log()) for c, p in enumerate(posteriors[b]) if p)
               for b in range(2) for t in range(4)]  # fmt: skip
    assert float(divergence(posteriors, scores)) == pytest.approx(sum(by_hand) / 8, rel=1e-5)
    assert float(divergence(posteriors, posteriors.clamp_min(1e-30).log().unsqueeze(-1))) == pytest.approx(0, abs=1e-6)


def test_the_picture_arm_is_l3_nets():
    config = SoundNetConfig(classes=12)
    with torch.device("meta"):
        own, l3 = Picture(config), L3(L3Config(classes=12, channels=(64, 128, 256, 512)))
    assert {k: v.shape for k, v in own.trunk.state_dict().items()} == {
        k: v.shape for k, v in l3.vision.state_dict().items()
    }
    classifier = l3.vision_classifier.state_dict()
    assert {k: v.shape for k, v in own.classifier.state_dict().items()} == {k: v.shape for k, v in classifier.items()}


def batch(n=8, kinds=None):
    draw = torch.Generator().manual_seed(3)
    image = torch.randint(256, (n, 3, 64, 64), dtype=torch.uint8, generator=draw)
    waveform = torch.randint(-9999, 9999, (n, SMALL.window), dtype=torch.int16, generator=draw)
    return SimpleNamespace(image=image, waveform=waveform, kinds=kinds or tuple((i % 3,) for i in range(n)))


def test_teaching_leaves_the_teacher_as_it_is():
    torch.manual_seed(0)
    method = SoundNet(SMALL).train()
    before = {k: v.clone() for k, v in method.picture.state_dict().items()}
    loss, _ = method.training_step(batch(), torch.Generator(), "sound")
    loss.backward()
    assert all(p.grad is None for p in method.picture.parameters())
    assert all(torch.equal(v, before[k]) for k, v in method.picture.state_dict().items())
    assert method.picture.training
    assert torch.equal(method.posteriors(batch().image), method.eval().posteriors(batch().image))


def test_what_cannot_be_taught_is_refused():
    method = SoundNet(SMALL)
    with pytest.raises(ValueError, match="exactly one source"):
        method.training_step(batch(2, ((0, 1), (2,))), torch.Generator(), "picture")
    with pytest.raises(ValueError, match="of kind 12"):
        method.training_step(batch(2, ((12,), (2,))), torch.Generator(), "picture")
    with pytest.raises(ValueError, match="objective must be"):
        method.training_step(batch(2), torch.Generator(), "labels")
    with pytest.raises(ValueError, match="has learned"):
        SoundNet(replace(SMALL, teacher="x")).training_step(batch(2), torch.Generator(), "picture")


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    network = resnet18(weights=None)
    torch.save(network.state_dict(), tmp_path / "new.pth")
    digest = hashlib.sha256((tmp_path / "new.pth").read_bytes()).hexdigest()
    return network.eval(), (tmp_path / "new.pth").rename(tmp_path / f"resnet18-{digest[:8]}.pth")


def test_a_file_of_torchvisions_teaches(weights):
    network, path = weights
    method = SoundNet(replace(SMALL, teacher=str(path), classes=1000)).train()
    image = batch(2).image
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = network((image / 255 - mean) / deviation).softmax(1)
    assert torch.allclose(method.posteriors(image), expected, atol=1e-4)
    assert not any(name.startswith("picture") for name in method.state_dict())
    loss, _ = method.training_step(batch(2), torch.Generator())
    assert torch.isfinite(loss)
    with pytest.raises(ValueError, match="tells 1000 classes apart, not classes=12"):
        SoundNet(replace(SMALL, teacher=str(path))).posteriors(image)
    assert decisive_part(method.config)["teacher"] == path.name


def test_teachers_that_are_not_there_are_refused_in_a_sentence(weights):
    _, path = weights
    other = path.rename(path.with_name("vgg16" + path.name[8:]))
    wrong = path.with_name("resnet18-00000000.pth")
    wrong.write_bytes(b"")
    for teacher, message in (
        ("ResNet18_Weights.NO_SUCH", "no weights of a classifier"),
        ("plain.pth", "no weights of a classifier"),
        (str(path), "no such file"),
        (str(other), "not hold the weights of a vgg16"),
        (str(wrong), "SHA-256"),
    ):
        with pytest.raises(ValueError, match=message):
            published(teacher)


def test_a_sound_is_called_what_the_picture_beside_it_was_called():
    """Two kinds, light or dark pictures with low or high tones: no label is given in the second stage."""
    torch.manual_seed(0)
    config = replace(SMALL, classes=2, window=8192, sound_layers=tuple((8, 4, 2, 2 if i < 4 else 1) for i in range(8)))
    method = SoundNet(config)
    draw = torch.Generator().manual_seed(0)
    kinds = torch.arange(16) % 2
    image = (40 + 150 * kinds.view(-1, 1, 1, 1) + torch.randint(30, (16, 3, 64, 64), generator=draw)).to(torch.uint8)
    tones = torch.sin(torch.arange(8192) * (0.1 + 0.8 * kinds.unsqueeze(1)) + torch.rand(16, 1, generator=draw))
    scenes = SimpleNamespace(image=image, waveform=0.1 * tones, kinds=tuple((int(k),) for k in kinds))
    optimizer = torch.optim.Adam(method.parameters(), 3e-3)
    for stage in orderings((25, 25), (1e-3, 1e-3))["taught"]:
        for _ in range(stage.updates):
            optimizer.zero_grad()
            method.train().training_step(scenes, draw, **stage.options)[0].backward()
            optimizer.step()
    heard = method.maps(scenes.waveform).mean(-1).argmax(1)
    assert F.one_hot(heard, 2).float().mean(0).tolist() == [0.5, 0.5]
    assert torch.equal(heard, kinds)


def test_one_stage_is_that_of_a_teacher_that_has_learned():
    both, one = (orderings(updates, [1e-3] * len(updates)) for updates in ((3, 4), (5,)))
    assert [(s.updates, s.options["objective"]) for s in both["taught"]] == [(3, "picture"), (4, "sound")]
    assert [(s.updates, s.options["objective"]) for s in one["taught"]] == [(5, "sound")]
    assert both["untrained"] == ()


@pytest.mark.parametrize("changes", [{"classes": 0}, {"window": 4096}, {"sound_layers": SOUNDNET[:5]}])
def test_choices_that_cannot_be_meant_are_refused(changes):
    with pytest.raises(ValueError, match=r"must be|nothing is left"):
        SoundNetConfig(**changes)
