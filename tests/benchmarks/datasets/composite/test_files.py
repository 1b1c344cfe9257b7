"""Photographs and recordings on disk: found, missing or damaged, each with its reason, and remembered."""

from __future__ import annotations

import csv
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.datasets.composite import files, photograph, recording
from benchmarks.datasets.composite.files import content_of, judged

RATE = 11_025


@pytest.fixture
def root(tmp_path: Path, make) -> Path:
    """Two photographs and two recordings."""
    _, _, picture, tone = make
    for number in range(2):
        (tmp_path / "photographs" / "cat").mkdir(parents=True, exist_ok=True)
        (tmp_path / "recordings" / "meow").mkdir(parents=True, exist_ok=True)
        picture(number, 320, 240).save(tmp_path / "photographs" / "cat" / f"{number}.jpg")
        soundfile.write(tmp_path / "recordings" / "meow" / f"{number}.wav", tone(number), RATE)
    return tmp_path


def look(root: Path, check=photograph.check):
    return judged(files.photographs(root / "photographs", photograph.SUFFIXES), check, root / "cache", "reading")


def listen(root: Path, check=recording.check):
    return judged(files.recordings(root / "recordings", recording.SUFFIXES), check, root / "cache", "reading")


def test_whole_files_are_found(root):
    seen, heard = look(root), listen(root)
    assert sorted(f.id for f in seen.files["cat"]) == ["cat/0.jpg", "cat/1.jpg"]
    assert sorted(f.id for f in heard.files["meow"]) == ["meow/0.wav", "meow/1.wav"]
    for found in (seen, heard):
        assert not found.missing
        assert not found.damaged


def bomb(side: int) -> bytes:
    """A PNG that says it has ``side`` x ``side`` pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", b"")
    )


def damage_photograph(path: Path, how: str) -> None:
    whole = path.read_bytes()
    contents = {
        "truncated": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"this is no picture",
        "bomb": bomb(50_000),
        "large": bomb(9_000),
        "small": bomb(8),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }
    path.write_bytes(contents[how])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("truncated", "cannot be decoded"),
        ("empty", "is neither a JPEG nor a PNG file"),
        ("text", "is neither a JPEG nor a PNG file"),
        ("svg", "is neither a JPEG nor a PNG file"),
        ("bomb", "has 50000 x 50000 pixels"),
        ("large", "has 9000 x 9000 pixels"),
        ("small", "has 8 x 8 pixels"),
    ],
)
def test_a_damaged_photograph_is_told_and_the_rest_goes_on(root, how, said):
    damage_photograph(root / "photographs/cat/0.jpg", how)
    found = look(root)
    assert [f.id for f in found.files["cat"]] == ["cat/1.jpg"]
    assert list(found.damaged) == ["cat/0.jpg"]
    assert found.damaged["cat/0.jpg"].startswith("damaged: ")
    assert said in found.damaged["cat/0.jpg"]
    assert str(root / "photographs/cat/0.jpg") in found.damaged["cat/0.jpg"]


def damage_recording(path: Path, how: str) -> None:
    sound, rate = soundfile.read(path, dtype="float32")
    if how == "nan":
        sound[5000] = np.nan
        soundfile.write(path, sound, rate, subtype="FLOAT")
    elif how == "rate":
        soundfile.write(path, sound, 1000)
    elif how == "silent":
        soundfile.write(path, np.zeros(9000, np.int16), rate)
    elif how == "click":
        soundfile.write(path, np.r_[np.zeros(4000), 0.5, np.zeros(4000)], rate)
    elif how == "no samples":
        soundfile.write(path, np.zeros(0, np.int16), rate)
    else:
        path.write_bytes({"empty": b"", "text": b"this is no sound", "header": path.read_bytes()[:20]}[how])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("nan", "holds NaN"),
        ("rate", "1,000 samples a second"),
        ("silent", "sounds for less than 0.10 s"),
        ("click", "sounds for less than 0.10 s"),
        ("no samples", "sounds for less than 0.10 s"),
        ("empty", "is empty"),
        ("text", "cannot be decoded"),
        ("header", "cannot be decoded"),
    ],
)
def test_a_damaged_recording_is_told_and_the_rest_goes_on(root, how, said):
    damage_recording(root / "recordings/meow/0.wav", how)
    found = listen(root)
    assert [f.id for f in found.files["meow"]] == ["meow/1.wav"]
    assert said in found.damaged["meow/0.wav"]


def test_a_recording_that_would_last_for_hours_is_not_read(root):
    soundfile.write(root / "recordings/meow/0.wav", np.zeros(RATE * 601, np.int16), RATE)
    assert "lasts 601 s; 600 are the most" in listen(root).damaged["meow/0.wav"]


def test_a_file_of_gigabytes_is_not_read(root, monkeypatch):
    with open(root / "photographs/cat/0.jpg", "r+b") as file:
        file.truncate(2 << 30)  # a hole: it takes no room
    read = []
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or path.open("rb").read())
    assert "2,147,483,648 bytes" in look(root).damaged["cat/0.jpg"]
    assert root / "photographs/cat/0.jpg" not in read


def test_the_same_picture_twice_is_used_once(root):
    (root / "photographs/dog").mkdir()
    (root / "photographs/dog/9.jpg").write_bytes((root / "photographs/cat/1.jpg").read_bytes())
    found = look(root)
    assert len(found.files["cat"]) == 2
    assert "dog" not in found.files
    assert "holds the same as" in found.damaged["dog/9.jpg"]


def test_files_are_read_once_until_they_change(root, make):
    _, _, picture, _ = make
    read = []

    def check(content: bytes, name: str) -> None:
        read.append(Path(name).name)
        photograph.check(content, name)

    look(root, check)
    first = look(root, check)
    assert read == ["0.jpg", "1.jpg"]
    picture(7, 300, 200).save(root / "photographs/cat/0.jpg")
    again = look(root, check)
    assert read == ["0.jpg", "1.jpg", "0.jpg"]
    assert {f.sha256 for f in first.files["cat"]} != {f.sha256 for f in again.files["cat"]}


def test_what_was_learned_of_damage_is_remembered_too(root):
    damage_photograph(root / "photographs/cat/0.jpg", "truncated")
    first = look(root)
    assert look(root, check=lambda *_: pytest.fail("read again")).damaged == first.damaged


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"judged": 1}', b'{"judged": 0, "files": {}}'])
def test_a_damaged_memory_is_made_again(root, content):
    wanted = look(root)
    (root / "cache/composite/files.json").write_bytes(content)
    assert look(root) == wanted
    assert len(json.loads((root / "cache/composite/files.json").read_text())["files"]) == 2


def test_an_interruption_loses_nothing_that_was_read(root):
    def check(content: bytes, name: str) -> None:
        if name.endswith("1.jpg"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look(root, check)
    read = []
    look(root, lambda content, name: read.append(Path(name).name))
    assert read == ["1.jpg"]


def test_a_file_that_changes_under_way_is_refused(root):
    file = look(root).files["cat"][0]
    assert content_of(file) == Path(file.path).read_bytes()
    Path(file.path).write_bytes(b"other")
    with pytest.raises(ValueError, match="has changed since it was first read"):
        content_of(file)
    Path(file.path).unlink()
    with pytest.raises(ValueError, match="can no longer be read"):
        content_of(file)


# -- lists of recordings ----------------------------------------------------------------------------------------------


def clips(root: Path, *rows: str, header: str = "file,freesound_id") -> None:
    (root / "recordings" / "clips.csv").write_text("\n".join([header, *rows]) + "\n")


def test_a_list_tells_what_is_missing_and_what_is_of_one_upload(root):
    clips(root, "meow/0.wav,77", "meow/1.wav,77", "meow/2.wav,78")
    found = listen(root)
    assert {f.origin for f in found.files["meow"]} == {"upload 77"}
    assert list(found.missing) == ["meow/2.wav"]
    assert "no file" in found.missing["meow/2.wav"]


def test_a_recording_that_no_list_names_is_its_own_origin(root):
    clips(root, "meow/0.wav,")
    assert all(f.origin == f.sha256 for f in listen(root).files["meow"])


@pytest.mark.parametrize("name", ["../meow/0.wav", "/etc/passwd", "meow", "meow/../0.wav", "..", "meow/a/b.wav", ""])
def test_a_list_that_leaves_the_folder_is_refused(root, name):
    clips(root, f"{name},1")
    with pytest.raises(ValueError, match=r"clips.csv, line 2: .* is not LABEL/NAME"):
        listen(root)


def test_a_list_of_other_columns_is_refused(root):
    clips(root, "1,2", header="name,id")
    with pytest.raises(ValueError, match="its first line should name the columns file"):
        listen(root)


def test_the_official_layout_of_esc50(shared_data, tmp_path):
    listed = files.recordings(shared_data / "ESC-50", recording.SUFFIXES)
    with open(shared_data / "ESC-50/meta/esc50.csv", encoding="utf-8") as file:
        rows = {row["filename"]: row for row in csv.DictReader(file)}
    assert len(listed) == len(rows) == 2000
    for item in listed:
        row = rows[item.path.name]
        assert (item.label, item.upload) == (row["category"], row["src_file"])
        assert item.path == shared_data / "ESC-50/audio" / row["filename"]


def test_the_instruments(shared_data):
    listed = files.recordings(shared_data / "instruments", recording.SUFFIXES)
    with open(shared_data / "instruments/clips.csv", encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert {item.id: item.upload for item in listed} == {name: row["freesound_id"] for name, row in rows.items()}


def test_what_could_not_be_read_once_is_read_again(root, monkeypatch):
    """Nothing of the file need have changed when it can be read: a share that was away, a permission."""
    with monkeypatch.context() as away:
        away.setattr(Path, "read_bytes", lambda path: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        assert list(look(root).damaged.values()) == [
            f"damaged: {root}/photographs/cat/{n}.jpg cannot be read ([Errno 5] Input/output error)" for n in range(2)
        ]
    assert not look(root).damaged
