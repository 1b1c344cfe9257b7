"""Sound-of-Pixels, AV-Mix-Sep and Co-Separation: sizes against their public code, losses by hand, gradients."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from baselines import mix_and_separate
from baselines.av_mix_sep import AVMixSep, AVMixSepConfig, GuidedUNet
from baselines.co_separation import CONSISTENCY, CoSeparation, CoSeparationConfig
from baselines.mix_and_separate import TINY, mix
from baselines.resnet import trunk
from baselines.sound_of_pixels import SoundOfPixels, SoundOfPixelsConfig, SoundUNet
from benchmarks.training.loop import initialise, make_optimizer
from cavl.config import decisive_part
from cavl.spectrogram import LogSpectrogram, SpectrogramConfig, magnitude

SPECTROGRAM = SpectrogramConfig(hop=350, frames=16, bins=16, oversample=4)
SCALED = {"spectrogram": SPECTROGRAM, "image_size": 16, "visual_trunk": (4, "M", 8, "M", 8)}
SYSTEMS = {
    "sound-of-pixels": (SoundOfPixels, SoundOfPixelsConfig(**SCALED, channels=(4, 8, 8), maps=5)),
    "av-mix-sep": (AVMixSep, AVMixSepConfig(**SCALED, channels=(4, 8, 8), reduced=4, vector=6)),
    "co-separation": (
        CoSeparation,
        CoSeparationConfig(**SCALED, channels=(4, 8, 8), reduced=4, vector=6, classifier_trunk=(4, "M", 8), classes=3),
    ),
}


def count(*modules):
    return sum(p.numel() for m in modules for p in m.parameters())


def shapes_of(module, *inputs):
    found = {}
    for name, part in module.named_modules():
        part.register_forward_hook(lambda part, _, out, name=name: found.update({name: tuple(out.shape)}))
    with torch.no_grad():
        module.eval()(*inputs)
    return found


def conv(inputs, outputs, side, bias=True):
    return inputs * outputs * side * side + bias * outputs


def norms(*channels):
    return 2 * sum(channels)


def solos(batch=4, size=16, seed=0):
    """Solos of noise; two objects in every picture but the last, which says nothing; the second's kind is unknown."""
    draw = torch.Generator().manual_seed(seed)
    objects = torch.zeros(batch, 8, 5, dtype=torch.int64)
    objects[:, 0] = torch.tensor([1, 2, 9, 12, 0])
    objects[:, 1] = torch.tensor([8, 0, 16, 7, -1])
    objects[:, 0, 4] = torch.arange(batch) % 3
    objects[-1] = 0
    return SimpleNamespace(
        image=torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8, generator=draw),
        waveform=torch.randint(-8000, 8000, (batch, SPECTROGRAM.samples), dtype=torch.int16, generator=draw),
        objects=objects,
    )


def system(name, **changes):
    cls, config = SYSTEMS[name]
    return initialise(lambda: cls(replace(config, **changes)), seed=1)


every_system = pytest.mark.parametrize("name", SYSTEMS)


# -- sizes -----------------------------------------------------------------------------------------------------------


def test_the_u_net_of_sound_of_pixels_has_the_sizes_of_the_public_code():
    """Unet(fc_dim=32, num_downs=7, ngf=64): seven 4 x 4 convolutions down, seven 3 x 3 up, 30.3 million parameters."""
    config = SoundOfPixelsConfig()
    assert (config.spectrogram.window, config.spectrogram.hop, config.spectrogram.samples) == (1022, 256, 65_280)
    network = SoundUNet(config.channels, config.maps)
    levels = (1, 64, 128, 256, 512, 512, 512, 512)
    down = sum(conv(i, o, 4, bias=False) for i, o in zip(levels, levels[1:], strict=False))
    up = sum(
        conv(i, o, 3, bias=False) for i, o in ((512, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64))
    )
    last = conv(128, 32, 3)
    batch_norms = norms(1) + norms(128, 256, 512, 512, 512) + norms(512, 512, 512, 256, 128, 64)
    assert count(network) == down + up + last + batch_norms == 30_274_210
    shapes = shapes_of(network, torch.zeros(1, 1, 256, 256))
    assert [shapes[f"down.{i}"][1:] for i in range(7)] == [(c, 128 >> i, 128 >> i) for i, c in enumerate(levels[1:])]
    assert [shapes[f"up.{i}"][1:] for i in range(6)] == [
        (c, 4 << i, 4 << i) for i, c in enumerate((512, 512, 512, 256, 128, 64))
    ]
    assert shapes["maps"] == (1, 32, 256, 256)


def test_sound_of_pixels_sees_as_the_public_code():
    """ResnetDilated(resnet18, fc_dim=32, dilate_scale=16): 14 x 14 places; 32 scales and a bias put all together."""
    method = SoundOfPixels(SoundOfPixelsConfig())
    reference = resnet18(weights=None)
    assert count(method.trunk) == count(reference) - count(reference.fc) == 11_176_512
    assert count(method.parts) == conv(512, 32, 3)
    assert count(method) == 30_274_210 + 11_176_512 + conv(512, 32, 3) + 32 + 1 == 41_598_243
    assert method.eval().places(torch.zeros(1, 3, 64, 64)).shape == (1, 32, 14, 14)
    last = [m for m in method.trunk.layer4.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert [(m.stride[0], m.dilation[0]) for m in last] == [(1, 1), (1, 2), (1, 2), (1, 2)]


def test_the_networks_of_co_separation_have_the_sizes_of_the_public_code():
    """AudioVisual7layerUNet(ngf=64), Resnet18(conv1x1 of 128, fc 6272 -> 512), Resnet18(1 channel, fc 512 -> 16)."""
    config = CoSeparationConfig()
    method = CoSeparation(config)
    levels = (1, 64, 128, 256, 512, 512, 512, 512)
    ups = ((1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64), (128, 1))
    unet = sum(conv(i, o, 4) for i, o in (*zip(levels, levels[1:], strict=False), *ups))
    unet += norms(*levels[1:]) + norms(512, 512, 512, 256, 128, 64)
    assert count(method.unet) == unet == 46_022_785
    vision = 11_176_512 + conv(512, 128, 1) + norms(128) + 128 * 7 * 7 * 512 + 512
    assert count(method.vision) == vision == 14_454_208
    classifier = 11_176_512 - 2 * 64 * 7 * 7 + 512 * 16 + 16
    assert count(method.classifier_trunk, method.classifier) == classifier
    assert count(method) == unet + vision + classifier == 71_655_441
    assert count(AVMixSep(AVMixSepConfig())) == unet + vision
    shapes = shapes_of(method.unet, torch.zeros(1, 1, 256, 256), torch.zeros(2, 512), torch.tensor([0, 0]))
    assert shapes["down.6"] == (1, 512, 2, 2)
    assert [shapes[f"up.{i}"][1:] for i in range(6)] == [
        (c, 4 << i, 4 << i) for i, c in enumerate((512, 512, 512, 256, 128, 64))
    ]
    assert shapes["mask"] == (2, 1, 256, 256)
    assert shapes_of(method.vision, torch.zeros(1, 3, 224, 224))["reduce"] == (1, 128, 7, 7)


# -- what is known beforehand ----------------------------------------------------------------------------------------


def known_file(folder, network):
    """A file of weights as torch.hub names it."""
    path = folder / "weights.pth"
    torch.save(network.state_dict(), path)
    return path.rename(folder / f"resnet18-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth")


@pytest.mark.parametrize("cls", [SoundOfPixels, AVMixSep, CoSeparation])
def test_known_weights_are_those_of_the_file_and_nothing_else_changes(cls, tmp_path):
    torch.manual_seed(5)
    reference = resnet18(weights=None)
    path = known_file(tmp_path, reference)
    config = cls.Config(spectrogram=SPECTROGRAM, channels=(4, 8), image_size=32)
    plain, known = (initialise(lambda c=c: cls(c), seed=1) for c in (config, replace(config, weights=str(path))))
    own = plain.state_dict()
    changed = {name for name, tensor in known.state_dict().items() if not torch.equal(tensor, own[name])}
    trunks = ("trunk", "vision.trunk", "classifier_trunk")
    assert changed
    assert all(
        name.startswith(trunks) and torch.equal(known.state_dict()[name], reference.state_dict()[layer(name)])
        for name in changed
    )
    assert "classifier_trunk.conv1.weight" not in changed  # it reads one channel
    assert ("classifier_trunk.layer1.0.conv1.weight" in changed) == (cls is CoSeparation)
    assert path.name in known.knows
    assert path.name not in plain.knows
    optimizer = make_optimizer(known, lr=0.01)
    seen = {id(p) for p in (known.trunk if cls is SoundOfPixels else known.vision).parameters()}
    for group in optimizer.param_groups:
        assert group["lr"] == pytest.approx(0.001 if {id(p) for p in group["params"]} <= seen else 0.01)
    assert {len(g["params"]) for g in optimizer.param_groups} == {len(seen), len(list(known.parameters())) - len(seen)}
    assert "rates" not in plain.recipe
    assert decisive_part(known.config)["weights"] == path.name


def layer(name):
    return name.partition("trunk.")[2]


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path):
    good = known_file(tmp_path, resnet18(weights=None))
    for bad, why in (
        (tmp_path / "none-00000000.pth", "there is no such file"),
        (tmp_path / "plain.pth", f"call it plain-{good.stem[-8:]}.pth"),
        (tmp_path / "other-00000000.pth", f"call it other-{good.stem[-8:]}.pth"),
    ):
        if not bad.name.startswith("none"):
            bad.write_bytes(good.read_bytes())
        method = SoundOfPixels(SoundOfPixelsConfig(spectrogram=SPECTROGRAM, channels=(4, 8), weights=str(bad)))
        with pytest.raises(ValueError, match=why):
            method.load_known()
    of_another = known_file(tmp_path, nn.Linear(2, 2))
    method = SoundOfPixels(SoundOfPixelsConfig(spectrogram=SPECTROGRAM, channels=(4, 8), weights=str(of_another)))
    with pytest.raises(ValueError, match="not those of a ResNet-18"):
        method.load_known()


def test_weights_fit_the_full_trunk_only():
    for cls, config in SYSTEMS.values():
        with pytest.raises(ValueError, match="leave visual_trunk='resnet18'"):
            cls.Config(**{**SCALED, "channels": config.channels, "weights": "IMAGENET1K_V1"})


def test_a_trunk_of_spectrograms_reads_one_channel():
    layers, channels = trunk("resnet18", channels=1)
    assert layers(torch.zeros(1, 1, 64, 64)).shape == (1, channels, 2, 2)
