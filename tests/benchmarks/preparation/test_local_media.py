"""Media that the user has, under the names that are in use."""

from __future__ import annotations

from pathlib import Path

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
    ],
)
def test_names_that_are_in_use(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert LocalMedia([tmp_path]).of(ITEM) == [path]


@pytest.mark.parametrize(
    "name", ["dQw4w9WgXcQ.json", "dQw4w9WgXcQ_40.mp4", "xdQw4w9WgXcQ.mp4", "._dQw4w9WgXcQ.mp4", "dQw4w9WgXcQ"]
)
def test_other_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert LocalMedia([tmp_path]).of(ITEM) == []


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


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--from .*absent: there is no such folder"):
        LocalMedia([tmp_path / "absent"])
