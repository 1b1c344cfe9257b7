"""Maps that somebody else's model has predicted: one file an item, ``.npy``, ``.npz`` or ``.png``, named by its id.

``.npy``     (H, W) numbers of any size and scale, or (1, H, W), (1, 1, H, W), (H, W, 1)
``.npz``     the same as its only array, or named ``map``; with ``confidence``, one number, where the model has one
``.png``     grey values of 8 or 16 bits: they are scaled, and say nothing of a confidence

What cannot be read as a map is refused with the reason, never taken for a map that finds nothing.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.boxes import clip_id, stem
from registry.files import digest_file
from registry.text_files import rows_of, without_empty_end

SUFFIXES = (".npy", ".npz", ".png")
#: Names under which a model's map may stand in an archive of several arrays.
NAMES = ("map", "heatmap")
CONFIDENCE = "confidence"


class PredictionError(ValueError):
    """A file that holds no map, or an item that has two."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One map."""

    values: npt.NDArray[np.float64]  # (H, W), any scale
    confidence: float | None  # what the file says of it
    scaled: bool  # grey values of a picture


class Folder:
    """A folder of predictions, in any subfolders."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise FileNotFoundError(f"there is no folder of predictions at {path}")
        self.path = path
        self.files: dict[str, list[Path]] = {}
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file():
                self.files.setdefault(key(file), []).append(file)
        if not self.files:
            raise ValueError(f"{path} holds no prediction: one .npy, .npz or .png an item is expected, named by its id")

    def __len__(self) -> int:
        return sum(map(len, self.files.values()))

    def read(self, name: str) -> Prediction | None:
        """The map of an item; None where there is none. Raises :class:`PredictionError`."""
        files = self.files.get(name, [])
        if len(files) > 1:
            raise PredictionError(f"{len(files)} files: {', '.join(str(f.relative_to(self.path)) for f in files)}")
        return read_map(files[0]) if files else None

    def others(self, names: Iterable[str]) -> list[str]:
        """The files that are no item's."""
        known = set(names)
        return [str(file.relative_to(self.path)) for own in self.files if own not in known for file in self.files[own]]

    def digest(self, names: Iterable[str]) -> str:
        """Sha256 of the files of some items, names and contents."""
        digest = hashlib.sha256()
        for name in sorted(set(names) & self.files.keys()):
            for file in self.files[name]:
                digest.update(f"{name}{file.suffix.lower()} {digest_file(file)}\n".encode())
        return digest.hexdigest()


def key(file: Path) -> str:
    """The id that a file is named by, which may have the ending of the item's picture or sound: ``ID.jpg.npy``."""
    return clip_id(stem(file.name[: -len(file.suffix)]))


def read_map(file: Path) -> Prediction:
    """Read one map; raises :class:`PredictionError` saying what is wrong with it."""
    try:
        if file.suffix.lower() == ".png":
            return Prediction(_picture(file), None, scaled=True)
        # A file of pickled objects is refused: it may do anything when it is read.
        with file.open("rb") as opened:
            content: Any = np.load(opened, allow_pickle=False)
            if not isinstance(content, np.lib.npyio.NpzFile):
                return Prediction(_plain(content), None, scaled=False)
            return _archived(content)
    except PredictionError:
        raise
    except (OSError, ValueError, EOFError, SyntaxError, zipfile.BadZipFile) as error:
        raise PredictionError(f"{file.name} cannot be read ({error})") from error


def _archived(content: Any) -> Prediction:
    certain = float(_one_number(content[CONFIDENCE])) if CONFIDENCE in content.files else None
    arrays = [name for name in content.files if name != CONFIDENCE]
    named = [name for name in NAMES if name in arrays] or arrays
    if len(named) != 1:
        raise PredictionError(f"it holds {', '.join(arrays) or 'no array'}: name the map {NAMES[0]!r}")
    return Prediction(_plain(content[named[0]]), certain, scaled=False)


def _one_number(value: npt.NDArray[Any]) -> float:
    if value.size != 1 or not np.issubdtype(value.dtype, np.number) or not np.isfinite(value).all():
        raise PredictionError(f"its {CONFIDENCE} must be one finite number, not {value.dtype} {value.shape}")
    return float(value.reshape(()))


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    shape = values.shape
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_) or np.iscomplexobj(values):
        raise PredictionError(f"it holds {values.dtype}, not real numbers")
    axes = tuple(axis for axis, side in enumerate(shape) if side == 1 and (axis < len(shape) - 2 or axis >= 2))
    values = values.squeeze(axes) if len(shape) > 2 else values
    if values.ndim != 2 or not values.size:
        raise PredictionError(f"its shape is {shape}: one map (H, W) is expected")
    if not np.isfinite(values).all():
        wrong = np.count_nonzero(~np.isfinite(values))
        raise PredictionError(f"it holds NaN or infinity in {wrong} of {values.size} pixels")
    return values.astype(np.float64)


def _picture(file: Path) -> npt.NDArray[np.float64]:
    from PIL import Image

    with Image.open(file) as picture:
        plain = picture.convert("RGB") if picture.mode in ("P", "LA", "PA", "RGBA") else picture
        values = np.asarray(plain)
    if values.ndim == 3:
        if (values != values[..., :1]).any():
            raise PredictionError("it is a coloured picture: give grey values, not the overlay of a heatmap")
        values = values[..., 0]
    return _plain(values)


def read_confidences(path: Path) -> Mapping[str, float]:
    """Item -> confidence, of a table ``id,confidence``; raises ``ValueError`` naming the line that is none."""
    found: dict[str, float] = {}
    for number, (place, cells) in enumerate(rows_of(path)):
        cells = without_empty_end(cells, 2)
        if number == 0 and len(cells) == 2 and not re.search(r"\d", cells[1]):
            continue  # the names of the columns
        try:
            name, certain = cells
            found[clip_id(stem(name))] = float(certain)
        except ValueError:
            raise ValueError(f"{place}: an id and a confidence are expected, not {', '.join(cells)}") from None
    if not found or not np.isfinite(list(found.values())).all():
        raise ValueError(f"{path} has no confidences, or one that is not finite")
    return found
