"""Local media: folders that a user has already, of files named by the id of their video, in the forms in use."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.preparation.decode import IMAGES
from benchmarks.preparation.item import Item
from registry.files import expanded

MEDIA = (".mp4", ".m4a", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".flv", ".3gp", ".mpg")
SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".aac")


class LocalMedia:
    """The media files below some folders, found by id.

    Raises ``FileNotFoundError`` if one of the folders is not there.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [expanded(folder) for folder in folders]
        self._by_stem: dict[str, list[Path]] = {}
        for folder in self.folders:
            if not folder.is_dir():
                raise FileNotFoundError(f"--from {folder}: there is no such folder")
            for path in _files(folder):
                self._by_stem.setdefault(path.stem, []).append(path)
                in_brackets = re.search(r"\[([\w-]+)\]$", path.stem)
                if in_brackets:
                    self._by_stem.setdefault(in_brackets[1], []).append(path)

    def of(self, item: Item) -> list[Path]:
        """The files of an item; those of the first form that there is."""
        for stem in names(item):
            if stem in self._by_stem:
                return self._by_stem[stem]
        return []


def names(item: Item) -> Iterator[str]:
    """File names without ending under which an item's media may be known, the most telling first."""
    video = item.video or item.id
    if item.cut.segment:
        start, end = item.cut.segment
        for form in ("{:.0f}", "{:.3f}", "{:.1f}"):
            yield f"{video}_{form.format(start)}_{form.format(end)}"
        yield f"{video}_{start * 1000:.0f}_{end * 1000:.0f}"
        yield f"{video}_{start:06.0f}_{end:06.0f}"
        yield f"{video}_{start:06.0f}"
        yield f"{video}_{start:.0f}"
        yield f"{video}_{start * 1000:.0f}"
    yield video
    yield f"Y{video}"


def _files(folder: Path) -> Iterator[Path]:
    """Media and pictures below a folder in a fixed order; the system's own hidden files are left out."""
    for path, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in (*MEDIA, *SOUNDS, *IMAGES):
                yield Path(path) / name
