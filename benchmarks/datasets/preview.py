"""What pictures of scenes are drawn with: colours, boxes and spectrograms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks.datasets.scene import Scene
from benchmarks.datasets.synthetic.geometry import SILENT, extent
from benchmarks.datasets.synthetic.synthesis import RATE

TINTS = ("#ff5a5f", "#ffc145", "#5fd38d", "#5bc0eb", "#c792ea")  # one colour a source, wherever it is shown
PAPER, INK, FAINT = "#14161c", "#e8eaf0", "#8b90a0"


def save(figure: Figure, path: Path, dpi: int) -> Path:
    """Write a sheet and return its file: the format follows from the name (PNG, PDF, SVG), one without is a PNG's."""
    written = path.with_name(f"{path.name.rstrip('.')}.png") if path.suffix in ("", ".") else path
    figure.savefig(written, dpi=dpi, facecolor=PAPER)
    return written


def boxes(ax: Axes, scene: Scene, names: Sequence[str]) -> None:
    """Boxes of what sounds, named by kind; of what does not, dashed."""
    assert scene.boxes is not None
    assert scene.objects is not None
    for label in np.unique(scene.objects[scene.objects >= SILENT]):
        _box(ax, extent(scene.objects == label), PAPER, "--", 1.2)
    for box, kind, tint in zip(scene.boxes, scene.kinds, TINTS, strict=False):
        _box(ax, box, tint, "-", 2)
        below = box[1] < 0.1 * scene.objects.shape[0]
        ax.text(
            float(box[0] + box[2]) / 2 - 0.5,
            float(box[3] if below else box[1]) - 0.5,
            names[kind],
            color=PAPER,
            fontsize=9,
            ha="center",
            va="top" if below else "bottom",
            bbox={"facecolor": tint, "edgecolor": "none", "pad": 1.5},
            clip_on=True,
        )


def _box(ax: Axes, box: Any, tint: str, style: str, width: float) -> None:
    x0, y0, x1, y1 = (int(edge) for edge in box)
    ax.add_patch(
        Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=tint, linestyle=style, linewidth=width)
    )


def spectrogram(ax: Axes, waveform: npt.NDArray[Any]) -> None:
    """Of a waveform (T,) at 11,025 Hz, relative to its loudness."""
    sound = waveform / np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))
    ax.set_facecolor("black")
    with np.errstate(divide="ignore"):  # pauses are digital silence: minus infinity dB, left black
        ax.specgram(sound, NFFT=512, noverlap=384, Fs=RATE, cmap="magma", vmin=-75, vmax=-15)


def bare(ax: Axes) -> None:
    """No ticks, no frame."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
