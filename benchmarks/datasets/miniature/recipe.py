"""Recipe of a set of the miniature: everything that decides its content, and the fingerprint of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.datasets.miniature import world
from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.world import MiniatureConfig
from benchmarks.datasets.synthetic import scene_set
from benchmarks.datasets.synthetic.scene_set import DrawnScene, SceneRow
from cavl.config import decisive_part

#: Raise it with every change that alters a byte of any scene: fingerprints, caches and run keys depend on it.
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniatureRecipe(scene_set.Recipe):
    """The content of a dataset; scene ``i`` depends on everything here except ``size`` and ``folds``."""

    initial = "w"
    config: MiniatureConfig
    kinds: tuple[int, ...] = tuple(range(len(KINDS)))  # numbers of the kinds that sound
    balanced: bool = False  # single sources whose kind is i mod the number of kinds, instead of drawn
    folds: int | None = None  # scenes have a fold in 1..``folds``, each as many of each kind (when ``balanced``)

    def __post_init__(self) -> None:
        scene_set.Recipe.__post_init__(self)
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
        cls, config: MiniatureConfig, split: str, n_sources: int | Sequence[int], size: int, **more: Any
    ) -> MiniatureRecipe:
        """The recipe that the arguments of ``Miniature`` mean."""
        counts = (n_sources,) if isinstance(n_sources, int) else tuple(n_sources)
        return cls(config=config, split=split, counts=counts, size=size, **more)

    @property
    def fingerprint(self) -> str:
        """Sha256 of the generator's version and all parameters."""
        content = {"miniature": VERSION, **asdict(self), "config": decisive_part(self.config)}
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def scene_kinds(self, index: int) -> tuple[int, ...]:
        """The kinds of the scene's sources."""
        if self.balanced:
            return (self.kinds[index % len(self.kinds)],)
        return world.draw_kinds(self.key(index), self.n_sources(index), self.kinds)

    def silent_kinds(self, index: int) -> tuple[int, ...]:
        return world.silent_kinds(self.config, self.key(index), self.scene_kinds(index))

    def fold(self, index: int) -> int | None:
        """1 + (the rounds through all kinds before this scene) mod ``folds``."""
        return None if self.folds is None else 1 + index // len(self.kinds) % self.folds

    def draw(self, index: int) -> DrawnScene:
        """The scene with all that is known of it."""
        return world.draw_scene(self.config, self.key(index), self.scene_kinds(index))

    def row(self, index: int) -> SceneRow:
        scene = self.draw(index)
        return {**scene_set.row_of(scene), "envelopes": scene.mixture.envelopes}

    def layout(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """As every recipe's, with what moves the objects of a video: K ticks of the envelopes."""
        envelopes = ("|u1", (self.size, max(self.counts), self.config.ticks))
        return {**scene_set.Recipe.layout(self), "envelopes": envelopes}
