"""Local media: folders that a user has already, of files named by the id of their video, in the forms in use."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.preparation.decode import IMAGES
from benchmarks.preparation.item import Cut, Item
from registry.files import expanded

MEDIA = (
    *(".mp4", ".m4a", ".m4v", ".mkv", ".mka", ".webm", ".mov", ".avi", ".flv", ".f4v", ".3gp", ".3g2", ".mpg", ".mpeg"),
    *(".mts", ".m2ts", ".m2t", ".ts", ".wmv", ".asf", ".ogv", ".vob", ".mpe", ".m2v", ".mod", ".dv", ".qt", ".mxf"),
    *(".rm", ".rmvb", ".divx", ".3gpp"),
)
SOUNDS = (
    *(".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".aac", ".wma", ".aif", ".aiff", ".weba"),
    *(".mp2", ".m4b", ".amr", ".ac3", ".au", ".caf", ".spx", ".wv"),
)
#: yt-dlp's mark of one of two files that it did not merge: "ID.f137.mp4", "ID.f140.m4a".
FORMAT = re.compile(r"\.f[\w-]+$")
#: Beginning, or beginning and end, behind an id, in whatever unit.
TIMES = re.compile(r"(.+?)_(\d+(?:\.\d+)?)(?:_(\d+(?:\.\d+)?))?")
#: What archives and systems put beside: no media.
BESIDE = "__MACOSX"


class LocalMedia:
    """The media files below some folders, found by id; links are followed, hidden files and folders left out.

    ``closed`` are folders below them that cannot be read. Raises ``FileNotFoundError`` if one of the folders is not
    there, ``PermissionError`` if it cannot be read.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [expanded(folder) for folder in folders]
        self._by_name: dict[str, list[Path]] = {}
        self._by_video: dict[str, list[str]] = {}  # id -> names of files that say what part of it they hold
        self.closed: list[Path] = []
        seen: set[tuple[int, int]] = set()
        for folder in self.folders:
            if not folder.is_dir():
                raise FileNotFoundError(f"--from {folder}: there is no such folder")
            os.scandir(folder).close()
            for path in _files(folder, seen, self.closed):
                for name in dict.fromkeys(_names_of(path)):
                    self._add(name, path)

    def _add(self, name: str, path: Path) -> None:
        known = self._by_name.setdefault(name, [])
        if not known and (timed := TIMES.fullmatch(name)):
            self._by_video.setdefault(timed[1], []).append(name)
        known.append(path)

    def of(self, item: Item) -> list[Path]:
        """The files of an item; those of the first form that there is."""
        return next((self._by_name[name] for name in names(item) if name in self._by_name), [])

    def notes(self) -> list[str]:
        """What of the folders was not looked at, in sentences."""
        return [f"--from: {folder} cannot be read: what it holds is missing" for folder in self.closed]

    def around(self, item: Item) -> tuple[list[Path], Cut] | None:
        """The files whose names say that they hold an item's segment and more, and what to cut out of them."""
        for name in self._timed(item):
            if (begins := _begins(name, item)) is not None:
                return self._by_name[name], replace(item.cut, start=max(0.0, item.cut.start - begins))
        return None

    def elsewhere(self, item: Item) -> list[Path]:
        """The files whose names say that they hold another part of the item's video."""
        return [path for name in self._timed(item) for path in self._by_name[name]]

    def _timed(self, item: Item) -> list[str]:
        video = item.video or item.id
        return [*self._by_video.get(video, ()), *self._by_video.get(f"Y{video}", ())]


def names(item: Item) -> Iterator[str]:
    """File names without ending under which an item's media may be known, the most telling first."""
    video = item.video or item.id
    if item.cut.segment:
        start, end = item.cut.segment
        for prefix in ("", "Y"):
            for form in ("{:.0f}", "{:.3f}", "{:.1f}", "{:g}"):
                yield f"{prefix}{video}_{form.format(start)}_{form.format(end)}"
            yield f"{prefix}{video}_{start * 1000:.0f}_{end * 1000:.0f}"
            yield f"{prefix}{video}_{start:06.0f}_{end:06.0f}"
            yield f"{prefix}{video}_{start:06.0f}"
            yield from (f"{prefix}{video}_{form.format(start)}" for form in ("{:.0f}", "{:.3f}", "{:.1f}"))
            yield f"{prefix}{video}_{start * 1000:.0f}"
    yield video
    yield f"Y{video}"


def _names_of(path: Path) -> Iterator[str]:
    """What a file may be looked up by: its name, without the marks of yt-dlp, and the id that it has in it."""
    yield path.stem
    plain = FORMAT.sub("", path.stem)
    yield plain
    if in_brackets := re.search(r"\[([\w-]+)\]$", plain):  # "Title [ID]"
        yield in_brackets[1]
    if at_end := re.search(r".-([\w-]{11})$", plain):  # "Title-ID"
        yield at_end[1]


def _begins(name: str, item: Item) -> float | None:
    """Where a file begins that is named by its beginning and end and holds the item's segment; None: it does not."""
    timed = TIMES.fullmatch(name)
    if not timed or not timed[3] or not item.cut.segment:
        return None
    start, end = item.cut.segment
    for unit in (1, 1000):
        begins, ends = float(timed[2]) / unit, float(timed[3]) / unit
        if begins <= start + 1e-3 and end <= ends + 1e-3:
            return begins
    return None


def _files(folder: Path, seen: set[tuple[int, int]], closed: list[Path]) -> Iterator[Path]:
    """Media and pictures below a folder in a fixed order; each folder once, whatever links lead to it."""

    def close(error: OSError) -> None:
        closed.append(Path(error.filename))

    for path, folders, files in os.walk(folder, onerror=close, followlinks=True):
        here = os.stat(path)
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != BESIDE)
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in (*MEDIA, *SOUNDS, *IMAGES):
                yield Path(path) / name
