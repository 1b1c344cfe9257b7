"""What is measured along the way of pre-training: by methods whose scores are known beforehand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.datasets.miniature import MiniatureData, MiniatureDataModule
from benchmarks.metrics.retrieval import pair_accuracy
from benchmarks.training.batching import collate
from benchmarks.training.pairs import spread
from benchmarks.training.validation import AlignmentMonitor, CorrespondenceMonitor, SynchronyMonitor, make_monitor
from cavl.curriculum import Stage

CPU = torch.device("cpu")
STAGE = Stage(curricula=(1,), updates=1, lr=1.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return MiniatureDataModule(MiniatureData(train={"1": 12}, validation=6), tmp_path_factory.mktemp("cache"))


class Deaf:
    """Has the attributes of every method, and no ability."""

    sample_rate, window = 11_025, 5_512


class Corresponding(Deaf):
    """Scores in the order in which it is asked, and what it was asked about."""

    def __init__(self, *scores):
        self.scores, self.asked = list(scores), []

    def corresponds(self, image, waveform):
        assert not torch.is_grad_enabled()
        self.asked.append((image, waveform))
        return torch.as_tensor(self.scores[(len(self.asked) - 1) % len(self.scores)]).expand(len(image))


class Synchronising(Deaf):
    clip_frames, clip_fps = 3, 10.0

    def __init__(self, *scores):
        self.scores, self.asked = list(scores), []

    def synchronised(self, clip, waveform):
        assert not torch.is_grad_enabled()
        self.asked.append((clip, waveform))
        return torch.as_tensor(self.scores[(len(self.asked) - 1) % len(self.scores)]).expand(len(clip))


def make(method, data, seed=1):
    return make_monitor(method, data, STAGE, seed, CPU)


def test_nothing_is_measured_of_a_method_without_these_abilities(data):
    assert make(Deaf(), data) is None


def test_correspondence_is_measured_on_the_same_pairs_every_time(data):
    method = Corresponding(1.0, 0.0)
    monitor = make(method, data)
    assert monitor(method) == {"avc_auc": 1.0}
    assert monitor(Corresponding(0.0, 1.0)) == {"avc_auc": 0.0}
    assert monitor(Corresponding(2.0)) == {"avc_auc": 0.5}
    monitor(method)
    (image, own), (same, others), (again, _), _ = method.asked
    assert image is same is again
    scenes = [data.validation(1)[i] for i in range(6)]
    middle = np.stack([scene.waveform[19_294 : 19_294 + 5_512] for scene in scenes])  # of 44,100 samples
    assert image.shape == (6, 3, 64, 64)
    assert own.dtype == torch.int16
    assert (own.numpy() == middle).all()
    assert (image[4].permute(1, 2, 0).numpy() == scenes[4].image).all()
    assert (others.numpy() != middle).any(1).all(), "no scene is its own negative"
    assert sorted(map(bytes, others.numpy())) == sorted(map(bytes, middle))


def test_a_method_that_watches_corresponds_by_clips(data):
    class Watching(Corresponding):
        clip_frames, clip_fps = 2, 4.0

    method = Watching(0.0)
    make(method, data)(method)
    clip = data.validation(1).clip(3, 19_294 / 11_025, 2, 4.0)
    assert (method.asked[0][0][3].permute(0, 2, 3, 1).numpy() == clip).all()


def test_synchronisation_is_measured_on_clips_that_are_drawn_once(data, monkeypatch):
    scenes, drawn = data.validation(1), []
    monkeypatch.setattr(scenes, "clip", lambda *a, clip=scenes.clip: drawn.append(a) or clip(*a))
    method = Synchronising(1.0, 0.0, 1.0)
    monitor = make(method, data)
    assert monitor(method) == {"avts_auc_easy": 1.0, "avts_auc_hard": 0.5}
    assert monitor(Synchronising(1.0, 2.0, 0.0)) == {"avts_auc_easy": 0.0, "avts_auc_hard": 1.0}
    assert [index for index, *_ in drawn] == list(range(6))
    (clip, own), (same, easy), (again, hard) = method.asked
    assert clip is same is again
    assert clip.shape == (6, 3, 3, 64, 64)
    for index, start_s, *_ in drawn:
        start = round(start_s * 11_025)
        sound = scenes[index].waveform
        assert (own[index].numpy() == sound[start : start + 5_512]).all()
        there = find(hard[index].numpy(), sound)
        assert abs(there - start) >= 5_512
        elsewhere = {other for other in range(6) if find(easy[index].numpy(), scenes[other].waveform) is not None}
        assert elsewhere
        assert index not in elsewhere


def find(part, whole):
    """Where in ``whole`` the samples ``part`` stand; None if they do not."""
    windows = np.lib.stride_tricks.sliding_window_view(whole, 64)
    likely = np.flatnonzero((windows == part[:64]).all(1))
    return next((int(at) for at in likely if np.array_equal(whole[at : at + len(part)], part)), None)


def test_pairs_are_a_function_of_the_seed(data):
    def sounds(kind, seed):
        method = kind(0.0)
        make(method, data, seed)(method)
        return torch.stack([sound for _, sound in method.asked])

    for kind in (Corresponding, Synchronising):
        assert torch.equal(sounds(kind, 1), sounds(kind, 1))
        assert not torch.equal(sounds(kind, 1), sounds(kind, 2))


def test_a_method_is_measured_by_all_its_abilities(data):
    class Everything(Synchronising):
        def corresponds(self, image, waveform):
            return torch.zeros(len(image))

        def scene_distances(self, image, waveform, n):
            assert n.tolist() == [1] * 6
            return waveform[:, :1].double().expand(-1, len(image))

        def localize(self, image, waveform, n, n_objects=None):
            heat = torch.zeros(len(image), 1, *image.shape[-2:])
            heat[..., 0, 0] = 1.0
            return heat

    method = Everything(0.0)
    measured = make(method, data)(method)
    aligned = ["pair_accuracy", "r_at_1", "train_pair_accuracy", "pointing"]
    assert list(measured) == [*aligned, "avc_auc", "avts_auc_easy", "avts_auc_hard"]
    assert measured["pair_accuracy"] == measured["avc_auc"] == measured["avts_auc_hard"] == 0.5
    alone = AlignmentMonitor(data, STAGE, 1, CPU)
    assert {name: measured[name] for name in aligned} == alone(method)
    batch = collate(alone.scenes, method.window)
    distances = method.scene_distances(batch.image, batch.waveform, batch.n_sources).numpy()
    assert pair_accuracy(distances, alone.negatives) == measured["pair_accuracy"]


def test_training_pairs_are_scenes_that_were_trained_on_as_many_as_are_held_out(data):
    """A method that has learned the first half of the training scenes by heart, and gets all others wrong."""
    learned = [data.train(1)[i] for i in range(12)][:6]
    images = {scene.image.tobytes(): scene.id for scene in learned}
    sounds = {scene.waveform[19_294 : 19_294 + 5_512].tobytes(): scene.id for scene in learned}

    class ByHeart(Deaf):
        def scene_distances(self, image, waveform, n):
            seen = [images.get(i.permute(1, 2, 0).numpy().tobytes()) for i in image]
            heard = [sounds.get(w.numpy().tobytes()) for w in waveform]
            known = torch.tensor([[a is not None and a == v for v in seen] for a in heard])
            own = torch.eye(len(image), dtype=torch.bool)
            return 1.0 - known.double() + own * ~known  # a scene that is not known is farthest from its own image

    data = SimpleNamespace(train=data.train, validation=data.validation, has_objects=False)
    measured = make(ByHeart(), data)(ByHeart())
    taken = [i * 12 // 6 for i in range(6)]  # six are held out: every other training scene
    assert measured == {"pair_accuracy": 0.0, "r_at_1": 0.0, "train_pair_accuracy": sum(i < 6 for i in taken) / 6}


def test_at_most_64_scenes_correspond_and_48_are_in_sync(tmp_path):
    scenes = MiniatureDataModule(MiniatureData(validation=70), tmp_path).validation(1)
    data = SimpleNamespace(validation=lambda n: scenes)
    assert len(CorrespondenceMonitor(Corresponding(0.0), data, 1, CPU).images) == 64
    assert len(SynchronyMonitor(Synchronising(0.0), data, 1, CPU).clips) == 48


def test_scenes_too_few_or_too_short_are_refused(data):
    few = SimpleNamespace(validation=lambda n: [data.validation(1)[0]])
    with pytest.raises(ValueError, match="1 scenes are too few to pair each with 1 others"):
        make(Corresponding(0.0), few)
    method = Synchronising(0.0)
    method.window = 14_701
    with pytest.raises(ValueError, match=r"hard negatives need three windows of 14701; take longer scenes"):
        make(method, data)
    method.window, method.clip_frames = 1_000, 60  # a clip of 5.9 s in a scene of 4 s
    with pytest.raises(ValueError, match=r"has 0 samples in which sounds with their clips may lie"):
        make(method, data)


@pytest.mark.parametrize(
    ("size", "most", "taken"), [(10, 3, [0, 3, 6]), (3, 3, [0, 1, 2]), (2, 5, [0, 1]), (129, 2, [0, 64])]
)
def test_measured_scenes_lie_evenly_over_the_set(size, most, taken):
    assert spread(range(size), most) == taken
