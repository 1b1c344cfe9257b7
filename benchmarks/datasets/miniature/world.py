"""World of the miniature: each scene a pure function of (world, split, number of sources, index)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.miniature import second
from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.rendering import Stage, set_stage
from benchmarks.datasets.synthetic.mixing import SCALE, SPREAD, Mixture, mixed
from benchmarks.datasets.synthetic.portable_math import Draw, Key
from benchmarks.datasets.synthetic.scene_set import MOST_SOURCES, DrawnScene, SceneConfig
from benchmarks.datasets.synthetic.synthesis import RATE, TICK


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniatureConfig(SceneConfig):
    """The world's parameters; raises ``ValueError`` for values that it cannot be built with."""

    image_size: int = 64
    seconds: float = 4.0  # of sound and video
    distractors: tuple[int, int] = (0, 2)
    decoys: float = 0.25
    clutter: tuple[int, int] = (4, 10)  # fewest and most pieces of clutter in the background

    def __post_init__(self) -> None:
        SceneConfig.__post_init__(self)
        for name in ("distractors", "training_distractors"):
            self.require(name, len(KINDS) - MOST_SOURCES)
        self.require("clutter", 1000)

    @property
    def ticks(self) -> int:
        """Length of every envelope."""
        return -(-self.samples // TICK)


#: Of the presets: two silent objects in every scene, and fewer in training scenes, which begin with what is easy.
SECOND = MiniatureConfig(generator=2, distractors=(2, 2), training_distractors=(0, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldScene(DrawnScene):
    """A scene whose ``image`` is the frame at sample ``stage.still``."""

    stage: Stage


def draw_scene(config: MiniatureConfig, key: Key, kinds: Sequence[int]) -> WorldScene:
    """Everything of the scene named ``key`` whose sources are of these kinds."""
    mixture = mix(key, kinds, config.samples)
    stage = stage_of(config, key, kinds)
    image, objects = stage.frame(stage.still, mixture.envelopes)
    return WorldScene(kinds=tuple(kinds), mixture=mixture, image=image, objects=objects, stage=stage)


def mix(key: Key, kinds: Sequence[int], samples: int) -> Mixture:
    """The sound of a scene."""
    draws = [Draw(*key, "sound", number) for number in range(len(kinds))]
    ticks = -(-samples // TICK)
    sounds = [
        np.rint(KINDS[kind].sound(draw, ticks).astype(np.float64) * SCALE)
        for kind, draw in zip(kinds, draws, strict=True)
    ]
    return mixed(sounds, [draw.between(-SPREAD, SPREAD) for draw in draws], samples)


def stage_of(config: MiniatureConfig, key: Key, kinds: Sequence[int]) -> Stage:
    """What is seen of the scene, without its sounds."""
    silent = config.silent_in(key)
    if config.generator == 2:
        return second.set_stage(
            key, kinds, size=config.image_size, samples=config.samples, silent=silent, clutter=config.clutter
        )
    return set_stage(
        key,
        kinds,
        size=config.image_size,
        samples=config.samples,
        silent=silent,
        decoys=config.decoys,
        clutter=config.clutter,
    )


def silent_kinds(config: MiniatureConfig, key: Key, kinds: Sequence[int]) -> tuple[int, ...]:
    """The kinds of a scene's silent objects; () in the first generator, where some of them are of none."""
    if config.generator != 2:
        return ()
    return tuple(second.cast_silent(Draw(*key, "stage"), kinds, config.samples, config.silent_in(key))[1])


def draw_kinds(key: Key, n_sources: int, kinds: Sequence[int]) -> tuple[int, ...]:
    """The distinct kinds of a scene's sources, among ``kinds``."""
    return tuple(Draw(*key, "kinds").sample(kinds, n_sources))


def scene_clip(
    config: MiniatureConfig,
    stage: Stage,
    envelopes: npt.NDArray[np.uint8],
    *,
    start_s: float,
    n_frames: int,
    fps: float,
) -> npt.NDArray[np.uint8]:
    """Frames (n_frames, H, W, 3) at ``start_s``, ``start_s`` + 1/``fps``, ... seconds.

    The sound that belongs to them begins at sample ``start_s`` * 11,025 of the waveform. Raises ``ValueError`` if a
    frame lies outside the scene.
    """
    if n_frames < 1 or not fps > 0:
        raise ValueError(f"a clip has at least one frame and a positive rate, not n_frames={n_frames}, fps={fps}")
    last = start_s + (n_frames - 1) / fps
    if not 0 <= start_s <= last < config.seconds:
        raise ValueError(f"frames from {start_s} s to {last} s leave the scene, which lasts {config.seconds} s")
    samples = [int((start_s + frame / fps) * RATE) for frame in range(n_frames)]
    return np.stack([stage.frame(sample, envelopes)[0] for sample in samples])
