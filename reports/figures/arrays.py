"""Arrays that runs left for the figures."""

from __future__ import annotations

import functools
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from registry.record.run_record import Record

#: Bytes of all arrays of a file; the largest that runs leave are a hundredth of it.
LARGEST = 1 << 30


def arrays_of(run: Record, artifact: str, names: tuple[str, ...], figure: str) -> Mapping[str, Any] | None:
    """The arrays of an NPZ artifact by name, ``names`` and whatever else it holds.

    None where the run has no such artifact, and with a warning where it is damaged or lacks one of ``names``.
    """
    if artifact not in run.artifacts:
        return None
    try:
        return _read(run.artifact(artifact), names, figure)
    except (OSError, ValueError) as error:
        warnings.warn(f"{error}; {figure} leaves it out", stacklevel=3)
        return None


@functools.lru_cache(maxsize=64)
def _read(path: Path, names: tuple[str, ...], figure: str) -> Mapping[str, Any] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in (*names, *file.files)}
    except (OSError, ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        warnings.warn(f"{path} cannot be read ({error}); {figure} leaves it out", stacklevel=4)
        return None
