"""Kinds of the miniature world, twelve of them: how each sounds and looks.

What is alike in sound shares a cue in sight: the texture tells the manner (sustained, struck, or neither), the hue the
register from low to high, so a method can first learn what is coarse. No single cue tells the kind (a texture belongs
to four kinds, a hue and a shape to three each); any two cues do: they form a Latin rectangle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.datasets.miniature import sounds
from benchmarks.datasets.miniature.objects import HUES, SHAPES, TEXTURES
from benchmarks.datasets.synthetic.portable_math import Draw
from benchmarks.datasets.synthetic.synthesis import Sound


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    sound: Callable[[Draw, int], Sound]
    shape: str
    texture: str
    hue: str


#: A row a texture, a column a hue.
_TABLE = (
    (sounds.clarinet, sounds.fiddle, sounds.siren, sounds.flute),
    (sounds.drum, sounds.harp, sounds.bell, sounds.cricket),
    (sounds.engine, sounds.voice, sounds.surf, sounds.bird),
)

KINDS: tuple[Kind, ...] = tuple(
    Kind(sound.__name__, sound, list(SHAPES)[(row + column) % 4], texture, hue)
    for row, (texture, sounds_of_row) in enumerate(zip(TEXTURES, _TABLE, strict=True))
    for column, (hue, sound) in enumerate(zip(HUES, sounds_of_row, strict=True))
)
