"""Heatmap sheets of recordings, in which nobody has marked the sources."""

import numpy as np
import pytest
import torch

from benchmarks.datasets.data_module import open_data_module
from benchmarks.datasets.miniature import MiniatureData, MiniatureDataModule
from benchmarks.tasks.separation import Separation, SeparationConfig
from benchmarks.tasks.source_maps import EXAMPLES, locate, unmarked
from tests import paper_data


class Numbering:
    """Heatmap k is k / 10 everywhere."""

    window, sample_rate = 11_025, 11_025

    def localize(self, image, waveform, n, n_objects=None):
        return (torch.arange(n) / 10).view(1, n, 1, 1).expand(len(image), n, *image.shape[-2:])


def separation_data(root, name):
    return open_data_module({"source": "paper", "separation": name, "pretraining": name}, cache=root).of("separation")


def test_music_is_shown_by_test_solos_and_held_out_duets(tmp_path):
    paper_data.music(tmp_path, duets=8)
    data = separation_data(tmp_path, "music")
    shown = unmarked(data, Numbering)
    assert shown == {1: "test 1", 2: "validation 2"}
    sets = Separation.sets(SeparationConfig(), data, Numbering)
    assert sets == ("train 1", "validation 1", "test 1", "validation 2")
    located = locate(Numbering(), data.named("validation 2"), 2, torch.device("cpu"))
    assert located.heatmaps.shape == (EXAMPLES, 2, 256, 256)
    assert located.heatmaps[:, 1] == pytest.approx(0.1, abs=1e-3), "in the method's own order"
    assert located.boxes.shape == (EXAMPLES, 0, 4)
    solos = locate(Numbering(), data.test(1), 1, torch.device("cpu"))
    assert set(np.unique(solos.kinds)) <= set(paper_data.INSTRUMENTS)


def test_what_is_not_prepared_is_not_asked_for(tmp_path):
    paper_data.music(tmp_path, duets=0)
    assert unmarked(separation_data(tmp_path, "music"), Numbering) == {1: "test 1"}
    assert unmarked(separation_data(tmp_path / "nothing", "music"), Numbering) == {}


def test_instruments_are_shown_by_test_scenes_of_every_number(tmp_path):
    paper_data.instrument(tmp_path, 10, 10)
    data = separation_data(tmp_path, "audioset_instrument")
    assert unmarked(data, Numbering) == {1: "test 1", 2: "test 2"}


def test_generated_worlds_are_shown_by_localization_and_blind_methods_not_at_all(tmp_path):
    world = MiniatureDataModule(MiniatureData(), tmp_path)
    assert unmarked(world, Numbering) == {}
    paper_data.instrument(tmp_path, 10, 10)
    assert unmarked(separation_data(tmp_path, "audioset_instrument"), object) == {}
    assert Separation.sets(SeparationConfig(), world, Numbering) == ("train 1", "validation 1", "test 1")
