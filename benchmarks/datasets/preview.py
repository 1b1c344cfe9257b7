"""Preview: a picture of example scenes of any data module, with boxes, spectrograms and the sounds of the sources.

The miniature adds panels of its own (:data:`PANELS`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks.datasets.data_module import DATA_MODULES, DataModule, data_folder, open_data_module
from benchmarks.datasets.paper import HOLDINGS, PaperData, PaperDataModule
from benchmarks.datasets.scene import Dataset, Scene
from benchmarks.datasets.synthetic.geometry import SILENT, extent
from benchmarks.datasets.synthetic.scene_set import MOST_SOURCES, DrawnSet
from benchmarks.datasets.synthetic.synthesis import RATE, TICK
from cavl.config import ConfigError, from_dict
from cavl.methods import named
from registry.files import atomic_write, is_stream

TINTS = ("#ff5a5f", "#ffc145", "#5fd38d", "#5bc0eb", "#c792ea")  # one colour a source, wherever it is shown
PAPER, INK, FAINT = "#14161c", "#e8eaf0", "#8b90a0"


#: Data module -> what gives its own panels for a split. Named, not imported: pictures are not behind any run.
PANELS = {"miniature": "benchmarks.datasets.miniature.preview:panels"}
MARGINS = {"left": 0.02, "right": 0.985}
HEIGHTS = (3, 1.35, 1.35)  # of image, spectrogram and lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A strip of a preview, as wide as the picture; ``height`` in inches."""

    height: float
    draw: Callable[[Any], None]  # takes a subfigure
    title: str = ""


def data_module_of(name: str, choices: Mapping[str, Any] | None = None, cache: Path | None = None) -> DataModule:
    """The data module that shows a data set: "miniature", "composite", or a prepared one such as "audioset".

    Raises :class:`ConfigError` for an unknown name or choice.
    """
    if name in DATA_MODULES:
        return open_data_module({"source": name, **(choices or {})}, cache=cache)
    if name not in HOLDINGS:
        raise ConfigError(f"unknown data set {name!r}; known: {', '.join([*DATA_MODULES, *HOLDINGS])}")
    return PaperDataModule(from_dict(PaperData, choices or {}, "data"), cache or data_folder(), reads=name)


def preview(data: DataModule, out: Path, split: str = "test", scenes: int = 2) -> Path:
    """Draw ``scenes`` examples of each number of sources; returns the picture's file.

    Its format follows from the name of ``out`` (PNG, PDF, SVG); one without is a PNG's, and so is what a device or
    pipe gets. Raises
    ``NotPreparedError`` or ``FileNotFoundError`` if the data are not there, with what to do.
    """
    name = data.config.source
    panels = named(PANELS[name])(data, split) if name in PANELS else example_panels(data, split, scenes)
    figure = Figure(figsize=(16, sum(panel.height for panel in panels)), facecolor=PAPER)
    parts = figure.subfigures(len(panels), 1, height_ratios=[panel.height for panel in panels], squeeze=False)
    for part, panel in zip(parts[:, 0], panels, strict=True):
        part.set_facecolor(PAPER)
        if panel.title:
            part.suptitle(panel.title, color=INK, fontsize=13, x=0.012, ha="left", y=0.985)
        panel.draw(part)
    nameless = out.suffix in ("", ".")
    written = out.with_name(f"{out.name.rstrip('.')}.png") if nameless and not is_stream(out) else out
    picture = io.BytesIO()
    figure.savefig(picture, format="png" if nameless else out.suffix[1:], dpi=110, facecolor=PAPER)
    atomic_write(written, picture.getvalue())
    return written


def example_panels(data: DataModule, split: str, scenes: int) -> list[Panel]:
    """Rows of scenes, each with one of every number of sources."""
    sets = data.examples(split, scenes)
    rows = min(scenes, max(map(len, sets)))

    def row(number: int) -> Panel:
        shown = [(some, number * len(some) // rows) for some in sets if len(some) > number]
        return Panel(height=6.2, draw=lambda part: draw_row(part, shown))

    return [row(number) for number in range(rows)]


def draw_row(part: Any, shown: Sequence[tuple[Dataset, int]]) -> None:
    """Scenes side by side: of each its set, and its number there."""
    rows = len(HEIGHTS) if any(isinstance(some, DrawnSet) for some, _ in shown) else 2
    grid = {**MARGINS, "top": 0.95, "bottom": 0.02, "hspace": 0.05, "wspace": 0.04, "height_ratios": HEIGHTS[:rows]}
    columns = part.subplots(rows, max(MOST_SOURCES, len(shown)), squeeze=False, gridspec_kw=grid).T
    for axes, (some, index) in zip(columns, shown, strict=False):
        scene = some[index]
        draw_scene(axes, scene, some.kind_names)
        axes[0].set_title(scene.id, color=FAINT, fontsize=9, pad=3)
        if isinstance(some, DrawnSet):  # whose objects and stems are known
            for label in range(1, scene.n_sources + 1):  # whose the pixels are, within the boxes
                axes[0].contour(scene.objects == label, [0.5], colors=TINTS[label - 1], linewidths=0.8)
            draw_stems(axes[2], some.stems(index), [some.kind_names[kind] for kind in scene.kinds], some.sample_rate)
    for ax in columns.flat:
        bare(ax)
    for ax in columns[len(shown) :].flat:
        ax.set_visible(False)


def draw_scene(axes: Sequence[Axes], scene: Scene, names: Sequence[str]) -> None:
    """The image with what is known of it, in the first of ``axes``, and the sound's spectrogram in the second."""
    image, sound = axes[:2]
    image.set_facecolor("black")
    if scene.image is not None:
        image.imshow(scene.image, interpolation="nearest")
    if scene.boxes is not None:
        boxes(image, scene, names)
    if scene.consensus is not None:
        image.contour(scene.consensus, [0.25, 0.5, 0.75, 1.0], colors=TINTS[0], linewidths=0.8)
    spectrogram(sound, scene.waveform)


def draw_stems(ax: Axes, stems: npt.NDArray[np.int16], names: Sequence[str], rate: int) -> None:
    """The waveform of each source, in a lane of its own."""
    ticks = stems.shape[1] // TICK
    parts = stems[:, : ticks * TICK].reshape(-1, ticks, TICK).astype(np.float64)
    parts /= 2 * np.abs(parts).max()
    seconds = (np.arange(ticks) + 0.5) * TICK / rate
    lanes(ax, seconds, 0.5 + parts.min(2), 0.5 + parts.max(2), names)


def lanes(
    ax: Axes, seconds: npt.NDArray[Any], low: npt.NDArray[Any], high: npt.NDArray[Any], names: Sequence[str]
) -> None:
    """Areas between ``low`` and ``high`` (n, k) in [0, 1] over ``seconds`` (k,): each source in a lane of its own."""
    n = len(names)
    for lane, source in enumerate(reversed(range(n))):
        ax.fill_between(seconds, lane + low[source], lane + high[source], color=TINTS[source], alpha=0.9, linewidth=0)
        ax.annotate(names[source], (0.006, (lane + 0.8) / n), xycoords="axes fraction", color=INK, fontsize=7, va="top")
    ax.set_xlim(0, seconds[-1])
    ax.set_ylim(0, n)
    ax.set_facecolor("#1d2029")


def boxes(ax: Axes, scene: Scene, names: Sequence[str]) -> None:
    """Boxes of what sounds, named by kind; of what does not, dashed."""
    assert scene.boxes is not None
    if scene.objects is not None:
        for label in np.unique(scene.objects[scene.objects >= SILENT]):
            _box(ax, extent(scene.objects == label), PAPER, "--", 1.2)
    height = ax.get_ylim()[0]
    for box, kind, tint in zip(scene.boxes, scene.kinds or [None] * len(scene.boxes), TINTS, strict=False):
        _box(ax, box, tint, "-", 2)
        if kind is None:
            continue
        below = box[1] < 0.1 * height
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
    sound = waveform / (np.sqrt(np.mean(np.square(waveform, dtype=np.float64))) or 1)
    ax.set_facecolor("black")
    with np.errstate(divide="ignore"):  # pauses are digital silence: minus infinity dB, left black
        ax.specgram(sound, NFFT=512, noverlap=384, Fs=RATE, cmap="magma", vmin=-75, vmax=-15)


def bare(ax: Axes) -> None:
    """No ticks, no frame."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
