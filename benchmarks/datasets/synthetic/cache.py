"""Arrays on disk: written aside and renamed; memory-mapped afterwards, once size and checksum are verified.

A folder holds one ``.npy`` file an array and ``manifest.json`` with every file's size and CRC-32. What it holds can be
made again at any time, so a damaged folder is a warning, and nothing is synced to the disk: a file that a power
failure has cut is a damaged file. Beside data that can only be read, caches lie in ``$CAVL_HOME/data``.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import warnings
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from registry.files import FULL, DiskFullError, home, writable
from registry.lock import Lock

Arrays = dict[str, npt.NDArray[Any]]
Layout = Mapping[str, tuple[str, tuple[int, ...]]]  # name -> (dtype, shape)

MANIFEST = "manifest.json"


class DamagedError(Exception):
    """A file of the cache is not what was written."""


def open_arrays(folder: Path, layout: Layout, chunks: Iterable[Arrays]) -> Arrays:
    """The arrays in ``folder``, read-only and memory-mapped; made from ``chunks`` (their rows in order) where missing.

    A damaged folder is made again, with a warning that names the file. While one process makes a folder, others wait
    for it.

    Raises
    ------
    DiskFullError
        When there is no room; what was in ``folder`` is left as it was.
    """
    found = _found(folder, layout)
    if found is None and not writable(folder.parent):
        spare = home() / "data"
        warnings.warn(f"{folder.parent} cannot be written: scenes are generated into {spare}", stacklevel=2)
        folder = spare / folder.parent.name / folder.name
        found = _found(folder, layout)
    if found is not None:
        return found
    with _room_for(folder, layout):
        lock = Lock(folder.parent / f".{folder.name}.lock")
        while not lock.acquire(patience=1.0):
            pass  # its holder makes this very folder, and the kernel frees the lock of a process that dies
    try:
        return _read(folder, layout)  # another process may just have made it
    except DamagedError:
        _make(folder, layout, chunks)
        return _read(folder, layout)
    finally:
        lock.release()


def _found(folder: Path, layout: Layout) -> Arrays | None:
    """What is there and whole."""
    if folder.exists():
        try:
            return _read(folder, layout)
        except DamagedError as damage:
            warnings.warn(f"{damage}; the scenes are being generated again", stacklevel=3)
    return None


def _make(folder: Path, layout: Layout, chunks: Iterable[Arrays]) -> None:
    for left in folder.parent.glob(f".{folder.name}.*.aside"):  # by a process that was killed: the lock is ours
        shutil.rmtree(left, ignore_errors=True)
    with _room_for(folder, layout):
        aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".aside"))
        try:
            _write(aside, layout, chunks)
            os.chmod(aside, 0o777 & ~_umask())  # mkdtemp gives 0700; colleagues on a shared disk read caches too
            if folder.exists():
                shutil.rmtree(folder)
            os.rename(aside, folder)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise


def _write(folder: Path, layout: Layout, chunks: Iterable[Arrays]) -> None:
    # Plain writes rather than a writable memory map: on a full disk a write raises, a map kills the process (SIGBUS).
    files = {name: open(folder / f"{name}.npy", "wb") for name in layout}  # noqa: SIM115
    sums = dict.fromkeys(layout, 0)
    try:

        def append(name: str, data: bytes) -> None:
            files[name].write(data)
            sums[name] = zlib.crc32(data, sums[name])

        for name, (dtype, shape) in layout.items():
            head = io.BytesIO()
            np.lib.format.write_array_header_1_0(head, {"descr": dtype, "fortran_order": False, "shape": shape})
            append(name, head.getvalue())
        for chunk in chunks:
            for name, (dtype, _) in layout.items():
                append(name, np.ascontiguousarray(chunk[name], dtype).tobytes())
    finally:
        for file in files.values():
            file.close()
    manifest = {
        f"{name}.npy": {"bytes": (folder / f"{name}.npy").stat().st_size, "crc32": sums[name]} for name in layout
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def _read(folder: Path, layout: Layout) -> Arrays:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        arrays = {}
        for name, (dtype, shape) in layout.items():
            path = folder / f"{name}.npy"
            said = manifest[path.name]
            size = path.stat().st_size
            if size != said["bytes"]:
                raise DamagedError(f"{path} has {size:,} bytes instead of {said['bytes']:,}")
            if _crc32(path) != said["crc32"]:
                raise DamagedError(f"{path} is damaged (its checksum differs)")
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if array.shape != shape or array.dtype != np.dtype(dtype):
                raise DamagedError(f"{path} holds {array.dtype} {array.shape} instead of {dtype} {shape}")
            arrays[name] = np.asarray(array)  # a plain array on the same map: the subclass slows every access
        return arrays
    except FileNotFoundError:
        raise DamagedError(f"{path} is missing") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path} is damaged ({error!r})") from None


def _crc32(path: Path) -> int:
    value = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


class _room_for:
    """Turns "no room" in the block into a :class:`DiskFullError` that says how much is needed, and the remedy."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.needed = sum(np.dtype(dtype).itemsize * int(np.prod(shape)) for dtype, shape in layout.values())

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError) and error.errno in FULL and not isinstance(error, DiskFullError):
            free = shutil.disk_usage(next(p for p in self.folder.absolute().parents if p.is_dir())).free
            raise DiskFullError(
                error.errno,
                f"no room to write {self.folder}: it needs {self.needed:,} bytes, {free:,} are free; free space or "
                "point CAVL_DATA elsewhere; finished runs are untouched, the same command continues",
            ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
