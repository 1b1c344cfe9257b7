"""Media that the user has, under the names that are in use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.preparation.item import Cut, Item
from benchmarks.preparation.local_media import LocalMedia

ITEM = Item(id="dQw4w9WgXcQ", video="dQw4w9WgXcQ", cut=Cut(start=30.0, seconds=10.0))


@pytest.mark.parametrize(
    "name",
    [
        "dQw4w9WgXcQ.mp4",
        "dQw4w9WgXcQ.WEBM",
        "YdQw4w9WgXcQ.wav",
        "Never gonna [dQw4w9WgXcQ].mkv",
        "dQw4w9WgXcQ_30.mp4",
        "dQw4w9WgXcQ_30_40.mp4",
        "dQw4w9WgXcQ_30.000_40.000.flac",
        "dQw4w9WgXcQ_30.0_40.0.mp4",
        "dQw4w9WgXcQ_30000_40000.mp4",
        "dQw4w9WgXcQ_30000.mp4",
        "dQw4w9WgXcQ_000030.mp4",
        "dQw4w9WgXcQ_000030_000040.mp4",
        "a/b/dQw4w9WgXcQ.mp4",
        "YdQw4w9WgXcQ_30.000_40.000.wav",
        "YdQw4w9WgXcQ_30.mp4",
        "Never gonna-dQw4w9WgXcQ.mp4",
        "Never [gonna], give [dQw4w9WgXcQ].mkv",
        "dQw4w9WgXcQ.f137.mp4",
        "dQw4w9WgXcQ.MTS",
        "dQw4w9WgXcQ.m2ts",
        "dQw4w9WgXcQ.ts",
        "dQw4w9WgXcQ.wmv",
        "dQw4w9WgXcQ.ogv",
        "dQw4w9WgXcQ.M2T",
        "dQw4w9WgXcQ.mxf",
        "dQw4w9WgXcQ.amr",
        "dQw4w9WgXcQ_30.000.mp4",
        "YdQw4w9WgXcQ_30.0.wav",
    ],
)
def test_names_that_are_in_use(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert LocalMedia([tmp_path]).of(ITEM) == [path]


@pytest.mark.parametrize(
    "name",
    [
        "dQw4w9WgXcQ.json",
        "dQw4w9WgXcQ_40.mp4",
        ".hidden/dQw4w9WgXcQ.mp4",
        "__MACOSX/dQw4w9WgXcQ.mp4",
        "xdQw4w9WgXcQ.mp4",
        "._dQw4w9WgXcQ.mp4",
        "dQw4w9WgXcQ",
    ],
)
def test_other_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert LocalMedia([tmp_path]).of(ITEM) == []


def test_two_files_that_were_not_merged_belong_together(tmp_path: Path) -> None:
    for name in ("A title [dQw4w9WgXcQ].f137.mp4", "A title [dQw4w9WgXcQ].f140.m4a"):
        (tmp_path / name).touch()
    found = [path.name for path in LocalMedia([tmp_path]).of(ITEM)]
    assert found == ["A title [dQw4w9WgXcQ].f137.mp4", "A title [dQw4w9WgXcQ].f140.m4a"]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("dQw4w9WgXcQ_29.0_41.0.mp4", 1.0),
        ("YdQw4w9WgXcQ_25_45.wav", 5.0),
        ("dQw4w9WgXcQ_0.0_60.0.mp4", 30.0),
        ("dQw4w9WgXcQ_29000_41000.mp4", 1.0),
        ("dQw4w9WgXcQ_000029_000041.mp4", 1.0),
        ("[dQw4w9WgXcQ]_31_41.mp4", None),
        ("dQw4w9WgXcQ_31_41.mp4", None),
        ("dQw4w9WgXcQ_130.000_140.000.mp4", None),
        ("dQw4w9WgXcQ_29.mp4", None),
    ],
)
def test_a_file_of_more_than_the_segment_holds_it_and_one_of_other_times_does_not(
    tmp_path: Path, name: str, start: float | None
) -> None:
    (tmp_path / name).touch()
    media = LocalMedia([tmp_path])
    assert media.of(ITEM) == []
    around = media.around(ITEM)
    assert (around and (around[0], around[1].start, around[1].seconds)) == (
        None if start is None else ([tmp_path / name], start, 10.0)
    )
    assert media.elsewhere(ITEM) == ([tmp_path / name] if not name.startswith("[") else [])


def test_links_to_folders_are_followed_once_and_never_in_circles(tmp_path: Path) -> None:
    (tmp_path / "disk2" / "train").mkdir(parents=True)
    (tmp_path / "disk2" / "train" / "dQw4w9WgXcQ.mp4").touch()
    (tmp_path / "disk2" / "train" / "back").symlink_to(tmp_path / "data")
    (tmp_path / "data").mkdir()
    for name in ("again", "train"):
        (tmp_path / "data" / name).symlink_to(tmp_path / "disk2" / "train")
    (tmp_path / "data" / "gone").symlink_to(tmp_path / "nowhere")
    media = LocalMedia([tmp_path / "data", tmp_path / "disk2"])
    assert media.of(ITEM) == [tmp_path / "data" / "again" / "dQw4w9WgXcQ.mp4"]


def test_the_segment_comes_before_the_video_and_parts_together(tmp_path: Path) -> None:
    for name in ("dQw4w9WgXcQ.mp4", "sound/dQw4w9WgXcQ_30.wav", "video/dQw4w9WgXcQ_30.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    parts = [tmp_path / "sound" / "dQw4w9WgXcQ_30.wav", tmp_path / "video" / "dQw4w9WgXcQ_30.mp4"]
    assert LocalMedia([tmp_path]).of(ITEM) == parts


def test_ids_are_looked_up_and_never_become_paths(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.mp4").touch()
    media = LocalMedia([tmp_path / "inside"])
    for id in ("../secret", str(tmp_path / "secret"), "-oX", "x" * 300, ""):
        assert media.of(Item(id=id, video=id, cut=Cut())) == []


def test_folders_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open" / "closed").mkdir(parents=True)
    (tmp_path / "open" / "dQw4w9WgXcQ.mp4").touch()
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    media = LocalMedia([tmp_path / "open"])
    assert media.of(ITEM) == [tmp_path / "open" / "dQw4w9WgXcQ.mp4"]
    assert media.notes() == [f"--from: {tmp_path}/open/closed cannot be read: what it holds is missing"]
    with pytest.raises(PermissionError, match="closed"):
        LocalMedia([tmp_path / "open" / "closed"])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--from .*absent: there is no such folder"):
        LocalMedia([tmp_path / "absent"])
