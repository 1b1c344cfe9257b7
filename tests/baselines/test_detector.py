"""Co-Separation's objects from the world, a file, and a torchvision detector: of random weights, not fetched."""

import hashlib
from dataclasses import replace

import pytest
import torch
from torchvision.models import get_model

from baselines import detector
from baselines.co_separation import CoSeparation, CoSeparationConfig
from benchmarks.datasets.detections import objects_of, seen_in
from benchmarks.datasets.miniature import SECOND, Miniature
from benchmarks.training.batching import collate
from benchmarks.training.loop import initialise
from cavl.spectrogram import SpectrogramConfig

NAME = "ssdlite320_mobilenet_v3_large"
SPECTROGRAM = SpectrogramConfig(hop=350, frames=16, bins=16, oversample=4)
SCALED = CoSeparationConfig(
    spectrogram=SPECTROGRAM,
    image_size=16,
    visual_trunk=(4, "M", 8),
    classifier_trunk=(4, "M", 8),
    channels=(4, 8, 8),
    reduced=4,
    vector=6,
    classes=91,
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def scenes():
    return Miniature(replace(SECOND, seconds=2.0), "test", 1, 4)


class Found:
    """Answers as torchvision's detectors do, the surest objects first."""

    def __init__(self, *rows):
        rows = torch.tensor(rows).reshape(-1, 6)
        self.answer = {"boxes": rows[:, :4], "labels": rows[:, 4].long(), "scores": rows[:, 5]}

    def to(self, device):
        return self

    def __call__(self, images):
        assert all(image.dtype == torch.float32 and 0 <= image.min() <= image.max() <= 1 for image in images)
        return [self.answer for _ in images]


def test_it_is_told_by_its_name():
    assert detector.known(NAME)
    assert detector.known("fasterrcnn_resnet50_fpn_v2")
    assert not detector.known("resnet18")
    assert not detector.known("scene")


def test_what_it_is_sure_of_is_there_and_no_more(monkeypatch):
    monkeypatch.setattr(detector, "network", lambda name: Found((1.4, 2.6, 9, 12, 3, 0.9), (0, 0, 5, 5, 17, 0.4)))
    found = detector.detect(NAME, torch.zeros(2, 3, 16, 16, dtype=torch.uint8))
    assert found.shape == (2, detector.MOST, 5)
    assert found[:, 0].tolist() == [[1, 3, 9, 12, 3]] * 2
    assert not found[:, 1:].any()
    many = [(0, 0, 5, 5, kind, 0.99) for kind in range(1, 20)]
    monkeypatch.setattr(detector, "network", lambda name: Found(*many))
    found = detector.detect(NAME, torch.zeros(1, 3, 16, 16, dtype=torch.uint8))
    assert found[0, :, 4].tolist() == list(range(1, detector.MOST + 1))


def test_a_detector_of_torchvision_answers_alike_and_stays_as_it_is(monkeypatch, scenes):
    torch.manual_seed(3)
    network = get_model(NAME, weights=None, weights_backbone=None).eval()
    monkeypatch.setattr(detector, "network", lambda name: network)
    monkeypatch.setattr(detector, "SURE", 0.0)
    image = collate([scenes[0], scenes[1]], SPECTROGRAM.samples, CPU).image
    before = torch.get_rng_state()
    found = detector.detect(NAME, image)
    assert torch.equal(before, torch.get_rng_state())
    assert found.dtype == torch.int64
    assert found.any()
    assert torch.equal(found, detector.detect(NAME, image))
    x0, y0, x1, y1, kinds = found.unbind(-1)
    assert (x0 >= 0).all() & (y0 >= 0).all() & (x1 <= image.shape[-1]).all() & (y1 <= image.shape[-2]).all()
    assert (kinds < 91).all()


def test_weights_that_cannot_be_fetched_are_refused_with_the_remedy(monkeypatch):
    def offline(*args, **options):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models.get_model", offline)
    detector.network.cache_clear()
    with pytest.raises(ValueError, match=rf"the weights of {NAME} cannot be fetched .*; put https.*objects=FILE"):
        detector.network(NAME)


def file_of(scenes, folder):
    """A file of detections that says what the world says."""
    lines = ["item,x0,y0,x1,y1,kind,score"]
    for index in range(len(scenes)):
        rows = seen_in(scenes, index).tolist()
        lines += [",".join(map(str, (scenes[index].id, *row, 1 - place / 10))) for place, row in enumerate(rows)]
    text = "\n".join(lines) + "\n"
    path = folder / f"detections-{hashlib.sha256(text.encode()).hexdigest()[:8]}.csv"
    path.write_text(text)
    return str(path)


def test_the_same_objects_are_the_same_whoever_finds_them(monkeypatch, scenes, tmp_path):
    truth = [row for row in seen_in(scenes, 0).tolist() if row[4] >= 0]
    assert len(truth) >= 2
    seen = Found(*[(*row, 0.9) for row in truth])
    monkeypatch.setattr(detector, "network", lambda name: seen)
    results = {}
    for objects in ("scene", file_of(scenes, tmp_path), NAME):
        method = initialise(lambda objects=objects: CoSeparation(replace(SCALED, objects=objects)), seed=1)
        given = objects_of(method, scenes, [0, 0])
        assert (given is None) == (objects == NAME)
        assert (method.knows == "true boxes and kinds of all objects") == (objects == "scene")
        assert ("detected objects" in method.knows) == (objects != "scene")
        batch = collate([scenes[0], scenes[0]], method.window, CPU, objects=given)
        loss, logs = method.train().training_step(batch, torch.Generator().manual_seed(2))
        loss.backward()
        assert all(torch.isfinite(p.grad).all() for p in method.parameters())
        mixture = torch.randn(1, method.window, generator=torch.Generator().manual_seed(4)) / 10
        further = () if given is None else (batch.objects.unsqueeze(0),)
        results[objects] = (logs["loss"], method.eval().separate(mixture, batch.image.unsqueeze(0), *further))
    (loss, sounds), *others = results.values()
    assert sounds.any()
    for other, found in others:
        assert other == pytest.approx(loss, rel=1e-5)
        assert torch.allclose(found, sounds, atol=1e-6)


def test_a_picture_in_which_nothing_is_found_shows_itself(monkeypatch, scenes):
    monkeypatch.setattr(detector, "network", lambda name: Found())
    method = initialise(lambda: CoSeparation(replace(SCALED, objects=NAME)), seed=1)
    image = collate([scenes[0]], method.window, CPU).image
    found = method.found(image, None)
    assert found.boxes.tolist() == [[0, 0, image.shape[-1], image.shape[-2]]]
    assert found.kinds.tolist() == [-1]
