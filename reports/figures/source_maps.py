"""Figs 6 and 7: where each of several sources is seen to sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from registry.record.run_record import Record
from reports import labels
from reports.figures.arrays import arrays_of
from reports.figures.canvas import bare, new_canvas, picture, style
from reports.figures.figure import Figure
from reports.labels import CURRICULUM, label
from reports.results import Study, dig

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ARTIFACT = "sources.npz"  # of a run of localization or separation: PARTS, with the number of sources behind each
PARTS = ("images", "heatmaps", "boxes", "kinds")
#: The first of CAVL's orderings that is there is shown; else the first trained network of the plan.
PREFERRED = (CURRICULUM, "c1-c2", "c1")
#: ``data.separation`` of a run's configuration -> name and title of its figure.
RECORDINGS = {
    "music": ("fig6_sources", "Figure 6. Qualitative localization on MUSIC"),
    "audioset_instrument": ("fig7_sources", "Figure 7. Qualitative localization on AudioSet-Instrument"),
}
COUNTS = {1: "one source", 2: "two sources", 3: "three sources"}
Arrays = Mapping[str, Any]


def generated(study: Study) -> Figure | None:
    """Of a world whose sources have known places: heatmaps of scenes of one, two and three sources."""
    return _figure(_chosen(study, "localization", ""), "sources", "Figures 6 and 7. A heatmap for each source")


def recorded(study: Study) -> list[Figure]:
    """Of recordings with several sources, of which nobody has marked where they are."""
    found = (_figure(_chosen(study, "separation", data), name, title) for data, (name, title) in RECORDINGS.items())
    return [figure for figure in found if figure is not None]


def _chosen(study: Study, task: str, data: str) -> tuple[str, Record, Arrays] | None:
    """The run that is shown, among those whose separation reads ``data`` ("": any)."""
    rows = [who for who in labels.in_order(study.rows(task)) if who[1] != labels.UNTRAINED]
    rows.sort(key=lambda who: PREFERRED.index(who[1]) if _preferred(who) else len(PREFERRED))
    for who in rows:
        for node in study.select(task, *who):
            if node.run and data in ("", dig(node.run.config, "data", "separation")):
                arrays = arrays_of(node.run, ARTIFACT, tuple(f"{part}_1" for part in PARTS), "the figure of sources")
                if arrays is not None:
                    return label(*who), node.run, arrays
    return None


def _preferred(who: tuple[str, str]) -> bool:
    return labels.base_of(who[0]) == "cavl" and who[1] in PREFERRED


def _figure(chosen: tuple[str, Record, Arrays] | None, name: str, title: str) -> Figure | None:
    if chosen is None:
        return None
    network, run, arrays = chosen
    counts = [n for n in COUNTS if f"heatmaps_{n}" in arrays]
    rows = max(len(arrays[f"images_{n}"]) for n in counts)
    marked = any(arrays[f"boxes_{n}"].shape[1] for n in counts)

    def draw() -> Canvas:
        canvas = new_canvas((1.32 * sum(n + 1 for n in counts) + 0.2, 0.4 + 1.5 * rows))
        blocks = canvas.subfigures(1, len(counts), squeeze=False, width_ratios=[n + 1 for n in counts])[0]
        for block, n in zip(blocks, counts, strict=True):
            block.suptitle(COUNTS[n], fontsize=11)
            images, heatmaps, boxes, kinds = (arrays[f"{part}_{n}"] for part in PARTS)
            for i, panels in enumerate(block.subplots(rows, n + 1, squeeze=False)):
                for panel in panels:
                    bare(panel)
                if i < len(images):
                    _scene(panels, images[i], heatmaps[i], boxes[i], [str(kind) for kind in kinds[i]])
        return canvas

    return Figure(
        name=name,
        title=title,
        caption=(
            f"{network}, seed {run.config['seed']}: test scenes, evenly spread over their set and not chosen by hand. "
            "Beside each its heatmaps (0 transparent, 1 yellow), one for each source that the network is asked to hear "
            "in the scene's sound."
            + (
                " Boxes mark the sounding objects, a colour each; heatmaps have the order that fits them best."
                if marked
                else " Where the sources are, nobody has marked; heatmaps have no order."
            )
        ),
        runs=(run,),
        draw=draw,
    )


def _scene(panels: Sequence[Any], image: Any, heatmaps: Any, boxes: Any, kinds: Sequence[str]) -> None:
    """A row: the image with all boxes, then of each source its heatmap with its own box and kind."""
    colours = [style()[k] for k in (1, 0, 2)]  # orange, blue, green
    picture(panels[0], image, None, boxes, colours)
    for k, heat in enumerate(heatmaps):
        picture(panels[k + 1], image, heat, boxes[k : k + 1], colours[k:])
        if len(boxes):
            panels[k + 1].set_title(kinds[k], fontsize=9, parse_math=False, pad=3)
    if not len(boxes):
        panels[0].set_title(", ".join(filter(None, kinds)), fontsize=9, parse_math=False, pad=3)
