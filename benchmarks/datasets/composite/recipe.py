"""Recipe of a set of composite scenes: everything that decides its content, and the fingerprint of that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from benchmarks.datasets.composite.compose import CompositeConfig, compose, draw_kinds, first_photograph, silent_kinds
from benchmarks.datasets.composite.files import File
from benchmarks.datasets.composite.material import FilePool
from benchmarks.datasets.synthetic import scene_set
from benchmarks.datasets.synthetic.scene_set import DrawnScene
from cavl.config import decisive_part

#: Raise it with every change that alters a byte of any scene: fingerprints, caches and run keys depend on it.
VERSION = 1


@dataclass(frozen=True, slots=True)
class ProbeClip:
    """A scene of the probe: the recording that it is of."""

    kind: int
    recording: File
    fold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeRecipe(scene_set.Recipe):
    """The content of a set: scenes of drawn kinds and files of ``pool``, or (the probe) one for each of ``clips``."""

    initial = "c"
    config: CompositeConfig
    pool: FilePool
    clips: tuple[ProbeClip, ...] = ()

    def __post_init__(self) -> None:
        scene_set.Recipe.__post_init__(self)
        if len(self.pool.kinds) < max(self.counts):
            raise ValueError(
                f"{max(self.counts)} sources of distinct kinds need as many kinds; there is material for "
                f"{len(self.pool.kinds)}"
            )

    @property
    def fingerprint(self) -> str:
        """Sha256 of the generator's version, all parameters and the content of all files."""
        content = {
            "composite": VERSION,
            "config": decisive_part(self.config),
            "split": self.split,
            "counts": self.counts,
            "size": self.size,
            "files": self.pool.digest,
            "clips": [(clip.kind, clip.recording.sha256, clip.fold) for clip in self.clips],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def fold(self, index: int) -> int | None:
        return self.clips[index].fold if self.clips else None

    def clusters(self) -> dict[str, str]:
        """Of the probe the upload of each recording; of single sources the photograph of what sounds.

        Scenes of several sources share some of them with some others, and are clusters of their own.
        """
        scenes = range(self.size if self.counts == (1,) else 0)
        if self.clips:
            return {self.scene_id(i): self.clips[i].recording.origin for i in scenes}
        return {self.scene_id(i): first_photograph(self.pool, self.key(i), self._kinds(i)).sha256 for i in scenes}

    def draw(self, index: int) -> DrawnScene:
        """The scene with all that is known of it."""
        key = self.key(index)
        recorded = (self.clips[index].recording,) if self.clips else None
        return compose(self.config, self.pool, key, self._kinds(index), recorded)

    def silent_kinds(self, index: int) -> tuple[int, ...]:
        return silent_kinds(self.config, self.pool, self.key(index), self._kinds(index))

    def _kinds(self, index: int) -> tuple[int, ...]:
        if self.clips:
            return (self.clips[index].kind,)
        return draw_kinds(self.key(index), self.n_sources(index), self.pool.kinds)
