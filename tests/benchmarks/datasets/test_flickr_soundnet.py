"""SoundNet-Flickr's annotations in both forms, and XML that is not welcome."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets.flickr_soundnet import ConsensusMaps, ListedImages, read_annotations, read_test_list, sides

BOXES = {
    "111": [[1, 1, 128, 256], [65, 1, 192, 256]],
    "222": [[60, 80, 60, 80], [10, 20, 30, 40]],
    "333": [[5, 5, 5, 9]],
}


def write_json(path: Path, **changes: object) -> Path:
    content = {"image_size": [256, 256], "box_format": "xmin,ymin,xmax,ymax (1-based)", "boxes": BOXES, **changes}
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))
    return path


def write_xml(folder: Path, boxes: dict[str, list[list[int]]] = BOXES) -> Path:
    folder.mkdir()
    for image, listed in boxes.items():
        found = "".join(
            f"<bbox><annotator>{i}</annotator><xmin>{a}</xmin><ymin> {b} </ymin><xmax>{c}</xmax><ymax>{d}</ymax></bbox>"
            for i, (a, b, c, d) in enumerate(listed)
        )
        (folder / f"{image}.xml").write_text(f"<?xml version='1.0'?><annotation><id>{image}</id>{found}</annotation>")
    return folder


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    for path in (write_json(tmp_path / "boxes.json"), write_xml(tmp_path / "xml")):
        found = read_annotations(path)
        assert found.size == (256, 256)
        assert {image: boxes.tolist() for image, boxes in found.boxes.items()} == {
            "111": BOXES["111"],
            "222": [[10, 20, 30, 40]],
        }
        assert found.dropped == {"222": 1, "333": 1}, "boxes of zero area are dropped and counted"


def test_consensus_of_an_image(tmp_path: Path) -> None:
    found = read_annotations(write_json(tmp_path / "boxes.json"))
    g = found.consensus("111")
    np.testing.assert_array_equal(g[0], [0.5] * 64 + [1.0] * 64 + [0.5] * 64 + [0.0] * 64)
    assert (g == g[0]).all()
    with pytest.raises(KeyError):
        found.consensus("333")


def test_consensus_maps_are_a_collection_that_can_be_gone_through_twice(tmp_path: Path) -> None:
    maps = ConsensusMaps(read_annotations(write_json(tmp_path / "boxes.json")), ["222", "111"])
    assert len(maps) == 2
    for _ in range(2):
        assert [g.sum() for g in maps] == [21 * 21 / 2, 256 * (32 + 64 + 32)]
    assert maps[0].sum() == 21 * 21 / 2


def test_a_frame_that_is_no_square(tmp_path: Path) -> None:
    boxes = {"1": [[1, 1, 4, 2]]}
    assert read_annotations(write_json(tmp_path / "a.json", image_size=[4, 2], boxes=boxes)).consensus("1").shape == (
        2,
        4,
    )
    with pytest.raises(ValueError, match=r"image 1: box \[1, 1, 4, 2\] is not .* of a 2 x 4 frame"):
        read_annotations(write_json(tmp_path / "b.json", image_size=[2, 4], boxes=boxes))


def test_the_real_files(shared_data: Path) -> None:
    folder = shared_data / "flickr_soundnet"
    found = read_annotations(folder / "annotations_2786.json")
    listed = read_test_list(folder / "test_250.json")
    assert len(found.boxes) == 2786
    assert found.dropped == {"4041216001": 1}
    ids = listed.ids
    assert len(ids) == 250
    assert [i for i in ids if i not in found.boxes] == ["3908875357"]
    assert sum(i in found.boxes for i in ids) == 249


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": None}, "is not an annotation file"),
        ({"image_size": None}, "is not an annotation file"),
        ({"image_size": [256]}, "is not an annotation file"),
        ({"image_size": [256, 0]}, "two positive integers"),
        ({"box_format": "x,y,w,h"}, "box_format is 'x,y,w,h', expected"),
        ({"boxes": [[1, 1, 2, 2]]}, "is not an annotation file"),
        ({"boxes": {"9": [[1, 1, 2]]}}, "image 9: boxes must be lists of four integers"),
        ({"boxes": {"9": [[1, 1, 2, 2.5]]}}, "image 9: boxes must be lists of four integers"),
        ({"boxes": {"9": [[1, 1, 2, 257]]}}, r"image 9: box \[1, 1, 2, 257\] is not"),
        ({"boxes": {"9": [[0, 1, 2, 2]]}}, "image 9: box"),
        ({"boxes": {"9": [[9, 1, 2, 2]]}}, "image 9: box"),  # turned around: not a box of zero area but an error
    ],
)
def test_bad_json_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = write_json(tmp_path / "boxes.json", **changes)
    with pytest.raises(ValueError, match=rf"boxes\.json.*{message}"):
        read_annotations(path)


LAUGHS = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<annotation><bbox><x>&b;</x><a>1</a><b>1</b><c>9</c><d>9</d></bbox></annotation>"""
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><annotation>&x;</annotation>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LAUGHS.encode(), "declares a document type or entities: refused"),
        (OUTSIDE.encode(), "declares a document type or entities: refused"),
        (b"\xef\xbb\xbf" + LAUGHS.encode(), "declares a document type or entities: refused"),
        (LAUGHS.encode("utf-16"), "declares a document type or entities: refused"),
        (LAUGHS.encode("utf-16-be"), "declares a document type or entities: refused"),
        (b"<annotation><bbox>", "is not well-formed"),
        (b"<annotation>&undefined;</annotation>", "is not well-formed"),
        (b"<html></html>", "root element is <html>"),
        (b"<annotation><bbox><i>0</i><a>1</a><b>1</b><c>9</c></bbox></annotation>", "four integers"),
        (b"<annotation><bbox><i>0</i><a>1</a><b>1</b><c>9</c><d>x</d></bbox></annotation>", "four integers"),
        (b"<annotation><bbox><i>0</i><a/><b>1</b><c>9</c><d>9</d></bbox></annotation>", "four integers"),
        (b"<annotation>" + b" " * (1 << 20) + b"</annotation>", "1,048,601 bytes"),
    ],
)
def test_bad_or_hostile_xml_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    folder = write_xml(tmp_path / "xml")
    (folder / "444.xml").write_bytes(content)
    found = read_annotations(folder)
    assert re.search(rf"444\.xml.*{message}", found.refused["444"])
    assert (len(found.refused), set(found.boxes)) == (1, {"111", "222"}), "it costs itself only"
    for image in BOXES:
        (folder / f"{image}.xml").unlink()
    with pytest.raises(ValueError, match=rf"444\.xml.*{message}"):
        read_annotations(folder)


def test_a_lying_encoding_declaration_does_not_matter(tmp_path: Path) -> None:
    folder = write_xml(tmp_path / "xml", {})
    box = "<bbox><i>é</i><a>1</a><b>2</b><c>3</c><d>4</d></bbox>"
    text = f"<?xml version='1.0' encoding='utf-16'?><annotation>{box}</annotation>"
    (folder / "1.xml").write_text(text, encoding="utf-8")
    assert read_annotations(folder).boxes["1"].tolist() == [[1, 2, 3, 4]]


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there are no annotations at .*nowhere"):
        read_annotations(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no XML file"):
        read_annotations(tmp_path)


def test_test_lists_in_both_forms(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"ids": ["1", "2"], "missing": ["2"]}')
    (tmp_path / "a.txt").write_text("1\n2\n")
    assert read_test_list(tmp_path / "a.json") == read_test_list(tmp_path / "a.txt") == ListedImages(ids=("1", "2"))


@pytest.mark.parametrize(
    "form",
    [
        "{}.png",
        "{}.JPG",
        "{},{n}",
        "{} ",
        '"{}";3',
        "images/{}.jpg",
        "{}\t0\r",
        "\ufeff{}",
        "'{}'",
        '"{}","a,{n}"',
        "{},",
    ],
)
def test_published_forms_of_the_list_name_the_same_images(shared_data: Path, tmp_path: Path, form: str) -> None:
    listed = read_test_list(shared_data / "flickr_soundnet" / "test_250.json")
    lines = [form.format(id, n=n) for n, id in enumerate(listed.ids)]
    text = "\n".join(["# the published list", *lines, "", "# the end", lines[0]])
    (tmp_path / "test.txt").write_text(text, newline="")
    assert read_test_list(tmp_path / "test.txt") == replace(listed, repeated=(listed.ids[0],))


def test_what_is_no_id_costs_itself_and_a_repeated_one_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("image,frame\n-1,0\n../x.png,1\n_2.png,2\n-1,3\né,4\n")
    found = read_test_list(tmp_path / "a.txt")
    assert (found.ids, found.repeated) == (("-1", "_2"), ("-1",))
    assert list(found.refused) == ["a.txt, '../x.png'", "a.txt, 'é'"]


def test_of_a_json_list_what_is_no_id_costs_itself(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"ids": ["1", 2, None, "3.PNG"]}))
    found = read_test_list(tmp_path / "a.json")
    assert found.ids == ("1", "3")
    assert list(found.refused) == ["a.json, 2", "a.json, None"]
    assert "2" in found.beside


@pytest.mark.parametrize("text", ["1,111,222\n", "1\t111\n3\t222\n", "1\n./111\n=222\n", "1\n111;x\n222\n3\n"])
def test_annotated_images_that_stand_where_no_id_is_read_are_on_neither_side(tmp_path: Path, text: str) -> None:
    boxes = {id: [[1, 1, 9, 9]] for id in ("1", "3", "111", "222", "4")}
    (tmp_path / "a.txt").write_text(text)
    listed = read_test_list(tmp_path / "a.txt")
    parts = sides(read_annotations(write_json(tmp_path / "boxes.json", boxes=boxes)), listed)
    assert set(parts.train) == {"1", "3", "111", "222", "4"} - {*parts.test, "1", "111", "222"}
    assert set(parts.beside) == {"1", "111", "222"} - {*parts.test}


def test_one_image_in_two_files_is_read_once_and_an_xml_may_begin_with_blank_lines(tmp_path: Path) -> None:
    one = "<annotation><bbox><i>0</i><a>10</a><b>20</b><c>90</c><d>100</d></bbox></annotation>"
    (tmp_path / "1.XML").write_text(one)
    (tmp_path / "1.xml").write_text(one.replace("90", "99"))
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("a file system on which these are one file")
    (tmp_path / "2.xml").write_text(f"\n\n<?xml version='1.0'?>\n{one}\n")
    found = read_annotations(tmp_path)
    assert {id: boxes.tolist() for id, boxes in found.boxes.items()} == {id: [[10, 20, 90, 100]] for id in ("1", "2")}
    assert found.refused == {"1.xml": "1.xml: 1 has boxes in two files"}


def test_a_bad_box_costs_its_image_only(tmp_path: Path) -> None:
    boxes = {
        **BOXES,
        "9": [[1, 1, 2, 257]],
        "8": [[1, 1, 2]],
        "7": "boxes",
        "a b": [[1, 1, 2, 2]],
        "_6.jpg": [[1, 1, 2, 2]],
    }
    found = read_annotations(write_json(tmp_path / "boxes.json", boxes=boxes))
    assert set(found.boxes) == {"111", "222", "_6"}
    assert set(found.refused) == {"9", "8", "7", "a b"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "[]", "is not a test list"),
        ("a.json", "nonsense", "is not a test list"),
        ("a.json", '{"ids": [1]}', "list of strings"),
        ("a.json", '{"ids": []}', "lists no test image"),
        ("a.txt", "../1\n", r"a\.txt lists no test image: one a line .*; a\.txt, '\.\./1': it is not the id"),
        ("a.txt", "", "lists no test image"),
    ],
)
def test_bad_test_lists_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_test_list(tmp_path / name)
