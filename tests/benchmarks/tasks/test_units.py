"""What single units fire at: chosen on validation scenes, shown of test scenes."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from baselines.l3 import L3, L3Config
from benchmarks.datasets.miniature import MiniatureData, MiniatureDataModule
from benchmarks.tasks.units import TOP, UNITS, activations, area, fired_at, selective

DATA = MiniatureData(train={"1": 4}, validation=48, test={"1": 40})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return MiniatureDataModule(DATA, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def l3():
    torch.manual_seed(0)
    sizes = {"fft": 128, "analysis_window": 110, "hop": 110, "image_size": 64, "channels": (4, 4, 8, 8), "fusion": 8}
    return L3(L3Config(sample_rate=11_025, frame_of="scene", **sizes)).eval()


def test_the_area_is_that_of_another_library():
    draw = np.random.default_rng(1)
    strengths, own = draw.integers(0, 6, (50, 4)).astype(float), draw.random(50) < 0.3  # with ties
    strengths[:, 3] = 0  # a dead unit
    expected = [roc_auc_score(own, strengths[:, unit]) for unit in range(4)]
    assert area(strengths, own) == pytest.approx(expected)
    assert expected[3] == 0.5


def test_the_most_selective_units_are_taken_each_for_a_kind_of_its_own():
    kinds = np.repeat([0, 1, 2, 3], [4, 4, 4, 2])  # of kind 3 there are too few
    strengths = np.zeros((14, 4))
    strengths[kinds == 0, 0] = 1  # unit 0 tells kind 0 exactly,
    strengths[np.flatnonzero(kinds == 0)[:3], 1] = 1  # unit 1 less well,
    strengths[np.flatnonzero(kinds == 1)[:2], 1] = 0.5  # and kind 1 a little
    strengths[np.flatnonzero(kinds == 1)[:3], 2] = 1  # unit 2 tells kind 1 better
    strengths[kinds == 3, 3] = 1
    chosen = selective(strengths, kinds)
    assert chosen[:2] == [(0, 0), (2, 1)]
    assert sorted(kind for _, kind in chosen) == [0, 1, 2]
    assert len({unit for unit, _ in chosen}) == 3


def test_units_that_cannot_be_selective_are_none():
    assert selective(np.ones((6, 2)), np.full(6, -1)) == []
    assert selective(np.ones((6, 2)), np.full(6, 3)) == []
    assert selective(np.ones((4, 2)), np.arange(4)) == []


def test_pictures_are_of_the_test_scenes_that_a_unit_fires_at_most(data, l3):
    held_out, test = data.validation(1), data.test(1)
    arrays = fired_at(l3, held_out, test, 16, torch.device("cpu"))
    scenes = [test[i] for i in range(len(test))]
    kinds = np.array([scene.kinds[0] for scene in scenes])
    images = torch.from_numpy(np.stack([scene.image for scene in scenes])).permute(0, 3, 1, 2)
    middle = [scene.waveform[16_537 : 16_537 + 11_025] for scene in scenes]
    with torch.no_grad():
        seen = l3.vision_maps(images)
        spectra = l3.front_end(torch.from_numpy(np.stack(middle)))
        heard = l3.audio_maps(spectra)
    for side, maps, shown in (("seen", seen, images.permute(0, 2, 3, 1)), ("heard", heard, spectra)):
        count = len(arrays[f"{side}_units"])
        assert 0 < count <= UNITS
        assert len(set(arrays[f"{side}_units"].tolist())) == len(set(arrays[f"{side}_kinds"].tolist())) == count
        for i, (unit, kind) in enumerate(zip(arrays[f"{side}_units"], arrays[f"{side}_kinds"], strict=True)):
            strengths = maps[:, unit].amax((1, 2)).numpy()
            top = np.argsort(-strengths, kind="stable")[:TOP]
            assert np.allclose(arrays[f"{side}_shown"][i], shown[top].numpy(), atol=5e-3)
            assert np.allclose(arrays[f"{side}_heat"][i], maps[top, unit].numpy() / strengths.max(), atol=2e-3)
            assert arrays[f"{side}_of"][i].tolist() == [test.kind_names[k] for k in kinds[top]]
            own = kinds == test.kind_names.index(kind)
            assert arrays[f"{side}_auc"][i] == pytest.approx(roc_auc_score(own, strengths))


def test_activations_do_not_depend_on_the_batch(data, l3):
    images = torch.from_numpy(np.stack([data.test(1)[i].image for i in range(9)])).permute(0, 3, 1, 2)
    look = lambda some: (images[list(some)], l3.unit_maps(images[list(some)]))  # noqa: E731
    assert activations(look, 9, 4) == pytest.approx(activations(look, 9, 9), abs=1e-5)
