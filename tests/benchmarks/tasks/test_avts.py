"""The synchronisation task on methods whose scores are known beforehand, and on one that watches and listens."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks.datasets.miniature import Miniature, MiniatureConfig
from benchmarks.datasets.scene import Coverage, Scene
from benchmarks.metrics.correspondence import roc_auc
from benchmarks.tasks.avts import SETS, SynchronisationConfig, draw, items_of, measure, score, together
from benchmarks.training.pairs import draw_moments
from benchmarks.training.seeding import integers
from tests.item_lines import item_lines
from tests.plain_config import fake_context

CPU = torch.device("cpu")
RATE, SAMPLES, WINDOW = 100, 400, 100  # scenes of four windows


class Marked:
    """Scenes in which every sample of the sound, and every frame, tells its scene and its moment."""

    sample_rate = RATE

    def __init__(self, split, n, samples=SAMPLES):
        self.split, self.n, self.samples = split, n, samples
        self.coverage = Coverage(found=n)

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        sound = (index * self.samples + np.arange(self.samples) - 32768).astype(np.int16)
        image = np.zeros((1, 1, 3), np.uint8)
        return Scene(id=f"{self.split}{index}", waveform=sound, n_sources=1, image=image)

    def clip(self, index, start_s, n_frames, fps):
        moments = np.rint((start_s + np.arange(n_frames) / fps) * RATE).astype(int)
        assert moments[-1] < self.samples
        return np.array([[[(*divmod(index * self.samples + m, 256), 0)]] for m in moments], np.uint8)


class Reading:
    """Reads those marks; ``judge`` makes a score of the frames' scene and moments (F,), the sound's scene and start."""

    sample_rate, window = RATE, WINDOW
    clip_frames, clip_fps = 5, 5.0

    def __init__(self, judge):
        self.judge, self.asked = judge, []

    def synchronised(self, clip, waveform):
        assert not torch.is_grad_enabled()
        self.asked.append(len(clip))
        frames = clip[:, :, 0, 0, 0].long() * 256 + clip[:, :, 1, 0, 0].long()
        scores = []
        for marks, first in zip(frames.numpy(), (waveform[:, 0].long() + 32768).tolist(), strict=True):
            assert len(set(marks // SAMPLES)) == 1
            scores.append(float(self.judge(marks[0] // SAMPLES, marks % SAMPLES, *divmod(first, SAMPLES))))
        return torch.tensor(scores)


def in_sync(seen, moments, heard, start):
    return seen == heard and (moments == start + 20 * np.arange(5)).all()


def same_scene(seen, moments, heard, start):
    return seen == heard


def same_frames(seen, moments, heard, start):
    """As :func:`in_sync`, whatever their order."""
    return in_sync(seen, np.sort(moments), heard, start)


def run(method, tmp_path, seed=1, validation=8, test=20, samples=SAMPLES, **evaluation):
    """The task's result, its artifact's rows and the progress it reported."""
    lines, done = [], []

    def add_file(name, write):
        write(tmp_path / name)
        lines.extend(item_lines(tmp_path / name))

    context = fake_context(
        SynchronisationConfig,
        evaluation,
        seed,
        data=SimpleNamespace(
            validation=lambda n: Marked("validation", validation, samples), test=lambda n: Marked("test", test, samples)
        ),
        device=CPU,
        trained=lambda: method,
        progress=lambda *entry: done.append(entry),
        add_file=add_file,
    )
    return measure(context), lines, done


def test_one_who_knows_the_moments_is_always_right_but_of_shuffled_frames(tmp_path):
    result, lines, done = run(Reading(in_sync), tmp_path)
    assert set(result) == {"score", "accuracy", "threshold", "sets", "items", "chance", "coverage"}
    assert list(result["sets"]) == ["mixed", "easy", "hard", "super-hard", "hard-shuffled", "hard-reordered"]
    for name in ("mixed", "easy", "hard", "super-hard"):
        assert result["sets"][name] == {"accuracy": 1.0, "auc": 1.0, "pairs": 80}
    for name in ("hard-shuffled", "hard-reordered"):  # of 5 frames, one order in 120 is their own
        assert result["sets"][name] == {
            "accuracy": pytest.approx(0.5, abs=0.03),
            "auc": pytest.approx(0.5, abs=0.03),
            "pairs": 80,
        }
    assert (result["score"], result["accuracy"], result["threshold"]) == (1.0, 1.0, 0.5)
    assert (result["items"], result["chance"], result["coverage"]) == (40, 0.5, "20 of 20")
    assert len(lines) == 6 * 80
    assert done[-1] == (32 + 40, 32 + 40)


def test_reordered_clips_hold_their_own_frames_and_shuffled_ones_do_not(tmp_path):
    sets = run(Reading(same_frames), tmp_path)[0]["sets"]
    assert sets["hard-reordered"]["auc"] == sets["hard-reordered"]["accuracy"] == 1.0
    assert sets["hard-shuffled"]["auc"] == sets["hard-shuffled"]["accuracy"] == 0.5


def test_one_who_knows_the_scenes_alone_is_right_of_easy_negatives_alone(tmp_path):
    result, _, _ = run(Reading(same_scene), tmp_path)
    assert result["sets"]["easy"]["accuracy"] == 1.0
    for name in ("hard", "super-hard", "hard-shuffled", "hard-reordered"):
        assert result["sets"][name]["accuracy"] == result["sets"][name]["auc"] == 0.5
    # Of the mixed set three quarters are easy negatives; a quarter is mistaken.
    assert result["score"] == pytest.approx((1 + 0.75) / 2)
    assert result["sets"]["mixed"]["auc"] == pytest.approx(0.75 + 0.25 / 2)


def test_the_threshold_is_of_the_mixed_validation_scenes(tmp_path):
    """Hard negatives score as high as own sounds, easy ones half as high as that: the threshold lies between."""
    result, _, _ = run(Reading(lambda seen, _, heard, __: 10 if seen == heard else 5), tmp_path)
    assert result["threshold"] == 7.5
    asked = []

    def higher_in_the_test(seen, moments, heard, start):
        asked.append(1)
        return in_sync(seen, moments, heard, start) + 10 * (len(asked) > 2 * 4 * 8)  # after the validation pairs

    result, _, _ = run(Reading(higher_in_the_test), tmp_path)
    assert (result["threshold"], result["sets"]["hard"]["auc"], result["score"]) == (0.5, 1.0, 0.5)


def test_the_items_give_the_scores(tmp_path):
    def noisy(seen, moments, heard, start):
        return in_sync(seen, moments, heard, start) + integers(1, 100, start, "noise", int(moments.sum()))[0] / 60

    result, lines, _ = run(Reading(noisy), tmp_path)
    assert set(lines[0]) == {"item", "start", "set", "matched", "other", "score", "right", "excluded"}
    for name, scored in result["sets"].items():
        own = [line for line in lines if line["set"] == name and line["matched"] == "1"]
        wrong = [line for line in lines if line["set"] == name and line["matched"] == "0"]
        assert [(o["item"], o["start"]) for o in own] == [(w["item"], w["start"]) for w in wrong]
        assert all(o["other"] == "" for o in own)
        for line in own + wrong:
            decided = float(line["score"]) >= result["threshold"]
            assert line["right"] == str(int(decided == (line["matched"] == "1")))
        told = [np.mean([line["right"] == "1" for line in some]) for some in (own, wrong)]
        assert scored["accuracy"] == pytest.approx(np.mean(told))
        assert scored["pairs"] == len(own) + len(wrong)
        scores = np.array([float(line["score"]) for line in own + wrong])
        assert scored["auc"] == pytest.approx(roc_auc(scores, np.arange(len(scores)) < len(own)))
    others = {
        name: [line["other"].split("@") for line in lines if line["set"] == name and line["other"]] for name in SETS
    }
    items = [line["item"] for line in lines if line["set"] == "mixed" and line["other"]]
    elsewhere = [scene != item for item, (scene, _) in zip(items, others["mixed"], strict=True)]
    assert sum(elsewhere) == 30  # three quarters of 40
    for item, mixed, easy, hard, far in zip(
        items, others["mixed"], others["easy"], others["hard"], elsewhere, strict=True
    ):
        assert mixed == (easy if far else hard)
        assert easy[0] != item
        assert hard[0] == item


def test_a_pure_function_of_the_seed_whatever_the_batch(tmp_path):
    def noisy(seen, moments, heard, start):
        return integers(1, 1000, start, "noise", int(heard), int(moments @ [1, 2, 4, 8, 16]))[0]

    method = Reading(noisy)
    first = run(method, tmp_path, seed=3)[:2]
    assert max(method.asked) == 40
    method.asked = []
    assert run(method, tmp_path, seed=3, batch=7)[:2] == first
    assert max(method.asked) == 7
    assert run(method, tmp_path, seed=4)[0] != first[0]


def test_negatives_are_what_they_are_called():
    drawn = draw(Reading(None), Marked("test", 30), 5, 0.25, seed=1)
    own = np.array(drawn.own)
    easy, hard, near = (np.array(drawn.wrong[name]) for name in ("easy", "hard", "super-hard"))
    assert own[:, 0].tolist() == np.repeat(range(30), 5).tolist()
    for places in (own, easy, hard, near):
        assert places[:, 1].min() >= 0
        assert places[:, 1].max() <= SAMPLES - WINDOW
    assert (easy[:, 0] != own[:, 0]).all()
    assert sorted(map(tuple, easy)) == sorted(map(tuple, own)), "each window is as often a wrong sound as a right one"
    assert (hard[:, 0] == own[:, 0]).all()
    assert (abs(hard - own)[:, 1] >= WINDOW).all()
    assert (near[:, 0] == own[:, 0]).all()
    apart = abs(near - own)[:, 1]
    assert (apart.min() >= 25) & (apart.max() < WINDOW)
    assert {len(set(order)) for order in drawn.order} == {5}
    frames = np.array(drawn.frames)
    assert frames.shape == (150, 5)
    assert np.histogram(frames, 4, (0, SAMPLES))[0] == pytest.approx(750 / 4, abs=60)  # of the whole scene


def test_what_is_drawn_of_a_scene_depends_on_no_other():
    few, many = (draw(Reading(None), Marked("test", n), 2, 0.125, seed=1) for n in (5, 9))
    assert many.own[:10] == few.own
    assert (many.frames[:10], many.order[:10]) == (few.frames, few.order)
    for name in ("hard", "super-hard"):
        assert many.wrong[name][:10] == few.wrong[name]
    more = draw(Reading(None), Marked("test", 5), 3, 0.125, seed=1)
    assert more.own[::3] == few.own[::2]
    other = draw(Reading(None), Marked("validation", 5), 2, 0.125, seed=1)
    assert other.own != few.own
    assert draw(Reading(None), Marked("test", 5), 2, 0.125, seed=2).own != few.own


def test_the_place_of_a_sound_in_its_scene_does_not_give_it_away():
    """Hard negatives crowd at the scene's ends: without a coin's toss the middle one would be right in 60 %."""
    drawn = draw_moments(Reading(None), Marked("test", 80), 80, 30, 1, "place")
    for name in ("easy", "hard"):
        own, wrong = (np.array([getattr(moment, which)[1] for moment in drawn]) for which in ("own", name))
        towards_the_middle = -abs(np.concatenate([own, wrong]) - (SAMPLES - WINDOW) / 2)
        assert roc_auc(towards_the_middle, np.arange(4800) < 2400) == pytest.approx(0.5, abs=0.03)


def test_a_clip_longer_than_the_sound_stays_within_its_scene(tmp_path):
    method = Reading(lambda seen, moments, heard, start: seen == heard and moments[0] == start)
    method.clip_frames = 8  # 1.4 s and a frame, of 4 s; the scenes check that no frame leaves them
    result, lines, _ = run(method, tmp_path)
    assert result["score"] == 1.0
    assert max(int(line["start"]) for line in lines) <= SAMPLES - 141


class Correlating:
    """Watches and listens: how closely do the pixels that move most follow the loudness (48 ms around each frame)?"""

    sample_rate = window = 11_025
    clip_frames, clip_fps = 8, 8.0

    def synchronised(self, clip, waveform):
        moving = F.avg_pool2d(clip.flatten(0, 1).float(), 4).unflatten(0, clip.shape[:2]).flatten(2)
        moving = moving - moving.mean(1, keepdim=True)  # (B, F, pixels)
        around = F.pad(waveform.float(), (262, 262)).square().unfold(1, 524, 1)
        at = (torch.arange(self.clip_frames) / self.clip_fps * self.sample_rate).long()
        loudness = around[:, at].mean(2).sqrt()
        loudness = loudness - loudness.mean(1, keepdim=True)  # (B, F)
        together = (loudness.unsqueeze(2) * moving).sum(1) / (loudness.norm(dim=1, keepdim=True) + 1)
        return (together / (moving.norm(dim=1) + 30)).abs().topk(20, dim=1).values.mean(1)  # 30: the camera's noise


def test_movement_tells_hard_negatives_and_nothing_else_does(tmp_path):
    """On real scenes: movement solves hard negatives, without their order frames tell less, shuffled ones nothing."""
    scenes = Miniature(MiniatureConfig(), "test", 1, 60, cache=tmp_path)
    method = Correlating()
    drawn = draw(method, scenes, 2, 0.125, seed=1)
    scores = score(method, drawn, ("easy", "hard", "hard-shuffled", "hard-reordered"), 64, CPU, lambda done: None)
    auc = {name: roc_auc(*together(pairs)) for name, pairs in scores.items()}
    assert min(auc["easy"], auc["hard"]) > 0.9
    assert auc["hard-shuffled"] == pytest.approx(0.5, abs=0.1)  # about three standard deviations
    assert auc["hard-reordered"] < 0.65


def test_without_their_order_frames_still_tell_loud_from_quiet():
    """Scenes that are loud and bright, or quiet and dark, for a second at a time."""

    class Glowing(Marked):
        def level(self, index):
            return np.repeat(integers(4, 200, index, "level"), WINDOW)

        def __getitem__(self, index):
            scene = super().__getitem__(index)
            return Scene(id=scene.id, waveform=self.level(index).astype(np.int16), n_sources=1, image=scene.image)

        def clip(self, index, start_s, n_frames, fps):
            moments = np.rint((start_s + np.arange(n_frames) / fps) * RATE).astype(int)
            return np.tile(self.level(index)[moments, None, None, None], 3).astype(np.uint8)

    class Comparing(Reading):
        """Brightness and loudness of the whole second (``whole``), or frame by frame."""

        def __init__(self, whole):
            self.whole = whole

        def synchronised(self, clip, waveform):
            bright, loud = clip.float().mean((2, 3, 4)), waveform[:, ::20].float()
            return -(bright.mean(1) - loud.mean(1)).abs() if self.whole else -(bright - loud).abs().sum(1)

    scenes = Glowing("test", 150)
    sets = ("hard", "hard-reordered", "hard-shuffled")
    drawn = draw(Reading(None), scenes, 2, 0.125, seed=1)
    auc = [
        {name: roc_auc(*together(pairs)) for name, pairs in score(m, drawn, sets, 64, CPU, lambda done: None).items()}
        for m in (Comparing(whole=True), Comparing(whole=False))
    ]
    assert min(a["hard"] for a in auc) > 0.98
    assert min(a["hard-reordered"] for a in auc) > 0.75
    assert auc[1]["hard-reordered"] < auc[1]["hard"]
    assert [a["hard-shuffled"] for a in auc] == pytest.approx([0.5, 0.5], abs=0.08)


def test_rows_name_the_wrong_sound():
    drawn = draw(Reading(None), Marked("test", 3), 1, 0.125, seed=1)
    pairs = {"easy": (np.array([3.0, 1.0, 3.0]), np.array([0.0, 2.0, 0.0]))}
    lines = items_of(drawn, pairs, 2.0).rows
    (scene, start), (there, sample) = drawn.own[1], drawn.wrong["easy"][1]
    own, wrong = (f"set=easy, matched={n}; start={start}, other=" for n in (1, 0))
    assert lines[4:8] == [
        (f"test{scene}", own, "score", 1.0, ""),
        (f"test{scene}", own, "right", 0.0, ""),
        (f"test{scene}", f"{wrong}test{there}@{sample}", "score", 2.0, ""),
        (f"test{scene}", f"{wrong}test{there}@{sample}", "right", 0.0, ""),
    ]


def test_what_cannot_be_measured_is_refused(tmp_path):
    with pytest.raises(ValueError, match="scores hold NaN"):
        run(Reading(lambda *_: float("nan")), tmp_path)
    with pytest.raises(
        ValueError, match=r"scene validation0 has 298 samples .* three windows of 100; take longer scenes"
    ):
        run(Reading(in_sync), tmp_path, samples=298)
    assert run(Reading(lambda *_: 0), tmp_path, samples=400)[0]["score"] == 0.5
    with pytest.raises(ValueError, match="1 scenes are too few to pair each with 1 others"):
        run(Reading(in_sync), tmp_path, test=1)
    slow = Reading(in_sync)
    slow.sample_rate = 50
    with pytest.raises(ValueError, match="wants sounds of 50 Hz, the validation set has 100"):
        run(slow, tmp_path)


def test_scenes_without_video_are_refused(tmp_path, monkeypatch):
    monkeypatch.delattr(Marked, "clip")
    with pytest.raises(ValueError, match="watches clips, and these scenes have still images only"):
        run(Reading(in_sync), tmp_path)
