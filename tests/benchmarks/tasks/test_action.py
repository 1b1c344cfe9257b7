"""The action task on scenes of two actions that are told by the order of frames only, and what it is compared with."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.datasets.miniature import MiniatureConfig
from benchmarks.datasets.scene import Coverage, Scene
from benchmarks.tasks import action
from benchmarks.tasks.action import (
    AT_ONCE,
    ActionConfig,
    ActionMonitor,
    as_it_is,
    make_classifier,
    measure,
    recognise,
    reordered,
    still,
)
from benchmarks.training.checkpoints import Checkpoints
from benchmarks.training.loop import TrainingConfig
from tests.item_lines import item_lines
from tests.plain_config import fake_context

CPU = torch.device("cpu")
FRAMES, FPS, RATE = 4, 4.0, 100


class Ramps:
    """Scenes of one second that brighten (label 0) or darken (1), each from a grey of its own; two thirds brighten.

    At any one moment both look alike. A scene is judged by two clips: the scene, and the scene again.
    """

    sample_rate, classes = RATE, ("brighten", "darken")

    def __init__(self, split, n=24, clips=2):
        self.split, self.n, self.clips = split, n, clips
        self.labels = np.array([0, 0, 1] * n)[:n]
        self.ids = tuple(f"{split}{i}" for i in range(n))
        self.groups = tuple(str(i // 3) for i in range(n))
        self.coverage = Coverage(found=n, missing=1)

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        image = self.clip(index, 0.0, 1, FPS)[0]
        sound = np.zeros(RATE, np.int16)
        return Scene(id=self.ids[index], waveform=sound, n_sources=1, image=image, kinds=(int(self.labels[index]),))

    def clip(self, index, start_s, n_frames, fps):
        steps = 40 * np.arange(n_frames) - 60
        greys = 128 + (np.random.default_rng(index).integers(-40, 40) + steps * (1 - 2 * self.labels[index]))
        return np.broadcast_to(greys.astype(np.uint8)[:, None, None, None], (n_frames, 2, 2, 3))

    def clip_starts(self, index, n_frames, fps):
        return [0.0] * self.clips


class Greys(nn.Module):
    """The brightness of each frame: in their order is all there is to know."""

    clip_frames, clip_fps, image_size, embedding_size = FRAMES, FPS, 2, FRAMES

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, clip):
        return self.scale * (clip.float().mean((2, 3, 4)) / 128 - 1)


class Watching(nn.Module):
    sample_rate = RATE

    def __init__(self):
        super().__init__()
        self.greys = Greys()

    def video_network(self):
        return self.greys


def run(tmp_path, monkeypatch, method, seed=1, **evaluation):
    """The task's result, its artifact's rows and the metrics it logged."""
    logged, rows = [], []
    monkeypatch.setattr(action, "open_actions", lambda world, values, split: Ramps(split, values[split]))

    def add_file(name, write):
        write(tmp_path / name)
        rows.extend(item_lines(tmp_path / name))

    told = []
    values = {"updates": 80, "lr": 0.05, "train": 24, "validation": 12, "test": 15, **evaluation}
    result = measure(
        fake_context(
            ActionConfig,
            values,
            seed,
            data=SimpleNamespace(config=SimpleNamespace(world=MiniatureConfig())),
            run=SimpleNamespace(observers=[]),
            training=TrainingConfig(batch=8, device="cpu"),
            device=CPU,
            trained=lambda: method,
            checkpoints=lambda: Checkpoints(tmp_path, "key"),
            log=lambda *entry: logged.append(entry),
            progress=lambda done, total: told.append((done, total)),
            add_file=add_file,
        )
    )
    whole = values["updates"] + values["test"]
    assert told[-1] == (whole, whole)
    assert told == sorted(told)
    assert {total for _, total in told} == {whole}
    return result, rows, logged


def test_what_is_told_by_the_order_of_frames_is_learned_and_lost_without_it(tmp_path, monkeypatch):
    result, _, logged = run(tmp_path, monkeypatch, Watching())
    assert result["score"] == result["accuracy"] == 1.0
    assert result["majority"] == pytest.approx(10 / 15)  # of the test scenes; two thirds of the training ones
    assert result["still"] <= 10 / 15  # one frame alone does not tell
    assert result["reordered"] < 0.95
    assert (result["chance"], result["classes"], result["items"]) == (0.5, 2, 15)
    assert (result["coverage"], result["coverage_training"]) == (
        "15 of 16 (missing 1, damaged 0)",
        "24 of 25 (missing 1, damaged 0)",
    )
    assert result["weights"] == Checkpoints(tmp_path, "key").digest()
    held_out = {name: value for name, value, step in logged if step == 80}
    assert held_out == {"loss": result["loss"], "accuracy": 1.0}


def test_the_items_give_the_score(tmp_path, monkeypatch):
    result, rows, _ = run(tmp_path, monkeypatch, Watching(), updates=3)
    assert [row["item"] for row in rows] == [f"test{i}" for i in range(15)]
    assert [row["group"] for row in rows] == [str(i // 3) for i in range(15)]
    right = [row["label"] == row["predicted"] for row in rows]
    assert [row["correct"] for row in rows] == [str(int(told)) for told in right]
    assert result["accuracy"] == pytest.approx(np.mean(right))


def test_the_same_seed_gives_the_same_classifier_and_another_seed_another(tmp_path, monkeypatch):
    def weights(folder, seed):
        (tmp_path / folder).mkdir()
        return run(tmp_path / folder, monkeypatch, Watching(), seed, updates=2)[0]["weights"]

    assert weights("a", 1) == weights("b", 1) != weights("c", 2)


# --- the classifier on top of a method ----------------------------------------------------------------------------


def test_the_network_that_is_trained_is_the_method_s_own():
    method = Watching()
    with torch.no_grad():
        method.greys.scale.fill_(3.0)
    classifier = make_classifier(method, 2, RATE, seed=1)
    assert classifier.video_network is method.greys
    assert classifier.video_network.scale == 3, "what the method has learned stays"
    assert torch.equal(classifier.head.weight, make_classifier(Watching(), 2, RATE, seed=1).head.weight)
    assert not torch.equal(classifier.head.weight, make_classifier(Watching(), 2, RATE, seed=2).head.weight)


def test_a_method_without_a_video_network_is_refused():
    with pytest.raises(ValueError, match="Greys has no video_network"):
        make_classifier(Greys(), 2, RATE, seed=1)


# --- how clips are shown and judged -------------------------------------------------------------------------------


class Judge:
    """Probabilities by the brightness of a clip's first frame: of 100, three tenths for label 0."""

    clip_frames, clip_fps = FRAMES, FPS
    config = SimpleNamespace(classes=2)

    def __init__(self, table):
        self.table, self.asked = table, []

    def probabilities(self, clip):
        self.asked.append(len(clip))
        first = [self.table[int(grey)] for grey in clip[:, 0, 0, 0, 0]]
        return torch.tensor([[p, 1 - p] for p in first])


class Listed:
    """Scenes with as many clips as they have greys."""

    def __init__(self, *greys):
        self.greys = greys

    def clip(self, index, start_s, n_frames, fps):
        return np.full((n_frames, 2, 2, 3), self.greys[index][round(start_s)], np.uint8)

    def clip_starts(self, index, n_frames, fps):
        return [float(clip) for clip in range(len(self.greys[index]))]


def test_a_scene_is_judged_by_the_mean_of_its_clips_probabilities():
    """One sure clip outweighs two that hesitate."""
    judge = Judge({10: 0.95, 20: 0.4, 30: 0.7})
    (predicted,) = recognise(judge, Listed((10, 20, 20), (20,), (30, 20), (20, 20, 30, 20)), range(4), CPU, (as_it_is,))
    assert predicted.tolist() == [0, 1, 0, 1]  # means .58, .4, .55, .48


def test_every_clip_is_shown_in_every_way_and_few_at_once():
    judge = Judge({10: 0.9, 20: 0.1})
    scenes = Listed(*(((10, 20) * 10,) * 3), (20,) * 7)
    found = recognise(judge, scenes, [3, 0, 1], CPU, (as_it_is, still))
    assert sum(judge.asked) == 2 * (7 + 20 + 20)
    assert max(judge.asked) <= AT_ONCE + 1
    assert [way.tolist()[0] for way in found] == [1, 1]


def test_reordered_clips_hold_the_same_frames_in_an_order_of_their_own():
    frames = np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1)
    orders = {tuple(reordered(seed)(frames, s, c).flatten()) for seed in (1, 2) for s in range(3) for c in range(3)}
    assert len(orders) == 18
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(8))}
    assert np.array_equal(reordered(1)(frames, 2, 1), reordered(1)(frames, 2, 1))


def test_a_still_clip_repeats_the_frame_in_the_middle():
    frames = np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1)
    assert still(frames, 0, 0).flatten().tolist() == [4] * 8
    assert as_it_is(frames, 0, 0) is frames


def test_the_monitor_takes_scenes_evenly_from_first_to_last(monkeypatch):
    assert ActionMonitor(Ramps("validation", 12), CPU).indices == list(range(12))
    monkeypatch.setattr(action, "MONITORED", 4)
    monitor = ActionMonitor(Ramps("validation", 10), CPU)
    assert monitor.indices == [0, 2, 5, 7]
    classifier = make_classifier(Watching(), 2, RATE, seed=1).eval()
    with torch.no_grad():
        classifier.head.weight.copy_(torch.tensor([[-1.0, 0, 0, 1], [1.0, 0, 0, -1]]))
        classifier.head.bias.zero_()
    assert monitor(classifier) == {"accuracy": 1.0}
