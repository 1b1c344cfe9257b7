"""SoundNet-Flickr as items: the 249 that can be scored, both forms of the annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmarks.datasets.data_module import open_data_module
from benchmarks.preparation.item import Plan
from benchmarks.preparation.pipeline import prepare
from tests.command import planned

RATE = 11_025


def plan(*arguments: Any) -> Plan:
    return planned("flickr_soundnet", *arguments)[0]


def official(shared_data: Path, *more: Any) -> list[Any]:
    folder = shared_data / "flickr_soundnet"
    return ["--annotations", folder / "annotations_2786.json", "--test", folder / "test_250.json", *more]


def test_the_published_test_list(shared_data: Path, tmp_path: Path) -> None:
    made = plan(*official(shared_data, "--from", tmp_path))
    assert len(made.items) == 249
    assert made.about["without_boxes"] == ["3908875357"]
    assert {item.attributes["split"] for item in made.items} == {"test"}
    truth = json.loads((shared_data / "flickr_soundnet" / "annotations_2786.json").read_text())["boxes"]
    for item in made.items:
        assert item.attributes["boxes"] == [b for b in truth[item.id] if b[0] < b[2] and b[1] < b[3]]
    assert len(made.about["training_boxes"]) == 2786 - 249 - 1, "of 3908875350, which the list means, neither"
    assert "3908875350" not in made.about["training_boxes"]
    assert "misprint of 3908875350" in made.notes[0]
    everything = plan(*official(shared_data, "--from", tmp_path, "--all"))
    assert len(everything.items) == 2785
    assert {item.id for item in everything.items if item.attributes["split"] == "test"} == {i.id for i in made.items}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five images in the layout of the release, one without its sound, one without its picture, one damaged."""
    folder = tmp_path / "flickr"
    (folder / "annotations").mkdir(parents=True)
    for n in range(5):
        box = f"<bbox><name>1</name><xmin>{10 + n}</xmin><ymin>20</ymin><xmax>90</xmax><ymax>100</ymax></bbox>"
        (folder / "annotations" / f"10{n}.xml").write_text(f"<annotation>{box}</annotation>")
        if n != 3:
            Image.fromarray(np.full((90, 160, 3), 40 * n, np.uint8)).save(folder / f"10{n}.jpg")
        if n != 1:
            soundfile.write(folder / f"10{n}.wav", np.full(2 * RATE, 0.1 * n), RATE)
    (folder / "104.jpg").write_bytes(b"no picture")
    (tmp_path / "test.txt").write_text("100\n101\n102\n103\n104\n../../etc/passwd\n")
    return folder


def test_a_folder_is_prepared_and_accounted_for(folder: Path, tmp_path: Path) -> None:
    given = ["--from", folder, "--annotations", folder / "annotations", "--test", tmp_path / "test.txt", "--jobs", 1]
    prepared = prepare(tmp_path / "root" / "flickr_soundnet", *planned("flickr_soundnet", *given))
    assert prepared.ids == ["100", "102"]
    assert str(prepared.coverage) == "2 of 6 (missing 2, damaged 2)"
    reasons = prepared.coverage.reasons
    assert reasons["101"] == "missing: there is no sound of it"
    assert reasons["103"] == "missing: there is no picture of it"
    assert reasons["104"] == "damaged: the picture is neither JPEG, PNG, WebP nor BMP"
    assert reasons["test.txt, '../../etc/passwd'"] == "damaged: refused: it is not the id of an image"
    assert prepared.column("boxes") == [[[10, 20, 90, 100]], [[12, 20, 90, 100]]]
    assert abs(int(prepared.frame(1, 0).mean()) - 80) < 3
    np.testing.assert_allclose(prepared.waveform(1), round(0.2 * 32768), atol=1)
    assert len(prepared.waveform(0)) == 2 * RATE


def test_with_the_image_that_a_misprint_means(shared_data: Path, tmp_path: Path) -> None:
    made = plan(*official(shared_data, "--from", tmp_path, "--corrected"))
    assert len(made.items) == 250
    assert made.items[-1].id != "3908875357"
    assert "3908875350" in {item.id for item in made.items}
    assert (made.about["without_boxes"], made.notes) == ([], [])


def test_what_is_refused_stays_in_the_coverage_of_the_score(folder: Path, tmp_path: Path) -> None:
    """An XML file that is none, an id without boxes and ids that are none cost themselves."""
    (folder / "annotations" / "102.xml").write_text("<annotation><bbox>")
    (folder / "annotations" / "._101.xml").write_bytes(b"\0\5\x16\7")
    (tmp_path / "test.txt").write_bytes(
        b"\xef\xbb\xbf100.jpg,0\r\n102.jpg,1\r\n\r\n-unknown_.jpg,2\r\n<html>,3\r\n100.jpg,4\r\n"
    )
    given = ["--from", folder, "--annotations", folder / "annotations", "--test", tmp_path / "test.txt", "--jobs", 1]
    made, how = planned("flickr_soundnet", *given)
    assert made.notes == ["listed more than once, read once: 1 (100)"]
    prepared = prepare(tmp_path / "root" / "flickr_soundnet", made, how)
    assert str(prepared.coverage) == "1 of 4 (missing 1, damaged 2)"
    scenes = open_data_module({"source": "paper"}, cache=tmp_path / "root").of("localization").test(1)
    assert str(scenes.coverage) == "1 of 4 (missing 1, damaged 2)"
    assert scenes.coverage.reasons == prepared.coverage.reasons
    assert "not well-formed" in scenes.coverage.reasons["annotations, 102"]


def test_what_stands_beside_the_ids_of_the_list_trains_nowhere_and_is_counted(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text("100,101\n102,no\n")
    given = ["--from", folder, "--annotations", folder / "annotations", "--test", tmp_path / "test.txt", "--all"]
    made = plan(*given)
    assert {item.id: item.attributes["split"] for item in made.items} == {
        **dict.fromkeys(("100", "102"), "test"),
        **dict.fromkeys(("103", "104"), "train"),
    }
    assert set(made.about["training_boxes"]) == {"103", "104"}
    assert [lost.id for lost in made.refused] == ["test.txt, '101'"]
    assert made.refused[0].attributes == {"split": "test", "n_sources": 1}


def test_boxes_of_another_frame_are_refused(folder: Path, tmp_path: Path) -> None:
    content = {"image_size": [512, 256], "box_format": "xmin,ymin,xmax,ymax", "boxes": {"100": [[1, 1, 400, 9]]}}
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"boxes\.json: its boxes are meant in 512 x 256 pixels; .* 256 x 256"):
        plan("--from", folder, "--annotations", tmp_path / "boxes.json", "--test", tmp_path / "test.txt")


def test_ids_may_begin_with_a_hyphen_or_an_underscore(tmp_path: Path) -> None:
    ids = ["-NCa3eFLULw_000221", "_r--eecSZRk_000024", "a"]
    boxes = {id: [[1, 1, 9, 9]] for id in [*ids, "other"]}
    content = {"image_size": [256, 256], "box_format": "xmin,ymin,xmax,ymax", "boxes": boxes}
    (tmp_path / "boxes.json").write_text(json.dumps(content), encoding="utf-8-sig")
    (tmp_path / "test.txt").write_text("\n".join(ids))
    made = plan("--from", tmp_path, "--annotations", tmp_path / "boxes.json", "--test", tmp_path / "test.txt")
    assert ([item.id for item in made.items], made.refused) == (ids, [])


def test_files_that_are_not_there_are_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no test list"):
        plan("--from", folder, "--annotations", folder / "annotations", "--test", tmp_path / "absent.txt")
    with pytest.raises(FileNotFoundError, match="there are no annotations"):
        plan("--from", folder, "--annotations", tmp_path / "absent", "--test", tmp_path / "test.txt")
