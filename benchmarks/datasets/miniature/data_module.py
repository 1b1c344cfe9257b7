"""Data module of the miniature world."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.datasets.miniature.dataset import Miniature
from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.world import MiniatureConfig
from benchmarks.datasets.synthetic.data_module import DrawnData, DrawnDataModule
from cavl.config import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniatureData(DrawnData):
    """The world, and sizes of the sets drawn from it."""

    source: str = "miniature"
    world: MiniatureConfig = field(default_factory=MiniatureConfig)
    probe_folds: int = 5
    probe_clips: int = 2  # of each kind in each fold

    def limited(self, n: int) -> MiniatureData:
        return replace(DrawnData.limited(self, n), probe_clips=1)


class MiniatureDataModule(DrawnDataModule):
    def fingerprint_of(self, name: str) -> str:
        return Miniature.fingerprint_of(**self._arguments(name))

    def open(self, name: str) -> Miniature:
        return Miniature(**self._arguments(name), cache=self.cache, workers=self.workers, progress=self.progress)

    def few(self, name: str, size: int) -> Miniature:
        return Miniature(**{**self._arguments(name), "size": size})

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
        if split == "silent":
            return {"config": config.world.among(int(n)), "split": "test", "n_sources": 1, "size": size}
        return {"config": config.world, "split": split, "n_sources": int(n), "size": size}
