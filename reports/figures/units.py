"""Units of a network: the test scenes that single ones fire at most, and at what in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.record.run_record import Record
from reports import labels
from reports.figures.arrays import arrays_of
from reports.figures.canvas import bare, heat_over, new_canvas
from reports.figures.figure import Figure
from reports.labels import label
from reports.results import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

ARTIFACT = "units.npz"  # of an AVC run
#: Of the units that see and of those that hear; shown (N, T, ...), heat (N, T, h, w), of and kinds names.
NAMES = ("units", "kinds", "auc", "shown", "heat", "of")
SIDES = {"seen": "vision", "heard": "audio"}


def units(study: Study) -> Figure | None:
    """What single units fire at: a row for each of the most selective, its vision units left, its audio units right."""
    found = _first(study)
    if found is None:
        return None
    name, run, arrays = found
    sides = [side for side in SIDES if f"{side}_units" in arrays]
    rows, columns = (max(arrays[f"{side}_heat"].shape[axis] for side in sides) for axis in (0, 1))

    def draw() -> Canvas:
        canvas = new_canvas((1.2 * (columns + 0.4) * len(sides), 0.3 + 1.32 * rows))
        blocks = canvas.subfigures(1, len(sides), squeeze=False)[0]
        for block, side in zip(blocks, sides, strict=True):
            block.suptitle(f"{SIDES[side]} units", fontsize=11)
            panels = block.subplots(rows, columns, squeeze=False)
            for panel in panels.flat:
                bare(panel)
            for row, (i, unit) in zip(panels, enumerate(arrays[f"{side}_units"].tolist()), strict=False):
                kind, area = str(arrays[f"{side}_kinds"][i]), 100 * float(arrays[f"{side}_auc"][i])
                row[0].set_ylabel(f"unit {unit}\n{kind}\nAUC {area:.0f}", fontsize=9, parse_math=False)
                for t, panel in enumerate(row[: len(arrays[f"{side}_of"][i])]):
                    _picture(panel, arrays[f"{side}_shown"][i, t], arrays[f"{side}_heat"][i, t])
                    of = str(arrays[f"{side}_of"][i, t])
                    panel.set_title(of, fontsize=8, fontweight="bold" if of == kind else None, parse_math=False, pad=3)
        return canvas

    return Figure(
        name="units",
        title="What single units fire at",
        caption=(
            f"{name}, seed {run.config['seed']}: of the last maps before pool4 the units that are, by the area under "
            "the ROC curve on validation scenes, the most selective for a kind, each for another one; with it (AUC, in "
            "percent) how well the unit tells that kind among the test scenes. Beside it the test scenes that it fires "
            "at most, and where (0 transparent, 1, its maximum over the test set, yellow); above each its kind, bold "
            "where it is the unit's. Sounds are shown as the network reads them, low frequencies at the bottom."
        ),
        runs=(run,),
        draw=draw,
    )


def _first(study: Study) -> tuple[str, Record, Mapping[str, Any]] | None:
    """The first trained network that has such arrays."""
    rows = labels.in_order(study.rows("avc"))
    for method in dict.fromkeys(method for method, _ in rows):
        who = labels.first_trained(rows, method)
        for node in study.select("avc", *who) if who else ():
            needed = tuple(f"seen_{name}" for name in NAMES)
            arrays = arrays_of(node.run, ARTIFACT, needed, "the figure of units") if node.run else None
            if node.run and arrays is not None:
                return label(*who), node.run, arrays  # type: ignore[misc]
    return None


def _picture(axes: Axes, shown: Any, heat: Any) -> None:
    """An image (H, W, 3), or a spectrogram (bins, frames), with a unit's map (h, w) over it."""
    sound = shown.ndim == 2
    if sound:
        grey = 255 * (shown.astype(np.float32) / max(float(shown.max()), 1e-6))
        shown = np.repeat(grey[::-1, :, None], 3, axis=2)
        heat = heat[::-1]
    heat_over(axes, shown, heat)
    axes.set_aspect("auto" if sound else "equal")
