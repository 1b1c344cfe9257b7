"""Objects as they are seen: shapes, textures and colours, painted with smooth edges at any resolution.

Positions and sizes are fractions of the image's side, so a scene looks the same at 64 and at 512 pixels. All
arithmetic is elementwise (add, multiply, minimum, square root), which IEEE 754 defines to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.synthetic.portable_math import Draw, sine

Plane = npt.NDArray[np.float32]  # (h, w)
Canvas = npt.NDArray[np.float32]  # (H, W, 3), 0..1
Labels = npt.NDArray[np.uint8]  # (H, W)
Colour = tuple[float, float, float]


# Shapes: distance from the edge in units of the object's radius, negative inside, over coordinates (u, v) in that unit.


def disc(u: Plane, v: Plane) -> Plane:
    return np.sqrt(u * u + v * v) - np.float32(0.85)


def triangle(u: Plane, v: Plane) -> Plane:
    sides = np.abs(u) * np.float32(0.866) + v * np.float32(0.5)
    return np.maximum(sides, -v) - np.float32(0.55)


def bar(u: Plane, v: Plane) -> Plane:
    return np.maximum(np.abs(u) - np.float32(1.1), np.abs(v) - np.float32(0.48))


def cross(u: Plane, v: Plane) -> Plane:
    u, v = np.abs(u), np.abs(v)
    long, short = np.maximum(u, v), np.minimum(u, v)
    return np.maximum(long - np.float32(1.0), short - np.float32(0.36))


SHAPES: dict[str, Callable[[Plane, Plane], Plane]] = {f.__name__: f for f in (disc, triangle, bar, cross)}
REACH = 1.25  # no shape reaches beyond this many radii

# Textures: 0 (dark) to 1 (light); `edge` is the number of pixels in a radius, which tells how steep an edge may be.


def plain(u: Plane, v: Plane, edge: float) -> Plane:
    return np.float32(0.75) - np.float32(0.2) * v


def stripes(u: Plane, v: Plane, edge: float) -> Plane:
    return _bands(u, 0.62, edge)


def checks(u: Plane, v: Plane, edge: float) -> Plane:
    across, along = _bands(u, 0.9, edge), _bands(v, 0.9, edge)
    return across + along - 2 * across * along


def _bands(x: Plane, period: float, edge: float) -> Plane:
    """Bands of equal width, dark and light, with smooth edges."""
    turns = x * np.float32(1 / period)
    from_middle = np.abs(turns - np.floor(turns) - np.float32(0.5)) - np.float32(0.25)
    return np.clip(from_middle * np.float32(edge * period) + np.float32(0.5), 0, 1)


TEXTURES: dict[str, Callable[[Plane, Plane, float], Plane]] = {f.__name__: f for f in (plain, stripes, checks)}

#: Hues as fractions of the colour circle.
HUES: dict[str, float] = {"red": 0.0, "yellow": 0.15, "green": 0.38, "blue": 0.62}


def colour(hue: float, saturation: float, value: float) -> Colour:
    """RGB in 0..1 of a colour in HSV."""

    def channel(shift: float) -> float:
        around = (hue + shift) % 1.0 * 6
        return value * (1 - saturation * (1 - min(max(abs(around - 3) - 1, 0.0), 1.0)))

    return channel(0.0), channel(2 / 3), channel(1 / 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One object as it is painted; lengths are fractions of the image's side, angles of a full turn."""

    shape: str
    texture: str
    colour: Colour
    x: float
    y: float
    radius: float
    angle: float
    opacity: float = 1.0


def draw_look(draw: Draw, shape: str, texture: str, hue: str, x: float, y: float, radius: float) -> Look:
    """An object with its own pose and shade."""
    shade = colour(HUES[hue] + draw.between(-0.045, 0.045), draw.between(0.6, 0.95), draw.between(0.75, 1.0))
    return Look(shape=shape, texture=texture, colour=shade, x=x, y=y, radius=radius, angle=draw.unit())


def draw_furniture(draw: Draw, x: float, y: float, radius: float) -> Look:
    """A grey object, of any shape and texture: it looks like none of the kinds that sound."""
    shape, texture = draw.choice(list(SHAPES)), draw.choice(list(TEXTURES))
    shade = colour(draw.unit(), draw.between(0.0, 0.2), draw.between(0.65, 1.0))
    return Look(shape=shape, texture=texture, colour=shade, x=x, y=y, radius=radius, angle=draw.unit())


def paint(canvas: Canvas, look: Look, labels: Labels | None = None, label: int = 0) -> None:
    """Paint one object over ``canvas``; the pixels of which it covers half or more become ``label`` in ``labels``."""
    height, width = canvas.shape[:2]
    rows, dy = _window(look.y, look.radius, height)
    columns, dx = _window(look.x, look.radius, width)
    cos, sin = np.float32(sine(look.angle + 0.25)), np.float32(sine(look.angle))
    u = cos * dx[None, :] + sin * dy[:, None]
    v = cos * dy[:, None] - sin * dx[None, :]
    edge = look.radius * width
    cover = np.clip(np.float32(0.5) - SHAPES[look.shape](u, v) * np.float32(edge), 0, 1) * np.float32(look.opacity)
    light = np.float32(0.35) + np.float32(0.65) * TEXTURES[look.texture](u, v, edge)
    there = canvas[rows, columns]
    there += cover[..., None] * (light[..., None] * np.array(look.colour, np.float32) - there)
    if labels is not None:
        labels[rows, columns][cover >= 0.5] = label


def _window(centre: float, radius: float, size: int) -> tuple[slice, npt.NDArray[np.float32]]:
    """The pixels that an object can reach along one axis, and their distance from its centre in radii."""
    first = max(0, int((centre - REACH * radius) * size))
    last = max(first, min(size, int((centre + REACH * radius) * size) + 2))
    middles = (np.arange(first, last) + 0.5) / size
    return slice(first, last), ((middles - centre) / radius).astype(np.float32)


def background(draw: Draw, size: int, clutter: int) -> Canvas:
    """Clouds of muted colours with ``clutter`` small pieces of every shape and hue strewn over them."""
    cells = 5
    tone = colour(draw.unit(), draw.between(0.05, 0.35), draw.between(0.35, 0.75))
    clouds = np.array([[_tinted(draw, tone) for _ in range(cells)] for _ in range(cells)], np.float32)
    at = (np.arange(size) + 0.5) / size * (cells - 1)
    low = at.astype(np.int64)
    part = (at - low).astype(np.float32)
    rows = clouds[low] + (clouds[low + 1] - clouds[low]) * part[:, None, None]
    canvas = rows[:, low] + (rows[:, low + 1] - rows[:, low]) * part[:, None]
    for _ in range(clutter):
        paint(
            canvas,
            Look(
                shape=draw.choice(list(SHAPES)),
                texture="plain",
                colour=colour(draw.unit(), draw.between(0.2, 0.7), draw.between(0.4, 1.0)),
                x=draw.unit(),
                y=draw.unit(),
                radius=draw.between(0.02, 0.065),
                angle=draw.unit(),
                opacity=draw.between(0.4, 0.9),
            ),
        )
    return canvas


def _tinted(draw: Draw, tone: Colour) -> list[float]:
    return [min(max(part + draw.between(-0.14, 0.14), 0.0), 1.0) for part in tone]
