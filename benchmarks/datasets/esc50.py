"""ESC-50 and its subset ESC-10: environmental sounds in five official folds (PROTOCOLS §7).

Read from the official layout, which is that of the GitHub repository ``karolpiczak/ESC-50``::

    ESC-50/meta/esc50.csv    filename, fold, target, category, esc10, ...
    ESC-50/audio/*.wav       2,000 clips of 5 s (ESC-10: 400 of them), 44.1 kHz as published, any rate accepted

Every clip is read and hashed once at the start (ESC-50 as published takes a few seconds). A clip that is missing or
damaged is counted and named in ``coverage`` and never replaced; unless every fold is whole the set is not
:attr:`~Esc50.scoreable`, since an accuracy over fewer or smaller folds is not comparable with anything.

References
----------
Piczak, "ESC: Dataset for environmental sound classification", ACM Multimedia 2015.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.datasets.scene import Coverage, Scene

Subset = Literal["esc10", "esc50"]

FOLDS = (1, 2, 3, 4, 5)
CLASSES = {"esc10": 10, "esc50": 50}
CLIPS_PER_CLASS_AND_FOLD = 8
SECONDS = 5.0

SOURCE = "get it from the GitHub repository karolpiczak/ESC-50 and name the folder that holds audio/ and meta/"


class IncompleteError(ValueError):
    """An accuracy was asked for over folds that are not whole."""


class DamagedError(ValueError):
    """A clip's file does not hold the clip."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of ``meta/esc50.csv``."""

    filename: str
    fold: int
    target: int
    category: str


class Esc50:
    """The clips of one subset that are there, in the order of ``meta/esc50.csv``.

    Parameters
    ----------
    root
        The folder that holds ``audio/`` and ``meta/``.
    subset
        ``"esc10"`` (400 clips, 10 classes) or ``"esc50"`` (2,000 clips, 50 classes).
    sample_rate
        Hz; clips of another rate are resampled when read.

    Attributes
    ----------
    ids, labels, folds
        (n,) each: file names without ``.wav``; ESC-50's class numbers, also in ESC-10; folds 1 to 5.
    categories
        Class number -> name, for the classes of the subset.
    coverage
        Found, missing and damaged clips, with a reason for each that is not found.
    fingerprint
        Digest of subset, rate and the manifest: file name, size in bytes and content hash of every clip.

    Raises
    ------
    FileNotFoundError
        If the folder or its ``meta/esc50.csv`` is missing, saying where to get it.
    ValueError
        If ``meta/esc50.csv`` is not the official list.
    """

    split = "5 folds"

    def __init__(self, root: str | Path, *, subset: Subset = "esc10", sample_rate: int = 11_025) -> None:
        if subset not in get_args(Subset):
            raise ValueError(f"subset={subset!r}; allowed: {', '.join(map(repr, get_args(Subset)))}")
        if sample_rate < 1:
            raise ValueError(f"sample_rate must be at least 1 Hz, not {sample_rate}")
        self.root, self.subset, self.sample_rate = Path(root), subset, sample_rate
        rows = read_meta(self.root, subset)

        manifest = [f"{subset} {sample_rate}"]
        reasons: dict[str, str] = {}
        missing = 0
        self._rows: list[_Row] = []
        for row in rows:
            path = self.root / "audio" / row.filename
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                missing += 1
                reasons[row.filename] = f"missing: no file {path}"
                continue
            except OSError as error:
                reasons[row.filename] = f"damaged: {path} cannot be read ({error})"
                continue
            try:
                _decode(content, path)
            except DamagedError as error:
                reasons[row.filename] = f"damaged: {error}"
                continue
            self._rows.append(row)
            manifest.append(f"{row.filename} {len(content)} {hashlib.sha256(content).hexdigest()}")

        self.fingerprint = hashlib.sha256("\n".join(manifest).encode()).hexdigest()
        self.coverage = Coverage(
            found=len(self._rows), missing=missing, damaged=len(reasons) - missing, reasons=reasons
        )
        self.ids = tuple(row.filename.removesuffix(".wav") for row in self._rows)
        self.labels: npt.NDArray[np.int64] = np.array([row.target for row in self._rows], dtype=np.int64)
        self.folds: npt.NDArray[np.int64] = np.array([row.fold for row in self._rows], dtype=np.int64)
        self.categories = {row.target: row.category for row in sorted(rows, key=lambda row: row.target)}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Scene:
        row = self._rows[index]
        path = self.root / "audio" / row.filename
        waveform = _to_pcm(*_decode(path.read_bytes(), path), self.sample_rate)
        return Scene(
            id=row.filename.removesuffix(".wav"),
            waveform=waveform,
            n_sources=1,
            kinds=(row.target,),
            fold=row.fold,
            split=self.split,
        )

    @property
    def complete_folds(self) -> dict[int, bool]:
        """Fold -> whether all its clips of this subset are there."""
        found = Counter(self.folds.tolist())
        return {fold: found[fold] == CLASSES[self.subset] * CLIPS_PER_CLASS_AND_FOLD for fold in FOLDS}

    @property
    def scoreable(self) -> bool:
        """Whether all five folds are whole."""
        return all(self.complete_folds.values())

    def require_scoreable(self) -> None:
        """Refuse an accuracy over folds that are not whole.

        Raises
        ------
        IncompleteError
            Saying what is there, which folds are not whole and why, for the first clips.
        """
        if self.scoreable:
            return
        broken = [str(fold) for fold, whole in self.complete_folds.items() if not whole]
        examples = [f"{name}: {why}" for name, why in list(self.coverage.reasons.items())[:3]]
        more = len(self.coverage.reasons) - len(examples)
        raise IncompleteError(
            f"no accuracy over {self.subset} in {self.root}: only {self.coverage} clips are there, fold"
            f"{'s' if len(broken) > 1 else ''} {', '.join(broken)} not whole ({'; '.join(examples)}"
            f"{f'; and {more} more' if more else ''}); {SOURCE}"
        )


def read_meta(root: Path, subset: Subset) -> list[_Row]:
    """The rows of a subset in ``meta/esc50.csv``, checked to be the official list."""
    path = root / "meta" / "esc50.csv"
    if not path.is_file():
        raise FileNotFoundError(f"ESC-50: there is no {path}; {SOURCE}")
    rows = []
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            for values in reader:
                row = _row(values, f"{path}, line {reader.line_num}")
                if subset == "esc50" or values["esc10"] == "True":
                    rows.append(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not ESC-50's list of clips: {error}; {SOURCE}") from error
    counts = Counter((row.fold, row.target) for row in rows)
    cells = CLASSES[subset] * len(FOLDS)
    if len(counts) != cells or set(counts.values()) != {CLIPS_PER_CLASS_AND_FOLD}:
        raise ValueError(
            f"{path} lists {len(rows)} clips of {subset}, not the official {cells * CLIPS_PER_CLASS_AND_FOLD} "
            f"({CLIPS_PER_CLASS_AND_FOLD} per class and fold); {SOURCE}"
        )
    if len({row.filename for row in rows}) != len(rows):
        raise ValueError(f"{path} lists a clip twice; {SOURCE}")
    return rows


def _row(values: dict[str, str], where: str) -> _Row:
    try:
        name, fold, target = values["filename"], int(values["fold"]), int(values["target"])
        category, esc10 = values["category"], values["esc10"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{where}: expected filename, fold, target, category, esc10, found {values}") from None
    # The name becomes a path: nothing that could leave the folder.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.wav", name):
        raise ValueError(f"{where}: {name!r} is not the name of a clip")
    if fold not in FOLDS or not 0 <= target < CLASSES["esc50"] or esc10 not in ("True", "False"):
        raise ValueError(f"{where}: fold {fold}, target {target}, esc10 {esc10!r} are not ESC-50's")
    return _Row(name, fold, target, category)


def _decode(content: bytes, path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """The mono samples (T,) in [-1, 1] of a clip's file, and its rate."""
    if not content:
        raise DamagedError(f"{path} is empty (0 bytes)")
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise DamagedError(f"{path} cannot be decoded ({error})") from error
    if not np.all(np.isfinite(samples)):
        raise DamagedError(f"{path} holds NaN or infinite samples")
    if abs(len(samples) / rate - SECONDS) > 0.01:
        raise DamagedError(f"{path} lasts {len(samples) / rate:.2f} s, not {SECONDS:g} s; is it cut off?")
    return samples.mean(axis=1), rate


def _to_pcm(samples: npt.NDArray[np.float32], rate: int, sample_rate: int) -> npt.NDArray[np.int16]:
    if rate != sample_rate:
        import torch  # here: slow to import, and who asks for the lists alone needs it not
        from torchaudio.functional import resample

        samples = resample(torch.from_numpy(samples), rate, sample_rate).numpy()
    return np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
