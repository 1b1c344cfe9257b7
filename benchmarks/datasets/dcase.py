"""DCASE: recordings of acoustic scenes in the official folds of a folder that the user has (PROTOCOLS §7, §9).

The layout is that of the challenge's development sets of 2016 and 2017 (TUT Acoustic Scenes), in which 2013's is to be
had as well; columns are separated by tabs::

    DIR/meta.txt                             audio/a001_0_30.wav   beach   (more columns are left alone)
    DIR/evaluation_setup/fold1_train.txt     audio/a001_0_30.wav   beach
    DIR/evaluation_setup/fold1_evaluate.txt  audio/b020_30_60.wav  bus     (or fold1_test.txt, which has no labels)
    DIR/audio/*.wav                          10 or 30 s, any rate, mono or stereo

Folds must be a cross-validation, as in these sets: each recording is tested in one fold, and a fold trains on all
others. A recording that is missing or damaged is counted and named, and there is no accuracy then
(:mod:`benchmarks.datasets.folds`).

References
----------
Mesaros, Heittola & Virtanen, "TUT database for acoustic scene classification and sound event detection", EUSIPCO 2016.
Stowell et al., "Detection and classification of acoustic scenes and events", IEEE Trans. Multimedia 2015 (2013's).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.datasets.folds import Folds
from benchmarks.datasets.prepared import Prepared
from benchmarks.datasets.prepared_scenes import Collection, Member, items_of
from cavl.config import ConfigError
from registry.text_files import rows_of

NAME = "dcase"
META, SETUP = "meta.txt", "evaluation_setup"
LEAST_FOLDS = 3  # the probe chooses C by holding out one of those that it trains on
#: The name becomes a path: nothing that could leave the folder.
RECORDING = re.compile(r"audio/[\w.-]+\.(?:wav|flac)")

SOURCE = (
    "get a development set of DCASE's acoustic scenes (TUT Acoustic Scenes 2016 or 2017, from Zenodo) and name the "
    f"folder that holds {META}, {SETUP}/ and audio/"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording of the lists."""

    path: str  # in the folder: audio/NAME.wav
    fold: int  # the one that tests it
    label: int
    category: str

    @property
    def filename(self) -> str:
        return self.path.removeprefix("audio/")

    @property
    def id(self) -> str:
        return self.filename.rpartition(".")[0]

    @property
    def attributes(self) -> dict[str, Any]:
        """The columns of the prepared data set."""
        return {"fold": self.fold, "label": self.label, "category": self.category, "n_sources": 1}


def read_lists(root: Path) -> list[Recording]:
    """The recordings of ``meta.txt``, each with the fold that tests it; labels are numbered by the alphabet.

    Raises ``FileNotFoundError`` if a list is not there, saying where to get the set; ``ValueError`` if the lists are no
    cross-validation.
    """
    labels = _labels(root)
    number = {category: place for place, category in enumerate(sorted(set(labels.values())))}
    tested_in: dict[str, int] = {}
    folds = _folds(root)
    for fold in folds:
        tested, trained = _list(root, labels, fold, "evaluate", "test"), _list(root, labels, fold, "train")
        unknown = [name for name in (*tested, *trained) if name not in labels]
        if unknown:
            raise ValueError(f"{root / SETUP}: fold {fold} lists {unknown[0]}, which {META} does not; {SOURCE}")
        again = [name for name in tested if name in tested_in]
        if again:
            raise ValueError(f"{root / SETUP}: fold {fold} tests {again[0]}, as fold {tested_in[again[0]]} does")
        if set(trained) != set(labels) - set(tested):
            raise ValueError(
                f"{root / SETUP}: fold {fold} trains on {len(set(trained))} recordings and tests {len(set(tested))} of "
                f"{len(labels)}; the probe's folds train on all that they do not test"
            )
        tested_in |= dict.fromkeys(tested, fold)
    if len(tested_in) != len(labels) or len(folds) < LEAST_FOLDS:
        raise ValueError(
            f"{root / SETUP}: {len(folds)} folds test {len(tested_in)} of {len(labels)} recordings; the probe needs "
            f"{LEAST_FOLDS} folds or more, which test them all"
        )
    return [
        Recording(path=name, fold=tested_in[name], label=number[category], category=category)
        for name, category in labels.items()
    ]


def _labels(root: Path) -> dict[str, str]:
    """Recording -> its scene, by ``meta.txt``."""
    path = root / META
    if not path.is_file():
        raise FileNotFoundError(f"DCASE: there is no {path}; {SOURCE}")
    labels: dict[str, str] = {}
    for where, row in rows_of(path):
        name, category = (*row, "")[:2]
        if not RECORDING.fullmatch(name) or not category or labels.get(name, category) != category:
            raise ValueError(f"{path.parent / where}: expected audio/NAME.wav and a scene, each once: {str(row)[:100]}")
        labels[name] = category
    ids = Counter(name.rpartition(".")[0] for name in labels)
    if len(set(labels.values())) < 2 or max(ids.values()) > 1:
        raise ValueError(f"{path} lists fewer than two scenes, or a recording twice; {SOURCE}")
    return labels


def _folds(root: Path) -> list[int]:
    found = (re.fullmatch(r"fold(\d+)_train\.txt", path.name) for path in (root / SETUP).glob("fold*_train.txt"))
    folds = sorted(int(match[1]) for match in found if match)
    if not folds:
        raise FileNotFoundError(f"DCASE: there is no {root / SETUP / 'fold1_train.txt'}; {SOURCE}")
    return folds


def _list(root: Path, labels: Mapping[str, str], fold: int, *parts: str) -> list[str]:
    """The recordings of a part of a fold, by the first of its lists that is there; their labels must be ``labels``."""
    paths = [root / SETUP / f"fold{fold}_{part}.txt" for part in parts]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"DCASE: there is no {paths[0]}; {SOURCE}")
    for where, (name, *more) in rows_of(path):
        if more and more[0] != labels.get(name, more[0]):
            raise ValueError(f"{path.parent / where}: the scene of {name} is {more[0]!r}, in {META} {labels[name]!r}")
    return [name for _, (name, *_) in rows_of(path)]


class Dcase(Collection):
    """Recordings of a folder as they were packed; the one set is "probe dcase"."""

    splits = ("probe",)

    def __init__(self, prepared: Prepared, folder: Path) -> None:
        super().__init__(prepared)
        self.folder = folder
        names: dict[int, str] = {}
        self.members = []
        for item in items_of(prepared):
            known: Mapping[str, Any] = item.attributes
            names[known["label"]] = known["category"]
            self.members.append(Member(item=item, kinds=(known["label"],), fold=known["fold"]))
        self.kind_names = tuple(names[label] for label in sorted(names))

    def _opened(self, split: str, which: str, limit: int | None) -> Folds:
        if which != NAME:
            raise ConfigError(f"unknown probe {which!r}; known: {NAME}")
        whole = Counter(member.fold for member in self.members if member.fold is not None)
        return Folds(
            self.prepared,
            NAME,
            self.members,
            self.kind_names,
            limit,
            whole=whole,
            folder=self.folder,
            remedy=SOURCE,
            cluster_of=lambda id: id.partition("_")[0],  # b020 of b020_30_60: the recording at one place
        )
