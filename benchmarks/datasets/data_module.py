"""Data modules: where a preset's scenes come from. One object opens the sets that the tasks ask for.

It knows the fingerprint of a set without opening it, so that run keys cost nothing, and makes or opens it (with a
cache on disk) when it is first asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.datasets.scene import Dataset
from benchmarks.datasets.synthetic.scene_set import Progress
from cavl.config import ConfigError, from_dict
from cavl.methods import named
from registry.files import cache_folder, expanded


def data_folder() -> Path:
    """Prepared data and caches: ``$CAVL_DATA``, else :func:`registry.files.cache_folder`."""
    given = os.environ.get("CAVL_DATA")
    return expanded(given) if given else cache_folder()


class Data(Protocol):
    """The configuration of a data module: a frozen dataclass with the module's name as ``source``."""

    @property
    def source(self) -> str: ...

    def limited(self, n: int) -> Any:
        """The same for a rehearsal: at most ``n`` scenes of each set."""
        ...


class DataModule(Protocol):
    """What a task asks of a preset's data. ``n`` is a number of sources."""

    config: Any  # the dataclass it was opened with
    #: Whether scenes hold maps of their objects, and mixtures stems: what pointing while training is measured by.
    has_objects: bool

    def of(self, task: str) -> DataModule:
        """The data module of one task's sets, itself where all tasks have the same: MUSIC's for separation, say."""
        ...

    def train(self, n: int) -> Dataset:
        return self.named(f"train {n}")

    def validation(self, n: int) -> Dataset:
        return self.named(f"validation {n}")

    def test(self, n: int) -> Dataset:
        return self.named(f"test {n}")

    def train_counts(self) -> Sequence[int]:
        """The numbers of sources for which there is a training set."""
        ...

    def test_counts(self) -> Sequence[int]:
        """The numbers of sources for which there is a test set."""
        ...

    def silent_counts(self) -> Sequence[int]:
        """The numbers of silent objects for which there is a test set of one source, "silent 2"; worlds have them."""
        return ()

    def probe(self) -> Dataset:
        """Single sounds with a kind and an official fold each, for the classification probe."""
        return self.named("probe")

    def pairs(self) -> Sequence[tuple[int, int]] | None:
        """Which test scenes of one source are mixed, by a published list; None: drawn from the seed."""
        ...

    def examples(self, split: str, size: int) -> Sequence[Dataset]:
        """Sets of a split, for each number of sources one, of which ``size`` scenes or more can be shown."""
        ...

    def fingerprint(self, *sets: str) -> str:
        """Of named sets: "train 1", "validation 3", "test 1", "silent 2", "probe", "probe esc10"."""
        ...

    def named(self, name: str) -> Dataset:
        """A set by such a name; makes it if it is not there yet."""
        ...


#: Data module -> the classes of its configuration and of itself. Named, not imported: the code of one is not behind the
#: runs on another.
DATA_MODULES: dict[str, tuple[str, str]] = {
    name: (f"benchmarks.datasets.{name}:{class_name}Data", f"benchmarks.datasets.{name}:{class_name}DataModule")
    for name, class_name in (("miniature", "Miniature"), ("composite", "Composite"), ("paper", "Paper"))
}


def open_data_module(
    data: Mapping[str, Any], *, cache: Path | None = None, workers: int = 1, progress: Progress | None = None
) -> DataModule:
    """The data module of a run configuration's ``data``.

    Raises :class:`ConfigError` for an unknown name or key.
    """
    name = data.get("source")
    if name not in DATA_MODULES:
        raise ConfigError(f"unknown data.source {name!r}; known: {', '.join(DATA_MODULES)}")
    config_class, module_class = map(named, DATA_MODULES[name])
    return module_class(from_dict(config_class, data, "data"), cache or data_folder(), workers, progress)


def module_of(data: Mapping[str, Any]) -> str:
    """The Python module that holds the data module of a run configuration's ``data``: its code is behind the run."""
    return DATA_MODULES[data["source"]][1].partition(":")[0]
