"""Preview of the miniature world: its twelve kinds, scenes of one to five sources, video beside its envelopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.miniature.dataset import Miniature
from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.objects import HUES, Look, colour, paint
from benchmarks.datasets.preview import FAINT, HEIGHTS, INK, MARGINS, Panel, bare, draw_scene, lanes, spectrogram
from benchmarks.datasets.synthetic.portable_math import Draw
from benchmarks.datasets.synthetic.synthesis import TICKS

FRAMES, FPS = 12, 4.0


def panels(data: DataModule, split: str) -> list[Panel]:
    """The panels of a world's preview."""
    kinds = "Twelve kinds: what looks how, and sounds how (4 s, 0 to 5.5 kHz)"
    scenes = "One to five sources: sounding objects are named, silent ones dashed; their mixture; their envelopes"
    video = f"Video: {FRAMES} frames, {1 / FPS:g} s apart; sounding objects bob, swell, glow with their envelopes"
    world = data.config.world
    return [
        Panel(height=3.1, title=kinds, draw=lambda part: _cast(part, world.image_size)),
        Panel(height=6.55, title=scenes, draw=lambda part: _scenes(part, data.examples(split, 1))),
        Panel(height=2.85, title=video, draw=lambda part: _video(part, Miniature(world, split, 2, 2))),
    ]


def _cast(part: Any, size: int) -> None:
    axes = part.subplots(
        2, len(KINDS), gridspec_kw={**MARGINS, "top": 0.8, "bottom": 0.03, "hspace": 0.06, "wspace": 0.08}
    )
    for number, (kind, above, below) in enumerate(zip(KINDS, *axes, strict=True)):
        canvas = np.full((size, size, 3), 0.12, np.float32)
        shade = colour(HUES[kind.hue], 0.8, 0.95)
        paint(canvas, Look(shape=kind.shape, texture=kind.texture, colour=shade, x=0.5, y=0.5, radius=0.36, angle=0.04))
        above.imshow(canvas)
        above.set_title(kind.name, color=INK, fontsize=12, pad=3)
        spectrogram(below, kind.sound(Draw(0, "sheet", number), 4 * TICKS))
        for ax in (above, below):
            bare(ax)


def _scenes(part: Any, sets: Sequence[Any]) -> None:
    grid = {**MARGINS, "top": 0.9, "bottom": 0.035, "hspace": 0.07, "wspace": 0.05, "height_ratios": HEIGHTS}
    columns = part.subplots(3, len(sets), gridspec_kw=grid).T
    for (image, sound, loudness), scenes in zip(columns, sets, strict=True):
        draw_scene((image, sound), scenes[0], scenes.kind_names)
        _envelopes(loudness, scenes, 0)
        for ax in (image, sound):
            bare(ax)


def _video(part: Any, dataset: Miniature) -> None:
    start = 0.5
    frames = dataset.clip(1, start, FRAMES, FPS)
    grid = part.add_gridspec(2, FRAMES, **MARGINS, top=0.87, bottom=0.08, hspace=0.1, wspace=0.05, height_ratios=(2, 1))
    for number, frame in enumerate(frames):
        ax = part.add_subplot(grid[0, number])
        ax.imshow(frame, interpolation="nearest")
        ax.set_title(f"{start + number / FPS:.2f} s", color=FAINT, fontsize=9, pad=2)
        bare(ax)
    below = part.add_subplot(grid[1, :])
    _envelopes(below, dataset, 1)
    # The moment of each frame stands under the middle of its picture.
    below.set_xlim(start - 0.5 / FPS, start + (FRAMES - 0.5) / FPS)
    for number in range(FRAMES):
        below.axvline(start + number / FPS, color=INK, linewidth=0.7, linestyle=":")


def _envelopes(ax: Axes, scenes: Miniature, index: int) -> None:
    """Each source's envelope in a lane of its own."""
    drawn = scenes.recipe.draw(index)
    envelopes = drawn.mixture.envelopes
    seconds = (np.arange(envelopes.shape[1]) + 0.5) / TICKS
    names = [scenes.kind_names[kind] for kind in drawn.kinds]
    lanes(ax, seconds, np.zeros(envelopes.shape), 0.9 * envelopes / 255, names)
    ax.set_yticks([])
    ax.tick_params(colors=FAINT, labelsize=8, length=2)
    ax.xaxis.set_major_formatter("{x:g} s")
    for spine in ax.spines.values():
        spine.set_visible(False)
