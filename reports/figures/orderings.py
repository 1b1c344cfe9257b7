"""Orderings and methods side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import names
from reports.cells import measured
from reports.figures.canvas import style, subplots
from reports.figures.figure import Figure, runs_of
from reports.headline import main_heatmap
from reports.names import label
from reports.results import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def dots(study: Study) -> Figure | None:
    """Pointing and cIoU@0.5 of every method and ordering, with their intervals."""
    rows = []
    for method, ordering in names.in_order(study.rows("localization")):
        nodes = study.select("localization", method, ordering)
        pointing = measured(nodes, "multi", "3", "pointing")
        single = measured(nodes, "single", *main_heatmap(nodes), "ciou@0.5")
        if single.estimate is not None:
            rows.append((label(method, ordering), pointing, single))
    if not rows:
        return None

    def draw() -> Canvas:
        canvas, axes = subplots(1, 2, (10.5, 1.2 + 0.36 * len(rows)), sharey=True)
        for panel, which, title in (
            (axes[0, 0], 0, "pointing, 3 sources (%)"),
            (axes[0, 1], 1, "cIoU@0.5, 1 source (%)"),
        ):
            for y, (_, *both) in enumerate(rows):
                cell = both[which]
                if cell.estimate is None:
                    continue
                values = [100 * p.value for p in cell.parts if p.value is not None]
                panel.plot(values, [y] * len(values), "o", color="0.6", markersize=4, zorder=2)
                panel.errorbar(
                    cell.estimate.mean,
                    y,
                    xerr=cell.estimate.half or 0,
                    fmt="o",
                    color=style()[0],
                    markersize=7,
                    linewidth=1.8,
                    capsize=3,
                    zorder=3,
                )
            panel.set(xlabel=title, xlim=(-2, 102))
        axes[0, 0].set(yticks=range(len(rows)), yticklabels=[name for name, *_ in rows], ylim=(len(rows) - 0.5, -0.5))
        return canvas

    return Figure(
        name="orderings",
        title="Orderings and methods side by side",
        caption=(
            "Dot and bar: mean and 95 % t-interval over seeds (cut at the edge of the plot where it is wider); grey: "
            "the single seeds. Methods that give one mask for every sound cannot point and have no dot on the left. "
            "Orderings of different length are not comparable (see the table); untrained and trivial rows are a floor."
        ),
        runs=runs_of(study, "localization"),
        draw=draw,
    )
