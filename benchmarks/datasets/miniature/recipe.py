"""Which scenes a dataset holds: everything that decides its content, and the fingerprint of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.miniature import world
from benchmarks.datasets.miniature.draw import Key
from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.world import MOST_SOURCES, Drawn, MiniatureConfig

#: Raise it with every change that alters a byte of any scene: fingerprints, caches and run keys hang on it.
VERSION = 2

SPLITS = ("train", "validation", "test", "probe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The content of a dataset; scene ``i`` depends on everything here except ``size`` and ``folds``."""

    config: MiniatureConfig
    split: str
    counts: tuple[int, ...]  # scene i has the (i mod len)-th number of sources
    size: int
    kinds: tuple[int, ...] = tuple(range(len(KINDS)))  # the kinds that sound
    balanced: bool = False
    folds: int | None = None

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f"unknown split {self.split!r}; known: {', '.join(SPLITS)}")
        if not self.counts or not all(1 <= n <= MOST_SOURCES for n in self.counts):
            raise ValueError(f"n_sources must be within 1..{MOST_SOURCES}, not {self.counts}")
        if self.size < 1:
            raise ValueError(f"size must be at least 1, not {self.size}")
        if len(set(self.kinds)) != len(self.kinds) or not set(self.kinds) <= set(range(len(KINDS))):
            raise ValueError(f"kinds must be distinct numbers within 0..{len(KINDS) - 1}, not {self.kinds}")
        if len(self.kinds) < max(self.counts):
            raise ValueError(f"{max(self.counts)} sources of distinct kinds need as many kinds, not {self.kinds}")
        if self.balanced and self.counts != (1,):
            raise ValueError(f"balanced=True needs n_sources=1, not {self.counts}")
        if self.folds is not None and self.folds < 2:
            raise ValueError(f"folds must be at least 2, not {self.folds}")

    @classmethod
    def of(
        cls,
        config: MiniatureConfig,
        split: str,
        n_sources: int | Sequence[int],
        size: int,
        *,
        kinds: Sequence[int] | None = None,
        balanced: bool = False,
        folds: int | None = None,
    ) -> Recipe:
        """The recipe that the arguments of ``Miniature`` mean."""
        counts = (n_sources,) if isinstance(n_sources, int) else tuple(n_sources)
        return cls(
            config=config,
            split=split,
            counts=counts,
            size=size,
            kinds=tuple(range(len(KINDS))) if kinds is None else tuple(kinds),
            balanced=balanced,
            folds=folds,
        )

    @property
    def fingerprint(self) -> str:
        """Sha256 of the generator's version and all parameters."""
        text = json.dumps({"miniature": VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def key(self, index: int) -> Key:
        """The scene's name among draws: no two splits or numbers of sources share one."""
        return self.config.world, self.split, self.counts[index % len(self.counts)], index

    def scene_kinds(self, index: int) -> tuple[int, ...]:
        """The kinds of the scene's sources."""
        if self.balanced:
            return (self.kinds[index % len(self.kinds)],)
        return world.draw_kinds(self.key(index), self.counts[index % len(self.counts)], self.kinds)

    def fold(self, index: int) -> int | None:
        """1 + (the rounds through all kinds before this scene) mod ``folds``."""
        return None if self.folds is None else 1 + index // len(self.kinds) % self.folds

    def draw(self, index: int) -> Drawn:
        """The scene with all that is known of it."""
        return world.draw_scene(self.config, self.key(index), self.scene_kinds(index))

    # What is kept of a dataset as arrays: N scenes, at most M sources, T samples, K ticks, H x W pixels.

    def layout(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Name -> (dtype, shape) of every array."""
        n, most, side = self.size, max(self.counts), self.config.image_size
        arrays: dict[str, tuple[str, tuple[int, ...]]] = {
            "waveforms": ("<i2", (n, self.config.samples)),
            "images": ("|u1", (n, side, side, 3)),
            "objects": ("|u1", (n, side, side)),
            "counts": ("<i8", (n,)),
            "kinds": ("|i1", (n, most)),  # -1: no such source
            "boxes": ("<i4", (n, most, 4)),
            "envelopes": ("|u1", (n, most, self.config.ticks)),
        }
        if self.keeps_stems:
            arrays["stems"] = ("<i2", (n, most, self.config.samples))
        return arrays

    @property
    def keeps_stems(self) -> bool:
        """Training mixtures keep no stems (they would be most of the bytes); a single source is its own stem."""
        return self.split != "train" and max(self.counts) > 1

    def make(self, start: int, stop: int) -> dict[str, npt.NDArray[Any]]:
        """The arrays' rows ``start`` to ``stop`` - 1."""
        rows = {
            name: np.full((stop - start, *shape[1:]), -1 if name == "kinds" else 0, dtype)
            for name, (dtype, shape) in self.layout().items()
        }
        for row, index in enumerate(range(start, stop)):
            drawn = self.draw(index)
            n = len(drawn.kinds)
            rows["waveforms"][row] = drawn.mixture.waveform
            rows["images"][row] = drawn.image
            rows["objects"][row] = drawn.objects
            rows["counts"][row] = n
            rows["kinds"][row, :n] = drawn.kinds
            rows["boxes"][row, :n] = drawn.boxes
            rows["envelopes"][row, :n] = drawn.mixture.envelopes
            if "stems" in rows:
                rows["stems"][row, :n] = drawn.mixture.stems
        return rows
