"""Rendering of a scene: its objects on a cluttered background, at any moment.

A sounding object bobs, swells and brightens with the envelope of its own sound. Silent objects do the same with a slow
movement of their own, or keep still in some state, so that no still image tells which objects sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.objects import Canvas, Labels, Look, background, draw_furniture, draw_look, paint
from benchmarks.datasets.synthetic.geometry import SILENT, place
from benchmarks.datasets.synthetic.portable_math import Draw, Key, sine
from benchmarks.datasets.synthetic.synthesis import RATE, TICK


class Movement(Protocol):
    """How a silent object moves."""

    def at(self, seconds: float) -> float:
        """Its activity in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The movement of a silent object of the first generator: two slow sines, or (speeds of zero) none."""

    start: tuple[float, float]
    speed: tuple[float, float]  # Hz

    def at(self, seconds: float) -> float:
        first, second = (sine(start + speed * seconds) for start, speed in zip(self.start, self.speed, strict=True))
        return 0.5 + 0.25 * (first + second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An object and how it moves; ``lift``, ``swell`` and ``glow`` are its movement from activity 0 to 1."""

    look: Look
    label: int
    lift: float
    swell: float
    glow: float
    drift: Movement | None  # None: it moves with its sound

    def at(self, activity: float) -> Look:
        """As it is painted at an activity in [0, 1]."""
        look, light = self.look, 1 - self.glow * (1 - activity)
        red, green, blue = look.colour
        return replace(
            look,
            y=look.y - self.lift * activity,
            radius=look.radius * (1 + self.swell * activity),
            colour=(red * light, green * light, blue * light),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    key: Key
    scenery: Canvas  # the background, without objects
    actors: tuple[Actor, ...]  # from the hindmost to the foremost
    grain: float  # amplitude of the camera's noise
    still: int  # the sample at which the still image is taken

    def frame(self, sample: int, envelopes: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], Labels]:
        """Image (H, W, 3) at a moment of the waveform, and whose each pixel is (see ``Scene.objects``)."""
        canvas = self.scenery.copy()
        labels = np.zeros(canvas.shape[:2], np.uint8)
        for actor in self.actors:
            if actor.drift is None:
                activity = activity_at(envelopes[actor.label - 1], sample)
            else:
                activity = actor.drift.at(sample / RATE)
            paint(canvas, actor.at(activity), labels, actor.label)
        canvas += Draw(*self.key, "grain", sample).noise(canvas.size).reshape(canvas.shape) * np.float32(self.grain)
        return np.rint(np.clip(canvas, 0, 1) * np.float32(255)).astype(np.uint8), labels


def activity_at(envelope: npt.NDArray[np.uint8], sample: int) -> float:
    """An envelope's value in [0, 1] at a sample, linear between the middles of ticks."""
    tick, part = divmod(2 * sample - TICK, 2 * TICK)
    before, after = (int(envelope[min(max(k, 0), len(envelope) - 1)]) for k in (tick, tick + 1))
    return (before + (after - before) * (part / (2 * TICK))) / 255


def set_stage(
    key: Key,
    kinds: Sequence[int],
    *,
    size: int,
    samples: int,
    silent: tuple[int, int],
    decoys: float,
    clutter: tuple[int, int],
) -> Stage:
    """Draw a scene's objects, their places and movements, and the background.

    A silent object is a decoy, of a kind that sounds in other scenes, or furniture, which never sounds.
    """
    draw = Draw(*key, "stage")
    still = draw.integer(0, samples)
    rest = [kind for kind in range(len(KINDS)) if kind not in kinds]
    cast = [*kinds, *draw.sample(rest, draw.integer(silent[0], silent[1] + 1))]

    places: list[tuple[float, float, float]] = []
    actors = []
    for number, kind in enumerate(cast):
        x, y, radius = place(draw, places, crowd=len(cast))
        places.append((x, y, radius))
        sounding = number < len(kinds)
        what = KINDS[kind]
        actors.append(
            Actor(
                look=draw_look(draw, what.shape, what.texture, what.hue, x, y, radius)
                if sounding or draw.chance(decoys)
                else draw_furniture(draw, x, y, radius),
                label=number + 1 if sounding else SILENT + number - len(kinds),
                lift=radius * draw.between(0.2, 0.4),
                swell=draw.between(0.15, 0.3),
                glow=draw.between(0.2, 0.4),
                drift=None if sounding else _drift(draw),
            )
        )
    return Stage(
        key=key,
        scenery=background(Draw(*key, "background"), size, draw.integer(clutter[0], clutter[1] + 1)),
        actors=tuple(draw.sample(actors, len(actors))),
        grain=draw.between(0.02, 0.07),
        still=still,
    )


def _drift(draw: Draw) -> Drift:
    speed = (draw.between(0.2, 0.7), draw.between(0.7, 1.4)) if draw.chance(0.6) else (0.0, 0.0)
    return Drift(start=(draw.unit(), draw.unit()), speed=speed)
