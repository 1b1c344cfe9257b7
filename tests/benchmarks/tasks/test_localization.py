"""The localization task on methods whose scores are known beforehand: an oracle, and one that is always wrong."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.datasets.miniature import SECOND, MiniatureData, MiniatureDataModule
from benchmarks.tasks.asking import Asking
from benchmarks.tasks.localization import Localization, LocalizationConfig, foreign_sounds, measure, other_sounds
from benchmarks.training.validation import points_at
from tests.item_lines import item_lines
from tests.plain_config import fake_context

DATA = MiniatureData(train={"1": 12}, validation=2, test={"1": 14, "2": 6, "3": 6}, probe_folds=3, probe_clips=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return MiniatureDataModule(DATA, tmp_path_factory.mktemp("cache"))


class Oracle:
    """Knows where every sound of the test sets belongs, by the sound's own samples."""

    window = 44_100  # the whole scene
    sample_rate = 11_025

    def __init__(self, data):
        self.places = {}
        for n in (1, 2, 3):
            for scene in (data.test(n)[i] for i in range(len(data.test(n)))):
                self.places[scene.waveform.tobytes()] = [scene.objects == j + 1 for j in range(n)]
                for j, stem in enumerate(scene.stems):
                    self.places[stem.tobytes()] = [scene.objects == j + 1]

    def localize(self, image, waveform, n, n_objects=None):
        nowhere = [np.zeros(image.shape[-2:], dtype=bool)] * n  # of silence
        places = [self.places.get(w.numpy().tobytes(), nowhere)[:n] for w in waveform]
        return torch.from_numpy(np.stack(places)).float()


class Blind(Oracle):
    """Points where the object is not."""

    def localize(self, image, waveform, n, n_objects=None):
        return 1 - super().localize(image, waveform, n, n_objects)


def run(method, data, tmp_path):
    """The task's result and the artifacts it kept."""
    files = {}

    def add_file(name, write):
        write(tmp_path / name)
        files[name] = tmp_path / name

    context = fake_context(
        LocalizationConfig,
        {"most_sources": 3, "batch": 4, "examples": 3},
        data=data,
        device=torch.device("cpu"),
        trained=lambda: method,
        progress=lambda done, total: None,
        add_file=add_file,
    )
    return measure(context), files


def test_an_oracle_scores_one_everywhere_and_another_sound_moves_its_heatmap(data, tmp_path):
    result, files = run(Oracle(data), data, tmp_path)
    for rule in ("threshold=0.5", "max_fraction=0.1", "max_fraction=0.5"):
        assert result["single"]["aligned"][rule] == {"ciou@0.5": 1.0, "auc": 1.0, "mean_ciou": 1.0, "degenerate": 0.0}
    assert (
        result["single"]["aligned"]["top_half"]["ciou@0.5"] == 0.0
    )  # objects are small: half of the image is too much
    assert result["score"] == 1.0
    assert result["single"]["other-audio"]["threshold=0.5"]["mean_ciou"] < 0.5
    assert result["single"]["silence"]["threshold=0.5"]["mean_ciou"] == 0.0
    for n in ("2", "3"):
        scores = result["multi"][n]
        assert scores["matched_iou"] == 1.0
        assert scores["pointing"] == 1.0
        assert scores["pointing_other"] < 0.7
        assert scores["silent_area"] in (0.0, pytest.approx(float("nan"), nan_ok=True))
    assert result["items"] == {"single": 14, "multi": {"2": 6, "3": 6}}
    lines = item_lines(files["items.csv"])
    assert sum("ciou" in line for line in lines) == 14 * 3 * 6  # scenes, rows (aligned, other-audio, silence), rules
    points = [line for line in lines if "hit" in line]
    assert len(points) == 6 * 2 + 6 * 3
    assert all("hit_other" in line for line in points)
    with np.load(files["examples.npz"]) as examples:
        assert examples["images"].shape == (3, 64, 64, 3)
        assert examples["heatmaps"].dtype == np.float16
        assert examples["labels"].tolist() == [str(data.test(1)[i].kinds[0]) for i in range(3)]


def test_source_maps_of_scenes_are_kept_in_the_order_of_their_sources(data, tmp_path):
    class Shuffled(Oracle):
        """Knows every source, and gives them in the wrong order."""

        def localize(self, image, waveform, n, n_objects=None):
            return super().localize(image, waveform, n).roll(1, dims=1)

    _, files = run(Shuffled(data), data, tmp_path)
    with np.load(files["sources.npz"]) as sources:
        for n in (1, 2, 3):
            scenes = data.test(n)
            shown = [scenes[i * len(scenes) // 4] for i in range(4)]
            assert (sources[f"images_{n}"] == np.stack([scene.image for scene in shown])).all()
            assert (sources[f"boxes_{n}"] == np.stack([scene.boxes for scene in shown])).all()
            truth = [[scene.objects == k + 1 for k in range(n)] for scene in shown]
            assert (sources[f"heatmaps_{n}"] == np.array(truth)).all()
            names = [[scenes.kind_names[kind] for kind in scene.kinds] for scene in shown]
            assert sources[f"kinds_{n}"].tolist() == names
    with Image.open(files["sources.png"]) as sheet:
        assert sheet.width > 6 * 160  # a column for each of two scenes


def test_a_method_that_is_always_wrong_scores_zero(data, tmp_path):
    result, _ = run(Blind(data), data, tmp_path)
    assert result["score"] == 0.0
    assert result["pointing"] == 0.0


def test_masks_are_not_binarised_and_point_at_a_random_point_of_their_area(data, tmp_path):
    class Half(Oracle):
        """Each object's own mask and, beside it, as many pixels of nothing."""

        heatmaps_are_masks = True

        def localize(self, image, waveform, n, n_objects=None):
            masks = super().localize(image, waveform, n) > 0
            for mask in masks.flatten(0, 1):
                free = torch.nonzero(~masks.flatten(0, 1).any(0))[: int(mask.sum())]
                mask[free[:, 0], free[:, 1]] = True
            return masks.float()

    result, _ = run(Half(data), data, tmp_path)
    assert set(result["single"]) == {"mask"}
    assert set(result["single"]["mask"]) == {"mask"}
    assert result["single"]["mask"]["mask"]["mean_ciou"] == pytest.approx(0.5)
    assert result["multi"]["2"]["pointing"] == pytest.approx(0.5, abs=0.1)
    assert result["multi"]["2"]["pointing_other"] == result["multi"]["2"]["pointing"]


def test_the_curve_over_silent_objects_is_of_scenes_with_so_many(data, tmp_path):
    class Seer:
        """Shows all objects, whatever is heard: right by itself only where nothing else is to be seen."""

        window, sample_rate = 44_100, 11_025

        def __init__(self, data):
            sets = [data.named(name) for name in ("test 1", "test 2", "test 3", "silent 0", "silent 2")]
            self.seen = {s.image.tobytes(): s.objects > 0 for some in sets for s in (some[i] for i in range(len(some)))}

        def localize(self, image, waveform, n, n_objects=None):
            shown = (self.seen[i.permute(1, 2, 0).contiguous().numpy().tobytes()] for i in image)
            return torch.stack([torch.from_numpy(np.stack([mask] * n)).float() for mask in shown])

    assert "silent" not in run(Oracle(data), data, tmp_path)[0]  # this world has no such sets
    config = replace(DATA, world=SECOND, silent={"0": 5, "2": 5})
    world = MiniatureDataModule(config, tmp_path)
    result, files = run(Seer(world), world, tmp_path)
    assert set(result["silent"]) == {"0", "2"}
    assert result["silent"]["0"] == {"ciou@0.5": 1.0, "auc": 1.0, "mean_ciou": 1.0, "degenerate": 0.0}
    shares = []
    for i in range(5):
        objects = world.named("silent 2")[i].objects
        shares.append((objects == 1).sum() / (objects > 0).sum())
    assert result["silent"]["2"]["mean_ciou"] == pytest.approx(np.mean(shares))
    lines = [line for line in item_lines(files["items.csv"]) if "silent" in line]
    assert sorted((line["silent"], line["item"]) for line in lines) == [
        (n, f"w0-test-1-{i:06d}") for n in "02" for i in range(5)
    ]
    assert Localization.sets(LocalizationConfig(most_sources=1), world, Seer(world)) == (
        "test 1",
        "silent 0",
        "silent 2",
    )


def test_other_sounds_are_of_another_kind_and_a_function_of_the_seed(data):
    scenes = data.test(1)
    other = other_sounds(scenes, 3)
    assert all(scenes[i].kinds != scenes[int(j)].kinds for i, j in enumerate(other))
    assert (other == other_sounds(scenes, 3)).all()


def test_foreign_sounds_are_of_kinds_that_are_not_in_the_scene(data):
    scene, strangers = data.test(3)[0], data.test(1)
    sounds = foreign_sounds(scene, strangers, 1, 0)
    kinds = {strangers[i].waveform.tobytes(): strangers[i].kinds[0] for i in range(len(strangers))}
    assert sounds.shape == scene.stems.shape
    assert all(kinds[s.tobytes()] not in scene.kinds for s in sounds)


def test_pointing_asks_for_one_source_in_an_image_of_all(data):
    asked = []
    oracle = Oracle(data)

    class Spy:
        window = oracle.window

        def localize(self, image, waveform, n, n_objects=None):
            asked.append((len(image), n, n_objects))
            return oracle.localize(image, waveform, n)

    scene = data.test(3)[0]
    assert points_at(Spy(), [scene], [scene.stems], torch.device("cpu")) == [[True] * 3]
    assert asked == [(3, 1, 3)]


class Counts:
    """A counting network that hears as many sources as the first sample says."""

    def count(self, waveform):
        return waveform[:, 0].long()


class Told:
    """Answers with as many maps as it is told of sources, each lit in a row of its own."""

    visual_centres = "n+1"

    def localize(self, image, waveform, n, n_objects=None):
        maps = torch.zeros(len(image), n, 4, 4)
        for i in range(n):
            maps[:, i, i] = 1
        return maps


def test_a_method_may_be_told_the_number_of_sources_by_its_own_counter():
    image, sound = torch.zeros(2, 3, 4, 4), torch.tensor([[1, 0], [3, 0]], dtype=torch.int16)
    told, heard = Asking(Told()), Asking(Told(), Counts())
    assert told.numbers(sound, 2) == [2, 2]
    assert heard.numbers(sound, 2) == [1, 3]
    assert [len(maps) for maps in told.heatmaps(image, sound, 2)] == [2, 2]
    assert [len(maps) for maps in heard.heatmaps(image, sound, 2)] == [1, 3]
    assert told.whole(image, sound)[:, 0].sum((1, 2)).tolist() == [4, 4]
    assert heard.whole(image, sound)[:, 0].sum((1, 2)).tolist() == [4, 12]  # where any of three is lit


def test_the_number_of_visual_centres_is_set_of_a_method_that_has_one(data):
    method = Told()
    context = fake_context(LocalizationConfig, {"visual_centres": 5}, data=data)
    assert Asking.of(context, method).method.visual_centres == 5
    with pytest.raises(ValueError, match="Oracle has no visual centres"):
        Asking.of(context, Oracle(data))
    with pytest.raises(ValueError, match="at least 2"):
        LocalizationConfig(visual_centres=1)
