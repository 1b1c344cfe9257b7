"""Paper's own data, as prepared: which of AudioSet, MUSIC, SoundNet-Flickr, ESC-50 and
Kinetics-Sounds each task reads.

``cavl-bench prepare ...`` makes the folders that are read here, below ``$CAVL_DATA`` or else the
platform's cache folder (:mod:`benchmarks.datasets.prepared`; docs/data.md). Where a clip belongs, says the module of
its data set; whatever is missing, the message says which command prepares it.

=====================  ==========================================================================================
task                   sets
=====================  ==========================================================================================
pretrain               those of ``data.pretraining``: AudioSet's curricula C1, C2, ... (Tables 1 to 3, Fig 4); MUSIC,
                       solos as C1 and duets as C2 (Tables 4, 5); AudioSet-Instrument (Table 6); SoundNet-Flickr;
                       Kinetics-Sounds (L3-Net's supervised baselines)
counting               AudioSet: trained on balanced_train, tested on eval (Table 2)
localization           SoundNet-Flickr (Table 3)
separation             those of ``data.separation``: MUSIC's solos (Tables 4, 5), AudioSet-Instrument (Table 6)
classification         ESC-50, ESC-10 (Table 1)
avc, avts              AudioSet: tested on the segments of one source of eval; Kinetics-Sounds where that is
                       ``data.pretraining``
=====================  ==========================================================================================
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from benchmarks.datasets.audioset import AudioSet, AudioSetInstrument
from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.esc50 import Esc50
from benchmarks.datasets.flickr_soundnet import FlickrSoundNet
from benchmarks.datasets.kinetics_sounds import KineticsSounds
from benchmarks.datasets.music import Music, listed_pairs
from benchmarks.datasets.prepared import MANIFEST, NotPreparedError, Prepared
from benchmarks.datasets.prepared_scenes import Collection, PreparedScenes
from cavl.config import ConfigError
from cavl.grading import Parents

LEAST = 8  # scenes of each set of a rehearsal
MOST_SHOWN = 5  # sources of scenes that are shown as examples
#: Raise it with every change of which clips a set holds, or in which order.
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperData:
    """The choices of PROTOCOLS §2, and which data set a network is pre-trained on and separates."""

    source: str = "paper"
    #: §4.1, §4.5, §6.5: AudioSet-Balanced for everything but separation; MUSIC and AudioSet-Instrument for that.
    pretraining: Literal["audioset", "audioset_instrument", "music", "flickr_soundnet", "kinetics_sounds"] = "audioset"
    separation: Literal["music", "audioset_instrument"] = "music"
    parents: Parents = "first"  # of a class with several, the first in the ontology's file
    keep_shallow: bool = True  # a label of level 1 or 2 without a descendant is a source of its own
    #: Of AudioSet's and Flickr's training clips that are held out to measure along the way: ours, the paper had none.
    held_out: float = 0.05
    limit: int | None = None  # a rehearsal: at most so many scenes of each set

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise ValueError(f"data.held_out is a share of the training clips, between 0 and 1, not {self.held_out}")
        if self.limit is not None and self.limit < 2:
            raise ValueError(f"data.limit must be at least 2 scenes of each set, not {self.limit}")

    def limited(self, n: int) -> PaperData:
        """The same for a rehearsal.

        Raises :class:`ConfigError` if so few scenes would let it fail after all the training.
        """
        if n < LEAST:
            raise ConfigError(
                f"a rehearsal of the paper's experiments needs {LEAST} scenes of each set (--limit {LEAST}) or more, "
                f"not {n}: fewer leave the probe without three folds, or nothing to mix"
            )
        return replace(self, limit=n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A data set that ``data`` may name."""

    command: str  # of ``cavl-bench``: what prepares it
    open: Callable[[Prepared, PaperData], Collection]
    counts: tuple[int, ...] = (1,)  # numbers of sources that there would be, were it prepared


#: By name, which is also the name of its folder.
HOLDINGS = {
    "audioset": Holding(
        command="prepare audioset",
        open=lambda p, c: AudioSet(p, c.held_out, c.parents, c.keep_shallow),
        counts=(1, 2, 3, 4, 5),
    ),
    "audioset_instrument": Holding(
        command="prepare audioset --subset instrument", open=lambda p, _: AudioSetInstrument(p), counts=(1, 2, 3)
    ),
    "music": Holding(command="prepare music", open=lambda p, c: Music(p, c.held_out), counts=(1, 2)),
    "flickr_soundnet": Holding(command="prepare flickr_soundnet", open=lambda p, c: FlickrSoundNet(p, c.held_out)),
    "esc50": Holding(command="prepare esc50", open=lambda p, _: Esc50(p)),
    "kinetics_sounds": Holding(command="prepare kinetics_sounds", open=lambda p, _: KineticsSounds(p)),
}
#: Task -> data set, where that does not depend on ``data``.
READS = {"localization": "flickr_soundnet", "classification": "esc50"}
#: Data sets to pre-train on that have test clips for the tasks without one of their own (avc, avts).
HAVE_PAIRS = ("audioset", "kinetics_sounds")


@functools.lru_cache(maxsize=32)
def collected(root: Path, holding: str, config: PaperData, stamp: int) -> Collection:
    """A data set, opened once a process; ``stamp``: when it was prepared."""
    return HOLDINGS[holding].open(Prepared(root / holding), config)


@functools.lru_cache(maxsize=256)
def opened(root: Path, holding: str, config: PaperData, stamp: int, name: str) -> PreparedScenes:
    """One of its sets, opened once a process; raises :class:`ConfigError` if there is no such set."""
    return collected(root, holding, config, stamp).open(name, config.limit)


class PaperDataModule(DataModule):
    """The sets of one task; before :meth:`of`, those of pre-training.

    A data set that is not prepared has a fingerprint too, so that what would run can be listed; opening one of its sets
    says how to prepare it.
    """

    has_objects = False

    def __init__(
        self, config: PaperData, cache: Path, workers: int = 1, progress: Any = None, reads: str | None = None
    ) -> None:
        self.config, self.root = config, Path(cache)
        self.reads = reads or config.pretraining

    def of(self, task: str) -> PaperDataModule:
        reads = {"pretrain": self.config.pretraining, "separation": self.config.separation, **READS}
        others = self.config.pretraining if self.config.pretraining in HAVE_PAIRS else "audioset"
        return PaperDataModule(self.config, self.root, reads=reads.get(task, others))

    @property
    def folder(self) -> Path:
        """Of the prepared data set."""
        return self.root / self.reads

    def examples(self, split: str, size: int) -> list[PreparedScenes]:
        """The sets of a split, whole."""
        if "probe" in self._collection().splits:
            return [self.named("probe")]
        return [self.named(f"{split} {n}") for n in self._counts(split) if 1 <= n <= MOST_SHOWN]

    def train_counts(self) -> list[int]:
        return self._counts("train")

    def test_counts(self) -> list[int]:
        return self._counts("test")

    def pairs(self) -> Sequence[tuple[int, int]] | None:
        return listed_pairs(self._collection().prepared, self.named("test 1")) if self.reads == "music" else None

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

        Raises :class:`NotPreparedError` if its data set is not prepared, or not so much of it, with the command that
        does it; :class:`ConfigError` if there is no such set.
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
