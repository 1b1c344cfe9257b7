"""Dataset of the miniature world: scenes drawn by a :class:`MiniatureRecipe`, and their video."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.miniature import world
from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.recipe import MiniatureRecipe
from benchmarks.datasets.miniature.rendering import Stage
from benchmarks.datasets.miniature.world import MiniatureConfig
from benchmarks.datasets.scene import checked
from benchmarks.datasets.synthetic.scene_set import DrawnSet, Progress
from benchmarks.datasets.synthetic.synthesis import RATE

STAGES = 2400  # kept in memory by a dataset whose clips are drawn: 50 kB each at 64 pixels


class Miniature(DrawnSet):
    """Scenes of the miniature world (a ``Dataset``), every one a pure function of its index.

    Parameters
    ----------
    config
        The world.
    split
        "train", "validation", "test" or "probe": no two share a scene.
    n_sources
        Sources of every scene, 1 to 5; of a sequence, scene ``i`` has the (i mod len)-th.
    size
        Number of scenes; scene ``i`` does not depend on it.
    cache
        Folder of prepared data: the scenes are generated into ``<cache>/miniature/<fingerprint>/`` at first and
        memory-mapped afterwards. Without it each scene is made when it is asked for.
    workers, progress
        Processes that generate; called with (scenes done, scenes in all).
    kinds, balanced, folds
        As :class:`MiniatureRecipe` has them.

    Raises
    ------
    ValueError
        For arguments that no dataset can be made of.
    DiskFullError
        When the cache does not fit.
    """

    recipe: MiniatureRecipe
    n_kinds = len(KINDS)
    kind_names = tuple(kind.name for kind in KINDS)

    def __init__(
        self,
        config: MiniatureConfig,
        split: str,
        n_sources: int | Sequence[int],
        size: int,
        *,
        cache: Path | None = None,
        workers: int = 1,
        progress: Progress | None = None,
        **more: Any,
    ) -> None:
        recipe = MiniatureRecipe.of(config, split, n_sources, size, **more)
        folder = None if cache is None else Path(cache) / "miniature"
        super().__init__(recipe, RATE, folder, workers, progress, kind_names=self.kind_names)
        # Setting a stage takes as long as twenty frames on it, and training comes back to it epoch after epoch.
        self._stage = functools.lru_cache(maxsize=STAGES)(self._set_stage)

    @staticmethod
    def fingerprint_of(*args: Any, **kwargs: Any) -> str:
        """Fingerprint of the dataset with these arguments (those of :class:`Miniature` that decide the content)."""
        return MiniatureRecipe.of(*args, **kwargs).fingerprint

    def clip(self, index: int, start_s: float, n_frames: int, fps: float) -> npt.NDArray[np.uint8]:
        """Frames (n_frames, H, W, 3) of a scene at ``start_s``, ``start_s`` + 1/``fps``, ... seconds.

        Sounding objects move with the envelopes of their sounds, silent ones differently or not. The sound that
        belongs to the clip begins at sample ``start_s`` * 11,025 of the scene's waveform. Raises ``ValueError`` if a
        frame lies outside the scene.
        """
        index = checked(index, len(self))
        stage = self._stage(index)
        rows, row = self._rows(index)
        return world.scene_clip(self.config, stage, rows["envelopes"][row], start_s=start_s, n_frames=n_frames, fps=fps)

    def _set_stage(self, index: int) -> Stage:
        return world.stage_of(self.config, self.recipe.key(index), self.recipe.scene_kinds(index))
