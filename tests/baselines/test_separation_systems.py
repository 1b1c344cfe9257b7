"""Sound-of-Pixels, AV-Mix-Sep and Co-Separation: sizes against their public code, losses by hand, gradients."""

import hashlib
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from torch import nn
from torchvision.models import resnet18

from baselines import mix_and_separate
from baselines.av_miml import AVMIML, AVMIMLConfig
from baselines.av_mix_sep import AVMixSep, AVMixSepConfig
from baselines.co_separation import CONSISTENCY, CoSeparation, CoSeparationConfig
from baselines.mean_spectrum import MeanSpectrum
from baselines.mix_and_separate import TINY, mix
from baselines.nmf_mfcc import NMFMFCC, NMFMFCCConfig
from baselines.resnet import trunk
from baselines.sound_of_pixels import SoundOfPixels, SoundOfPixelsConfig, SoundUNet
from benchmarks.metrics.separation import bss_eval
from benchmarks.training.loop import initialise, make_optimizer
from cavl.config import decisive_part
from cavl.images import heatmaps
from cavl.separation import Separator
from cavl.separator_config import SeparatorConfig
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
    down = sum(conv(i, o, 4, bias=False) for i, o in pairwise(levels))
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
    unet = sum(conv(i, o, 4) for i, o in (*pairwise(levels), *ups))
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


# -- losses ----------------------------------------------------------------------------------------------------------


def draw(seed=2):
    return torch.Generator().manual_seed(seed)


def test_mixtures_are_means_of_two_solos():
    spectrogram = LogSpectrogram(SPECTROGRAM)
    scenes = solos()
    mixes = mix(spectrogram, scenes.waveform, draw())
    assert mixes.pairs[:, 0].tolist() == [0, 2]
    assert all(a != b for a, b in mixes.pairs.tolist())
    for m, pair in enumerate(mixes.pairs.tolist()):
        sounds = scenes.waveform[pair].float() / 32768 / 2
        of = [spectrogram.to_log_frequency(magnitude(spectrogram.stft(s[None]))) for s in (*sounds, sounds.sum(0))]
        assert torch.allclose(mixes.parts[m], torch.cat(of[:2]), atol=1e-5)
        assert torch.allclose(mixes.mixture[m], of[2] + TINY, atol=1e-5)
    assert mixes.ratios.max() <= 5
    assert torch.equal(mixes.dominant, (mixes.parts > mixes.mixture / 2).float())
    assert mixes.weights.min() >= 1e-3
    with pytest.raises(ValueError, match="two solos at least"):
        mix(spectrogram, scenes.waveform[:1], draw())


@every_system
def test_the_loss_is_what_the_paper_says(name):
    """By hand, a mixture and a part at a time, in the networks' own words."""
    method, scenes = system(name), solos()
    loss, logs = method.train().training_step(scenes, draw())
    mixes = mix(method.spectrogram, scenes.waveform, draw())
    heard = mixes.mixture.log()
    again = system(name).train()  # batch norm has moved its statistics, not its answers in training
    if name == "sound-of-pixels":
        maps = again.unet(heard)
        seen = torch.sigmoid(again.places(scenes.image).amax((2, 3)))
        terms = []
        for m, pair in enumerate(mixes.pairs.tolist()):
            for i, solo in enumerate(pair):
                p = torch.sigmoid((again.alpha[:, None, None] * seen[solo][:, None, None] * maps[m]).sum(0) + again.b)
                y = mixes.dominant[m, i]
                terms.append((-mixes.weights[m, 0] * (y * p.log() + (1 - y) * (1 - p).log())).mean())
        assert loss.item() == pytest.approx(torch.stack(terms).mean().item(), rel=1e-4)
        return
    if name == "av-mix-sep":
        vectors = again.vision(scenes.image)
        of = torch.arange(2).repeat_interleave(2)
        masks = again.unet(heard, vectors[mixes.pairs.flatten()], of).view(2, 2, 16, 16)
        assert loss.item() == pytest.approx((mixes.weights * (masks - mixes.ratios).abs()).mean().item(), rel=1e-4)
        return
    # Of each picture: its objects, one being of unknown kind (the last picture shows but itself), and the whole of it.
    whole = (0, 0, 16, 16)
    things = [(b, box, kind) for b in range(3) for box, kind in (((1, 2, 9, 12), b % 3), ((8, 0, 16, 7), -1))]
    things += [(3, whole, -1), *((b, whole, 3) for b in range(4))]
    seen = again.found(scenes.image, scenes.objects)
    boxes = [(of, *box) for of, box in zip(seen.of.tolist(), seen.boxes.int().tolist(), strict=True)]
    assert boxes == [(b, *box) for b, box, _ in things[:7]]
    vectors = again.vectors(scenes.image, again._with_scenes(scenes.image, seen))
    rows = [
        (2 * m + i, thing)
        for m, pair in enumerate(mixes.pairs.tolist())
        for i, solo in enumerate(pair)
        for thing in range(len(things))
        if things[thing][0] == solo
    ]
    masks = again.unet(heard, vectors[[t for _, t in rows]], torch.tensor([s // 2 for s, _ in rows]))
    parts = [sum(mask for (s, _), mask in zip(rows, masks, strict=True) if s == slot) for slot in range(4)]
    errors = (torch.stack(parts).view(2, 2, 16, 16) - mixes.ratios).abs()
    separation = (mixes.weights * errors).mean()
    separated = torch.stack(
        [(mixes.mixture[s // 2] * mask[None] + 1e-10).log() for (s, _), mask in zip(rows, masks, strict=True)]
    )
    scores = again.classifier(again.classifier_trunk(separated).amax((2, 3))).log_softmax(1)
    said = [-scores[row, things[thing][2]] for row, (_, thing) in enumerate(rows) if things[thing][2] >= 0]
    consistency = torch.stack(said).mean()
    assert logs["co_separation"] == pytest.approx(separation.item(), rel=1e-4)
    assert logs["consistency"] == pytest.approx(consistency.item(), rel=1e-4)
    assert loss.item() == pytest.approx((separation + 0.05 * consistency).item(), rel=1e-4)
    assert CONSISTENCY == 0.05


@every_system
def test_gradients_reach_every_weight(name):
    method = system(name)
    loss, _ = method.train().training_step(solos(), draw())
    loss.backward()
    still = [n for n, p in method.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []
    assert all(torch.isfinite(p.grad).all() for p in method.parameters())


@every_system
def test_gradients_are_those_of_finite_differences(name):
    method, scenes = system(name).train(), solos()
    weight = method.alpha if name == "sound-of-pixels" else method.vision.vector.weight
    method.training_step(scenes, draw())[0].backward()
    way, step = weight.grad / weight.grad.norm(), 0.02  # downhill it is steepest, and rounding least
    losses = []
    for sign in (1, -1):
        with torch.no_grad():
            weight += sign * step * way
            losses.append(method.training_step(scenes, draw())[0].item())
            weight -= sign * step * way
    assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(weight.grad.norm().item(), rel=0.05)


def test_ratio_masks_are_learned_by_their_distance():
    method, scenes = system("sound-of-pixels", masks="ratio"), solos()
    loss, _ = method.train().training_step(scenes, draw())
    mixes = mix(method.spectrogram, scenes.waveform, draw())
    again = system("sound-of-pixels").train()
    seen = again.places(scenes.image).amax((2, 3)).sigmoid()
    masks = again.logits(seen[mixes.pairs], again.unet(mixes.mixture.log())).sigmoid()
    assert loss.item() == pytest.approx((mixes.weights * (masks - mixes.ratios).abs()).mean().item(), rel=1e-5)


def test_co_separation_says_what_it_lacks():
    method, scenes = system("co-separation"), solos()
    scenes.objects = None
    with pytest.raises(ValueError, match="does not say what is in its pictures"):
        method.training_step(scenes, draw())
    with pytest.raises(ValueError, match="kinds -1 to 2 do not fit classes=2"):
        system("co-separation", classes=2).training_step(solos(), draw())


# -- answers ---------------------------------------------------------------------------------------------------------


def test_the_sound_of_a_picture_is_that_of_all_its_objects():
    method, scenes = system("co-separation").eval(), solos()
    mixture, images, objects = scenes.waveform[:1], scenes.image[None, :2], scenes.objects[None, :2]
    whole = method.separate(mixture, images, objects)
    alone = []
    for keep in (0, 1):
        one = torch.zeros_like(objects)
        one[:, :, 0] = objects[:, :, keep]
        alone.append(method.separate(mixture, images, one))
    assert torch.allclose(whole, alone[0] + alone[1], atol=1e-6)
    nothing = method.separate(mixture, images)
    itself = torch.zeros_like(objects)
    itself[:, :, 0] = torch.tensor([0, 0, 16, 16, -1])
    assert torch.equal(nothing, method.separate(mixture, images, itself))


def test_an_object_is_cut_out_of_its_picture():
    method, scenes = system("co-separation"), solos(size=32)
    seen = []
    method.vision.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    objects = torch.zeros(1, 2, 5, dtype=torch.int64)
    objects[0, 0] = torch.tensor([8, 4, 24, 20, 0])
    method.eval().vectors(scenes.image[:1], method.found(scenes.image[:1], objects))
    assert torch.allclose(seen[0], scenes.image[:1, :, 4:20, 8:24] / 255, atol=1e-6)


def test_a_heatmap_is_the_energy_of_each_places_sound():
    method, scenes = system("sound-of-pixels").eval(), solos()
    nn.init.normal_(method.unet.maps.weight)  # as drawn, all maps are all but zero
    nn.init.normal_(method.alpha)
    maps = method.unet(mix_and_separate.log_mixture(method.spectrogram, scenes.waveform, method.window))
    places = method.places(scenes.image).sigmoid()
    stft = method.spectrogram.stft(scenes.waveform / 32768)
    power = method.spectrogram.to_log_frequency(magnitude(stft)).square()
    energy = torch.zeros(4, 1, *places.shape[2:])
    for b, _, y, x in np.ndindex(energy.shape):
        logits = ((method.alpha * places[b, :, y, x])[:, None, None] * maps[b]).sum(0) + method.b
        energy[b, 0, y, x] = (logits.sigmoid().square() * power[b]).sum()
    heat = method.localize(scenes.image, scenes.waveform, 2)
    assert torch.allclose(heat, heatmaps(energy, (16, 16)).expand(-1, 2, -1, -1), atol=1e-3)
    assert heat.std() > 0.1


def test_binary_masks_keep_or_drop():
    method, scenes = system("sound-of-pixels").eval(), solos()
    method.b.data.fill_(50)
    kept = method.separate(scenes.waveform[:1], scenes.image[None, :2])
    assert torch.allclose(kept, scenes.waveform[:1].unsqueeze(1) / 32768, atol=1e-5)
    method.b.data.fill_(-50)
    assert not method.separate(scenes.waveform[:1], scenes.image[None, :2]).any()


def test_whoever_separates_refuses_sounds_of_the_wrong_scale():
    sound = (solos().waveform[:1] / 32768 / 32768).float()
    pictures, kinds = torch.zeros(1, 2, 3, 16, 16, dtype=torch.uint8), torch.tensor([[0, 1]])
    guided = Separator(SeparatorConfig(spectrogram=SPECTROGRAM, channels=(4, 8)), Locator()).eval()
    told, trained = MeanSpectrum(), AVMIML(AVMIMLConfig(sample_rate=11_025, fft=64))
    told.spectra = trained.spectra = {0: torch.ones(512), 1: torch.ones(512)}
    ways = {
        **{name: lambda mixture, name=name: system(name).eval().separate(mixture, pictures) for name in SYSTEMS},
        "a separation network": lambda mixture: guided.separate(mixture, pictures),
        "nmf-mfcc": lambda mixture: NMFMFCC(NMFMFCCConfig(iterations=1)).separate_blindly(mixture, 2),
        "mean-spectrum": lambda mixture: told.separate_kinds(mixture, kinds),
        "av-miml": lambda mixture: trained.separate_kinds(mixture, kinds),
    }
    for name, separate in ways.items():
        with pytest.raises(ValueError, match="all but zero: they seem to have been divided by 32768 twice"):
            separate(sound)
        if name not in ("mean-spectrum", "av-miml"):  # they have learned nothing here
            assert not separate(torch.zeros_like(sound)).any(), name


class Locator(nn.Module):
    sample_rate, window, image_size, sound_maker_size = 11_025, SPECTROGRAM.samples, 16, 3

    def sound_maker(self, image, waveform, how, n=1):
        return torch.ones(len(image), 3)


@every_system
def test_another_length_is_refused(name):
    method = system(name).eval()
    with pytest.raises(ValueError, match="cut it in windows"):
        method.separate(torch.zeros(1, 100), torch.zeros(1, 2, 3, 16, 16, dtype=torch.uint8))


# -- does it learn? --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_scaled_sound_of_pixels_overfits_one_pair_of_real_recordings(shared_data):
    """A saxophone and a hi-hat, each with a picture of one colour, mixed again and again."""
    spectrogram = SpectrogramConfig(frames=64, bins=256)
    config = SoundOfPixelsConfig(
        spectrogram=spectrogram,
        image_size=16,
        channels=(16, 32, 64, 64),
        maps=8,
        visual_trunk=(8, "M", 8),
        optimizer="adam",
    )
    method = initialise(lambda: SoundOfPixels(config), seed=1)
    sounds = torch.stack(
        [recording(shared_data / "instruments", kind, spectrogram.samples) for kind in ("Saxophone", "Hi_hat")]
    )
    images = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    images[0, 0], images[1, 2] = 255, 255
    scenes, optimizer = SimpleNamespace(image=images, waveform=sounds), make_optimizer(method, lr=3e-3)
    for update in range(600):
        loss, _ = method.train().training_step(scenes, draw(update))
        optimizer.param_groups[0]["lr"] = 3e-3 if update < 400 else 3e-4
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    parts = sounds / 2
    found = method.eval().separate(parts.sum(0, keepdim=True), images.unsqueeze(0))[0]
    sdr, *_ = bss_eval(parts.double().numpy(), found.double().numpy())
    mixture, *_ = bss_eval(parts.double().numpy(), parts.sum(0).expand(2, -1).double().numpy())
    assert sdr.min() > 12
    assert mixture.max() < 2


def recording(folder, kind, samples):
    """The loudest piece of the first recording of an instrument that is long enough, (samples,) at a common level."""
    for path in sorted((folder / kind).glob("*.flac")):
        sound = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
        if len(sound) >= samples:
            pieces = sound.unfold(0, samples, 500)
            piece = pieces[pieces.square().mean(1).argmax()]
            return 0.1 * piece / piece.square().mean().sqrt()
    raise AssertionError(f"no recording of {kind} is so long")
