"""Packing of clips into the folders that :mod:`benchmarks.datasets.prepared` reads."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.prepared import (
    FORMAT,
    MANIFEST,
    PLACES,
    SAMPLE_RATE,
    LeftOut,
    Lost,
    Packed,
    Prepared,
    content_hash,
    fingerprint_of,
    schema,
    sealed,
    shard_name,
)
from registry.files import atomic_write, write_at

SHARD_BYTES = 1 << 30  # a new file is begun when one has grown to this


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One item as it is packed: ``frames`` are JPEG files, shown from ``times`` (seconds, ascending) on."""

    id: str
    waveform: npt.NDArray[np.int16]  # (T,) mono
    frames: Sequence[bytes] = ()
    times: Sequence[float] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)  # what JSON can hold

    def __post_init__(self) -> None:
        if self.waveform.ndim != 1 or self.waveform.dtype != np.int16:
            raise ValueError(f"{self.id}: a waveform is int16 (T,), not {self.waveform.dtype} {self.waveform.shape}")
        if len(self.frames) != len(self.times) or list(self.times) != sorted(self.times):
            raise ValueError(f"{self.id}: {len(self.frames)} frames need as many ascending times, not {self.times}")


class Packer:
    """Appends clips to a folder's Arrow files; one process at a time.

    ``packed`` are the clips that are known to be there already. What a kill has left behind them is overwritten.
    """

    def __init__(self, folder: Path, packed: Iterable[Packed] = ()) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.shard, self.end = max(((p.shard, p.offset + p.size) for p in packed), default=(0, 0))

    def append(self, clip: Clip) -> Packed:
        """Pack a clip: it is on the disk when this returns.

        Raises ``DiskFullError`` when there is no room; what was there is as before.
        """
        if self.end >= SHARD_BYTES:
            self.shard, self.end = self.shard + 1, 0
        head = schema().serialize().to_pybytes() if self.end == 0 else b""
        data = _batch_of(clip).serialize().to_pybytes()
        write_at(self.folder / shard_name(self.shard), self.end, head + data)
        offset = self.end + len(head)
        self.end = offset + len(data)
        return Packed(
            id=clip.id,
            shard=self.shard,
            offset=offset,
            size=len(data),
            sha256=content_hash(clip.waveform, clip.frames, clip.times),
            samples=len(clip.waveform),
            frames=len(clip.frames),
            attributes=clip.attributes,
        )


def seal(
    folder: Path,
    packed: Sequence[Packed],
    lost: Sequence[Lost] = (),
    *,
    refused: Sequence[Lost] = (),
    left_out: Sequence[LeftOut] = (),
    others: Sequence[Packed] = (),
    found: int | None = None,
    name: str | None = None,
    sample_rate: int = SAMPLE_RATE,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Write the manifest over clips that were packed; the order of ``packed`` is the order of the data set.

    ``found``: how many items they are of (default: as many as there are clips); ``others``: clips that are to stay in
    the files without being in the data set. What a kill has left behind them is cut off.
    """
    sizes = _shard_sizes([*packed, *others])
    for path in sorted(folder.glob(f"clips-{'[0-9]' * 5}.arrow")):
        number = int(path.stem.removeprefix("clips-"))
        if number >= len(sizes):
            path.unlink()
        elif path.stat().st_size > sizes[number]:
            os.truncate(path, sizes[number])
    names = sorted({key for p in packed for key in p.attributes})
    content = {
        "format": FORMAT,
        "name": name or folder.name,
        "sample_rate": sample_rate,
        "fingerprint": fingerprint_of(packed, sample_rate),
        "options": dict(options or {}),
        "shards": sizes,
        "found": len(packed) if found is None else found,
        "clips": {key: [getattr(p, key) for p in packed] for key in PLACES},
        "columns": {key: [p.attributes.get(key) for p in packed] for key in names},
        "lost": [dataclasses.asdict(item) for item in lost],
        "refused": [dataclasses.asdict(item) for item in refused],
        "left_out": [dataclasses.asdict(item) for item in left_out],
    }
    atomic_write(folder / MANIFEST, sealed(content))


def write(
    folder: str | Path,
    items: Iterable[Clip | Lost],
    *,
    name: str | None = None,
    sample_rate: int = SAMPLE_RATE,
    options: Mapping[str, Any] | None = None,
) -> Prepared:
    """Pack ``items`` into ``folder`` in one go, in their order, and open it.

    Raises ``FileExistsError`` if the folder holds a prepared data set already; ``DiskFullError`` when there is no
    room.
    """
    folder = Path(folder)
    if (folder / MANIFEST).exists():
        raise FileExistsError(f"{folder} holds a prepared data set already: remove it, or name another folder")
    packer, packed, lost = Packer(folder), [], []
    for item in items:
        if isinstance(item, Lost):
            lost.append(item)
        else:
            packed.append(packer.append(item))
    seal(folder, packed, lost, name=name, sample_rate=sample_rate, options=options)
    return Prepared(folder)


def _batch_of(clip: Clip) -> Any:
    import pyarrow as pa

    columns = [
        pa.array([clip.id]),
        pa.ListArray.from_arrays([0, len(clip.waveform)], pa.array(np.ascontiguousarray(clip.waveform))),
        pa.array([list(clip.frames)], pa.list_(pa.binary())),
        pa.array([list(clip.times)], pa.list_(pa.float32())),
        pa.array([json.dumps(dict(clip.attributes), sort_keys=True)]),
    ]
    return pa.record_batch(columns, schema=schema())


def _shard_sizes(packed: Sequence[Packed]) -> list[int]:
    ends: dict[int, int] = {}
    for p in packed:
        ends[p.shard] = max(ends.get(p.shard, 0), p.offset + p.size)
    return [ends.get(number, 0) for number in range(max(ends, default=-1) + 1)]
