"""Folders of labelled recordings that are only named (``--esc50 DIR``, ``--dcase DIR``): packed when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.cache import kept
from benchmarks.datasets.prepared import Lost, NotPreparedError, Prepared, verify
from benchmarks.datasets.scene import DamagedError
from benchmarks.preparation.packing import Clip, Packer, seal
from registry.files import require_regular

#: Raise it when recordings of a folder are packed differently.
PACKED = 1


class Recording(Protocol):
    """A recording of a list."""

    @property
    def filename(self) -> str: ...

    @property
    def id(self) -> str: ...

    @property
    def path(self) -> str:
        """Its place in the folder."""
        ...

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The columns of the prepared data set."""
        ...


def packed_folder(
    folder: Path,
    recordings: Sequence[Recording],
    root: Path,
    *,
    name: str,
    head: str,
    decode: Callable[[bytes, str], npt.NDArray[np.int16]],
    sample_rate: int,
    seconds: float,
) -> Prepared:
    """The recordings of a folder as they are packed below ``root``.

    All files are read for their hashes: where one has changed, they are packed anew. ``options["files"]`` is a digest
    of ``head`` (what is taken besides the files' names) and of name, size and content hash of every recording that is
    whole. ``seconds``: the longest that a recording lasts, about. Raises ``DiskFullError`` when there is no room.
    """
    lines = [_line(recording, _content(folder, recording)) for recording in recordings]
    digest = hashlib.sha256("\n".join([f"{PACKED} {head}", *lines]).encode()).hexdigest()

    def make(aside: Path) -> None:
        packer, packed, whole = Packer(aside), [], [head]
        lost: list[Lost] = []
        for recording, line in zip(recordings, lines, strict=True):
            content = _content(folder, recording)
            if _line(recording, content) != line:
                raise ValueError(f"{folder / recording.path} changes while it is read; start the same command again")
            try:
                if isinstance(content, Lost):
                    lost.append(content)
                    continue
                waveform = decode(content, recording.path)
                packed.append(packer.append(Clip(id=recording.id, waveform=waveform, attributes=recording.attributes)))
                whole.append(line)
            except DamagedError as error:
                lost.append(_lost(recording, "damaged", str(error)))
        files = hashlib.sha256("\n".join(whole).encode()).hexdigest()
        seal(aside, packed, lost, name=name, sample_rate=sample_rate, options={"files": files})

    def read(place: Path) -> Prepared:
        try:
            for clip, why in verify(place).items():
                raise DamagedError(f"{place}: {clip}: {why}")
            return Prepared(place)
        except NotPreparedError as error:
            raise DamagedError(str(error)) from None

    return kept(root / digest, read, make, round(2 * seconds * sample_rate) * len(recordings))


def _content(folder: Path, recording: Recording) -> bytes | Lost:
    """Of a recording's file, or why it cannot be had."""
    try:
        require_regular(folder / recording.path)
        return (folder / recording.path).read_bytes()
    except FileNotFoundError:
        return _lost(recording, "missing", f"no file {recording.path}")
    except OSError as error:
        return _lost(recording, "damaged", f"{recording.path} cannot be read ({error.strerror})")


def _line(recording: Recording, content: bytes | Lost) -> str:
    """What decides a packed recording."""
    if isinstance(content, Lost):
        return f"{recording.filename} {content.status} {content.reason}"
    return f"{recording.filename} {len(content)} {hashlib.sha256(content).hexdigest()}"


def _lost(recording: Recording, status: str, reason: str) -> Lost:
    return Lost(id=recording.id, status=status, reason=reason, attributes=recording.attributes)
