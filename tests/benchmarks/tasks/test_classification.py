"""The classification task on features whose accuracy is known beforehand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.datasets.miniature import MiniatureData, MiniatureDataModule
from benchmarks.tasks.classification import ClassificationConfig, embed, measure
from tests.plain_config import fake_context

DATA = MiniatureData(probe_folds=3, probe_clips=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return MiniatureDataModule(DATA, tmp_path_factory.mktemp("cache"))


class Knowing:
    """Features that give the kind away (``noise=0``) or are noise alone."""

    sample_rate = 11_025
    window = 11_025

    def __init__(self, data, useful=True):
        clips = data.probe()
        self.kinds = {clips[i].waveform[:11_025].tobytes(): clips[i].kinds[0] for i in range(len(clips))}
        self.useful, self.calls = useful, []
        self.draw = torch.Generator().manual_seed(0)

    def audio_embedding(self, waveform):
        self.calls.append(tuple(waveform.shape))
        if not self.useful:
            return torch.randn(len(waveform), 16, generator=self.draw)
        kind = self.kinds[waveform[0].numpy().tobytes()]
        return torch.eye(12)[kind].expand(len(waveform), -1)


def context(method, data, seed=1):
    evaluation = {"probe": "miniature", "pooling": "mean", "esc50": None}
    return fake_context(
        ClassificationConfig,
        evaluation,
        seed,
        job=SimpleNamespace(name="this job"),
        data=data,
        device=torch.device("cpu"),
        trained=lambda: method,
        progress=lambda done, total: None,
        add_file=lambda name, write: None,
    )


def test_perfect_features_are_right_and_permuted_labels_are_not(data):
    result = measure(context(Knowing(data), data))
    assert result["accuracy"] == result["score"] == 1.0
    assert result["folds"] == [1.0, 1.0, 1.0]
    assert result["permuted"] < 0.4
    assert (result["items"], result["classes"]) == (72, 12)
    assert result["chance"] == pytest.approx(1 / 12)
    assert result["coverage"] == "72 of 72"


def test_noise_is_near_chance(data):
    assert measure(context(Knowing(data, useful=False), data))["accuracy"] < 0.3


def test_windows_follow_one_another_and_folds_are_the_datasets(data):
    method = Knowing(data)
    features, ids, labels, folds = embed(method, data.probe(), context(method, data))
    assert set(method.calls) == {(4, 11_025)}  # 4 s in windows of 1 s
    assert features[0].shape == (4, 12)
    assert len(set(ids)) == 72
    assert np.bincount(folds).tolist() == [0, 24, 24, 24]
    assert labels.tolist() == [data.probe()[i].kinds[0] for i in range(72)]


def test_overlapping_windows_where_the_method_says_so(data):
    method = Knowing(data)
    method.probe_hop = 5_512
    method.audio_embedding = lambda waveform: torch.zeros(len(waveform), 3)
    assert len(embed(method, data.probe(), context(method, data))[0][0]) == 8


def test_another_sample_rate_is_refused(data):
    method = Knowing(data)
    method.sample_rate = 48_000
    with pytest.raises(ValueError, match=r"wants sounds of 48000 Hz, the .* set has 11025"):
        measure(context(method, data))
