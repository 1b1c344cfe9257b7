"""Files that scenes are made of: found, read and judged once, and remembered until they change.

Photographs are ``<root>/<label>/*.jpg`` (or .jpeg, .png). Recordings are ``<root>/<label>/*.wav`` (or .flac, .ogg), or
ESC-50 in its official layout. Beside recordings in folders may lie ``clips.csv``, with the columns ``file``
(``<label>/<name>``) and ``freesound_id``: then what it lists and is not there is missing, and recordings cut from one
upload are known to be. What is known of a file is remembered in the cache by its path, size and time of change.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.datasets.esc50 import read_meta
from benchmarks.datasets.scene import DamagedError
from benchmarks.progress import progress_bar
from registry.files import atomic_write, writable
from registry.text_files import table_of

LARGEST = 256 << 20  # bytes: no file of such a collection is larger, and none larger is read
JUDGED = 2  # raise it when a file may be judged differently

Check = Callable[[bytes, str], None]


@dataclass(frozen=True, slots=True)
class File:
    """A photograph or recording that is there and whole."""

    id: str  # label/name
    path: str
    sha256: str
    origin: str  # files of one origin stay on one side of a split: the upload a recording is cut from; else its content


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that ought to be there."""

    label: str
    path: Path
    upload: str | None = None  # known only of recordings

    @property
    def id(self) -> str:
        return f"{self.label}/{self.path.name}"


@dataclass(frozen=True, slots=True)
class Found:
    files: Mapping[str, tuple[File, ...]]  # label -> its files, by content
    missing: Mapping[str, str]  # id -> why
    damaged: Mapping[str, str]


def photographs(root: Path, suffixes: Collection[str]) -> list[Listed]:
    """All pictures in the folders of ``root``."""
    return [Listed(folder.name, path) for folder in _folders(root) for path in _inside(folder, suffixes)]


def recordings(root: Path, suffixes: Collection[str]) -> list[Listed]:
    """All recordings that ``root`` holds or lists.

    Raises ``ValueError`` if its list is not what it should be.
    """
    if (root / "meta" / "esc50.csv").is_file():
        # A clip's name is FOLD-UPLOAD-TAKE-CLASS.wav: takes of one upload are parts of one recording.
        return [
            Listed(recording.category, root / "audio" / recording.filename, recording.id.split("-")[1])
            for recording in read_meta(root, "esc50")
        ]
    uploads = _uploads(root / "clips.csv")
    listed = {path: Listed(path.parent.name, path, upload) for path, upload in uploads.items()}
    for folder in _folders(root):
        for path in _inside(folder, suffixes):
            listed.setdefault(path, Listed(folder.name, path))
    return sorted(listed.values(), key=lambda item: item.id)


def judged(listed: Sequence[Listed], check: Check, cache: Path, title: str) -> Found:
    """Read every file that is not known yet, and sort them all into found, missing and damaged."""
    known = _Known(cache)
    files: dict[str, list[File]] = {}
    seen: dict[str, File] = {}
    missing: dict[str, str] = {}
    damaged: dict[str, str] = {}
    new = sum(not known.has(item.path) for item in listed)
    read = 0
    with progress_bar(title) if new else contextlib.nullcontext(_silent) as progress, known:
        for item in listed:
            if not item.path.is_file():
                missing[item.id] = f"missing: no file {item.path}"
                continue
            if not known.has(item.path):
                known.judge(item.path, check)
                read += 1
                progress(read, new)
            sha256, wrong = known.of(item.path)
            if wrong is None and sha256 in seen:  # the same on two sides of a split, or of two kinds
                wrong = f"{item.path} holds the same as {seen[sha256].path}"
            if wrong is not None:
                damaged[item.id] = f"damaged: {wrong}"
                continue
            origin = sha256 if item.upload is None else f"upload {item.upload}"
            seen[sha256] = File(item.id, str(item.path), sha256, origin)
            files.setdefault(item.label, []).append(seen[sha256])
    by_content = {label: tuple(sorted(of_it, key=lambda file: file.sha256)) for label, of_it in files.items()}
    return Found(by_content, missing, damaged)


def content_of(file: File) -> bytes:
    """What was read when the file was judged.

    Raises ``ValueError`` if it is gone or has changed since.
    """
    try:
        content = Path(file.path).read_bytes()
    except OSError as error:
        raise ValueError(
            f"{file.path} can no longer be read ({error}); put it back or start again without it"
        ) from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ValueError(f"{file.path} has changed since it was first read; start the same command again")
    return content


class _Known:
    """What is known of files: kept as JSON in the cache, where it may be deleted at any time."""

    def __init__(self, cache: Path) -> None:
        self.path = cache / "composite" / "files.json"
        self.entries: dict[str, list[Any]] = {}
        self.new: dict[str, list[Any]] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(self.path.read_bytes())
            if kept["judged"] == JUDGED:
                self.entries = dict(kept["files"])

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None:
        """Keep what was learned, even if the reading was interrupted; where that cannot be, it is read again."""
        if self.new and not writable(self.path.parent):
            warnings.warn(f"{self.path.parent} cannot be written: every process reads all files anew", stacklevel=3)
        elif self.new:
            files = {**_Known(self.path.parents[1]).entries, **self.new}  # another process may have learned more
            atomic_write(self.path, json.dumps({"judged": JUDGED, "files": files}))

    def has(self, path: Path) -> bool:
        entry = self.entries.get(str(path))
        return entry is not None and path.is_file() and entry[:2] == _stamp(path)

    def of(self, path: Path) -> tuple[str, str | None]:
        """Content hash, and what is wrong with it."""
        _, _, sha256, wrong = self.entries[str(path)]
        return sha256, wrong

    def judge(self, path: Path, check: Check) -> None:
        stamp = _stamp(path)
        sha256, wrong = "", None
        try:
            if stamp[0] > LARGEST:
                raise DamagedError(f"{path} has {stamp[0]:,} bytes, more than any such file has")
            content = path.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            check(content, str(path))
        except DamagedError as error:
            wrong = str(error)
        except OSError as error:  # this time: it is not kept, for nothing of the file may change when it can be read
            self.entries[str(path)] = [*stamp, sha256, f"{path} cannot be read ({error})"]
            return
        self.entries[str(path)] = self.new[str(path)] = [*stamp, sha256, wrong]


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _silent(done: int, total: int) -> None: ...


def _folders(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith("."))


def _inside(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    there = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in suffixes)
    return (path for path in there if not path.name.startswith(".") and path.is_file())


def _uploads(path: Path) -> dict[Path, str | None]:
    """Of a ``clips.csv``: file -> the upload it is cut from; nothing where there is no such file."""
    if not path.is_file():
        return {}
    found: dict[Path, str | None] = {}
    for where, values in table_of(path, ("file",), "a list of clips (repair it, or remove it)"):
        folder, _, name = values.get("file", "").partition("/")
        # The name becomes a path: nothing that could leave the folder.
        if not folder or not name or "/" in name or {folder, name} & {".", ".."}:
            raise ValueError(
                f"{path.parent / where}: {values.get('file', 'a row of more or fewer columns')!r} is not LABEL/NAME"
            )
        upload, place = values.get("freesound_id") or None, path.parent / folder / name
        if found.setdefault(place, upload) != upload:
            raise ValueError(f"{path.parent / where}: {values['file']} is listed a second time, of another upload")
    return found
