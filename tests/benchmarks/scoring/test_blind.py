"""Rows that see no image, on any set of boxes: by hand, by an independent computation, and the published values."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks.cli import main
from benchmarks.datasets.test_sets import open_set
from benchmarks.scoring.blind import ORACLE, rows
from benchmarks.tasks.flickr_trivial import main as flickr_rows


def score(capsys: pytest.CaptureFixture[str], *words: object, run: Any = main) -> Any:
    assert run(["score", "localization", *map(str, words), "--blind", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def independent(boxes: list[list[tuple[int, int, int, int]]]) -> dict[str, tuple[float, float]]:
    """cIoU@0.5 and AUC of full frame, square and leave-one-out mean map, with sets of pixels."""
    side = range(224)
    pixels = [{y * 224 + x for x0, y0, x1, y1 in some for y in range(y0, y1) for x in range(x0, x1)} for some in boxes]
    square = {y * 224 + x for y in range(33, 191) for x in range(33, 191)}
    full = {y * 224 + x for y in side for x in side}
    votes = np.zeros(224 * 224, int)
    for truth in pixels:
        votes[list(truth)] += 1
    found = {}
    for row in ("full frame", "centred square", ORACLE):
        cious = []
        for truth in pixels:
            others = votes.copy()
            others[list(truth)] -= 1
            best = set(sorted(full, key=lambda p: (-others[p], p))[: 224 * 112]) if row == ORACLE else set()
            mask = {"full frame": full, "centred square": square, ORACLE: best}[row]
            cious.append(len(mask & truth) / len(mask | truth))
        shares = [sum(c >= i / 20 for c in cious) / len(cious) for i in range(21)]
        found[row] = (shares[10], sum((a + b) / 40 for a, b in itertools.pairwise(shares)))
    return found


def test_every_row_equals_an_independent_computation(tmp_path: Path) -> None:
    boxes = [[(0, 0, 200, 224)], [(40, 30, 180, 200), (150, 150, 224, 224)], [(10, 100, 60, 130)]]
    content = [
        {"image": f"i_{n}.jpg", "audio": f"i_{n}.wav", "gt_box": [*map(list, some)]} for n, some in enumerate(boxes)
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    found = rows(open_set(None, tmp_path / "boxes.json"))
    for row, (ciou, auc) in independent(boxes).items():
        assert found["rows"][row]["ciou@0.5"] == pytest.approx(ciou, abs=1e-12)
        assert found["rows"][row]["auc"] == pytest.approx(auc, abs=1e-12)
    assert found["rows"]["full frame"]["groups"] == 1, "all three are sources of the picture i"
    assert found["rows"]["full frame"]["iiou"] == 0
    assert {size: s["items"] for size, s in found["rows"]["full frame"]["sizes"].items()} == {"medium": 1, "huge": 2}


def test_with_negatives_all_have_one_confidence(tmp_path: Path) -> None:
    content = [{"file": f, "class": "x", "bbox": [b]} for f, b in (("a", [0, 0, 1, 1]), ("b", [0, 0, 0.1, 0.1]))]
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    (tmp_path / "silent.csv").write_text("video,audio,label\nx,y,non-sounding\nx,z,non-sounding\n")
    row = rows(open_set(None, tmp_path / "boxes.json", negatives=tmp_path / "silent.csv"))["rows"]["full frame"]
    assert row["ap"] == pytest.approx(1 / 4 * 1 / 2)  # one of four detected is right, one of two that sound
    assert row["max_f1"] == pytest.approx(2 / (4 + 2))


def test_vggss(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PROTOCOLS §6: known values, to 0.01."""
    boxes = shared_data / "localization" / "vggss.json"
    found = score(capsys, "--set", "vggss", "--annotations", boxes, run=program.main)
    assert found["percent"]["full frame"] == {"ciou@0.5": 21.96, "auc": 31.27}
    assert found["percent"]["centred square"] == {"ciou@0.5": 31.73, "auc": 36.94}
    assert (found["images"], found["listed"], found["expected"]) == (5156, 5158, 5158)
    assert sum(found["dropped_boxes"].values()) == 18
    assert sum(found["clipped_boxes"].values()) == 12
    assert set(found["without_boxes"]) <= set(found["dropped_boxes"])
    assert (found["grid"], found["consensus"]) == ([224, 224], "union")


def test_soundnet_flickr_has_the_rows_that_it_had(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / "flickr_soundnet"
    files = ("--annotations", str(folder / "annotations_2786.json"))
    flickr_rows([*files, "--test-list", str(folder / "test_250.json"), "--json"])
    expected = json.loads(capsys.readouterr().out)["rows"]
    found = score(capsys, "--set", "flickr", *files)
    assert found["rows"].keys() == expected.keys()
    for row, scores in expected.items():
        assert {name: found["rows"][row][name] for name in scores} == scores


def test_the_table_has_percentages_of_two_decimals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = [{"file": f, "class": "x", "bbox": [[0, 0, 1, 1], [0, 0, -1e16, 1]]} for f in ("a", "b")]
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    assert main(["score", "localization", "--annotations", str(tmp_path / "boxes.json"), "--blind"]) == 0
    shown = capsys.readouterr().out
    assert "100.00" in shown
    assert "boxes of the form vggss" in shown
    assert "boxes dropped (empty): 2 (a: 1; b: 1)" in shown
    assert main(["score", "localization", "--annotations", str(tmp_path / "boxes.json")]) == 2
    assert "--predictions DIR, or --blind" in capsys.readouterr().err
