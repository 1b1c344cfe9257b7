"""Which of the paper's data sets each task reads, as a ``Source``.

=====================  ==========================================================================================
task                   sets
=====================  ==========================================================================================
pretrain               those of ``data.pretraining``: AudioSet's curricula C1, C2, ... (Tables 1 to 3, Fig 4); MUSIC,
                       solos as C1 and duets as C2 (Tables 4, 5); AudioSet-Instrument (Table 6); SoundNet-Flickr
counting               AudioSet: trained on balanced_train, tested on eval (Table 2)
localization           SoundNet-Flickr (Table 3)
separation             those of ``data.separation``: MUSIC's solos (Tables 4, 5), AudioSet-Instrument (Table 6)
classification         ESC-50, ESC-10 (Table 1)
avc, avts              AudioSet: tested on the segments of one source of eval
=====================  ==========================================================================================
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.datasets.paper.audioset import AudioSet, AudioSetInstrument
from benchmarks.datasets.paper.config import PaperData
from benchmarks.datasets.paper.esc50 import SUBSETS, Esc50
from benchmarks.datasets.paper.flickr_soundnet import FlickrSoundNet
from benchmarks.datasets.paper.music import Music, listed_pairs
from benchmarks.datasets.paper.scenes import Collection, PreparedScenes
from benchmarks.datasets.prepared import MANIFEST, NotPreparedError, Prepared
from cavl.config import ConfigError

#: Raise it with every change of which clips a set holds, or in which order.
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A data set that ``data`` may name."""

    command: str  # of ``cavl-bench``: what prepares it
    open: Callable[[Prepared, PaperData], Collection]
    counts: tuple[int, ...] = (1,)  # numbers of sources that there would be, were it prepared


#: By name, which is also the name of its folder.
HOLDINGS = {
    "audioset": Holding(command="prepare audioset", open=AudioSet, counts=(1, 2, 3, 4, 5)),
    "audioset_instrument": Holding(
        command="prepare audioset --subset instrument", open=lambda p, _: AudioSetInstrument(p), counts=(1, 2, 3)
    ),
    "music": Holding(command="prepare music", open=Music, counts=(1, 2)),
    "flickr_soundnet": Holding(command="prepare flickr_soundnet", open=FlickrSoundNet),
    "esc50": Holding(command="prepare esc50", open=lambda p, _: Esc50(p)),
}
#: Task -> data set, where that does not depend on ``data``.
READS = {"localization": "flickr_soundnet", "classification": "esc50"}


@functools.lru_cache(maxsize=32)
def collected(root: Path, holding: str, config: PaperData, stamp: int) -> Collection:
    """A data set, opened once a process; ``stamp``: when it was prepared."""
    return HOLDINGS[holding].open(Prepared(root / holding), config)


@functools.lru_cache(maxsize=256)
def opened(root: Path, holding: str, config: PaperData, stamp: int, name: str) -> PreparedScenes:
    """One of its sets, opened once a process; raises :class:`ConfigError` if there is no such set."""
    split, _, which = name.partition(" ")
    if (split == "probe") != (holding == "esc50"):
        raise ConfigError(f"{holding} has no set {name!r}")
    collection = collected(root, holding, config, stamp)
    if not isinstance(collection, Esc50):
        return collection.open(split, int(which), config.limit)
    if which and which not in SUBSETS:
        raise ConfigError(f"unknown probe {which!r}; known: {', '.join(SUBSETS)}")
    return collection.subset(which or SUBSETS[0], config.limit)


class PaperSource:
    """The sets of one task; before :meth:`of`, those of pre-training.

    A data set that is not prepared has a fingerprint too, so that what would run can be listed; opening one of its sets
    says how to prepare it.
    """

    has_objects = False

    def __init__(
        self, config: PaperData, cache: Path, workers: int = 1, progress: Any = None, task: str = "pretrain"
    ) -> None:
        self.config, self.root = config, Path(cache)
        if task in ("pretrain", "separation"):
            self.reads: str = config.pretraining if task == "pretrain" else config.separation
        else:
            self.reads = READS.get(task, "audioset")

    def of(self, task: str) -> PaperSource:
        return PaperSource(self.config, self.root, task=task)

    @property
    def folder(self) -> Path:
        """Of the prepared data set."""
        return self.root / self.reads

    def train(self, n: int) -> PreparedScenes:
        return self.named(f"train {n}")

    def validation(self, n: int) -> PreparedScenes:
        return self.named(f"validation {n}")

    def test(self, n: int) -> PreparedScenes:
        return self.named(f"test {n}")

    def probe(self) -> PreparedScenes:
        return self.named("probe")

    def train_counts(self) -> list[int]:
        return self._counts("train")

    def test_counts(self) -> list[int]:
        return self._counts("test")

    def pairs(self) -> Sequence[tuple[int, int]] | None:
        return listed_pairs(self._collection().prepared, self.test(1)) if self.reads == "music" else None

    def fingerprint(self, *sets: str) -> str:
        """Of the clips in these sets, of what is known of them, and of the limit."""
        try:
            content = [self._set(name).fingerprint for name in sets]
        except NotPreparedError:
            content = [self.reads, *sets, "absent"]
        text = json.dumps([VERSION, self.config.limit, *content])
        return hashlib.sha256(text.encode()).hexdigest()

    def named(self, name: str) -> PreparedScenes:
        """A set by its name.

        Raises
        ------
        NotPreparedError
            If its data set is not prepared, or not so much of it, with the command that does it.
        ConfigError
            If there is no such set.
        """
        scenes = self._set(name)
        if not len(scenes) and not len(scenes.maps):
            split, _, n = name.partition(" ")
            remedy = self._collection().remedies.get(split, "more")
            raise NotPreparedError(
                f"{self.folder} holds no clip for its {split} set{f' of {n} sources' if n else ''}: prepare {remedy} "
                f"(`{self._command}`; docs/data.md says where to get it)"
            )
        return scenes

    def _set(self, name: str) -> PreparedScenes:
        return opened(self.root, self.reads, self.config, self._stamp(), name)

    def _collection(self) -> Collection:
        return collected(self.root, self.reads, self.config, self._stamp())

    def _counts(self, split: str) -> list[int]:
        try:
            counts = self._collection().counts(split)
        except NotPreparedError:
            counts = []
        return counts or list(HOLDINGS[self.reads].counts)

    @property
    def _command(self) -> str:
        return f"cavl-bench {HOLDINGS[self.reads].command} --root {self.root}"

    def _stamp(self) -> int:
        """When the data set was prepared."""
        manifest = self.folder / MANIFEST
        if not manifest.is_file():
            raise NotPreparedError(
                f"there is no {manifest}: {self.reads} is not prepared; do it with `{self._command}` (docs/data.md "
                "says which files that needs)"
            )
        return manifest.stat().st_mtime_ns
