"""DCASE's acoustic scenes in a folder that is named (``--dcase DIR``), packed when they are first asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks.datasets.dcase import NAME, Dcase, read_lists
from benchmarks.datasets.esc50 import decode
from benchmarks.datasets.folds import Folds
from benchmarks.datasets.prepared import SAMPLE_RATE
from benchmarks.preparation.recordings import packed_folder

SECONDS = 30.0  # of the longest recordings of the challenges' sets


def from_folder(folder: str | Path, root: Path, sample_rate: int = SAMPLE_RATE) -> Folds:
    """The recordings of a folder in the official layout, packed below ``root``.

    All files are read for their hashes, once a process. Raises ``FileNotFoundError`` or ``ValueError`` if its lists are
    not there or no cross-validation; ``DiskFullError`` when there is no room.
    """
    folder = Path(folder)
    recordings = read_lists(folder)
    lists = "\n".join(f"{r.path} {r.fold} {r.category}" for r in recordings)
    prepared = packed_folder(
        folder,
        recordings,
        root / "dcase_folders",
        name=NAME,
        head=f"{NAME} {sample_rate} {hashlib.sha256(lists.encode()).hexdigest()}",
        decode=lambda content, path: decode(content, path, sample_rate, seconds=None),
        sample_rate=sample_rate,
        seconds=SECONDS,
    )
    folds = Dcase(prepared, folder).open(f"probe {NAME}")
    assert isinstance(folds, Folds)
    return folds
