"""What the counting networks predict where the truth is 1, 2, ..., 5 sources."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.record.run_record import Record
from reports import labels
from reports.cells import measured
from reports.figures.canvas import style, subplots
from reports.figures.figure import Figure, seeds_of
from reports.results import Study, dig
from reports.statistics import Estimate
from reports.tables.counting import PERMUTED, TRUE, called

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

COUNTS = (1, 2, 3, 4, 5)
LEGEND_COLUMNS = 3
SPREAD = 0.72  # of the networks around a true count, in sources


def reliability(study: Study) -> Figure | None:
    """Predicted lambda by true count, beside the diagonal, the constants and what the mode rule counts right."""
    shown: dict[str, tuple[list[Estimate | None], list[Estimate | None]]] = {}
    runs: list[Record] = []
    every = labels.in_order(study.rows("counting"))
    for method, ordering, trained_on in [(*who, TRUE) for who in every] + [(*who, PERMUTED) for who in every]:
        nodes = study.select("counting", method, ordering, trained_on)
        means, deviations = (
            [measured(nodes, score, str(n), scale=1.0).estimate for n in COUNTS]
            for score in ("rate_by_count", "rate_sd_by_count")
        )
        if any(means):
            shown[called(method, ordering, trained_on)] = (means, deviations)
            runs += [n.run for n in nodes if n.run]
    if not shown:
        return None
    median = _median(runs)

    def draw() -> Canvas:
        palette, markers = style(), "osD^vP*X<>"
        canvas, axes = subplots(1, 1, (9, 4.7 + 0.25 * math.ceil((1 + len(shown)) / LEGEND_COLUMNS)))
        panel = axes[0, 0]
        panel.grid(False, axis="x")
        bars = [bar for both in shown.values() for bar in _ends(*both)]
        bottom, top = min(0.0, *bars), max(6.0, *bars) + 0.2
        for n in COUNTS:  # where the most probable count, limited to 1..5, is the true one
            low, high = (bottom if n == 1 else n), (top if n == 5 else n + 1)
            panel.fill_between([n - 0.46, n + 0.46], low, high, color="0.9", linewidth=0, zorder=0)
        panel.plot([1, 5], [1, 5], color="0.35", linestyle="--", linewidth=1.2, label="λ = true count", zorder=1)
        constants = {1.0: "always 1", 2.0: "always 2"}
        if median is not None:
            constants[median] = f"{constants.get(median, f'always {median:g}')} (least MAE)"
        for value, title in constants.items():
            panel.axhline(value, color="0.35", linestyle=":", linewidth=1.2, zorder=1)
            panel.text(5.58, value, title, va="center", fontsize=9, color="0.25")
        offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(shown)) if len(shown) > 1 else [0.0]
        for i, (title, (means, deviations)) in enumerate(shown.items()):
            colour = palette[i % len(palette)]
            for n, mean, deviation in zip(COUNTS, means, deviations, strict=True):
                if mean is None:
                    continue
                x = n + offsets[i]
                around = deviation.mean if deviation else 0
                panel.errorbar(x, mean.mean, yerr=around, color=colour, linewidth=1, capsize=2, zorder=2)
                panel.errorbar(x, mean.mean, yerr=mean.half or 0, color=colour, linewidth=3.5, alpha=0.45, zorder=2)
            points = [(n + offsets[i], mean.mean) for n, mean in zip(COUNTS, means, strict=True) if mean]
            panel.plot(*zip(*points, strict=True), markers[i % len(markers)], color=colour, label=title, zorder=3)
        panel.set(xlabel="true number of sources", ylabel="predicted λ", xticks=COUNTS)
        panel.set(xlim=(0.45, 5.55), ylim=(bottom, top))
        canvas.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=LEGEND_COLUMNS)
        return canvas

    return Figure(
        name="reliability",
        title="Counting: predicted λ by true number of sources",
        caption=(
            f"Marker: mean λ over the test scenes of a true count, mean over seeds ({seeds_of([runs])}); thick bar: "
            "its 95 % t-interval over seeds; thin bar: ± one standard deviation over scenes. Grey: where the most "
            "probable count (the paper's rule) is the true one: a Poisson distribution of expectation n is as probable "
            "at n - 1 as at n, so from 2 on a λ on the dashed line is counted one too low. Dotted: constant "
            "predictions, which do not listen. Permuted labels: the control, which can learn no more than how frequent "
            "each count is."
        ),
        runs=tuple(runs),
        draw=draw,
    )


def _ends(means: Sequence[Estimate | None], deviations: Sequence[Estimate | None]) -> Iterator[float]:
    """The ends of a network's bars: none may be cut."""
    for mean, deviation in zip(means, deviations, strict=True):
        if mean is not None:
            longest = max(mean.half or 0, deviation.mean if deviation else 0)
            yield from (mean.mean - longest, mean.mean + longest)


def _median(runs: Sequence[Record]) -> float | None:
    """The median of the true counts of the test scenes: of all constants that of least MAE."""
    confusion = next((c for r in runs if isinstance(c := dig(r.result, "confusion"), Mapping)), None)
    if confusion is None:
        return None
    scenes: dict[str, Any] = {n: sum(found.values()) for n, found in confusion.items()}
    return float(np.median(np.repeat([int(n) for n in scenes], list(scenes.values()))))
