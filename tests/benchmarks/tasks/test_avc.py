"""The correspondence task on methods whose scores are known beforehand."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.datasets.miniature import MiniatureData, MiniatureDataModule
from benchmarks.tasks.avc import AVCConfig, ScoredPairs, measure
from benchmarks.training.pairs import partners
from tests.item_lines import item_lines
from tests.plain_config import fake_context

DATA = MiniatureData(train={"1": 12}, validation=9, test={"1": 40})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return MiniatureDataModule(DATA, tmp_path_factory.mktemp("cache"))


def number(text):
    """0 to 999, as good as random."""
    return zlib.crc32(text.encode()) % 1000


class Knowing:
    """Knows every scene by its image and by the middle second of its sound; ``judge`` makes a score of the two."""

    sample_rate = window = 11_025

    def __init__(self, data, judge):
        self.judge, self.asked = judge, []
        self.images, self.sounds, self.kinds = {}, {}, {}
        for scenes in (data.validation(1), data.test(1)):
            for scene in (scenes[i] for i in range(len(scenes))):
                self.images[scene.image.tobytes()] = scene.id
                self.sounds[scene.waveform[16_537 : 16_537 + 11_025].tobytes()] = scene.id
                self.kinds[scene.id] = scene.kinds

    def corresponds(self, image, waveform):
        assert not torch.is_grad_enabled()
        self.asked.append(len(image))
        seen = [self.images[i.permute(1, 2, 0).numpy().tobytes()] for i in image]
        heard = [self.sounds[w.numpy().tobytes()] for w in waveform]
        return torch.tensor([float(self.judge(self, i, w)) for i, w in zip(seen, heard, strict=True)])


def run(method, data, tmp_path, seed=1, **evaluation):
    """The task's result, its artifact's rows and the progress it reported."""
    rows, done = [], []

    def add_file(name, write):
        write(tmp_path / name)
        rows.extend(item_lines(tmp_path / name))

    context = fake_context(
        AVCConfig,
        evaluation,
        seed,
        data=data,
        device=torch.device("cpu"),
        trained=lambda: method,
        progress=lambda *entry: done.append(entry),
        add_file=add_file,
    )
    return measure(context), rows, done


def test_one_who_knows_the_scenes_is_always_right(data, tmp_path):
    result, rows, done = run(Knowing(data, lambda _, i, w: i == w), data, tmp_path)
    same = result.pop("same_kind")["pairs"]
    assert 0 < same < 40
    assert result.pop("other_kind") == {"pairs": 160 - same, "false_positive": 0.0}
    assert result == {
        "score": 1.0,
        "accuracy": 1.0,
        "auc": 1.0,
        "threshold": 0.5,
        "true_positive": 1.0,
        "false_positive": 0.0,
        "error": 0.0,
        "error_same_kind": 0.0,
        "items": 40,
        "pairs": 200,
        "chance": 0.5,
        "coverage": "40 of 40",
    }
    assert len(rows) == 200
    assert done[-1] == (49, 49)


def test_one_who_knows_the_kinds_only_errs_on_pairs_of_the_same_kind(data, tmp_path):
    """All of the error is made of "true false positives", and half of the share of such pairs."""
    knows_kinds = Knowing(data, lambda self, i, w: self.kinds[i] == self.kinds[w])
    result, rows, _ = run(knows_kinds, data, tmp_path)
    kinds = {data.test(1)[i].id: data.test(1)[i].kinds for i in range(40)}
    same = sum(row["item"] != row["partner"] and kinds[row["item"]] == kinds[row["partner"]] for row in rows)
    assert same > 0
    assert result["same_kind"] == {"pairs": same, "false_positive": 1.0}
    assert result["other_kind"] == {"pairs": 160 - same, "false_positive": 0.0}
    assert result["true_positive"] == 1.0
    assert result["false_positive"] == pytest.approx(same / 160)
    assert result["error"] == pytest.approx(same / 160 / 2)
    assert result["error_same_kind"] == pytest.approx(result["error"])
    assert result["auc"] == pytest.approx(1 - same / 160 / 2)


@pytest.mark.parametrize("which", [0, 1])
def test_image_or_sound_alone_is_at_chance_whatever_it_says(data, tmp_path, which):
    one = Knowing(data, lambda _, *pair: number(pair[which]))
    result, _, _ = run(one, data, tmp_path)
    assert result["auc"] == 0.5
    assert result["accuracy"] == pytest.approx(0.5)


def test_the_threshold_is_of_validation_scenes(data, tmp_path):
    """Test scenes score 10 higher throughout: at the validation scenes' threshold all test pairs seem to match."""
    higher = Knowing(data, lambda _, i, w: (i == w) + 10 * ("test" in i))
    result, _, _ = run(higher, data, tmp_path)
    assert (result["threshold"], result["auc"]) == (0.5, 1.0)
    assert (result["true_positive"], result["false_positive"], result["accuracy"]) == (1.0, 1.0, 0.5)


def test_the_items_give_the_scores_and_no_scene_is_its_own_negative(data, tmp_path):
    kinds = {data.test(1)[i].id: data.test(1)[i].kinds for i in range(40)}
    noisy = Knowing(data, lambda _, i, w: 2 * (i == w) + number(i + w) / 400)
    result, rows, _ = run(noisy, data, tmp_path, negatives=3)
    assert set(rows[0]) == {"item", "partner", "matched", "same_kind", "score", "right", "excluded"}
    assert len(rows) == result["pairs"] == 160
    assert all((row["matched"] == "1") == (row["item"] == row["partner"]) for row in rows)
    assert all((row["same_kind"] == "1") == (kinds[row["item"]] == kinds[row["partner"]]) for row in rows)
    assert len({(row["item"], row["partner"]) for row in rows}) == 160
    decided = np.array([float(row["score"]) >= result["threshold"] for row in rows])
    matched, right, same = (np.array([row[c] == "1" for row in rows]) for c in ("matched", "right", "same_kind"))
    assert (right == (decided == matched)).all()
    assert result["score"] == result["accuracy"] == pytest.approx((right[matched].mean() + right[~matched].mean()) / 2)
    assert result["false_positive"] == pytest.approx(decided[~matched].mean())
    assert result["same_kind"]["false_positive"] == pytest.approx(decided[~matched & same].mean())
    assert result["error"] == pytest.approx(1 - result["accuracy"])
    assert result["error_same_kind"] == pytest.approx((decided & ~matched & same).sum() / (~matched).sum() / 2)


def test_a_pure_function_of_the_seed_whatever_the_batch(data, tmp_path):
    noisy = Knowing(data, lambda _, i, w: number(i + w))
    first = run(noisy, data, tmp_path, seed=3)[:2]
    assert max(noisy.asked) == 40
    noisy.asked = []
    assert run(noisy, data, tmp_path, seed=3, batch=7)[:2] == first
    assert max(noisy.asked) == 7
    assert run(noisy, data, tmp_path, seed=4)[0] != first[0]


def test_a_method_that_watches_is_given_the_clip_of_the_middle_window(data, tmp_path):
    class Watching:
        sample_rate, window = 11_025, 11_025
        clip_frames, clip_fps = 3, 4.0
        clips = ()

        def corresponds(self, image, waveform):
            self.clips = image
            return torch.zeros(len(image))

    method = Watching()
    result, _, _ = run(method, data, tmp_path, batch=1)
    last = data.test(1).clip(39, 16_537 / 11_025, 3, 4.0)
    assert torch.equal(method.clips, torch.from_numpy(last).permute(0, 3, 1, 2)[None])
    assert (result["auc"], result["accuracy"]) == (0.5, 0.5)


def test_without_pairs_of_one_kind_or_without_kinds():
    different = ScoredPairs(["a", "b"], [(1,), (2,)], np.array([[0, 1], [1, 0]]), np.array([[2.0, 0], [2, 2]]))
    result = different.result(1.0)
    assert result["same_kind"] == {"pairs": 0, "false_positive": None}
    assert result["other_kind"] == {"pairs": 2, "false_positive": 0.5}
    assert (result["error"], result["error_same_kind"]) == (0.25, 0.0)
    unknown = replace(different, kinds=[(1,), ()])
    result = unknown.result(1.0)
    assert result["same_kind"] == result["other_kind"] == {"pairs": 0, "false_positive": None}
    assert (result["error"], result["error_same_kind"]) == (0.25, None)
    table = unknown.items(1.0).rows
    assert [row[:4] for row in table if row[2] == "score"] == [
        ("a", "matched=1, same_kind=; partner=a", "score", 2.0),
        ("a", "matched=0, same_kind=; partner=b", "score", 0.0),
        ("b", "matched=1, same_kind=; partner=b", "score", 2.0),
        ("b", "matched=0, same_kind=; partner=a", "score", 2.0),
    ]
    assert [row[3] for row in table if row[2] == "right"] == [1, 1, 1, 0]


@pytest.mark.parametrize(("n", "negatives"), [(2, 1), (5, 4), (30, 4)])
def test_partners_are_derangements(n, negatives):
    table = partners(n, negatives, 1, "test")
    assert (table[:, 0] == np.arange(n)).all()
    assert all(len(set(row)) == 1 + negatives for row in table.tolist())
    assert all(sorted(column) == list(range(n)) for column in table.T.tolist())


def test_every_other_scene_is_equally_likely_to_be_a_partner():
    drawn = np.array([partners(5, 1, seed, "test")[2, 1] for seed in range(2000)])
    counts = np.bincount(drawn, minlength=5)
    assert counts[2] == 0
    assert (abs(counts[[0, 1, 3, 4]] - 500) < 100).all()  # five standard deviations


def test_what_cannot_be_measured_is_refused(data, tmp_path):
    method = Knowing(data, lambda _, i, w: float("nan"))
    with pytest.raises(ValueError, match="scores hold NaN"):
        run(method, data, tmp_path)
    with pytest.raises(ValueError, match="9 scenes are too few to pair each with 9 others; take more scenes"):
        run(method, data, tmp_path, negatives=9)
    method.sample_rate = 48_000
    with pytest.raises(ValueError, match=r"wants sounds of 48000 Hz, the validation set has 11025"):
        run(method, data, tmp_path)
