"""Fig 5: heatmaps on examples; and how much the binarisation rule decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from registry.record import Record
from reports import names
from reports.cells import measured
from reports.figures.arrays import arrays_of
from reports.figures.canvas import bare, heat_over, style, subplots
from reports.figures.figure import Figure, runs_of
from reports.names import CURRICULUM, DEFAULT_RULE, UNTRAINED, label
from reports.study import Study, dig

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

EXAMPLES = "examples.npz"  # of a localization run
SHOWN_SCENES = 5
SHOWN_METHODS = 4


def examples(study: Study) -> Figure | None:
    """Fig 5: heatmaps on single-source scenes, with their own sound and with another scene's."""
    rows = [("cavl", ordering) for ordering in ("c1", CURRICULUM, UNTRAINED)]
    rows += [row for row in study.rows("localization") if row[0] != "cavl"]
    chosen: list[tuple[str, Record]] = []
    for method, ordering in rows:
        run = next((n.run for n in study.select("localization", method, ordering) if n.run and _arrays(n.run)), None)
        if run is not None and len(chosen) < SHOWN_METHODS:
            chosen.append((label(method, ordering), run))
    if not chosen:
        return None

    def draw() -> Canvas:
        loaded = [(title, *(_arrays(run) or ())) for title, run in chosen]
        count = min(SHOWN_SCENES, *(len(images) for _, images, *_ in loaded))
        canvas, axes = subplots(count, 1 + 2 * len(loaded), (1.5 * (1 + 2 * len(loaded)), 1.42 * count + 0.45))
        for panel in axes.flat:
            bare(panel)
        for i in range(count):
            _picture(axes[i, 0], loaded[0][1][i], None, loaded[0][4][i])
            for j, (_, images, own, other, boxes) in enumerate(loaded):
                _picture(axes[i, 1 + 2 * j], images[i], own[i], boxes[i])
                _picture(axes[i, 2 + 2 * j], images[i], other[i], boxes[i])
        axes[0, 0].set_title("scene and\nits source", fontsize=10)
        for j, (title, *_) in enumerate(loaded):
            axes[0, 1 + 2 * j].set_title(f"{title}:\nits own sound", fontsize=10)
            axes[0, 2 + 2 * j].set_title(f"{title}:\nanother sound", fontsize=10)
        return canvas

    return Figure(
        name="fig5_examples",
        title="Figure 5. Qualitative localization",
        caption=(
            f"The first test scenes, not chosen by hand, of seed {chosen[0][1].config['seed']}: the scene with the box "
            "of its sounding object (other objects are silent), then for each ordering the heatmap (0 transparent, 1 "
            "yellow) with the scene's own sound and, as a control, with the sound of another scene, which should not "
            "light up the box."
        ),
        runs=tuple(run for _, run in chosen),
        draw=draw,
    )


def _arrays(run: Record) -> tuple[Any, ...] | None:
    names = ("images", "heatmaps", "other", "boxes")
    found = arrays_of(run, EXAMPLES, names, "Figure 5")
    return tuple(found[name] for name in names) if found is not None and len(found["images"]) else None


def _picture(axes: Axes, image: Any, heat: Any, box: Any) -> None:
    """An image, or a heatmap over it, with the box of the sounding object."""
    from matplotlib.patches import Rectangle

    if heat is None:
        axes.imshow(image)
    else:
        heat_over(axes, image, heat)
    x0, y0, x1, y1 = (int(v) for v in np.asarray(box).reshape(-1)[:4])  # half-open pixels; pixel centres are whole
    for colour, width in (("black", 2.6), ("white", 1.2)):
        axes.add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=width))


def sensitivity(study: Study) -> Figure | None:
    """cIoU@0.5 of each method's heatmap under every binarisation rule."""
    lines = []
    for method, ordering in names.in_order(study.rows("localization")):
        nodes = study.select("localization", method, ordering)
        found = [dig(n.run.result, "single", "aligned") for n in nodes if n.run]
        rules = names.rules_in_order(rule for f in found if f for rule in f)
        cells = [(rule, measured(nodes, "single", "aligned", rule, "ciou@0.5").estimate) for rule in rules]
        points = [(rule, estimate.mean) for rule, estimate in cells if estimate is not None]
        if points:
            lines.append((label(method, ordering), points))
    if not lines:
        return None
    rules = names.rules_in_order(rule for _, points in lines for rule, _ in points)

    def draw() -> Canvas:
        palette, markers = style(), "osD^vP*X<>"
        canvas, axes = subplots(1, 1, (9.5, 4.6))
        panel = axes[0, 0]
        for i, (title, points) in enumerate(lines):
            panel.plot(
                [rules.index(rule) for rule, _ in points],
                [value for _, value in points],
                marker=markers[i % len(markers)],
                color=palette[i % len(palette)],
                label=title,
                linewidth=1.5,
                markersize=6,
            )
        panel.set(xticks=range(len(rules)), xticklabels=[r.replace("=", "\n= ") for r in rules], ylabel="cIoU@0.5 (%)")
        panel.set(ylim=(-2, 102), xlim=(-0.3, len(rules) - 0.7))
        panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return canvas

    return Figure(
        name="binarisation",
        title="The score depends on the binarisation rule",
        caption=(
            "cIoU@0.5 of the same heatmaps under each rule of PROTOCOLS §6, mean over seeds (intervals: Table 3b). "
            f"Lines join a method's scores and mean nothing between the rules. {DEFAULT_RULE} is the default."
        ),
        runs=runs_of(study, "localization"),
        draw=draw,
    )
