"""Where a preset's scenes come from: one object that opens the sets the tasks ask for.

A source knows the fingerprint of a set without opening it, so that run keys cost nothing, and makes or opens it (with a
cache on disk) when it is first asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from benchmarks.datasets.miniature import KINDS, Miniature, MiniatureConfig
from benchmarks.datasets.scene import Dataset
from benchmarks.datasets.synthetic.scene_set import DrawnSource, Progress
from cavl.config import ConfigError, from_dict
from cavl.methods import named
from registry.files import cache_folder, expanded


def data_folder() -> Path:
    """Prepared data and caches: ``$CAVL_DATA``, else :func:`registry.files.cache_folder`."""
    given = os.environ.get("CAVL_DATA")
    return expanded(given) if given else cache_folder()


class Data(Protocol):
    """The configuration of a source: a frozen dataclass with the source's name as ``source``."""

    @property
    def source(self) -> str: ...

    def limited(self, n: int) -> Any:
        """The same for a rehearsal: at most ``n`` scenes of each set."""
        ...


class Source(Protocol):
    """What a task asks of a preset's data. ``n`` is a number of sources."""

    config: Any  # the dataclass it was opened with
    #: Whether scenes hold maps of their objects, and mixtures stems: what pointing while training is measured by.
    has_objects: bool

    def of(self, task: str) -> Source:
        """The source of one task's sets, itself where all tasks have the same: MUSIC's for separation, say."""
        ...

    def train(self, n: int) -> Dataset: ...
    def validation(self, n: int) -> Dataset: ...
    def test(self, n: int) -> Dataset: ...
    def train_counts(self) -> Sequence[int]:
        """The numbers of sources for which there is a training set."""
        ...

    def test_counts(self) -> Sequence[int]:
        """The numbers of sources for which there is a test set."""
        ...

    def probe(self) -> Dataset:
        """Single sounds with a kind and an official fold each, for the classification probe."""
        ...

    def pairs(self) -> Sequence[tuple[int, int]] | None:
        """Which test scenes of one source are mixed, by a published list; None: drawn from the seed."""
        ...

    def fingerprint(self, *sets: str) -> str:
        """Of named sets: "train 1", "validation 3", "test 1", "probe", "probe esc10"."""
        ...

    def named(self, name: str) -> Dataset:
        """A set by such a name; makes it if it is not there yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniatureData:
    """Sizes of the sets drawn from the miniature world."""

    source: str = "miniature"
    world: MiniatureConfig = field(default_factory=MiniatureConfig)
    train: Mapping[str, int] = field(default_factory=lambda: {"1": 2400, "2": 1600, "3": 1600, "4": 800, "5": 400})
    validation: int = 64  # scenes of each number of sources
    test: Mapping[str, int] = field(default_factory=lambda: {"1": 300, "2": 150, "3": 150, "4": 100, "5": 50})
    probe_folds: int = 5
    probe_clips: int = 2  # of each kind in each fold

    def limited(self, n: int) -> MiniatureData:
        train, test = ({k: min(v, n) for k, v in sizes.items()} for sizes in (self.train, self.test))
        return replace(self, train=train, validation=min(self.validation, n), test=test, probe_clips=1)


class MiniatureSource(DrawnSource):
    def fingerprint_of(self, name: str) -> str:
        return Miniature.fingerprint_of(**self._arguments(name))

    def open(self, name: str) -> Miniature:
        return Miniature(**self._arguments(name), cache=self.cache, workers=self.workers, progress=self.progress)

    def _arguments(self, name: str) -> dict[str, Any]:
        config = self.config
        split, _, n = name.partition(" ")
        if split == "probe" and n:
            raise ConfigError(
                f"evaluation.probe={n!r} needs the folder of ESC-50: evaluation.esc50=DIR (the suite: --esc50 DIR, or "
                "ESC-50 in $CAVL_DATA)"
            )
        if split == "probe":
            size = len(KINDS) * config.probe_folds * config.probe_clips
            balanced = {"balanced": True, "folds": config.probe_folds}
            return {"config": config.world, "split": split, "n_sources": 1, "size": size, **balanced}
        size = self.size(name)
        return {"config": config.world, "split": split, "n_sources": int(n), "size": size}


#: Source -> its configuration and itself. Named, not imported: the code of one is not behind the runs on another.
SOURCES: dict[str, tuple[str, str]] = {
    "miniature": ("benchmarks.datasets.data_module:MiniatureData", "benchmarks.datasets.data_module:MiniatureSource"),
    "composite": ("benchmarks.datasets.composite:CompositeData", "benchmarks.datasets.composite:CompositeSource"),
    "paper": ("benchmarks.datasets.paper:PaperData", "benchmarks.datasets.paper:PaperSource"),
}


def open_source(
    data: Mapping[str, Any], *, cache: Path | None = None, workers: int = 1, progress: Progress | None = None
) -> Source:
    """The source of a run configuration's ``data``.

    Raises
    ------
    ConfigError
        For an unknown source or key.
    """
    name = data.get("source")
    if name not in SOURCES:
        raise ConfigError(f"unknown data.source {name!r}; known: {', '.join(SOURCES)}")
    config_class, source_class = map(named, SOURCES[name])
    source: Source = source_class(from_dict(config_class, data, "data"), cache or data_folder(), workers, progress)
    return source


def module_of(data: Mapping[str, Any]) -> str:
    """The module that holds the source of a run configuration's ``data``: its code is behind the run."""
    return SOURCES[data["source"]][1].partition(":")[0]
