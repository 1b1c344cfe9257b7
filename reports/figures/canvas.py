"""Look of the figures, and what several of them draw alike."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

#: Of several runs: step -> value.
Series = Sequence[Mapping[int, float]]


@functools.cache
def style() -> list[Any]:
    """Set the look of all figures; returns seaborn's colour-blind-safe palette, black for its two faintest colours."""
    import matplotlib

    matplotlib.use("Agg")
    import seaborn as sns

    sns.set_theme(
        context="notebook",
        style="whitegrid",
        palette="colorblind",
        rc={
            "pdf.fonttype": 42,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "text.parse_math": False,  # a $ in a name is one
        },
    )
    colours = sns.color_palette("colorblind")
    return [*(colours[i] for i in (0, 1, 2, 3, 4, 5, 7, 9)), (0.0, 0.0, 0.0)]


def new_canvas(size: tuple[float, float]) -> Canvas:
    """A figure outside pyplot's global list, so that nothing is left open."""
    style()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=size, layout="constrained")
    FigureCanvasAgg(canvas)
    return canvas


def subplots(rows: int, columns: int, size: tuple[float, float], **options: Any) -> tuple[Canvas, Any]:
    """A figure with its axes, (rows, columns)."""
    canvas = new_canvas(size)
    return canvas, canvas.subplots(rows, columns, squeeze=False, **options)


def legend(axes: Axes, canvas: Canvas | None = None) -> None:
    """Above the axes (of the whole figure where ``canvas`` is given), where it covers nothing."""
    handles, titles = axes.get_legend_handles_labels()
    if canvas is None:
        axes.legend(handles, titles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(titles))
    else:
        canvas.legend(handles, titles, loc="outside upper center", ncols=len(titles))


def band(
    axes: Axes, series: Series, title: str, colour: Any, *, scale: float = 1.0, smoothing: int = 1, **line: Any
) -> None:
    """The mean over ``series`` (step -> value), with their range as a band, at the steps that all of them have."""
    steps = sorted(set.intersection(*map(set, series))) if series else []
    if not steps:
        return
    values = scale * np.array([[one[s] for s in steps] for one in series])
    if smoothing > 1 and len(steps) > smoothing:
        kernel = np.ones(smoothing) / smoothing
        values = np.stack([np.convolve(row, kernel, mode="valid") for row in values])
        steps = steps[smoothing - 1 :]
    axes.plot(steps, values.mean(axis=0), color=colour, label=title, markersize=4, linewidth=1.8, **line)
    axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)


def with_formulas(canvas: Canvas) -> Canvas:
    """Its texts, all of them our own, hold formulas between dollars."""
    from matplotlib.text import Text

    for text in canvas.findobj(Text):
        text.set_parse_math(True)  # type: ignore[attr-defined]
    return canvas


def bare(axes: Axes) -> None:
    """No ticks, no grid, no frame: for pictures."""
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def heat_over(axes: Axes, image: Any, heat: Any) -> None:
    """A heatmap in [0, 1], stretched over its image (H, W, 3) in grey, the more opaque the hotter."""
    axes.imshow(image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
    strength = np.clip(heat.astype(np.float32), 0, 1)
    height, width = image.shape[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    look: dict[str, Any] = {"cmap": "inferno", "vmin": 0, "vmax": 1, "interpolation": "bilinear"}
    axes.imshow(strength, alpha=0.75 * strength, extent=extent, **look)


def picture(axes: Axes, image: Any, heat: Any, boxes: Any = (), colours: Sequence[Any] = ("white",)) -> None:
    """An image (H, W, 3), or a heatmap over it, with boxes (4,) or (m, 4), each in one of ``colours`` in turn.

    Boxes are half-open pixels; negative ones, which fill up lists of unequal length, are none.
    """
    from matplotlib.patches import Rectangle

    if heat is None:
        axes.imshow(image)
    else:
        heat_over(axes, image, heat)
    for i, (x0, y0, x1, y1) in enumerate(np.asarray(boxes).reshape(-1, 4).tolist()):
        if x0 < 0:
            continue
        for colour, width in (("black", 2.6), (colours[i % len(colours)], 1.2)):  # pixel centres are whole numbers
            frame = Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=width)
            axes.add_patch(frame)
