"""Prepared data sets: clips packed once, read at random through memory maps by any number of workers.

::

    <root>/<name>/manifest.json       what is there: place, size, content hash and attributes of every clip; what is
                                      missing or damaged, and why
    <root>/<name>/clips-00000.arrow   the clips, an Arrow stream of one record batch each; more files as it grows

A clip is a mono waveform (int16 PCM), some frames (JPEG, 256 x 256) with their times, and attributes. The manifest
holds all but waveforms and frames, so choosing clips by their labels touches no media. ``cavl-bench prepare NAME``
makes such folders. Hugging Face's ``datasets.Dataset.from_file`` opens the Arrow files as well, to push them to a hub
for example; they are read by Arrow alone because a clip that has just been packed is then safe without the next, and
nothing else has to be installed (``docs/performance.md`` has the speeds).
"""

from __future__ import annotations

import functools
import hashlib
import json
import mmap
import operator
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.scene import Coverage, DamagedError, reason_of
from registry.files import expanded

SAMPLE_RATE = 11_025  # Hz
FRAME = 256  # pixels of a frame's side

MANIFEST = "manifest.json"
ENTRIES: Mapping[str, type] = {
    **dict.fromkeys(("name", "fingerprint"), str),
    **dict.fromkeys(("sample_rate", "found"), int),
    **dict.fromkeys(("shards", "lost", "refused", "left_out"), list),
    "options": dict,
}
#: What it says of every clip.
PLACES: Mapping[str, type] = {
    "id": str,
    **dict.fromkeys(("shard", "offset", "size"), int),
    "sha256": str,
    **dict.fromkeys(("samples", "frames"), int),
}
FORMAT = 1
REFUSED = "refused: "  # what the reasons begin with of entries of a list that are no items

Progress = Callable[[int, int], None]


class NotPreparedError(FileNotFoundError):
    """There is no prepared data set in the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """An item that is not there: ``status`` is "missing" or "damaged"; ``attributes`` are what its list says of it."""

    id: str
    status: str
    reason: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in ("missing", "damaged"):
            raise ValueError(f"{self.id}: status {self.status!r}; an item that is not found is missing or damaged")


def refusal(entry: str, why: str, **attributes: Any) -> Lost:
    """An entry of a list that is no item; ``why`` may quote what somebody wrote there.

    ``attributes`` are what can be read of it all the same: its ``split``, by which it stays in the coverage of a score,
    and its ``n_sources`` (left out: it may be of any number).
    """
    short = why if len(why) <= 300 else f"{why[:150]} ... {why[-150:]}"
    return Lost(id=entry, status="damaged", reason=f"{REFUSED}{short}", attributes=attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An item that was not asked for, in a rehearsal: ``attributes`` are what its list says of it."""

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Where a clip is, and all that can be known of it without its media."""

    id: str
    shard: int
    offset: int  # bytes before it in its file
    size: int  # bytes it has there
    sha256: str  # of waveform, frames and times, however they are stored
    samples: int
    frames: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Prepared:
    """A prepared data set, opened for reading; may be pickled, forked and read by several processes at once.

    Attributes
    ----------
    name, sample_rate
        As it was prepared; Hz.
    ids
        Of the clips that are there.
    lost, refused, left_out
        Items that are not there, with what the lists say of them; entries of the lists that were no items; items that
        were not asked for.
    coverage
        Found, missing, damaged (or refused) and left out items, with a reason for each that is missing or damaged. An
        item is what the lists name: a video that was cut into several clips is one.
    fingerprint
        Digest of the manifest: id, size, content hash and attributes of every clip.
    options
        What it was prepared with: rate of frames, lists and their digests.

    Raises
    ------
    NotPreparedError
        If the folder holds no prepared data set, with the command that makes one.
    DamagedError
        If the manifest is damaged, or a file is missing or shorter than the manifest says.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = expanded(folder)
        content = _read_manifest(self.folder)
        self.name: str = content["name"]
        self.sample_rate: int = content["sample_rate"]
        self.fingerprint: str = content["fingerprint"]
        self.options: dict[str, Any] = content["options"]
        try:
            self.lost, self.refused = ([Lost(**item) for item in content[key]] for key in ("lost", "refused"))
            self.left_out = [LeftOut(**item) for item in content["left_out"]]
        except (TypeError, ValueError) as error:
            raise DamagedError(f"{self.folder / MANIFEST} is damaged ({error}); {_again(self.folder)}") from None
        self._clips: dict[str, list[Any]] = content["clips"]
        self._columns: dict[str, list[Any]] = content["columns"]
        self.ids: list[str] = self._clips["id"]
        absent = self.lost + self.refused
        missing = sum(item.status == "missing" for item in absent)
        self.coverage = Coverage(
            found=content["found"],
            missing=missing,
            damaged=len(absent) - missing,
            left_out=len(self.left_out),
            reasons={item.id: f"{item.status}: {item.reason}" for item in absent},
        )
        for number, size in enumerate(content["shards"]):
            path = self.folder / shard_name(number)
            if size and (not path.is_file() or path.stat().st_size < size):
                raise DamagedError(f"{path} is missing or shorter than {size:,} bytes; {_again(self.folder)}")
        self._maps: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> list[Any]:
        """An attribute of all clips, in the order of ``ids``; ``None`` for those that lack it.

        Raises ``KeyError`` if no clip has it, with the names of those there are.
        """
        if name not in self._columns:
            raise KeyError(f"{self.folder} has no column {name!r}; it has {', '.join(self._columns) or 'none'}")
        return self._columns[name]

    @property
    def columns(self) -> list[str]:
        return list(self._columns)

    def digest(self, index: int) -> str:
        """Hash of a clip's content, taken when it was packed."""
        return str(self._clips["sha256"][self._checked(index)])

    def samples(self, index: int) -> int:
        """Length of a waveform."""
        return int(self._clips["samples"][self._checked(index)])

    def frame_count(self, index: int) -> int:
        """Number of frames."""
        return int(self._clips["frames"][self._checked(index)])

    def waveform(self, index: int) -> npt.NDArray[np.int16]:
        """(T,), read-only: a view of the memory map."""
        return self._row(index, "waveform").values.to_numpy()

    def frame_times(self, index: int) -> npt.NDArray[np.float32]:
        """(frames,): seconds from the clip's beginning at which each frame appears."""
        return self._row(index, "times").values.to_numpy()

    def frame(self, index: int, number: int) -> npt.NDArray[np.uint8]:
        """One frame (256, 256, 3), RGB."""
        return self._decoded(index, [number])[0]

    def frames(self, index: int, numbers: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Several frames (n, 256, 256, 3), RGB; the clip is looked up once."""
        return np.stack(self._decoded(index, numbers)) if len(numbers) else np.empty((0, FRAME, FRAME, 3), np.uint8)

    def _decoded(self, index: int, numbers: Sequence[int]) -> list[npt.NDArray[np.uint8]]:
        there = self._row(index, "frames").values
        images = []
        for number in numbers:
            if not 0 <= number < len(there):
                raise IndexError(f"frame {number} of {self.ids[index]}, which has {len(there)}, in {self.folder}")
            try:
                image = decode(there[int(number)].as_buffer())
                if image.shape != (FRAME, FRAME, 3):
                    raise ValueError(f"it is {image.shape[1]} x {image.shape[0]} pixels")
            except (RuntimeError, ValueError) as error:
                raise DamagedError(
                    f"frame {number} of {self.ids[index]} cannot be decoded ({reason_of(error)}); {_anew(self.folder)}"
                ) from error
            images.append(image)
        return images

    def _packed(self) -> list[Packed]:
        """What the manifest lists."""
        columns = {**self._clips, "attributes": [{}] * len(self)}
        if self._columns:
            rows = zip(*self._columns.values(), strict=True)
            columns["attributes"] = [dict(zip(self._columns, row, strict=True)) for row in rows]
        return [Packed(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]

    def _row(self, index: int, column: str) -> Any:
        """The value of a clip, an Arrow scalar over the memory map."""
        return self._batch(self._checked(index)).column(column)[0]

    def _batch(self, index: int) -> Any:
        import pyarrow as pa

        shard, offset, size = (self._clips[key][index] for key in ("shard", "offset", "size"))
        if shard not in self._maps:
            with open(self.folder / shard_name(shard), "rb") as file:
                self._maps[shard] = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        try:
            batch = pa.ipc.read_record_batch(self._maps[shard].slice(offset, size), schema())
            batch.validate(full=True)  # Arrow believes lengths and offsets otherwise, and reads wherever they lead
            if len(batch) != 1 or any(column.null_count for column in batch.columns):
                raise ValueError(f"{len(batch)} rows, or a value is missing")
        except (pa.ArrowException, OSError, EOFError, ValueError) as error:
            raise DamagedError(
                f"{self.ids[index]} cannot be read ({reason_of(error)}); {_anew(self.folder)}"
            ) from error
        return batch

    def _checked(self, index: int) -> int:
        index = operator.index(index)
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)} in {self.folder}")
        return index

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}


def verify(folder: str | Path, progress: Progress | None = None) -> dict[str, str]:
    """Read every clip again and compare its content with the manifest's hash: id -> what is wrong, for damaged ones.

    Raises :class:`NotPreparedError` or :class:`DamagedError` as :class:`Prepared`; also if the manifest is not the one
    whose fingerprint it names.
    """
    prepared = Prepared(folder)
    if prepared.fingerprint != fingerprint_of(prepared._packed(), prepared.sample_rate):
        raise DamagedError(
            f"{prepared.folder / MANIFEST} is damaged (its fingerprint is not that of what it lists); "
            f"{_again(prepared.folder)}"
        )
    wrong = {}
    for index, clip in enumerate(prepared.ids):
        try:
            row = prepared._batch(index).to_pydict()
            if row["id"] != [clip]:
                wrong[clip] = f"its place holds {row['id'][0]!r}"
            elif (
                content_hash(prepared.waveform(index), row["frames"][0], row["times"][0])
                != (prepared._clips["sha256"][index])
            ):
                wrong[clip] = "its content is not what was packed (another hash)"
        except Exception as error:  # whatever the damage looks like
            wrong[clip] = str(error)
        if progress is not None:
            progress(index + 1, len(prepared))
    return wrong


def decode(jpeg: Any) -> npt.NDArray[np.uint8]:
    """A frame's JPEG (any buffer) as (H, W, 3), RGB: torchvision's decoder, half as fast again as Pillow's."""
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    content = torch.from_numpy(np.frombuffer(jpeg, np.uint8).copy())
    return decode_jpeg(content, mode=ImageReadMode.RGB).permute(1, 2, 0).numpy()


@functools.cache
def schema() -> Any:
    """Of the Arrow files; ``attributes`` is JSON."""
    import pyarrow as pa

    return pa.schema(
        [
            ("id", pa.string()),
            ("waveform", pa.list_(pa.int16())),
            ("frames", pa.list_(pa.binary())),
            ("times", pa.list_(pa.float32())),
            ("attributes", pa.string()),
        ]
    )


def content_hash(waveform: npt.NDArray[np.int16], frames: Sequence[bytes], times: Sequence[float]) -> str:
    """Sha256 of a clip's content, whatever versions of Arrow wrote it."""
    digest = hashlib.sha256(struct.pack("<QQ", len(waveform), len(frames)))
    digest.update(np.ascontiguousarray(waveform, "<i2").data)
    for frame, time in zip(frames, times, strict=True):
        digest.update(struct.pack("<fQ", time, len(frame)))
        digest.update(frame)
    return digest.hexdigest()


def shard_name(number: int) -> str:
    return f"clips-{number:05d}.arrow"


def fingerprint_of(packed: Sequence[Packed], sample_rate: int) -> str:
    """Of a manifest: id, size, content hash and attributes of every clip."""
    digest = hashlib.sha256(f"{FORMAT} {sample_rate}\n".encode())
    for p in packed:
        known = {key: value for key, value in p.attributes.items() if value is not None}  # a column has None as well
        line = [p.id, p.samples, p.frames, p.sha256, known]
        digest.update(json.dumps(line, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def sealed(content: Mapping[str, Any]) -> str:
    """The text of a manifest, which ends with the hash of all that stands before."""
    text = json.dumps(content, separators=(",", ":"))[:-1]
    return f'{text}{_SEAL}{hashlib.sha256(text.encode()).hexdigest()}"}}\n'


def _as_sealed(content: bytes) -> bool:
    """Whether a manifest is what was written; one of before there was a seal is believed."""
    text, seal, digest = content.rpartition(_SEAL.encode())
    return not seal or digest == hashlib.sha256(text).hexdigest().encode() + b'"}\n'


_SEAL = ',"sha256_of_all_above":"'


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        written = path.read_bytes()
        content: dict[str, Any] = json.loads(written)
    except FileNotFoundError:
        raise NotPreparedError(
            f"there is no prepared data set in {folder}: no {MANIFEST}; make it with `{_command(folder)}` "
            "(docs/data.md says which files that needs)"
        ) from None
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} is damaged ({error}); {_again(folder)}") from None
    if not _as_sealed(written):
        raise DamagedError(f"{path} is damaged (it is not what was written); {_again(folder)}")
    try:
        if content["format"] != FORMAT:
            raise DamagedError(f"{path} is of format {content['format']}, not {FORMAT}; {_again(folder)}")
        columns = [*(content["clips"][key] for key in PLACES), *content["columns"].values()]
        whole = len(set(map(len, columns))) == 1 and all(key in content for key in ENTRIES)
        whole = whole and (_SEAL.encode() in written or _typed(content))
    except (KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise DamagedError(f"{path} is damaged (an entry is missing, too short or of another type); {_again(folder)}")
    return content


def _typed(content: Mapping[str, Any]) -> bool:
    """Whether the entries of a manifest are of their types: of one without a seal, nothing else says so."""

    def fits(value: Any, kind: type) -> bool:
        return type(value) is kind and (not isinstance(value, int) or 0 <= value < 1 << 63)

    items = [item for key in ("lost", "refused", "left_out") for item in content[key]]
    return (
        all(fits(content[key], kind) for key, kind in ENTRIES.items())
        and all(fits(value, kind) for key, kind in PLACES.items() for value in content["clips"][key])
        and all(fits(size, int) for size in content["shards"])
        and all(fits(item["id"], str) and fits(item.get("attributes", {}), dict) for item in items)
    )


def _again(folder: Path) -> str:
    return f"run `{_command(folder)}` again"


def _anew(folder: Path) -> str:
    """The remedy for a clip: `prepare` takes it for found until `verify` has seen it."""
    verify = f"cavl-bench prepare verify {folder.name} --root {folder.parent}"
    return f"run `{verify}`, then `{_command(folder)}`"


def _command(folder: Path) -> str:
    name = folder.name if re.fullmatch(r"\w+", folder.name) else "NAME"
    name = {"audioset_instrument": "audioset --subset instrument"}.get(name, name)
    return f"cavl-bench prepare {name} --root {folder.parent}"
