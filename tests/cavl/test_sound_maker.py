"""What is seen of the object that makes the sound, and the audio assignment as a mask."""

from dataclasses import replace

import pytest
import torch

from cavl.alignment import nearest_centres
from cavl.clustering import ClusteringConfig, distances
from cavl.model import CAVL, CAVLConfig, as_points
from cavl.spectrogram import SpectrogramConfig

TINY = CAVLConfig(
    spectrogram=SpectrogramConfig(hop=350, frames=16, bins=16, oversample=4),
    image_size=32,
    audio_trunk=(4, "M", 8),
    visual_trunk=(4, "M", 8),
    clustering=ClusteringConfig(beta=10.0),
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return CAVL(TINY).eval()


def scene(model, batch=4, seed=0):
    draw = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (batch, 3, 32, 32), dtype=torch.uint8, generator=draw)
    return image, torch.randint(-9000, 9000, (batch, model.window), dtype=torch.int16, generator=draw)


@torch.no_grad()
def test_center_is_the_visual_centre_that_localizes_the_sound(model):
    image, waveform = scene(model)
    audio, visual = model.audio_clusters(waveform, 1), model.visual_clusters(image, 2)
    nearest = distances(audio.centres, visual.centres).squeeze(1).argmin(1)
    expected = torch.stack([visual.centres[i, j] for i, j in enumerate(nearest)])
    assert torch.allclose(model.sound_maker(image, waveform, "center"), expected, atol=1e-6)


@torch.no_grad()
def test_mask_is_the_maximum_of_the_maps_under_the_assignment(model):
    image, waveform = scene(model)
    audio, visual = model.audio_clusters(waveform, 1), model.visual_clusters(image, 2)
    nearest = nearest_centres(audio, visual)
    points = as_points(model.visual_map(image))
    found = model.sound_maker(image, waveform, "mask")
    for i in range(len(image)):
        weighted = points[i] * visual.assignments[i, :, nearest[i]]
        assert torch.allclose(found[i], weighted.max(0).values, atol=1e-6)


@pytest.mark.parametrize("how", ["center", "mask"])
@pytest.mark.parametrize("seconds", [1, 3])
def test_any_length_of_sound_gives_one_vector(model, how, seconds):
    image, _ = scene(model, 2)
    sound = torch.rand(2, seconds * 11_025) - 0.5
    maker = model.sound_maker(image, sound, how)
    assert maker.shape == (2, model.sound_maker_size)
    assert maker.dtype == torch.float32
    assert not maker.requires_grad


def test_size_is_that_of_the_visual_maps(model):
    assert model.sound_maker_size == 8
    assert CAVL(replace(TINY, width=2.0)).sound_maker_size == 16


def test_silence_and_constant_images_give_finite_vectors(model):
    image = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    silence = torch.zeros(2, model.window, dtype=torch.int16)
    for how in ("center", "mask"):
        assert torch.isfinite(model.sound_maker(image, silence, how)).all()
    assert torch.isfinite(model.audio_assignments(silence, image.unsqueeze(1).expand(-1, 2, -1, -1, -1))).all()


def test_other_conditionings_are_refused(model):
    with pytest.raises(ValueError, match="'center' or by its 'mask', not by 'box'"):
        model.sound_maker(*scene(model), "box")


@torch.no_grad()
def test_audio_assignments_are_those_of_the_centre_nearest_to_each_image(model):
    image, waveform = scene(model, 6)
    images = image.view(3, 2, 3, 32, 32)
    mixture = waveform[:3]
    masks = model.audio_assignments(mixture, images)
    maps = model.audio_map(mixture)
    assert masks.shape == (3, 2, *maps.shape[2:])
    audio = model.audio_clusters(mixture, 2)
    for b in range(3):
        for i in range(2):
            maker = model.sound_maker(images[b, i : i + 1], mixture[b : b + 1], "center")
            j = int((audio.centres[b] - maker).norm(dim=1).argmin())
            assert torch.allclose(masks[b, i], audio.assignments[b, :, j].view(maps.shape[2:]), atol=1e-6)


def test_assignments_of_one_source_are_everything_and_of_two_centres_share_each_point(model):
    image, waveform = scene(model, 2)
    assert torch.allclose(model.audio_assignments(waveform, image.unsqueeze(1)), torch.ones(1))
    images = torch.stack([image, image.flip(0)], 1)
    masks = model.audio_assignments(waveform, images)
    centres = model.audio_clusters(waveform, 2).centres
    for b in range(len(waveform)):
        makers = [model.sound_maker(images[b, i : i + 1], waveform[b : b + 1], "center") for i in range(2)]
        one, other = (int((centres[b] - maker).norm(dim=1).argmin()) for maker in makers)
        total = masks[b].sum(0)  # of both images' centres: all of the point if they are two, twice its share if one
        assert torch.allclose(total, torch.ones(1) if one != other else 2 * masks[b, 0], atol=1e-5)
