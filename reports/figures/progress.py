"""Progress of correspondence (AVC) and synchronisation (AVTS): held-out scores while training, by strategy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.record.run_record import Record
from reports import labels
from reports.figures.canvas import band, style, subplots
from reports.figures.figure import Figure, seeds_of
from reports.labels import label
from reports.results import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

#: Task -> what is measured along the way, and how its panel is called.
METRICS = {
    "avc": {"avc_auc": "AUC, pairs of one or of two videos (%)"},
    "avts": {"avts_auc_easy": "AUC, easy negatives (%)", "avts_auc_hard": "AUC, hard negatives (%)"},
}
PAIRS = {
    "avc": "pairs of an image with its own or another video's sound",
    "avts": "clips with their own sound or with one that is not their own",
}
#: Orderings whose second stage trains another output than the first, by which they are scored from then on.
RESCORED = {
    "supervised-avc": "by the classes it gives to image and sound, then by the output for pairs",
    "curriculum-bce": "by the distance of the embeddings, then by the output that BCE trains",
}
LINES, MARKERS = ("-", "--", ":"), "osD^vP*X<>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line of a figure: metric -> for each seed update -> value; ``ends``: the updates at which a stage ends."""

    series: Mapping[str, list[Mapping[int, float]]]
    runs: list[Record]
    ends: set[int]


def correspondence(study: Study) -> Figure | None:
    """AUC of the AVC task on validation scenes while training, of every method and ordering that tells it."""
    return _figure(study, "avc", name="avc_curves", title="AVC while training")


def synchronisation(study: Study) -> list[Figure]:
    """AUC of the AVTS task on easy and on hard negatives: by strategy, and by video network."""
    by_strategy = _figure(study, "avts", name="avts_curves", title="AVTS while training, by strategy", arms=False)
    title = "AVTS while training, by video network"
    by_network = _figure(study, "avts", name="avts_arm_curves", title=title, arms=True)
    return [figure for figure in (by_strategy, by_network) if figure is not None]


def _figure(study: Study, task: str, *, name: str, title: str, arms: bool | None = None) -> Figure | None:
    """One panel for each metric. ``arms``: the arms with the ordering that all share, or only plain methods."""
    metrics = METRICS[task]
    found = {who: curve for who in _rows(study, task, arms) if (curve := _curve(study, task, who, metrics))}
    if not found:
        return None
    curves = {label(*who, labels.WITHOUT_ARM.get(who[0], "") if arms else ""): curve for who, curve in found.items()}
    ends = set().union(*(curve.ends for curve in curves.values()))
    rescored = [
        f"{label(*who)} changes how it is scored (first {RESCORED[who[1]]})" for who in found if who[1] in RESCORED
    ]

    def draw() -> Canvas:
        palette = style()
        columns = 1 + len(metrics)  # of the legend
        legend_height = 0.26 * math.ceil((1 + len(curves)) / columns)
        canvas, axes = subplots(1, len(metrics), (4.4 + 3.4 * len(metrics), 4.1 + legend_height), sharey=True)
        for panel, (metric, title) in zip(axes[0], metrics.items(), strict=True):
            panel.axhline(50, color="0.35", linestyle="--", linewidth=1.2, label="chance")
            for end in sorted(ends - {max(ends)}):
                panel.axvline(end, color="0.35", linestyle=":", linewidth=1.6, zorder=1)
            for i, (name, curve) in enumerate(curves.items()):
                colour, dashes = palette[i % len(palette)], LINES[i // len(palette) % len(LINES)]
                marker = MARKERS[i % len(MARKERS)]
                band(panel, curve.series[metric], name, colour, scale=100, linestyle=dashes, marker=marker)
            panel.set(xlabel="update", title=title if len(metrics) > 1 else "")
        axes[0, 0].set(ylabel="AUC (%)" if len(metrics) > 1 else title)
        handles, titles = axes[0, 0].get_legend_handles_labels()
        canvas.legend(handles, titles, loc="outside lower center", ncols=columns, fontsize=10)
        return canvas

    runs = {run.id: run for curve in curves.values() for run in curve.runs}
    return Figure(
        name=name,
        title=title,
        caption=(
            f"Area under the ROC curve on held-out {PAIRS[task]}, the same pairs all along; line: mean over seeds, "
            f"band: range of the seeds ({seeds_of([list(runs.values())])}). Updates are counted over all stages; "
            "dotted: where a stage ends and the next, if there is one, begins. Lines that begin alike share their "
            "first stage."
            + "".join(
                f" In its second stage {said}; update 0 of that stage, at the dotted line, is still scored by what "
                "trained before."
                for said in rescored
            )
        ),
        runs=tuple(runs.values()),
        draw=draw,
    )


def _rows(study: Study, task: str, arms: bool | None) -> list[tuple[str, str]]:
    rows = [who for who in labels.in_order(study.rows(task)) if who[1] != labels.UNTRAINED and "@" not in who[1]]
    if arms is None:
        return rows
    if not arms:
        return [who for who in rows if ":" not in who[0]]
    variations = [who for who in rows if ":" in who[0]]
    return [who for who in rows if who in variations or any(_plain(other) == who for other in variations)]


def _plain(who: tuple[str, str]) -> tuple[str, str]:
    """The same ordering of the method without its arm."""
    return labels.base_of(who[0]), who[1]


def _curve(study: Study, task: str, who: tuple[str, str], metrics: Mapping[str, str]) -> Curve | None:
    """None where nothing was measured along the way."""
    series: dict[str, list[Mapping[int, float]]] = {metric: [] for metric in metrics}
    runs: list[Record] = []
    ends: set[int] = set()
    for node in study.select(task, *who):
        found = {metric: dict(zip(*study.history(node, metric), strict=True)) for metric in metrics}
        if not any(found.values()):
            continue
        for metric, values in found.items():
            series[metric] += [values] if values else []
        runs += study.trained(node)
        ends |= set(itertools.accumulate(int(r.config["stages"][-1]["updates"]) for r in study.trained(node)))
    return Curve(series=series, runs=runs, ends=ends) if runs else None
