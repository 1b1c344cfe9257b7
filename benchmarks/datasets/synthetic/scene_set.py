"""Scene sets, drawn rather than recorded: made when asked for, or generated in parallel into a cache and mapped.

A :class:`Recipe` says which scenes a set holds and draws any of them; a :class:`DrawnSet` is the dataset.
"""

from __future__ import annotations

import functools
import multiprocessing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.scene import Coverage, Scene, checked
from benchmarks.datasets.synthetic.arrays import Arrays, open_arrays
from benchmarks.datasets.synthetic.geometry import SILENT, boxes, extent
from benchmarks.datasets.synthetic.mixing import Mixture
from benchmarks.datasets.synthetic.portable_math import Draw, Key
from benchmarks.datasets.synthetic.synthesis import RATE
from benchmarks.processes import follow_parent
from cavl.config import later

CHUNK = 32  # scenes made at a time by a worker
MOST_SOURCES = 5
SPLITS = ("train", "validation", "test", "probe")
GENERATORS = (1, 2)
#: Name of an array -> its row of one scene; what a scene has for each source is (n, ...).
SceneRow = Mapping[str, npt.NDArray[Any]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneConfig:
    """What all scenes of a world have in common: part of run configurations and of fingerprints.

    Raises ``ValueError`` for values that no scene can be drawn with.
    """

    world: int = 0  # seed of the world: another one shares no scene with this one
    image_size: int  # pixels of a side, 32 or more
    seconds: float  # of sound, 1 or more
    distractors: tuple[int, int]  # fewest and most silent objects
    generator: int = later(1)  # the way in which scenes are drawn: 1 is the first, with which seeing alone went far
    #: Those of training scenes, where they differ.
    training_distractors: tuple[int, int] | None = later(None)
    #: Share of the training scenes that have them: in the others what is seen sounds.
    cluttered: float = later(1.0)
    decoys: float  # share of them that are of a kind that sounds in other scenes; the others never sound

    def __post_init__(self) -> None:
        if self.image_size < 32:
            raise ValueError(f"image_size must be at least 32 pixels, not {self.image_size}: objects would be blots")
        if not self.seconds >= 1:
            raise ValueError(f"seconds must be at least 1, not {self.seconds}: a scene holds an onset and a pause")
        if self.generator not in GENERATORS:
            raise ValueError(f"generator must be one of {', '.join(map(str, GENERATORS))}, not {self.generator}")
        if not 0 <= self.decoys <= 1:
            raise ValueError(f"decoys must be a share within 0..1, not {self.decoys}")
        if not 0 <= self.cluttered <= 1:
            raise ValueError(f"cluttered must be a share within 0..1, not {self.cluttered}")

    def among(self, silent: int) -> Self:
        """The same with so many silent objects in every scene."""
        return replace(self, distractors=(silent, silent), training_distractors=None)

    def silent_in(self, key: Key) -> tuple[int, int]:
        """Fewest and most silent objects of the scene of this name."""
        if key[1] != "train":
            return self.distractors
        if self.cluttered < 1 and not Draw("cluttered", *key).chance(self.cluttered):
            return 0, 0
        return self.training_distractors or self.distractors

    def require(self, name: str, most: int) -> None:
        """Refuse an entry that is not (fewest, most) within 0..``most``."""
        pair = getattr(self, name)
        if pair is not None and not 0 <= pair[0] <= pair[1] <= most:
            raise ValueError(f"{name} must be (fewest, most) within 0..{most}, not {pair}")

    @property
    def samples(self) -> int:
        """Length of every waveform."""
        return round(self.seconds * RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnScene:
    """A scene of ``n`` sources with all that is known of it: see :class:`benchmarks.datasets.scene.Scene`."""

    kinds: tuple[int, ...]
    mixture: Mixture
    image: npt.NDArray[np.uint8]  # (H, W, 3)
    objects: npt.NDArray[np.uint8]  # (H, W)

    @property
    def boxes(self) -> npt.NDArray[np.int32]:
        """(n, 4)"""
        return boxes(self.objects, len(self.kinds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(ABC):
    """The content of a set: N = ``size`` scenes, each a pure function of all that is here but ``size``."""

    initial: ClassVar[str]  # of the ids of its scenes
    config: SceneConfig
    split: str
    counts: tuple[int, ...]  # scene i has the (i mod len)-th number of sources
    size: int

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f"unknown split {self.split!r}; known: {', '.join(SPLITS)}")
        if not self.counts or not all(1 <= n <= MOST_SOURCES for n in self.counts):
            raise ValueError(f"n_sources must be within 1..{MOST_SOURCES}, not {self.counts}")
        if self.size < 1:
            raise ValueError(f"size must be at least 1, not {self.size}")

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Sha256 of the generator's version and of everything that decides a byte."""

    def key(self, index: int) -> Key:
        """The scene's name among draws: no two splits or numbers of sources share one."""
        return self.config.world, self.split, self.n_sources(index), index

    def scene_id(self, index: int) -> str:
        return f"{self.initial}{self.config.world}-{self.split}-{self.n_sources(index)}-{index:06d}"

    @abstractmethod
    def fold(self, index: int) -> int | None: ...

    def silent_kinds(self, index: int) -> tuple[int, ...]:
        """The kinds of the scene's silent objects, in their order; () where they are of no kind as a rule."""
        return ()

    def clusters(self) -> dict[str, str]:
        """Id of a scene -> what it shares with others, where scenes do."""
        return {}

    @abstractmethod
    def draw(self, index: int) -> DrawnScene:
        """The scene with all that is known of it."""

    def row(self, index: int) -> SceneRow:
        """Draw a scene: ``waveforms`` (T,), ``images`` (H, W, 3), ``objects`` (H, W), ``kinds`` (n,), ``boxes`` (n, 4),
        ``stems`` (n, T); more where the layout has more.
        """
        return row_of(self.draw(index))

    def n_sources(self, index: int) -> int:
        return self.counts[index % len(self.counts)]

    def layout(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Name -> (dtype, shape) of every array that is kept; M is the largest number of sources."""
        n, most, side = self.size, max(self.counts), self.config.image_size
        arrays: dict[str, tuple[str, tuple[int, ...]]] = {
            "waveforms": ("<i2", (n, self.config.samples)),
            "images": ("|u1", (n, side, side, 3)),
            "objects": ("|u1", (n, side, side)),
            "counts": ("<i8", (n,)),
            "kinds": ("|i1", (n, most)),  # -1: no such source
            "boxes": ("<i4", (n, most, 4)),
        }
        if self.keeps_stems:
            arrays["stems"] = ("<i2", (n, most, self.config.samples))
        return arrays

    @property
    def keeps_stems(self) -> bool:
        """Training mixtures keep no stems (they would be most of the bytes); a single source is its own stem."""
        return self.split != "train" and max(self.counts) > 1

    def make(self, start: int, stop: int) -> Arrays:
        """The arrays' rows ``start`` to ``stop`` - 1."""
        rows = {
            name: np.full((stop - start, *shape[1:]), -1 if name == "kinds" else 0, dtype)
            for name, (dtype, shape) in self.layout().items()
        }
        for place, index in enumerate(range(start, stop)):
            rows["counts"][place] = self.n_sources(index)
            for name, value in self.row(index).items():
                if name in rows:
                    rows[name][place, : len(value)] = value
        return rows


def row_of(scene: DrawnScene) -> dict[str, npt.NDArray[Any]]:
    """What every layout has of a scene."""
    return {
        "waveforms": scene.mixture.waveform,
        "images": scene.image,
        "objects": scene.objects,
        "kinds": np.array(scene.kinds, np.int8),
        "boxes": scene.boxes,
        "stems": scene.mixture.stems,
    }


class DrawnSet:
    """The scenes of a recipe (a ``Dataset``).

    Parameters
    ----------
    recipe
        Which scenes.
    sample_rate
        Hz of their sounds.
    folder
        The scenes are generated into ``<folder>/<fingerprint>/`` at first and memory-mapped afterwards. Without it each
        scene is made when it is asked for.
    workers, progress
        Processes that generate; called with (scenes done, scenes in all).
    coverage
        Of what the scenes are made of; default: all there.
    kind_names
        Of the kinds, by number.

    Raises
    ------
    DiskFullError
        When the cache does not fit.
    """

    def __init__(
        self,
        recipe: Recipe,
        sample_rate: int,
        folder: Path | None = None,
        workers: int = 1,
        progress: Progress | None = None,
        coverage: Coverage | None = None,
        kind_names: Sequence[str] = (),
    ) -> None:
        self.recipe, self.split, self.sample_rate = recipe, recipe.split, sample_rate
        self.config: Any = recipe.config
        self.fingerprint = recipe.fingerprint
        self.kind_names = tuple(kind_names)
        self.coverage = coverage or Coverage(found=recipe.size)
        self._kept: Arrays | None = None
        if folder is not None:
            self._kept = open_arrays(folder / self.fingerprint, recipe.layout(), generate(recipe, workers, progress))

    def __len__(self) -> int:
        return self.recipe.size

    def __getitem__(self, index: int) -> Scene:
        """Scene ``index``. Its ``stems`` are None for training mixtures, which keep none: see :meth:`stems`."""
        index = checked(index, len(self))
        rows, row = self._rows(index)
        n = int(rows["counts"][row])
        waveform = rows["waveforms"][row]
        stems = rows["stems"][row, :n] if "stems" in rows else waveform[None] if n == 1 else None
        return Scene(
            id=self.recipe.scene_id(index),
            waveform=waveform,
            n_sources=n,
            image=rows["images"][row],
            kinds=tuple(rows["kinds"][row, :n].tolist()),
            boxes=rows["boxes"][row, :n],
            objects=rows["objects"][row],
            stems=stems,
            fold=self.recipe.fold(index),
            split=self.split,
        )

    def clusters(self) -> dict[str, str]:
        return self.recipe.clusters()

    def seen(self, index: int) -> npt.NDArray[np.int64]:
        """All objects in a scene's picture (n, 5), sounding or silent: x0, y0, x1, y1 in pixels, kind (-1: unknown).

        Boxes are of the pixels that are seen; what is hidden is not there.
        """
        scene = self[index]
        assert scene.objects is not None
        kinds = dict(enumerate(scene.kinds, 1)) | dict(enumerate(self.recipe.silent_kinds(index), SILENT))
        labels = [label for label in np.unique(scene.objects).tolist() if label]
        boxed = [(*extent(scene.objects == label), kinds.get(label, -1)) for label in labels]
        return np.array(boxed, np.int64).reshape(-1, 5)

    def stems(self, index: int) -> npt.NDArray[np.int16]:
        """Stems (n, T) of any scene, drawn anew."""
        return self.recipe.row(checked(index, len(self)))["stems"]

    @property
    def waveforms(self) -> npt.NDArray[np.int16]:
        """(N, T)"""
        return self._arrays["waveforms"]

    @property
    def images(self) -> npt.NDArray[np.uint8]:
        """(N, H, W, 3)"""
        return self._arrays["images"]

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(N,): sources of each scene."""
        return self._arrays["counts"]

    @functools.cached_property
    def _arrays(self) -> Arrays:
        return self.recipe.make(0, len(self)) if self._kept is None else self._kept

    def _rows(self, index: int) -> tuple[Arrays, int]:
        """Arrays that hold the scene, and its row in them."""
        return (self.recipe.make(index, index + 1), 0) if self._kept is None else (self._kept, index)


def generate(recipe: Recipe, workers: int, progress: Progress | None = None) -> Iterator[Arrays]:
    """Rows of all scenes in order, made by ``workers`` processes (the same rows by any number of them)."""
    starts = range(0, recipe.size, CHUNK)
    stops = [min(start + CHUNK, recipe.size) for start in starts]
    workers = min(workers, len(starts))
    if workers <= 1:
        for start, stop in zip(starts, stops, strict=True):
            yield recipe.make(start, stop)
            if progress is not None:
                progress(stop, recipe.size)
        return
    # Spawned, not forked: the caller may hold threads and locks.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=follow_parent)
    try:
        for stop, rows in zip(stops, pool.map(recipe.make, starts, stops), strict=True):
            yield rows
            if progress is not None:
                progress(stop, recipe.size)
    finally:
        pool.shutdown(cancel_futures=True)
