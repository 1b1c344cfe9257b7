"""Second generator of the miniature: scenes of which seeing alone does not tell what sounds.

All objects of a scene, sounding and silent, are drawn alike: distinct kinds, places that are shared out at random,
poses, shades, and movements. A silent object moves with a sound of its kind that is not heard. The ground is a
patchwork, as sharp and as rich in contrast as the objects are, so that no edge tells an object from the ground.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.objects import SHAPES, TEXTURES, Canvas, Look, colour, draw_look, paint
from benchmarks.datasets.miniature.rendering import Actor, Stage, activity_at
from benchmarks.datasets.synthetic.geometry import SILENT, place
from benchmarks.datasets.synthetic.mixing import SCALE, mixed
from benchmarks.datasets.synthetic.portable_math import Draw, Key, sine
from benchmarks.datasets.synthetic.synthesis import RATE, TICK

TAKES = 24  # sounds of a kind, of one of which a silent object has the movement


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """The movement of a silent object: with a sound of its kind that is not heard."""

    kind: int
    take: int
    ticks: int

    def at(self, seconds: float) -> float:
        return activity_at(take(self.kind, self.take, self.ticks), round(seconds * RATE))


@functools.cache
def take(kind: int, number: int, ticks: int) -> npt.NDArray[np.uint8]:
    """Envelope (ticks,) of one of a kind's unheard sounds."""
    sound = KINDS[kind].sound(Draw("unheard", kind, number), ticks).astype(np.float64)
    return mixed([np.rint(sound * SCALE)], [0.0], ticks * TICK).envelopes[0]


def set_stage(
    key: Key, kinds: Sequence[int], *, size: int, samples: int, silent: tuple[int, int], clutter: tuple[int, int]
) -> Stage:
    """Draw a scene's objects, their places and movements, and the ground."""
    draw, ticks = Draw(*key, "stage"), -(-samples // TICK)
    still, unheard_kinds = cast_silent(draw, kinds, samples, silent)
    cast = [*kinds, *unheard_kinds]
    places: list[tuple[float, float, float]] = []
    for _ in cast:
        places.append(place(draw, places, crowd=len(cast)))

    actors = []
    # Shared out at random: a place that is found later lies nearer to the border.
    for number, (kind, (x, y, radius)) in enumerate(zip(cast, draw.sample(places, len(places)), strict=True)):
        what, sounding = KINDS[kind], number < len(kinds)
        unheard = Unheard(kind=kind, take=draw.integer(0, TAKES), ticks=ticks)
        actors.append(
            Actor(
                look=draw_look(draw, what.shape, what.texture, what.hue, x, y, radius),
                label=number + 1 if sounding else SILENT + number - len(kinds),
                lift=radius * draw.between(0.2, 0.4),
                swell=draw.between(0.15, 0.3),
                glow=draw.between(0.2, 0.4),
                drift=None if sounding else unheard,
            )
        )
    return Stage(
        key=key,
        scenery=ground(Draw(*key, "background"), size, draw.integer(clutter[0], clutter[1] + 1)),
        actors=tuple(draw.sample(actors, len(actors))),
        grain=draw.between(0.02, 0.07),
        still=still,
    )


def cast_silent(draw: Draw, kinds: Sequence[int], samples: int, silent: tuple[int, int]) -> tuple[int, list[int]]:
    """What a scene's stage is first drawn for: the moment of its still image, and the kinds of its silent objects."""
    still = draw.integer(0, samples)
    rest = [kind for kind in range(len(KINDS)) if kind not in kinds]
    return still, draw.sample(rest, draw.integer(silent[0], silent[1] + 1))


PATCH = (0.08, 0.14)  # side of a patch of the ground, as part of the image's
CELLS = 20  # patches along a side of the ground, which is turned: more than the diagonal of an image has


def ground(draw: Draw, size: int, clutter: int) -> Canvas:
    """A patchwork of muted colours, turned by any angle, with ``clutter`` small pieces strewn over it."""
    side, angle = draw.between(*PATCH), draw.unit()
    tone, shade, tint = (draw.noise(n) for n in (3, CELLS * CELLS, 3 * CELLS * CELLS))
    colours = np.float32(0.55) + np.float32(0.3) * shade[:, None] + np.float32(0.12) * tint.reshape(-1, 3)
    patches = np.clip(colours + np.float32(0.06) * tone, 0, 1)
    cos, sin = sine(angle + 0.25) / side, sine(angle) / side
    at = (np.arange(size) + 0.5) / size - 0.5
    column = np.floor(cos * at[None, :] + sin * at[:, None]).astype(np.int64) + CELLS // 2
    row = np.floor(cos * at[:, None] - sin * at[None, :]).astype(np.int64) + CELLS // 2
    canvas = patches[row * CELLS + column]
    for _ in range(clutter):
        paint(
            canvas,
            Look(
                shape=draw.choice(list(SHAPES)),
                texture=draw.choice(list(TEXTURES)),
                colour=colour(draw.unit(), draw.between(0.2, 0.9), draw.between(0.5, 1.0)),
                x=draw.unit(),
                y=draw.unit(),
                radius=draw.between(0.02, 0.065),
                angle=draw.unit(),
            ),
        )
    return canvas
