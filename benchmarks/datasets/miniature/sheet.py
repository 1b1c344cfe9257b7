"""A picture of the world: its twelve kinds, scenes of one to five sources, video beside its envelopes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.datasets.miniature.dataset import Miniature
from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.objects import HUES, Look, colour, paint
from benchmarks.datasets.miniature.world import MiniatureConfig
from benchmarks.datasets.preview import FAINT, INK, PAPER, TINTS, bare, boxes, save, spectrogram
from benchmarks.datasets.scene import Scene
from benchmarks.datasets.synthetic.portable_math import Draw
from benchmarks.datasets.synthetic.scene_set import MOST_SOURCES
from benchmarks.datasets.synthetic.synthesis import TICKS

FRAMES, FPS = 12, 4.0


def draw_sheet(seed: int = 0, size: int = 64) -> Figure:
    """The sheet for world ``seed`` with images of ``size`` pixels; scenes are those of the test split."""
    config = MiniatureConfig(world=seed, image_size=size)
    figure = Figure(figsize=(16, 12.5), facecolor=PAPER)
    parts: Any = figure.subfigures(3, 1, height_ratios=(3.1, 6.55, 2.85))
    cast, scenes, video = parts
    for part, title in (
        (cast, "Twelve kinds: what looks how, and sounds how (4 s, 0 to 5.5 kHz)"),
        (
            scenes,
            "One to five sources: sounding objects are named, silent ones dashed; their mixture; their envelopes",
        ),
        (
            video,
            f"Video: {FRAMES} frames, {1 / FPS:g} s apart; sounding objects bob, swell, glow with their envelopes",
        ),
    ):
        part.set_facecolor(PAPER)
        part.suptitle(title, color=INK, fontsize=13, x=0.012, ha="left", y=0.985)
    _cast(cast, size)
    _scenes(scenes, config)
    _video(video, config)
    return figure


def write_sheet(path: Path, seed: int = 0, size: int = 64) -> Path:
    """Save the sheet; returns its file (:func:`~benchmarks.datasets.preview.save`)."""
    return save(draw_sheet(seed, size), path, dpi=110)


def _cast(part: Any, size: int) -> None:
    axes = part.subplots(
        2,
        len(KINDS),
        gridspec_kw={"left": 0.02, "right": 0.985, "top": 0.8, "bottom": 0.03, "hspace": 0.06, "wspace": 0.08},
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


def _scenes(part: Any, config: MiniatureConfig) -> None:
    axes = part.subplots(
        3,
        MOST_SOURCES,
        gridspec_kw={
            "left": 0.02,
            "right": 0.985,
            "top": 0.9,
            "bottom": 0.035,
            "hspace": 0.07,
            "wspace": 0.05,
            "height_ratios": (3, 1.35, 1.35),
        },
    )
    for n in range(1, MOST_SOURCES + 1):
        image, sound, loudness = axes[:, n - 1]
        dataset = Miniature(config, "test", n, 1)
        scene = dataset[0]
        image.imshow(scene.image, interpolation="nearest")
        boxes(image, scene, Miniature.kind_names)
        spectrogram(sound, scene.waveform)
        _envelopes(loudness, dataset.recipe.draw(0).mixture.envelopes, scene)
        for ax in (image, sound):
            bare(ax)


def _video(part: Any, config: MiniatureConfig) -> None:
    dataset = Miniature(config, "test", 2, 2)
    scene, start = dataset[1], 0.5
    frames = dataset.clip(1, start, FRAMES, FPS)
    grid = part.add_gridspec(
        2, FRAMES, left=0.02, right=0.985, top=0.87, bottom=0.08, hspace=0.1, wspace=0.05, height_ratios=(2, 1)
    )
    for number, frame in enumerate(frames):
        ax = part.add_subplot(grid[0, number])
        ax.imshow(frame, interpolation="nearest")
        ax.set_title(f"{start + number / FPS:.2f} s", color=FAINT, fontsize=9, pad=2)
        bare(ax)
    below = part.add_subplot(grid[1, :])
    _envelopes(below, dataset.recipe.draw(1).mixture.envelopes, scene)
    # The moment of each frame stands under the middle of its picture.
    below.set_xlim(start - 0.5 / FPS, start + (FRAMES - 0.5) / FPS)
    for number in range(FRAMES):
        below.axvline(start + number / FPS, color=INK, linewidth=0.7, linestyle=":")


def _envelopes(ax: Axes, envelopes: npt.NDArray[np.uint8], scene: Scene) -> None:
    """Each source's envelope in a lane of its own."""
    seconds = (np.arange(envelopes.shape[1]) + 0.5) / TICKS
    for lane, (envelope, tint) in enumerate(
        zip(envelopes[: scene.n_sources][::-1], TINTS[: scene.n_sources][::-1], strict=True)
    ):
        ax.fill_between(seconds, lane, lane + 0.9 * envelope / 255, color=tint, alpha=0.9, linewidth=0)
        name = KINDS[scene.kinds[scene.n_sources - 1 - lane]].name
        ax.annotate(
            name, (0.006, (lane + 0.8) / scene.n_sources), xycoords="axes fraction", color=INK, fontsize=7, va="top"
        )
    ax.set_xlim(0, seconds[-1])
    ax.set_ylim(0, scene.n_sources)
    ax.set_facecolor("#1d2029")
    ax.set_yticks([])
    ax.tick_params(colors=FAINT, labelsize=8, length=2)
    ax.xaxis.set_major_formatter("{x:g} s")
    for spine in ax.spines.values():
        spine.set_visible(False)
