"""ESC-50 and its subset ESC-10: environmental sounds in five official folds (PROTOCOLS §7), as prepared.

The official layout is that of the GitHub repository ``karolpiczak/ESC-50``::

    ESC-50/meta/esc50.csv    filename, fold, target, category, esc10, ...
    ESC-50/audio/*.wav       2,000 recordings of 5 s (ESC-10: 400 of them), 44.1 kHz as published, any rate accepted

``prepare esc50`` packs it; a folder that is only named (``--esc50 DIR``) is packed when it is first asked for. A
recording that is missing or damaged is counted and named in ``coverage`` and never replaced; unless every fold is whole
there is no accuracy (:mod:`benchmarks.datasets.folds`): one over fewer or smaller folds is comparable with nothing.

References
----------
Piczak, "ESC: Dataset for environmental sound classification", ACM Multimedia 2015.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.folds import Folds
from benchmarks.datasets.prepared import Prepared
from benchmarks.datasets.prepared_scenes import Collection, Member, items_of
from benchmarks.datasets.scene import DamagedError
from benchmarks.datasets.sound_file import mono, read
from cavl.config import ConfigError
from registry.text_files import table_of

SUBSETS = ("esc50", "esc10")
FOLDS = (1, 2, 3, 4, 5)
CLASSES = {"esc10": 10, "esc50": 50}
CLIPS_PER_CLASS_AND_FOLD = 8
SECONDS = 5.0
COLUMNS = ("filename", "fold", "target", "category", "esc10")  # of its list, which has more
#: FOLD-UPLOAD-TAKE-CLASS.wav. The name becomes a path: nothing that could leave the folder.
RECORDING = re.compile(r"[0-9]+-[0-9]+-[A-Z]-[0-9]+\.wav")

LIST = "ESC-50's list of recordings"
SOURCE = "get it from the GitHub repository karolpiczak/ESC-50 and name the folder that holds audio/ and meta/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One line of ``meta/esc50.csv``."""

    filename: str
    fold: int
    label: int
    category: str
    esc10: bool

    @property
    def id(self) -> str:
        return self.filename.removesuffix(".wav")

    @property
    def path(self) -> str:
        """Its place in a folder of ESC-50."""
        return f"audio/{self.filename}"

    @property
    def attributes(self) -> dict[str, Any]:
        """The columns of the prepared data set."""
        known = {"fold": self.fold, "label": self.label, "category": self.category, "esc10": self.esc10}
        return {**known, "n_sources": 1}


def read_meta(root: Path, subset: str) -> list[Recording]:
    """The recordings of a subset in ``meta/esc50.csv``, checked to be the official list.

    Raises ``FileNotFoundError`` if there is no such list, saying where to get it; ``ValueError`` if it is not the
    official one.
    """
    path = list_in(root)
    everything = [recording_of(values, f"{path.parent / where}") for where, values in table_of(path, COLUMNS, LIST)]
    listed = [recording for recording in everything if subset == "esc50" or recording.esc10]
    counts = Counter((recording.fold, recording.label) for recording in listed)
    cells = CLASSES[subset] * len(FOLDS)
    if len(counts) != cells or set(counts.values()) != {CLIPS_PER_CLASS_AND_FOLD}:
        raise ValueError(
            f"{path} lists {len(listed)} clips of {subset}, not the official {cells * CLIPS_PER_CLASS_AND_FOLD} "
            f"({CLIPS_PER_CLASS_AND_FOLD} per class and fold); {SOURCE}"
        )
    if len({recording.filename for recording in listed}) != len(listed):
        raise ValueError(f"{path} lists a clip twice; {SOURCE}")
    return listed


def list_in(root: Path) -> Path:
    """The list in a folder of ESC-50; raises ``FileNotFoundError`` where there is none, saying where to get it."""
    path = root / "meta" / "esc50.csv"
    if not path.is_file():
        raise FileNotFoundError(f"ESC-50: there is no {path}; {SOURCE}")
    return path


def recording_of(values: Mapping[str, str], where: str) -> Recording:
    """One line of the list; raises ``ValueError`` beginning with ``where`` if it is none."""
    try:
        name, fold, label = values["filename"], int(values["fold"]), int(values["target"])
        category, esc10 = values["category"], values["esc10"].capitalize()  # spreadsheets write TRUE
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{where}: expected {', '.join(COLUMNS)}, found {values or 'more or fewer columns'}") from None
    if not RECORDING.fullmatch(name):
        raise ValueError(f"{where}: {name!r} is not the name of a clip")
    if fold not in FOLDS or not 0 <= label < CLASSES["esc50"] or esc10 not in ("True", "False"):
        raise ValueError(f"{where}: fold {fold}, target {label}, esc10 {esc10!r} are not ESC-50's")
    if (name.split("-")[0], name.split("-")[-1]) != (str(fold), f"{label}.wav"):
        raise ValueError(f"{where}: {name} is, by its name, not of fold {fold} and target {label}")
    return Recording(filename=name, fold=fold, label=label, category=category, esc10=esc10 == "True")


def decode(content: bytes, name: str, sample_rate: int, seconds: float | None = SECONDS) -> npt.NDArray[np.int16]:
    """The recording (T,) in a file's content: the mean of its channels at ``sample_rate`` Hz.

    Raises :class:`DamagedError` as :func:`~benchmarks.datasets.sound_file.read`, and if it does not last so many
    ``seconds`` (None: any number).
    """
    samples, rate = read(content, name)
    if seconds is not None and abs(len(samples) / rate - seconds) > 0.01:
        raise DamagedError(f"{name} lasts {len(samples) / rate:.2f} s, not {seconds:g} s; is it cut off?")
    if not len(samples):
        raise DamagedError(f"{name} holds no sound")
    return mono(samples, rate, sample_rate).astype(np.int16)


class Esc50(Collection):
    """Recordings; the sets are "probe esc50", which is also "probe", and "probe esc10".

    ``folder``: the one in the official layout that was packed unasked; None: it was prepared by command.
    """

    splits = ("probe",)

    def __init__(self, prepared: Prepared, folder: Path | None = None) -> None:
        super().__init__(prepared)
        self.folder = folder
        self.members: dict[str, list[Member]] = {subset: [] for subset in SUBSETS}
        names: dict[int, str] = {}
        for item in items_of(prepared):
            if "label" not in item.attributes:
                continue
            names[item.attributes["label"]] = item.attributes["category"]
            member = Member(item=item, kinds=(item.attributes["label"],), fold=item.attributes["fold"])
            for subset in SUBSETS:
                if subset == "esc50" or item.attributes["esc10"]:
                    self.members[subset].append(member)
        self.kind_names = tuple(names.get(label, "") for label in range(max(names, default=-1) + 1))

    def _opened(self, split: str, which: str, limit: int | None) -> Folds:
        """The recordings of ``esc50`` or ``esc10``; of a rehearsal only ``limit``, all folds of a few classes."""
        if which and which not in SUBSETS:
            raise ConfigError(f"unknown probe {which!r}; known: {', '.join(SUBSETS)}")
        subset = which or SUBSETS[0]
        again = f"run `cavl-bench prepare esc50 --root {self.prepared.folder.parent}` again"
        return Folds(
            self.prepared,
            subset,
            self.members[subset],
            self.kind_names,
            limit,
            whole=dict.fromkeys(FOLDS, CLASSES[subset] * CLIPS_PER_CLASS_AND_FOLD),
            folder=self.folder,
            remedy=SOURCE if self.folder else again,
            cluster_of=lambda id: id.split("-")[1],  # the upload to Freesound
        )
