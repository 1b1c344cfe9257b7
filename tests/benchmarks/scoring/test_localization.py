"""Maps that somebody else predicted, through the command line, into the registry."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.cli import main
from benchmarks.scoring.maps import Folder, PredictionError, read_map
from registry.index import Registry

BOXES = {"a_1": [0, 0, 112, 224], "a_2": [112, 0, 224, 224], "b_1": [0, 0, 56, 56], "c_1": [100, 100, 200, 200]}


def perfect(box: list[int], scale: float = 1.0) -> np.ndarray:
    x0, y0, x1, y1 = box
    heat = np.zeros((224, 224))
    heat[y0:y1, x0:x1] = scale
    return heat


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    content = [{"image": f"{id}.jpg", "audio": f"{id}.wav", "gt_box": box} for id, box in BOXES.items()]
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(content))
    (tmp_path / "maps").mkdir()
    return path


def score(capsys: pytest.CaptureFixture[str], boxes: Path, *words: object) -> Any:
    files = ["--annotations", str(boxes), "--predictions", str(boxes.parent / "maps")]
    code = main(["score", "localization", *files, *map(str, words), "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


def test_maps_of_any_form_and_size(boxes: Path, tmp_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maps = boxes.parent / "maps"
    np.save(maps / "a_1.npy", np.array([[7.0, -3.0]]))  # 1 x 2, any scale: its left half is the box
    np.savez(maps / "a_2.npz", map=perfect(BOXES["a_2"], 250)[None])
    Image.fromarray((255 * perfect(BOXES["b_1"])).astype(np.uint8)).save(maps / "b_1.jpg.png")
    np.save(maps / "c_1.npy", perfect(BOXES["b_1"]).astype(np.float32))  # elsewhere
    found = score(capsys, boxes, "--name", "mine")
    for rule in ("threshold=0.5", "adaptive"):
        assert found["rules"][rule]["ciou@0.5"] == 0.75
        assert found["rules"][rule]["iiou"] == 1, "both sources of the one picture that has two"
    assert found["pointing"] == 0.75
    assert found["coverage"] == "4 of 4 (missing 0, refused 0)"
    full = found["blind"]["full frame"]
    assert full["ciou@0.5"] == 0.5
    own, blind = [1, 1, 1, 0], [0.5, 0.5, 1 / 16, 10000 / 224**2]
    assert full["difference"] == pytest.approx(np.mean(np.subtract(own, blind)))
    record = Registry(tmp_home).get(found["run"])
    assert record.status == "COMPLETED"
    assert record.config["method"] == "mine"
    assert record.pedigree.parent_digests == (record.config["predictions"],)
    assert record.result["score"] == 0.75
    assert score(capsys, boxes)["run"] == found["run"], "the same predictions are the same run"
    np.save(maps / "c_1.npy", perfect(BOXES["c_1"]))
    assert score(capsys, boxes)["run"] == found["run"] + 1
    assert main(["runs", "compare", "1", "2", "--json"]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    aligned = next(i for i in items if i["condition"] == "row=aligned, rule=threshold=0.5")
    assert (aligned["items"], aligned["difference"]) == (4, 0.25)


def test_what_is_missing_or_no_map_has_no_score(
    boxes: Path, tmp_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = boxes.parent / "maps"
    np.save(maps / "a_1.npy", perfect(BOXES["a_1"]))
    np.save(maps / "b_1.npy", np.full((4, 4), np.nan))
    np.save(maps / "c_1.npy", np.zeros(5))
    np.save(maps / "unknown.npy", np.zeros((2, 2)))
    found = score(capsys, boxes)
    assert (found["score"], found["items"], found["missing"]) == (1.0, 1, ["a_2"])
    assert found["coverage"] == "1 of 4 (missing 1, refused 2)"
    assert "NaN or infinity in 16 of 16 pixels" in found["excluded"]["b_1"]
    assert "shape is (5,)" in found["excluded"]["c_1"]
    assert "unknown.npy" in found["notes"][-1]
    assert "iiou" not in found["rules"]["threshold=0.5"]
    np.save(maps / "b_1.npy", 255 * perfect(BOXES["b_1"]))
    wrong = score(capsys, boxes, "--as-they-are")
    assert "its values go from 0 to 255, not within [0, 1]" in wrong["excluded"]["b_1"]


def test_confidences_and_negatives(boxes: Path, tmp_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maps, silent = boxes.parent / "maps", boxes.parent / "silent.csv"
    silent.write_text("video,audio,label\nx,y,non-sounding\nz,z,non-sounding\n")
    for id, sure in (("a_1", 5), ("a_2", 4), ("b_1", 2), ("c_1", 1)):
        np.save(maps / f"{id}.npy", perfect(BOXES[id], sure))
    np.save(maps / "x+y.npy", perfect(BOXES["b_1"], 3.0))
    np.save(maps / "z+z.npy", np.zeros((7, 7)))
    found = score(capsys, boxes, "--negatives", silent, "--threshold", 2.5)
    scores = found["rules"]["threshold=0.5"]
    assert scores["ap"] == pytest.approx((1 + 1 + 3 / 4 + 4 / 5) / 4)
    assert scores["max_f1"] == pytest.approx(2 * 4 / (5 + 4))
    assert scores["at_threshold"]["precision"] == pytest.approx(2 / 3)
    assert scores["at_threshold"]["recall"] == pytest.approx(2 / 4)
    # Third quartile of the maxima 0 and 3: 2.25; above it lie 56 x 56 pixels of the first map, none of the second.
    assert found["silence"]["threshold"] == 2.25
    assert found["silence"]["pia"] == pytest.approx(1 / 16 / 2)
    assert found["silence"]["items"] == 2
    table = boxes.parent / "sure.csv"
    table.write_text("id,confidence\n" + "".join(f"{id},{1 if '+' in id else 0}\n" for id in [*BOXES, "x+y", "z+z"]))
    told = score(capsys, boxes, "--negatives", silent, "--confidences", table)
    assert told["rules"]["threshold=0.5"]["ap"] == pytest.approx(4 / 6)
    for file in maps.iterdir():
        np.save(file, (np.load(file) > 0).astype(float) if file.stem != "z+z" else np.eye(2))
    rescaled = score(capsys, boxes, "--negatives", silent)
    assert "ap" not in rescaled["rules"]["threshold=0.5"]
    assert "silence" not in rescaled
    assert "rescaled one by one" in rescaled["notes"][-1]


def test_files_that_are_no_maps(tmp_path: Path) -> None:
    def refused(name: str) -> str:
        with pytest.raises(PredictionError) as caught:
            read_map(tmp_path / name)
        return str(caught.value)

    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "text.png").write_text("no picture")
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 2)), b=np.zeros((2, 2)))
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)).save(tmp_path / "jet.png")
    np.save(tmp_path / "complex.npy", np.zeros((2, 2), complex))
    assert "cannot be read" in refused("objects.npy")
    assert "cannot be read" in refused("cut.npy")
    assert "cannot be read" in refused("text.png")
    assert "name the map 'map'" in refused("two.npz")
    assert "coloured picture" in refused("jet.png")
    assert "not real numbers" in refused("complex.npy")
    np.savez(tmp_path / "sure.npz", heatmap=np.eye(3), confidence=0.75)
    assert read_map(tmp_path / "sure.npz").confidence == 0.75
    np.save(tmp_path / "sure.npy", np.eye(3))
    with pytest.raises(PredictionError, match=r"2 files: sure\.npy, sure\.npz"):
        Folder(tmp_path).read("sure")
