"""Data module of composite scenes."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.datasets.composite.compose import CompositeConfig
from benchmarks.datasets.composite.material import PHOTOGRAPHS, RECORDINGS, Material, gather
from benchmarks.datasets.composite.pairs import SHIPPED
from benchmarks.datasets.composite.recipe import CompositeRecipe, ProbeClip
from benchmarks.datasets.synthetic.data_module import DrawnData, DrawnDataModule
from benchmarks.datasets.synthetic.scene_set import DrawnSet
from benchmarks.datasets.synthetic.synthesis import RATE
from cavl.config import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeData(DrawnData):
    """Where the files are, and sizes of the sets that are composed of them."""

    source: str = "composite"
    photographs: str | None = None  # a folder of folders; None: caltech101 in $CAVL_DATA
    recordings: tuple[str, ...] = ()  # folders of folders, or ESC-50; (): ESC-50 and instruments in $CAVL_DATA
    pairs: str | None = None  # table of kinds; None: the one for Caltech-101, ESC-50 and FSDKaggle2018
    least: tuple[int, int, int] = (12, 3, 6)  # files of a kind on each side: those with fewer are left out
    scenes: CompositeConfig = field(default_factory=CompositeConfig)
    probe_folds: int = 4  # of the test recordings, one scene each

    def __post_init__(self) -> None:
        if min(self.least) < 1:
            raise ValueError(f"data.least must be at least 1 file on each side, not {self.least}")
        if self.probe_folds < 3:
            raise ValueError(
                f"data.probe_folds must be at least 3, not {self.probe_folds}: see benchmarks/metrics/linear_probe.py"
            )


class CompositeDataModule(DrawnDataModule):
    config: CompositeData

    @functools.cached_property
    def material(self) -> Material:
        """What the scenes are made of.

        Raises ``FileNotFoundError`` or ``ValueError`` as :meth:`gathered`, and if there is material for too few kinds,
        saying what each lacks.
        """
        material = self.gathered()
        scenes = self.config.scenes
        unheard = scenes.distractors[1] if scenes.generator == 2 else 1
        needed = unheard + max(int(n) for n in (*self.config.train, *self.config.test))
        if len(material.kinds) < needed:
            lacks = "; ".join(f"{kind}: {why}" for kind, why in material.left_out.items())
            raise ValueError(
                f"there is material for {len(material.kinds)} kinds, and scenes of {needed - unheard} sources beside "
                f"{unheard} that {'is' if unheard == 1 else 'are'} not heard need {needed} ({lacks}); {PHOTOGRAPHS}; "
                f"{RECORDINGS}"
            )
        return material

    def gathered(self) -> Material:
        """What there is in the folders: at first, all files are read.

        Raises ``FileNotFoundError`` if a folder is missing, saying how to get it; ``ValueError`` if a table or list is
        not what it should be.
        """
        config = self.config
        recordings = config.recordings or (self.cache / "ESC-50", self.cache / "instruments")
        return gather(
            Path(config.photographs or self.cache / "caltech101").absolute(),
            tuple(Path(folder).absolute() for folder in recordings),
            self.cache,
            pairs=Path(config.pairs) if config.pairs else SHIPPED,
            least=config.least,
            folds=config.probe_folds,
        )

    def fingerprint_of(self, name: str) -> str:
        """Of the scenes. Where the files are missing there is one too, so that what would run can be listed; opening
        the set says how to get them.
        """
        try:
            return self.recipe(name).fingerprint
        except FileNotFoundError:
            return f"{name} absent"

    def open(self, name: str) -> DrawnSet:
        return self._set(self.recipe(name), self.cache / "composite")

    def few(self, name: str, size: int) -> DrawnSet:
        return self._set(replace(self.recipe(name), size=size))

    def _set(self, recipe: CompositeRecipe, folder: Path | None = None) -> DrawnSet:
        material = self.material
        return DrawnSet(recipe, RATE, folder, self.workers, self.progress, material.coverage, material.names)

    def recipe(self, name: str) -> CompositeRecipe:
        """What a named set holds.

        Raises :class:`ConfigError` if there is no such set.
        """
        config, material = self.config.scenes, self.material
        split, _, n = name.partition(" ")
        if split == "probe":
            if n:
                raise ConfigError(
                    f"evaluation.probe={n!r}: composite scenes hold recordings of ESC-50, so its folds would not be "
                    "unheard; take evaluation.probe=composite"
                )
            pool = material.pools["test"]
            files = [(kind, file) for kind in pool.kinds for file in pool.recordings[kind]]
            clips = tuple(ProbeClip(kind, file, material.folds[file.origin]) for kind, file in files)
            return CompositeRecipe(config=config, split=split, counts=(1,), size=len(clips), pool=pool, clips=clips)
        size = self.size(name)
        if split == "silent":
            config, split, n = config.among(int(n)), "test", "1"
        return CompositeRecipe(config=config, split=split, counts=(int(n),), size=size, pool=material.pools[split])
