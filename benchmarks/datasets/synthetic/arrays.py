"""Arrays on disk: memory-mapped, once size and checksum are verified.

A folder (see :mod:`benchmarks.datasets.cache`) holds one ``.npy`` file an array and ``manifest.json`` with every
file's size and CRC-32. Nothing is synced to the disk: a file that a power failure has cut is a damaged file.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.cache import kept
from benchmarks.datasets.scene import DamagedError

Arrays = dict[str, npt.NDArray[Any]]
Layout = Mapping[str, tuple[str, tuple[int, ...]]]  # name -> (dtype, shape)

MANIFEST = "manifest.json"


def open_arrays(folder: Path, layout: Layout, chunks: Iterable[Arrays]) -> Arrays:
    """The arrays in ``folder``, read-only and memory-mapped; made from ``chunks`` (their rows in order) where missing.

    Raises ``DiskFullError`` when there is no room; what was in ``folder`` is left as it was.
    """
    needed = sum(np.dtype(dtype).itemsize * int(np.prod(shape)) for dtype, shape in layout.values())
    return kept(folder, lambda place: _read(place, layout), lambda aside: _write(aside, layout, chunks), needed)


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
    except DamagedError:
        raise
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
