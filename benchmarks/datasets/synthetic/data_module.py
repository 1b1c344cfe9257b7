"""Data modules whose sets are drawn: the miniature world's and that of composite scenes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.synthetic.scene_set import MOST_SOURCES, DrawnSet, Progress
from cavl.config import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnData:
    """Sizes of the sets: scenes by the number of sources."""

    train: Mapping[str, int] = field(default_factory=lambda: {"1": 2400, "2": 1600, "3": 1600, "4": 800, "5": 400})
    validation: int = 64  # scenes of each number of sources
    test: Mapping[str, int] = field(default_factory=lambda: {"1": 300, "2": 150, "3": 150, "4": 100, "5": 50})

    #: Silent objects -> test scenes of one source among so many: the first ones of "test 1", with other company.
    silent: Mapping[str, int] = field(default_factory=dict)

    def limited(self, n: int) -> Self:
        """The same for a rehearsal: at most ``n`` scenes of each set but the probe's."""
        sets = (self.train, self.test, self.silent)
        train, test, silent = ({k: min(v, n) for k, v in sizes.items()} for sizes in sets)
        return replace(self, train=train, validation=min(self.validation, n), test=test, silent=silent)


class DrawnDataModule(DataModule, ABC):
    """A ``DataModule`` of :class:`DrawnData`; it knows a set's fingerprint before there is the set."""

    has_objects = True

    def __init__(self, config: Any, cache: Path, workers: int = 1, progress: Progress | None = None) -> None:
        self.config, self.cache, self.workers, self.progress = config, cache, workers, progress
        self._open: dict[str, Any] = {}

    @abstractmethod
    def fingerprint_of(self, name: str) -> str: ...

    @abstractmethod
    def open(self, name: str) -> DrawnSet: ...

    @abstractmethod
    def few(self, name: str, size: int) -> DrawnSet:
        """The first scenes of a set, made when they are asked for and kept nowhere."""

    def examples(self, split: str, size: int) -> list[DrawnSet]:
        """The first scenes of a split, for each number of sources."""
        return [self.few(f"{split} {n}", size) for n in range(1, MOST_SOURCES + 1)]

    def of(self, task: str) -> Any:
        """All tasks have the same scenes."""
        return self

    def pairs(self) -> Sequence[tuple[int, int]] | None:
        """None: mixtures are drawn from the seed."""
        return None

    def train_counts(self) -> list[int]:
        return sorted(map(int, self.config.train))

    def test_counts(self) -> list[int]:
        return sorted(map(int, self.config.test))

    def silent_counts(self) -> list[int]:
        return sorted(map(int, self.config.silent))

    def fingerprint(self, *sets: str) -> str:
        return "+".join(self.fingerprint_of(name) for name in sets)

    def named(self, name: str) -> Any:
        """Open the set, generating it first where the cache has it not."""
        if name not in self._open:
            self._open[name] = self.open(name)
        return self._open[name]

    def size(self, name: str) -> int:
        """Scenes of the set "train 2", "validation 1", ...

        Raises :class:`ConfigError` if there is no such set.
        """
        split, _, n = name.partition(" ")
        sizes: Mapping[str, int] = {
            "train": self.config.train,
            "validation": dict.fromkeys("12345", self.config.validation),
            "test": self.config.test,
            "silent": self.config.silent,
        }[split]
        if n not in sizes:
            what = "silent objects" if split == "silent" else "sources"
            raise ConfigError(f"data.{split} has no scenes of {n} {what}; it has {', '.join(sizes) or 'none'}")
        return sizes[n]
