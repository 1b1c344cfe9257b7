"""Boxes of every published form, named sets and their lists, on files written here and on the real ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.cli.score import SETS as OFFERED
from benchmarks.datasets.boxes import clip_id, read_boxes
from benchmarks.datasets.test_sets import SETS, open_set

GARBAGE = -2.8823037615171176e16


def written(folder: Path, content: Any, name: str = "boxes.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_normalised_boxes_are_cut_to_the_grid(tmp_path: Path) -> None:
    content = [
        {"file": "a_______01_000030", "class": "dog", "bbox": [[0.5, 0.25, 1.5, 0.7499], [0, 0, 0.01, 0.01]]},
        {"file": "b_______01_000030", "class": "dog", "bbox": [[0.5, 0.5, GARBAGE, 0.9], [0.1, 0.1, 0.1, 0.5]]},
        {"file": "c_______01_000030", "class": "dog", "bbox": [[0.1, 0.1, 0.2, 0.2], [0.3, float("nan"), 0.5, 0.5]]},
    ]
    read = read_boxes(written(tmp_path, content))
    assert (read.form, read.size, read.consensus) == ("vggss", (224, 224), "union")
    assert [item.boxes for item in read.items] == [((112, 56, 224, 167), (0, 0, 2, 2)), ((22, 22, 44, 44),)]
    assert read.without_boxes == ("b_______01_000030",)
    assert read.dropped == {"b_______01_000030": 2, "c_______01_000030": 1}
    assert read.clipped == {"a_______01_000030": 1, "b_______01_000030": 1, "c_______01_000030": 1}
    truth = read.truth(read.items[0])
    assert truth.sum() == 112 * 111 + 4, "half-open, rows are y"
    assert truth[56, 112] == truth[166, 223] == truth[1, 1] == 1
    assert truth[167, 200] == truth[55, 200] == truth[2, 1] == 0


def test_overlapping_boxes_are_one_area(tmp_path: Path) -> None:
    content = [{"file": "a", "class": "x", "bbox": [[0, 0, 0.5, 0.5], [0.25, 0.25, 0.5, 0.5]]}]
    read = read_boxes(written(tmp_path, content))
    assert read.truth(read.items[0]).sum() == 112 * 112
    assert set(np.unique(read.truth(read.items[0]))) == {0, 1}


def entry(image: str, audio: str, *box: float) -> dict[str, Any]:
    return {"image": f"/any/where/{image}", "audio": f"/else/{audio}", "gt_box": list(box)}


def test_pixels_with_a_sound_of_their_own_are_sources_of_one_picture(tmp_path: Path) -> None:
    content = [
        entry("cat_dog_17_cat.jpg", "cat_dog_17_cat.wav", 47.0, 99.0, 154.0, 224.0),
        entry("cat_dog_17_dog.jpg", "cat_dog_17_dog.wav", 0, 0, 10.9, 300),
        entry("alone_1.jpg", "alone_1.wav", 5, 5, 6, 6),
    ]
    read = read_boxes(written(tmp_path, content))
    assert read.form == "pixels"
    assert [(i.id, i.group, i.boxes) for i in read.items] == [
        ("cat_dog_17_cat", "cat_dog_17", ((47, 99, 154, 224),)),
        ("cat_dog_17_dog", "cat_dog_17", ((0, 0, 10, 224),)),
        ("alone_1", "alone", ((5, 5, 6, 6),)),
    ]
    assert read.clipped == {"cat_dog_17_dog": 1}


def test_pixels_with_the_sound_of_a_video_are_its_frames(tmp_path: Path) -> None:
    """As in AVSBench, whose frames in which nothing sounds have an empty box."""
    content = [
        entry(f"v_{v}/v_{v}.mp4_{i}.png", f"v_{v}.wav", 0, 0, 10 * (i > 1), 10) for v in (1, 2) for i in (1, 2, 3)
    ]
    read = read_boxes(written(tmp_path, content))
    assert [(i.id, i.group, i.cluster) for i in read.items][:2] == [("v_1.mp4_2", "", "v_1"), ("v_1.mp4_3", "", "v_1")]
    assert read.without_boxes == ("v_1.mp4_1", "v_2.mp4_1")


def test_the_consensus_form_is_that_of_soundnet_flickr(tmp_path: Path) -> None:
    boxes = {"1": [[1, 1, 2, 2], [2, 1, 3, 2]], "2": [[5, 5, 5, 9]]}
    content = {"image_size": [256, 256], "box_format": "xmin,ymin,xmax,ymax", "boxes": boxes}
    read = read_boxes(written(tmp_path, content))
    assert read.annotations is not None
    np.testing.assert_array_equal(read.truth(read.items[0]), read.annotations.consensus("1"))
    assert (read.form, read.size, read.without_boxes, read.dropped) == ("flickr", (256, 256), ("2",), {"2": 1})


def test_what_is_no_item_costs_itself_only(tmp_path: Path) -> None:
    good = {"file": "a", "class": "x", "bbox": [[0, 0, 1, 1]]}
    content = [good, good, {**good, "bbox": [[0, 0, 1, 0.5]]}, {"bbox": []}, 5, {"file": "b", "bbox": [[1, 2]]}]
    read = read_boxes(written(tmp_path, [*content, {"file": "c", "bbox": []}]))
    assert [item.id for item in read.items] == ["a"]
    assert read.without_boxes == ("c",)
    assert list(read.refused) == [
        "boxes.json, entry 3, a",
        "boxes.json, entry 4",
        "boxes.json, entry 5",
        "boxes.json, entry 6, b",
    ]
    assert "twice, read once: 1 (a)" in read.notes[0]


@pytest.mark.parametrize("content", ["[]", "{}", '[{"file": "a"}]', "no json"])
def test_other_files_are_refused_by_name(tmp_path: Path, content: str) -> None:
    with pytest.raises(ValueError, match=r"boxes\.json (holds boxes in no known form|is not JSON)"):
        read_boxes(written(tmp_path, content))


def test_ids_in_milliseconds() -> None:
    assert clip_id("gklbB7TYoK4_30000_40000") == "gklbB7TYoK4_000030"
    assert clip_id("1F3_bvIT0ig_0_10000") == "1F3_bvIT0ig_000000"
    assert clip_id("gklbB7TYoK4_000030") == "gklbB7TYoK4_000030"


def test_every_set_is_offered_and_described() -> None:
    assert tuple(SETS) == OFFERED
    for one in SETS.values():
        assert all((one.source, one.licence, one.items, one.title))
        assert bool(one.negatives) == bool(one.negative_items)


@pytest.mark.parametrize(
    ("name", "scored", "without", "negatives"),
    [
        ("vggss", 5156, 2, 0),
        ("vggss-heard", 2562, 2, 0),
        ("vggss-unheard", 2575, 0, 0),
        ("vggss-4654", 4653, 2, 0),
        ("vggss-extended", 5156, 2, 5158),
    ],
)
def test_the_real_lists_of_vggss(shared_data: Path, name: str, scored: int, without: int, negatives: int) -> None:
    opened = open_set(name, shared_data / "localization" / "vggss.json")
    assert (len(opened.items), len(opened.without_boxes), len(opened.negatives)) == (scored, without, negatives)
    assert not opened.refused
    assert not opened.notes, "as many as the set should have"
    assert sum(opened.marked.dropped.values()) == 18
    assert len({item.id for item in (*opened.items, *opened.negatives)}) == scored + negatives


def test_the_real_lists_of_soundnet_flickr(shared_data: Path) -> None:
    annotations = shared_data / "flickr_soundnet" / "annotations_2786.json"
    negatives = shared_data / "localization" / "flickr_test_plus_silent.csv"
    opened = open_set("flickr-extended", annotations, negatives=negatives)
    assert (len(opened.items), opened.without_boxes, len(opened.negatives)) == (249, ("3908875357",), 250)
    assert (opened.listed, len(opened.digests)) == (250, 3)
    assert len(open_set("flickr", annotations, corrected=True).items) == 250
    with pytest.raises(FileNotFoundError, match=r"flickr_test_plus_silent\.csv is not beside .*--negatives"):
        open_set("flickr-extended", annotations)


def test_a_set_of_another_form_or_name_is_refused(tmp_path: Path) -> None:
    boxes = written(tmp_path, [{"file": "a", "class": "x", "bbox": [[0, 0, 1, 1]]}])
    with pytest.raises(ValueError, match="has the form vggss, but the set is3 the form pixels"):
        open_set("is3", boxes)
    with pytest.raises(ValueError, match=r"'vgg-ss' is no test set.*vggss"):
        open_set("vgg-ss", boxes)
    with pytest.raises(ValueError, match="do not belong together: the boxes know none of 1"):
        open_set("vggss", boxes, listing=written(tmp_path, "other_id\n", "list.txt"))
    assert open_set("vggss", boxes).notes == ("items expected: 5,158, listed here: 1",)


def test_negatives_are_pairs(tmp_path: Path) -> None:
    boxes = written(tmp_path, [{"file": "a", "class": "x", "bbox": [[0, 0, 1, 1]]}])
    rows = "video,audio,label\nx,y,non-sounding\na,a,non-sounding\nb,c,sounding\nd\n"
    opened = open_set(None, boxes, negatives=written(tmp_path, rows, "silent.csv"))
    assert [item.id for item in opened.negatives] == ["x+y", "a+a"]
    assert list(opened.refused) == ["silent.csv, line 4", "silent.csv, line 5"]
