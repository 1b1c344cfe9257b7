"""Actions of the miniature world: what moves is known by how it moves, and by nothing else.

An object of any kind performs one of :data:`MOTIONS` before the world's background, among silent objects that drift or
keep still. The object has a place, a size and a brightness away from its own average; a motion is which of these change
with time, and how. Those that do not change are frozen at a random moment of the same course. So at any one moment all
motions look alike: the state of the object has the same distribution whatever it performs (a test asserts it), and no
still image tells the class.

Nor can single scenes be known by heart: each object on its background performs every motion, in scenes of their own.
(In a trial on 480 scenes with a background each, a small 3-D network learned the backgrounds and stayed at chance.)
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.miniature import recipe
from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.objects import Labels, Look
from benchmarks.datasets.miniature.rendering import Stage
from benchmarks.datasets.miniature.world import MiniatureConfig, scene_clip, stage_of
from benchmarks.datasets.scene import Coverage, Scene, checked
from benchmarks.datasets.synthetic.portable_math import Draw, Key, sine
from benchmarks.datasets.synthetic.synthesis import RATE
from cavl.config import decisive_part

#: Raise it with every change here that alters a byte of any scene: fingerprints and run keys hang on it. Changes of the
#: world's objects and backgrounds raise ``recipe.VERSION``, which is in the fingerprint as well.
VERSION = 1

SPLITS = ("train", "validation", "test")

Manner = Literal["rest", "swing", "leap", "climb", "sink"]
PROPERTIES = ("x", "y", "size", "light")

#: Motion -> how the properties move that do; y grows downwards.
MOTIONS: Mapping[str, Mapping[str, Manner]] = {
    "bob": {"y": "swing"},
    "sway": {"x": "swing"},
    "loop": {"x": "swing", "y": "swing"},  # an ellipse of any shape: both at one tempo
    "swell": {"size": "swing"},
    "flicker": {"light": "swing"},
    "jump": {"x": "leap", "y": "leap"},
    "rise": {"y": "sink"},
    "fall": {"y": "climb"},
}

TEMPO = (0.5, 1.0)  # Hz
LEAPS = 2.5  # to a turn of the other manners
REACH = (0.12, 0.2)  # of the place, to either side, in fractions of the image's side
SWELL = (0.3, 0.45)  # of the radius, to either side
GLOW = (0.45, 0.7)  # share of the brightness that goes at the darkest
INSIDE = 0.5  # the part of the radius that never leaves the image

# Networks begin with what is strongest in a clip. What keeps still is paler here than in the world's other scenes.
CONTRAST = 0.2  # of the background, about grey
GRAIN = 0.3  # of the camera's noise, both as parts of their usual strength

#: Backgrounds kept in memory, in bytes: training comes back to each scene many times.
KEPT = 1 << 26
LEAST_KEPT = 16  # of them, whatever their size

NO_SOUND: npt.NDArray[np.uint8] = np.zeros((1, 1), np.uint8)  # the envelopes of a scene in which nothing is heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How one property moves within [-1, 1]; at a moment it is the sine of a random angle, in every manner."""

    manner: Manner
    tempo: float  # turns a second
    phase: float  # turns
    stride: float  # turns between two leaps
    lag: float  # of the leaps, in leaps

    def at(self, seconds: float) -> float:
        match self.manner:
            case "rest":
                return sine(self.phase)
            case "swing":  # there and back
                return sine(self.phase + self.tempo * seconds)
            case "leap":  # keeps still, then is at once elsewhere
                return sine(self.phase + self.stride * math.floor(self.lag + LEAPS * self.tempo * seconds))
            case "climb":  # from -1 to 1, then at once back
                return _ascent(self.phase + self.tempo * seconds)
            case "sink":
                return -_ascent(self.phase + self.tempo * seconds)


def _ascent(turns: float) -> float:
    return sine((turns - math.floor(turns) - 0.5) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """The main object and its movement."""

    look: Look  # at its average
    reach: float
    swell: float
    glow: float
    courses: Mapping[str, Course]  # of every property

    def at(self, seconds: float) -> Look:
        x, y, size, light = (self.courses[name].at(seconds) for name in PROPERTIES)
        bright = 1 - self.glow * (1 - light) / 2
        red, green, blue = self.look.colour
        return replace(
            self.look,
            x=self.look.x + self.reach * x,
            y=self.look.y + self.reach * y,
            radius=self.look.radius * (1 + self.swell * size),
            colour=(red * bright, green * bright, blue * bright),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionStage(Stage):
    """A stage whose main object (label 1) performs instead of moving with a sound."""

    performance: Performance

    def frame(self, sample: int, envelopes: npt.NDArray[np.uint8] = NO_SOUND) -> tuple[npt.NDArray[np.uint8], Labels]:
        """Image (H, W, 3) at a moment, and whose each pixel is; ``envelopes`` move nothing."""
        look = self.performance.at(sample / RATE)
        actors = tuple(replace(actor, look=look) if actor.drift is None else actor for actor in self.actors)
        plain = Stage(key=self.key, scenery=self.scenery, actors=actors, grain=self.grain, still=self.still)
        return plain.frame(sample, NO_SOUND)


def perform(key: Key, motion: str, look: Look) -> Performance:
    """The object ``look`` in a motion; all that is drawn is the same whatever the motion."""
    draw = Draw(*key, "motion")
    tempo, reach = draw.between(*TEMPO), draw.between(*REACH)
    room = reach + INSIDE * look.radius
    centred = replace(look, x=min(max(look.x, room), 1 - room), y=min(max(look.y, room), 1 - room))
    lag = draw.unit()
    courses = {
        name: Course(
            manner=MOTIONS[motion].get(name, "rest"),
            tempo=tempo,
            phase=draw.unit(),
            stride=draw.between(0.3, 0.5),
            lag=lag,
        )
        for name in PROPERTIES
    }
    return Performance(look=centred, reach=reach, swell=draw.between(*SWELL), glow=draw.between(*GLOW), courses=courses)


def motion_stage(stage: Stage, motion: str) -> MotionStage:
    """What is seen when the one object of the stage that would sound performs ``motion``."""
    (main,) = (actor for actor in stage.actors if actor.drift is None)
    still = replace(main, lift=0.0, swell=0.0, glow=0.0)  # the performance does all that moves
    return MotionStage(
        key=(*stage.key, motion),  # each scene has its own noise
        scenery=stage.scenery,
        actors=tuple(still if actor is main else actor for actor in stage.actors),
        grain=stage.grain,
        still=stage.still,
        performance=perform(stage.key, motion, main.look),
    )


class Motions:
    """Clips of the miniature world labelled by a motion (a ``Dataset``), every one a pure function of its index.

    Parameters
    ----------
    config
        The world.
    split
        "train", "validation" or "test": no two share a scene, with each other or with
        :class:`~benchmarks.datasets.miniature.Miniature`.
    size
        Number of scenes; scene ``i`` does not depend on it. With K motions its label is i mod K, and it shares object
        and background with all scenes of the same i // K: in a multiple of K scenes each is seen in every motion.

    Attributes
    ----------
    classes
        The motions' names, by label.
    labels
        (n,): the label of every scene.
    ids
        The scenes' names.
    groups
        Which scenes show the same object before the same background: by chance they are told right or wrong together.

    Raises
    ------
    ValueError
        For another split, or no scenes.
    """

    sample_rate = RATE
    classes = tuple(MOTIONS)

    def __init__(self, config: MiniatureConfig, split: str, size: int) -> None:
        self.fingerprint = self.fingerprint_of(config, split, size)
        self.config, self.split = config, split
        self.coverage = Coverage(found=size)
        self.labels: npt.NDArray[np.int64] = np.arange(size) % len(self.classes)
        self.ids = tuple(f"w{config.world}-motion-{split}-{index:06d}" for index in range(size))
        self.groups = tuple(str(index // len(self.classes)) for index in range(size))
        most = max(LEAST_KEPT, KEPT // (12 * config.image_size**2))
        # Background and objects of the scenes of one object; those asked for last are kept.
        self._shared = functools.lru_cache(maxsize=most)(self._set_stage)

    @staticmethod
    def fingerprint_of(config: MiniatureConfig, split: str, size: int) -> str:
        """Sha256 of the generators' versions and all parameters; draws nothing. Raises as :class:`Motions`."""
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r} of the motions; known: {', '.join(SPLITS)}")
        if size < 1:
            raise ValueError(f"size must be at least 1 scene, not {size}")
        text = json.dumps(
            {
                "motions": VERSION,
                "miniature": recipe.VERSION,
                "config": decisive_part(config),
                "split": split,
                "size": size,
            },
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Scene:
        """Scene ``index``: the frame at its middle, silence, and its label as the one kind."""
        index = checked(index, len(self))
        stage = self.stage(index)
        return Scene(
            id=self.ids[index],
            waveform=np.zeros(self.config.samples, np.int16),
            n_sources=1,
            image=stage.frame(stage.still)[0],
            kinds=(int(self.labels[index]),),
            split=self.split,
        )

    def clip(self, index: int, start_s: float, n_frames: int, fps: float) -> npt.NDArray[np.uint8]:
        """Frames (n_frames, H, W, 3) of a scene at ``start_s``, ``start_s`` + 1/``fps``, ... seconds.

        Raises ``ValueError`` if a frame lies outside the scene.
        """
        stage = self.stage(index)
        return scene_clip(self.config, stage, NO_SOUND, start_s=start_s, n_frames=n_frames, fps=fps)

    def clip_starts(self, index: int, n_frames: int, fps: float) -> list[float]:
        """Where the clips begin, in seconds, by which a scene is judged: the one in the middle."""
        return [max(0.0, (self.config.seconds - n_frames / fps) / 2)]

    def stage(self, index: int) -> MotionStage:
        """What is seen of a scene."""
        number, label = divmod(checked(index, len(self)), len(self.classes))
        return motion_stage(self._shared(number), self.classes[label])

    def _set_stage(self, number: int) -> Stage:
        key = (self.config.world, "motion", self.split, number)
        stage = stage_of(self.config, key, (Draw(*key, "kind").integer(0, len(KINDS)),))
        grey = np.float32(0.5)
        return replace(
            stage,
            scenery=grey + (stage.scenery - grey) * np.float32(CONTRAST),
            grain=stage.grain * GRAIN,
            still=self.config.samples // 2,
        )
