"""Localization: heatmaps on examples (Fig 5), orderings side by side, and how much the binarisation rule decides."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.record.run_record import Record
from reports import labels
from reports.cells import measured
from reports.figures.arrays import arrays_of
from reports.figures.canvas import bare, picture, style, subplots
from reports.figures.figure import Figure, runs_of
from reports.labels import CURRICULUM, UNTRAINED, label
from reports.results import Study, dig
from reports.tables.localization import DEFAULT_RULE, MASKS, main_heatmap, rules_in_order

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

EXAMPLES = "examples.npz"  # of a localization run
SHOWN_SCENES = 4
#: Of CAVL; of every other method, and of its arms, the first one that is trained.
SHOWN_ORDERINGS = ("c1", CURRICULUM, UNTRAINED)


def examples(study: Study) -> Figure | None:
    """Fig 5: heatmaps on single-source scenes, with their own sound and with another scene's; a row for each method."""
    chosen: list[tuple[str, Record]] = []
    for method, ordering in _shown(study):
        run = next((n.run for n in study.select("localization", method, ordering) if n.run and _arrays(n.run)), None)
        if run is not None:
            chosen.append((label(method, ordering), run))
    if not chosen:
        return None

    annotators = _annotators(chosen[0][1])

    def draw() -> Canvas:
        loaded = [(title, *(_arrays(run) or ())) for title, run in chosen]
        count = min(SHOWN_SCENES, *(len(images) for _, images, *_ in loaded))
        canvas, axes = subplots(1 + len(loaded), 2 * count, (1.7 + 2.5 * count, 0.3 + 1.27 * (1 + len(loaded))))
        for panel in axes.flat:
            bare(panel)
        images, boxes = loaded[0][1], loaded[0][4]
        axes[0, 0].set_ylabel("scene and\nits source", fontsize=10)
        for i in range(count):
            axes[0, 2 * i + 1].set_visible(len(annotators) > 0)
            picture(axes[0, 2 * i], images[i], None, boxes[i])
            if len(annotators):
                axes[0, 2 * i].set_title("agreed on", fontsize=10)
                axes[0, 2 * i + 1].set_title("each annotator", fontsize=10)
                picture(axes[0, 2 * i + 1], images[i], None, annotators[i], colours=style())
            axes[1, 2 * i].set_title("its own sound", fontsize=10)
            axes[1, 2 * i + 1].set_title("another sound", fontsize=10)
        for row, (title, images, own, other, boxes) in zip(axes[1:], loaded, strict=True):
            row[0].set_ylabel("\n".join(textwrap.wrap(title, 16)), fontsize=10)
            for i in range(count):
                picture(row[2 * i], images[i], own[i], boxes[i])
                picture(row[2 * i + 1], images[i], other[i], boxes[i])
        return canvas

    return Figure(
        name="fig5_examples",
        title="Figure 5. Qualitative localization",
        caption=(
            f"The first test scenes, not chosen by hand, of seed {chosen[0][1].config['seed']}: the scene with the box "
            "of its sounding object (in generated scenes other objects are silent; of photographs, where their "
            "annotators agree), then for each method the heatmap (0 transparent, 1 yellow) with the scene's own sound "
            "and, as a control, with the sound of another scene, which should not light up the box."
            + (
                " Beside each photograph the boxes of its single annotators, one colour each."
                if len(annotators)
                else ""
            )
        ),
        runs=tuple(run for _, run in chosen),
        draw=draw,
    )


def _shown(study: Study) -> list[tuple[str, str]]:
    """The rows of Fig 5."""
    rows = labels.in_order(study.rows("localization"))
    others = dict.fromkeys(method for method, _ in rows if method not in ("cavl", *MASKS))
    firsts = [labels.first_trained(rows, method) for method in others]
    return [("cavl", ordering) for ordering in SHOWN_ORDERINGS] + [row for row in firsts if row is not None]


def _arrays(run: Record) -> tuple[Any, ...] | None:
    names = ("images", "heatmaps", "other", "boxes")
    found = arrays_of(run, EXAMPLES, names, "Figure 5")
    return tuple(found[name] for name in names) if found is not None and len(found["images"]) else None


def _annotators(run: Record) -> Any:
    """(E, m, 4) each annotator's box, filled up by -1; without any where no image has more than one."""
    found = arrays_of(run, EXAMPLES, (), "Figure 5") or {}
    boxes = found.get("annotators", np.zeros((0, 0, 4)))
    return boxes if boxes.shape[1] > 1 else boxes[:0]


def dots(study: Study) -> Figure | None:
    """Pointing and cIoU@0.5 of every method and ordering, with their intervals."""
    rows = []
    for method, ordering in labels.in_order(study.rows("localization")):
        nodes = study.select("localization", method, ordering)
        pointing = measured(nodes, "multi", "3", "pointing")
        single = measured(nodes, "single", *main_heatmap(nodes), "ciou@0.5")
        if single.estimate is not None:
            rows.append((label(method, ordering), pointing, single))
    if not rows:
        return None

    def draw() -> Canvas:
        canvas, axes = subplots(1, 2, (10.5, 1.2 + 0.36 * len(rows)), sharey=True)
        titles = ("pointing, 3 sources (%)", "cIoU@0.5, 1 source (%)")
        for panel, which, title in zip(axes[0], (0, 1), titles, strict=True):
            for y, (_, *both) in enumerate(rows):
                cell = both[which]
                if cell.estimate is None:
                    continue
                values = [100 * p.value for p in cell.parts if p.value is not None]
                panel.plot(values, [y] * len(values), "o", color="0.6", markersize=4, zorder=2)
                mean, half = cell.estimate.mean, cell.estimate.half or 0
                look: dict[str, Any] = {"color": style()[0], "markersize": 7, "linewidth": 1.8, "capsize": 3}
                panel.errorbar(mean, y, xerr=half, fmt="o", zorder=3, **look)
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


def sensitivity(study: Study) -> Figure | None:
    """cIoU@0.5 of each method's heatmap under every binarisation rule."""
    lines = []
    for method, ordering in labels.in_order(study.rows("localization")):
        nodes = study.select("localization", method, ordering)
        found = [dig(n.run.result, "single", "aligned") for n in nodes if n.run]
        rules = rules_in_order(rule for f in found if f for rule in f)
        cells = [(rule, measured(nodes, "single", "aligned", rule, "ciou@0.5").estimate) for rule in rules]
        points = [(rule, estimate.mean) for rule, estimate in cells if estimate is not None]
        if points:
            lines.append((label(method, ordering), points))
    if not lines:
        return None
    rules = rules_in_order(rule for _, points in lines for rule, _ in points)
    values = np.array([[dict(points).get(rule, np.nan) for rule in rules] for _, points in lines])

    def draw() -> Canvas:
        import seaborn as sns

        canvas, axes = subplots(1, 1, (3.5 + 1.2 * len(rules), 1.0 + 0.33 * len(lines)))
        look: dict[str, Any] = {"fmt": ".1f", "cmap": "crest", "vmin": 0, "vmax": 100, "linewidths": 1}
        columns, titles = [rule.replace("=", "\n= ") for rule in rules], [title for title, _ in lines]
        sns.heatmap(values, ax=axes[0, 0], annot=True, cbar=False, xticklabels=columns, yticklabels=titles, **look)
        axes[0, 0].tick_params(axis="x", rotation=0, bottom=False)
        axes[0, 0].tick_params(axis="y", rotation=0, left=False)
        return canvas

    return Figure(
        name="binarisation",
        title="The score depends on the binarisation rule",
        caption=(
            "cIoU@0.5 in percent of the same heatmaps under each rule of PROTOCOLS §6, mean over seeds (intervals: "
            f"Table 3b). {DEFAULT_RULE} is the default."
        ),
        runs=runs_of(study, "localization"),
        draw=draw,
    )
