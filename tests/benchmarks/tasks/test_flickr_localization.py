"""Localization of SoundNet-Flickr as prepared, by human boxes: against the rows that need no media."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.trivial import CentredSquare, FullFrame, MeanTrainingMap, RandomBox
from benchmarks.datasets.data_module import open_data_module
from benchmarks.datasets.flickr_soundnet import read_annotations, read_test_list, sides
from benchmarks.tasks.flickr_trivial import main as trivial
from benchmarks.tasks.localization import LocalizationConfig, measure
from benchmarks.training.loop import initialise
from reports.cells import measured
from reports.results import Node
from tests import paper_data
from tests.plain_config import fake_context

FILES = "annotations_2786.json", "test_250.json"


def run(method, root, tmp_path, **choices):
    files = {}

    def add_file(name, write):
        write(tmp_path / name)
        files[name] = tmp_path / name

    context = fake_context(
        LocalizationConfig,
        {"most_sources": 1, "batch": 32, "examples": 2},
        data=open_data_module({"source": "paper", **choices}, cache=root).of("localization"),
        device=torch.device("cpu"),
        trained=lambda: method,
        progress=lambda done, total: None,
        add_file=add_file,
    )
    return measure(context), files


@pytest.fixture(scope="module")
def real_boxes(shared_data):
    """Test id -> boxes, of those that have any, in the order of the list; and those of all other images."""
    folder = shared_data / "flickr_soundnet"
    annotations = read_annotations(folder / FILES[0])
    listed = read_test_list(folder / FILES[1])
    parts = sides(annotations, listed)
    return tuple({id: annotations.boxes[id].tolist() for id in side} for side in (parts.test, parts.train))


@pytest.fixture(scope="module")
def prepared(real_boxes, tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    paper_data.flickr_soundnet(root, *real_boxes)
    return root


def test_what_looks_at_no_image_scores_as_from_the_boxes_alone(prepared, shared_data, tmp_path, capsys):
    """Exactly, through images, batches and heatmaps."""
    folder = shared_data / "flickr_soundnet"
    trivial(["--annotations", str(folder / FILES[0]), "--test-list", str(folder / FILES[1]), "--json"])
    alone = json.loads(capsys.readouterr().out)
    assert alone["images"] == 249
    mean = MeanTrainingMap()
    for method, row in ((FullFrame(), "full frame"), (CentredSquare(), "centred square"), (mean, "mean training map")):
        result, files = run(method, prepared, tmp_path)
        assert result["single"] == {"mask": {"mask": alone["rows"][row]}}
        assert result["items"] == {"single": 249, "multi": {}}
        assert result["coverage"] == "249 of 249"
        assert "pointing" not in result
    assert mean.level == alone["mean_map_level"]
    with open(files["items.csv"]) as file:
        assert len({line["item"] for line in csv.DictReader(file)}) == 249


def test_a_random_box_is_another_for_every_image_and_as_bad(prepared, tmp_path):
    result, _ = run(initialise(RandomBox, 1), prepared, tmp_path)
    assert result["single"]["mask"]["mask"]["ciou@0.5"] < 0.15


def test_missing_images_are_not_replaced_and_stand_beside_every_score(real_boxes, tmp_path):
    boxes, training = real_boxes
    missing = list(boxes)[10:41]
    paper_data.flickr_soundnet(tmp_path, boxes, training, missing=missing)
    result, files = run(FullFrame(), tmp_path, tmp_path)
    assert result["coverage"] == "218 of 249 (missing 31, damaged 0)"
    with open(files["items.csv"]) as file:
        assert not {line["item"] for line in csv.DictReader(file)} & set(missing)
    record = SimpleNamespace(id=7, result=result, stale=())
    node = Node(
        name="x", key="k", task="localization", method="full-frame", ordering="none", seed=1, variant=None, parents=()
    )
    object.__setattr__(node, "run", record)
    cell = measured([node], "single", "mask", "mask", "ciou@0.5", items=("items", "single"))
    assert cell.small == "1 seed, 218 items, data: 218 of 249 (missing 31, damaged 0)"


class Painter:
    """Lights up where the image shows the square that it has drawn by the number of its sound."""

    window, sample_rate = 11_025, 11_025
    heard = None

    def localize(self, image, waveform, n, n_objects=None):
        self.heard = waveform
        return (image[:, :1] > 220).float()


def test_heatmaps_are_held_against_the_consensus_and_another_image_s_sound(tmp_path):
    """Two annotators mark the square exactly, a third one all of the image: g is 1 in the square, 1/2 elsewhere."""
    boxes = {}
    for number in range(4):
        x, y = number * 41 % 190, number * 67 % 190
        square = [x + 1, y + 1, x + 64, y + 64]
        boxes[f"image{number}"] = [square, square, [1, 1, 256, 256]]
    paper_data.flickr_soundnet(tmp_path, boxes, {})
    result, files = run(Painter(), tmp_path, tmp_path)
    area, outside = 64 * 64, 256 * 256 - 64 * 64
    expected = area / (area + outside / 2)
    scores = result["single"]["aligned"]["threshold=0.5"]
    assert scores["mean_ciou"] == pytest.approx(expected, rel=0.05)  # JPEG blurs the square's edge
    assert set(result["single"]) == {"aligned", "other-audio", "silence"}
    with np.load(files["examples.npz"]) as examples:
        assert examples["labels"].tolist() == ["", ""]
        assert examples["boxes"].tolist()[1] == [41, 67, 105, 131]
        assert examples["annotators"].tolist()[1] == [[41, 67, 105, 131]] * 2 + [[0, 0, 256, 256]]
        assert examples["images"].shape == (2, 256, 256, 3)


def test_the_boxes_of_all_annotators_are_kept_whatever_their_number(tmp_path):
    drawn = {"a": [[1, 1, 20, 30]], "b": [[3, 4, 90, 80], [5, 6, 100, 120], [7, 8, 256, 256]]}
    paper_data.flickr_soundnet(tmp_path, drawn, {})
    _, files = run(Painter(), tmp_path, tmp_path)
    with np.load(files["examples.npz"]) as examples:
        one, three = examples["annotators"].tolist()
    assert one == [[0, 0, 20, 30], [-1] * 4, [-1] * 4]  # 0-based, half-open; filled up
    assert three == [[2, 3, 90, 80], [4, 5, 100, 120], [6, 7, 256, 256]]


def test_a_rehearsal_localizes_in_so_many_images(prepared, tmp_path):
    result, _ = run(FullFrame(), prepared, tmp_path, limit=5)
    assert result["items"]["single"] == 5
    assert result["coverage"] == "5 of 249 (missing 0, damaged 0, left out 244)"
