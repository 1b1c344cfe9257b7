"""The rows that look at no image: by hand on two images, and on the real boxes against independent values."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets.flickr_soundnet import Annotations, ListedImages
from benchmarks.tasks.flickr_trivial import main, rows


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    main([*map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


def test_by_hand() -> None:
    """8 x 8; the centred square has side 6, offset 1. Two annotators agree exactly, so g is a binary mask."""
    boxes = {
        "test a": np.array([[2, 2, 7, 7]] * 2),  # the centred square itself, 36 of 64 pixels
        "test b": np.array([[1, 1, 4, 4]] * 2),  # 16 pixels; 9 of them in the square: IoU 9 / (36 + 16 - 9)
        "train": np.array([[1, 1, 4, 4]] * 2),
    }
    found = rows(Annotations(size=(8, 8), boxes=boxes, dropped={}), ListedImages(ids=("test a", "gone", "test b")))
    assert (found["images"], found["listed"], found["training_images"]) == (2, 3, 1)
    assert found["without_boxes"] == ["gone"]
    full, square, mean = (found["rows"][r] for r in ("full frame", "centred square", "mean training map"))
    assert full["mean_ciou"] == pytest.approx((36 / 64 + 16 / 64) / 2)
    assert (full["ciou@0.5"], full["degenerate"]) == (0.5, 1)
    assert square["mean_ciou"] == pytest.approx((1 + 9 / 43) / 2)
    assert (square["ciou@0.5"], square["degenerate"]) == (0.5, 0)
    assert mean["mean_ciou"] == pytest.approx((9 / 43 + 1) / 2), "test b is where the training image has its object"


def test_the_real_boxes(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The expected values come from a separate program: boxes compared pixel by pixel, scores summed as fractions."""
    folder = shared_data / "flickr_soundnet"
    files = ("--annotations", folder / "annotations_2786.json", "--test-list", folder / "test_250.json")
    found = run(capsys, *files)
    assert (found["images"], found["listed"], found["training_images"]) == (249, 250, 2536), (
        "of its misprint's image too"
    )
    assert found["without_boxes"] == ["3908875357"]
    assert found["dropped_boxes"] == {"4041216001": 1}
    assert found["mean_map_level"] == 55
    assert "3908875357 on the test list is a misprint of 3908875350" in found["notes"][0]
    expected = {
        "full frame": (120 / 249, 0.4934738955823293, 0.4927041168970564),
        "centred square": (154 / 249, 0.5350401606425703, 0.536044770937527),
        "mean training map": (175 / 249, 0.5549196787148595, 0.5560432327456608),
    }
    for name, values in expected.items():
        row = found["rows"][name]
        assert (row["ciou@0.5"], row["auc"], row["mean_ciou"]) == pytest.approx(values, abs=1e-12)
    assert found["rows"]["random box"]["ciou@0.5"] < 0.15


def test_the_image_that_the_published_list_means(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """3908875357 is a misprint of 3908875350, which has boxes (PROTOCOLS §6)."""
    folder = shared_data / "flickr_soundnet"
    files = ("--annotations", folder / "annotations_2786.json", "--test-list", folder / "test_250.json")
    found = run(capsys, *files, "--corrected")
    assert (found["images"], found["without_boxes"], found["notes"]) == (250, [], [])
    assert (found["training_images"], found["mean_map_level"]) == (2536, 55), "it is on no training side"


def small(tmp_path: Path) -> tuple[Path, Path]:
    boxes = {str(i): [[1 + i, 1, 100 + i, 200]] * 2 for i in range(8)}
    annotations, test_list = tmp_path / "boxes.json", tmp_path / "test.txt"
    annotations.write_text(json.dumps({"image_size": [256, 256], "box_format": "xmin,ymin,xmax,ymax", "boxes": boxes}))
    test_list.write_text("0 1 2 3 4")
    return annotations, test_list


def test_only_the_random_row_depends_on_the_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations, test_list = small(tmp_path)
    first, again, other = (
        run(capsys, "--annotations", annotations, "--test-list", test_list, "--seed", seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first["rows"].pop("random box") != other["rows"].pop("random box")
    assert first["rows"] == other["rows"]


def test_what_is_no_id_and_what_is_repeated_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations, test_list = small(tmp_path)
    whole = run(capsys, "--annotations", annotations, "--test-list", test_list)
    test_list.write_bytes(
        b"\xef\xbb\xbf0.png\r\n1.png\r\n\r\n# comment\r\n2.png\r\n3.png\r\n4.png\r\n4.png\r\n<html>\r\n"
    )
    found = run(capsys, "--annotations", annotations, "--test-list", test_list)
    assert found["rows"] == whole["rows"]
    assert (found["images"], found["listed"]) == (5, 6)
    assert list(found["refused"]) == ["test.txt, '<html>'"]
    assert found["notes"] == ["listed more than once, read once: 1 (4)"]
    assert found["read"].keys() == {"boxes.json", "test.txt"}
    main(["--annotations", str(annotations), "--test-list", str(test_list)])
    assert "refused, on either side: 1 (the first: test.txt, '<html>'" in capsys.readouterr().out


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations, test_list = small(tmp_path)
    main(["--annotations", str(annotations), "--test-list", str(test_list)])
    text = capsys.readouterr().out
    cells = {
        line.split("│")[1].strip(): line.split("│")[2].strip() for line in text.splitlines() if line.startswith("│")
    }
    assert cells["full frame"] == "0.00"  # 20,000 of 65,536 pixels
    assert cells["mean training map"] == "100.00"
    assert "5 listed; without boxes: none" in text


@pytest.mark.parametrize(
    ("ids", "message"),
    [("absent", "0 test images with boxes"), ("0 1 2 3 4 5 6 7", "0 training images")],
)
def test_lists_that_do_not_belong_together_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ids: str, message: str
) -> None:
    annotations, test_list = small(tmp_path)
    test_list.write_text(ids)
    with pytest.raises(SystemExit) as ended:
        main(["--annotations", str(annotations), "--test-list", str(test_list)])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
