"""Where a preset's scenes come from: one object that opens the sets the tasks ask for.

A source knows the fingerprint of a set before the set exists, so that run keys cost nothing, and makes or opens it
(with a cache on disk) when it is first asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import platformdirs

from benchmarks.datasets.miniature import KINDS, Miniature, MiniatureConfig
from benchmarks.datasets.scene import Dataset
from cavl.config import ConfigError, from_dict

Progress = Callable[[int, int], None]


def data_folder() -> Path:
    """Prepared data and caches: ``$CAVL_DATA``, else the platform's cache folder."""
    return Path(os.environ.get("CAVL_DATA") or platformdirs.user_cache_dir("cavl-bench")).expanduser()


class Source(Protocol):
    """What the tasks ask of a preset's data. ``n`` is a number of sources."""

    config: Any  # the dataclass it was opened with

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

    def fingerprint(self, *sets: str) -> str:
        """Of named sets: "train 1", "validation 3", "test 1", "probe"."""
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


class MiniatureSource:
    def __init__(self, config: MiniatureData, cache: Path, workers: int = 1, progress: Progress | None = None) -> None:
        self.config, self.cache, self.workers, self.progress = config, cache, workers, progress
        self._open: dict[str, Miniature] = {}

    def train(self, n: int) -> Miniature:
        return self.named(f"train {n}")

    def validation(self, n: int) -> Miniature:
        return self.named(f"validation {n}")

    def test(self, n: int) -> Miniature:
        return self.named(f"test {n}")

    def probe(self) -> Miniature:
        return self.named("probe")

    def train_counts(self) -> list[int]:
        return sorted(map(int, self.config.train))

    def test_counts(self) -> list[int]:
        return sorted(map(int, self.config.test))

    def fingerprint(self, *sets: str) -> str:
        return "+".join(Miniature.fingerprint_of(**self._arguments(name)) for name in sets)

    def named(self, name: str) -> Miniature:
        """Open the set, generating it first where the cache has it not."""
        if name not in self._open:
            self._open[name] = Miniature(
                **self._arguments(name), cache=self.cache, workers=self.workers, progress=self.progress
            )
        return self._open[name]

    def _arguments(self, name: str) -> dict[str, Any]:
        config = self.config
        split, _, n = name.partition(" ")
        if split == "probe":
            size = len(KINDS) * config.probe_folds * config.probe_clips
            return {
                "config": config.world,
                "split": "probe",
                "n_sources": 1,
                "size": size,
                "balanced": True,
                "folds": config.probe_folds,
            }
        sizes: Mapping[str, int] = {
            "train": config.train,
            "validation": dict.fromkeys("12345", config.validation),
            "test": config.test,
        }[split]
        if n not in sizes:
            raise ConfigError(f"data.{split} has no scenes of {n} sources; it has {', '.join(sizes)}")
        return {"config": config.world, "split": split, "n_sources": int(n), "size": sizes[n]}


SOURCES: dict[str, tuple[type, type]] = {"miniature": (MiniatureData, MiniatureSource)}


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
    config_class, source_class = SOURCES[name]
    source: Source = source_class(from_dict(config_class, data, "data"), cache or data_folder(), workers, progress)
    return source
