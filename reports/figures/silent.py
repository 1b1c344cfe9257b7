"""Silent objects: how scores fall with the number of objects that could sound and do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports import labels
from reports.figures.canvas import style, subplots
from reports.figures.figure import Figure
from reports.labels import CURRICULUM, label
from reports.results import Study
from reports.tables.silent import among_silent, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

#: Of CAVL; of every other method, arms apart, the first one that is trained, or that needs no training.
SHOWN_ORDERINGS = ("c1", CURRICULUM)
UNTAUGHT = "none"  # the ordering of what learns nothing
GREYS = ("0.15", "0.45", "0.62")
MARKERS, WIDTH = "osD^vP*X<>", 0.3  # of the bars around a number of objects


def silent(study: Study) -> Figure | None:
    """cIoU@0.5 of a scene's one source by the number of silent objects in it, with intervals over seeds."""
    counts = numbers(study)
    found = {}
    for who in _shown(study):
        cells = among_silent(study, *who)
        if any(cell.estimate for cell in cells):
            found[who] = cells
    if not found:
        return None

    def draw() -> Canvas:
        canvas, axes = subplots(1, 1, (9.5, 4.6))
        panel, palette = axes[0, 0], style()
        taught = sum(who[1] != UNTAUGHT for who in found)
        for i, (who, cells) in enumerate(found.items()):
            points = [(n, cell.estimate) for n, cell in zip(counts, cells, strict=True) if cell.estimate]
            shift = WIDTH * (i / max(1, len(found) - 1) - 0.5)
            look: dict[str, Any] = {"color": palette[i % len(palette)], "linestyle": "-", "linewidth": 1.8}
            if who[1] == UNTAUGHT:
                look = {"color": GREYS[(i - taught) % len(GREYS)], "linestyle": "--", "linewidth": 1.4}
            panel.errorbar(
                [n + shift for n, _ in points],
                [estimate.mean for _, estimate in points],
                yerr=[estimate.half or 0 for _, estimate in points],
                fmt=MARKERS[i % len(MARKERS)], markersize=5, capsize=3, label=label(*who), **look,
            )  # fmt: skip
        panel.set(xlabel="silent objects in the scene", ylabel="cIoU@0.5 (%)", xticks=counts, ylim=(-2, 102))
        canvas.legend(*panel.get_legend_handles_labels(), loc="outside right upper", fontsize=10)
        return canvas

    runs = [n.run for who in found for n in study.select("localization", *who) if n.run]
    return Figure(
        name="silent_objects",
        title="What seeing alone is worth: single sources among silent objects",
        caption=(
            "cIoU@0.5 on scenes of one source and a fixed number of silent objects, which are drawn as the sounding "
            "one is; bars: 95 % t-intervals over seeds. Dashed: what learns nothing (masks, and maps of the image "
            "alone). All rows: the table of silent objects."
        ),
        runs=tuple(runs),
        draw=draw,
    )


def _shown(study: Study) -> list[tuple[str, str]]:
    rows = labels.in_order(study.rows("localization"))
    others = dict.fromkeys(method for method, _ in rows if method != "cavl" and ":" not in method)
    firsts = [who for method in others if (who := labels.first_trained(rows, method)) is not None]
    firsts.sort(key=lambda who: who[1] == UNTAUGHT)  # last
    return [*(("cavl", ordering) for ordering in SHOWN_ORDERINGS), *firsts]
