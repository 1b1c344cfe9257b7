"""A picture of composite scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.datasets.composite.recipe import Recipe
from benchmarks.datasets.composite.source import CompositeSource
from benchmarks.datasets.preview import FAINT, INK, PAPER, TINTS, bare, boxes, save, spectrogram
from benchmarks.datasets.scene import Scene
from benchmarks.datasets.synthetic.scene_set import MOST_SOURCES, DrawnSet
from benchmarks.datasets.synthetic.synthesis import RATE

ROWS = 2  # scenes of each number of sources


def draw_sheet(source: CompositeSource, split: str) -> Figure:
    """Scenes of one to five sources; below each image the mixture's spectrogram and the sound of every source."""
    material, config = source.material, source.config.scenes
    figure = Figure(figsize=(16, 6.2 * ROWS), facecolor=PAPER)
    parts: Any = figure.subfigures(ROWS, 1)
    for row, part in enumerate(parts):
        part.set_facecolor(PAPER)
        axes = part.subplots(
            3,
            MOST_SOURCES,
            gridspec_kw={
                "left": 0.01,
                "right": 0.99,
                "top": 0.96,
                "bottom": 0.02,
                "hspace": 0.05,
                "wspace": 0.04,
                "height_ratios": (3, 1, 1.6),
            },
        )
        for n in range(1, MOST_SOURCES + 1):
            recipe = Recipe(config=config, split=split, counts=(n,), size=ROWS, pool=material.pools[split])
            scenes = DrawnSet(recipe, RATE)
            _scene(axes[:, n - 1], scenes[row], scenes.stems(row), material.names)
    return figure


def write_sheet(path: Path, source: CompositeSource, split: str) -> Path:
    """Save the sheet; returns its file (:func:`~benchmarks.datasets.preview.save`)."""
    return save(draw_sheet(source, split), path, dpi=100)


def _scene(axes: Any, scene: Scene, stems: npt.NDArray[np.int16], names: tuple[str, ...]) -> None:
    image, sound, sources = axes
    assert scene.image is not None
    assert scene.objects is not None
    image.imshow(scene.image, interpolation="nearest")
    for source, tint in zip(range(scene.n_sources), TINTS, strict=False):  # whose the pixels are, within the boxes
        image.contour(scene.objects == source + 1, [0.5], colors=tint, linewidths=0.8)
    boxes(image, scene, names)
    image.set_title(scene.id, color=FAINT, fontsize=9, pad=3)
    spectrogram(sound, scene.waveform)
    _stems(sources, stems, [names[kind] for kind in scene.kinds])
    for ax in axes:
        bare(ax)


def _stems(ax: Axes, stems: npt.NDArray[np.int16], names: list[str]) -> None:
    """Each source's waveform in a lane of its own."""
    loudest = float(np.abs(stems).max())
    seconds = np.arange(stems.shape[1]) / RATE
    for lane, (stem, name, tint) in enumerate(zip(stems[::-1], names[::-1], TINTS[len(names) - 1 :: -1], strict=True)):
        ax.plot(seconds, lane + 0.5 + stem / (2 * loudest), color=tint, linewidth=0.3)
        ax.annotate(name, (0.05, lane + 0.95), color=INK, fontsize=7, va="top")
    ax.set_xlim(0, seconds[-1])
    ax.set_ylim(0, len(names))
    ax.set_facecolor("#1d2029")
