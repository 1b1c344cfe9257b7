"""Composition of one scene, as a pure function of its material and its key.

Photographs are pasted onto a background, each as a patch: a rounded rectangle with a soft edge. The files have no
outlines of their objects, so what counts as an object is its patch, with what surrounds the object in the photograph;
its pixels are those that the patch covers by half at least and no later patch does, its box is theirs. So that no
border tells what sounds, silent things are pasted in the same way. In the second generator they are photographs of
kinds that sound in other scenes, on an unblurred photograph of a thing that never does (in training scenes, of which
most have no silent things, it is blurred by a drawn share); in the first some of them never sound either, and the
background is one blurred photograph.

Sounds are excerpts of recordings, each within 3 dB of a common level, added up to one loudness: as in the miniature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.composite import photograph, recording
from benchmarks.datasets.composite.files import File
from benchmarks.datasets.composite.material import FilePool
from benchmarks.datasets.composite.photograph import Colours, Cut
from benchmarks.datasets.synthetic.geometry import SILENT, place
from benchmarks.datasets.synthetic.mixing import SPREAD, mixed
from benchmarks.datasets.synthetic.portable_math import Draw, Key
from benchmarks.datasets.synthetic.scene_set import DrawnScene, SceneConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeConfig(SceneConfig):
    """How scenes are composed of the files; raises ``ValueError`` for values that none can be composed with."""

    image_size: int = 96
    seconds: float = 3.0
    distractors: tuple[int, int] = (0, 1)
    decoys: float = 0.5

    def __post_init__(self) -> None:
        SceneConfig.__post_init__(self)
        for name in ("distractors", "training_distractors"):
            self.require(name, 10)


#: Of the preset: two silent things in every scene, and one or two in two of five training scenes.
SECOND = CompositeConfig(generator=2, distractors=(2, 2), training_distractors=(1, 2), cluttered=0.4)


def draw_kinds(key: Key, n_sources: int, kinds: Sequence[int]) -> tuple[int, ...]:
    """The distinct kinds of a scene's sources, among ``kinds``."""
    return tuple(Draw("composite", *key, "kinds").sample(kinds, n_sources))


def compose(
    config: CompositeConfig, pool: FilePool, key: Key, kinds: Sequence[int], recorded: Sequence[File] | None = None
) -> DrawnScene:
    """The scene named ``key`` whose sources are of these kinds, of files of ``pool``.

    ``recorded``: the recordings that are heard; default: drawn.
    """
    draws = [Draw("composite", *key, "sound", number) for number in range(len(kinds))]
    chosen = recorded or [draw.choice(pool.recordings[kind]) for draw, kind in zip(draws, kinds, strict=True)]
    sounds = [recording.excerpt(file, draw, config.samples) for file, draw in zip(chosen, draws, strict=True)]
    mixture = mixed(sounds, [draw.between(-SPREAD, SPREAD) for draw in draws], config.samples)
    image, objects = paint(config, pool, key, kinds)
    return DrawnScene(kinds=tuple(kinds), mixture=mixture, image=image, objects=objects)


def paint(
    config: CompositeConfig, pool: FilePool, key: Key, kinds: Sequence[int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """What is seen of a scene: image (H, W, 3), and whose each pixel is (see ``Scene.objects``)."""
    draw, side = Draw("composite", *key, "stage"), config.image_size
    cast = cast_of(config, pool, draw, key, kinds)
    canvas = behind(config, key)(draw.choice(draw.choice(scenery_of(pool, kinds))), draw, side)
    objects = np.zeros((side, side), np.uint8)
    cut = cut_of(config)
    places: list[tuple[float, float, float]] = []
    for file, label, _ in draw.sample(cast, len(cast)):
        places.append(place(draw, places, crowd=len(cast)))
        x, y, radius = places[-1]
        paste(canvas, objects, *photograph.patch(file, draw, radius * side, cut), (x * side, y * side), label)
    return np.rint(canvas).astype(np.uint8), objects


def cast_of(
    config: CompositeConfig, pool: FilePool, draw: Draw, key: Key, kinds: Sequence[int]
) -> list[tuple[File, int, int]]:
    """What a scene's stage is first drawn for: photograph, label and kind (-1: of none that sounds) of each object."""
    cast = [(draw.choice(pool.photographs[kind]), number + 1, kind) for number, kind in enumerate(kinds)]
    others = [kind for kind in pool.kinds if kind not in kinds]
    scenery = scenery_of(pool, kinds)
    fewest, most = config.silent_in(key)
    for number in range(draw.integer(fewest, most + 1)):
        kind = -1
        if (config.generator == 2 or draw.chance(config.decoys)) and others:
            kind = draw.choice(others)
            others.remove(kind)  # a kind is seen once
        things = draw.choice(scenery) if kind < 0 else pool.photographs[kind]
        cast.append((draw.choice(things), SILENT + number, kind))
    return cast


def scenery_of(pool: FilePool, kinds: Sequence[int]) -> Sequence[Sequence[File]]:
    """Photographs of what never sounds; without any, of what does not sound here."""
    return pool.silent or tuple(pool.photographs[kind] for kind in pool.kinds if kind not in kinds)


def silent_kinds(config: CompositeConfig, pool: FilePool, key: Key, kinds: Sequence[int]) -> tuple[int, ...]:
    """The kinds of a scene's silent objects; -1 for one that never sounds."""
    cast = cast_of(config, pool, Draw("composite", *key, "stage"), key, kinds)
    return tuple(kind for _, _, kind in cast[len(kinds) :])


def behind(config: CompositeConfig, key: Key) -> Callable[[File, Draw, int], Colours]:
    """How the ground of the scene of this name is made of a photograph."""
    if config.generator == 1:
        return photograph.background
    return photograph.half_blurred_ground if key[1] == "train" else photograph.ground


def cut_of(config: CompositeConfig) -> Cut:
    """What patches show of their photographs."""
    return photograph.WHOLE if config.generator == 1 else photograph.MIDDLE


def first_photograph(pool: FilePool, key: Key, kinds: Sequence[int]) -> File:
    """The one that :func:`paint` shows of the first source: it is drawn first."""
    return Draw("composite", *key, "stage").choice(pool.photographs[kinds[0]])


def paste(
    canvas: Colours,
    objects: npt.NDArray[np.uint8],
    pixels: Colours,
    opacity: npt.NDArray[np.float32],
    centre: tuple[float, float],
    label: int,
) -> None:
    """Paste a patch (h, w, 3) around a point, moved so that it lies within the image as far as it fits."""
    height, width = opacity.shape
    top, left = (
        max(0, min(round(at - size / 2), side - size))
        for at, size, side in zip(centre[::-1], opacity.shape, objects.shape, strict=True)
    )
    height, width = min(height, objects.shape[0]), min(width, objects.shape[1])
    there = (slice(top, top + height), slice(left, left + width))
    cover = opacity[:height, :width]
    canvas[there] += (pixels[:height, :width] - canvas[there]) * cover[..., None]
    objects[there][cover >= 0.5] = label
