"""Figs 4a and 4b: training loss by curriculum, and accuracy by initialisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from registry.record.run_record import Record
from reports.figures.canvas import band, legend, style, subplots
from reports.figures.figure import Figure, seeds_of
from reports.labels import CURRICULUM
from reports.results import Study, dig

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

SMOOTHING = 10  # updates


def losses(study: Study) -> Figure | None:
    """Fig 4a: the training loss of a network trained from scratch on C1, on C3 and on the original (mixed) set."""
    curves = {
        title: _stages(study, lambda stage, n=n: list(stage["curricula"]) == n)  # type: ignore[misc]
        for title, n in (("$C_1$", [1]), ("$C_3$", [3]), ("original set ($C_1+C_2+C_3$)", [1, 2, 3]))
    }
    curves = {title: runs for title, runs in curves.items() if runs}
    if not curves:
        return None

    def draw() -> Canvas:
        canvas, axes = subplots(1, 1, (7, 4))
        for i, (title, runs) in enumerate(curves.items()):
            _curve(study, axes[0, 0], runs, "loss", title, i, smoothing=SMOOTHING)
        axes[0, 0].set(xlabel="update", ylabel="training loss (Eq 5)", ylim=(0, None))
        legend(axes[0, 0])
        return canvas

    return Figure(
        name="fig4a_losses",
        title="Figure 4a. Training loss by curriculum",
        caption=(
            f"Training loss from random initialisation, mean over the last {SMOOTHING} updates; line: mean over seeds, "
            f"band: range of the seeds ({seeds_of(curves.values())}). As in the paper the losses are not normalised by "
            "the number of sources: the distance of a scene sums over its sources and the margin grows with them, so "
            "scenes of three sources have the larger loss from the first update on."
        ),
        runs=tuple(run for runs in curves.values() for run in runs),
        draw=draw,
    )


def initialisations(study: Study) -> Figure | None:
    """Fig 4b: accuracy during training on C3, from random weights and from those trained on C2."""

    def is_c3(stage: dict[str, Any]) -> bool:
        return list(stage["curricula"]) == [3]

    from_c2, from_scratch = "initialised from $C_2$", "initialised randomly"
    curves = {from_c2: _stages(study, is_c3, after=[[1], [2]]), from_scratch: _stages(study, is_c3)}
    if not all(curves.values()):
        return None
    rates = {
        t: "/".join(dict.fromkeys(f"{r.config['stages'][-1]['lr']:g}" for r in runs)) for t, runs in curves.items()
    }

    def draw() -> Canvas:
        canvas, axes = subplots(1, 2, (10.5, 4))
        panels = (("pair_accuracy", "pair accuracy (%)"), ("pointing", "pointing, 3 sources (%)"))
        for panel, (metric, title) in zip(axes[0], panels, strict=True):
            for i, (name, runs) in enumerate(curves.items()):
                _curve(study, panel, runs, metric, name, i, scale=100, marker="o")
            panel.set(xlabel="update on $C_3$", ylabel=title, ylim=(0, 102))
        axes[0, 0].axhline(50, color="0.35", linestyle="--", linewidth=1.2, label="chance")
        legend(axes[0, 0], canvas)
        return canvas

    return Figure(
        name="fig4b_initialisation",
        title="Figure 4b. Accuracy on C3 by initialisation",
        caption=(
            "Accuracy on held-out scenes while training on C3; line: mean over seeds, band: range of the seeds "
            f"({seeds_of(curves.values())}). Left: pair accuracy, our reading of the paper's accuracy: the fraction of "
            "sounds whose own image is nearer than one mismatched image (chance 50 %). Right: pointing, which unlike "
            "pair accuracy cannot rise without aligning sounds with objects. Learning rates as in the orderings: "
            f"{rates[from_c2]} from C2, {rates[from_scratch]} from random weights; the weights from C2 had their "
            f"earlier updates besides (compute-matched comparison: {CURRICULUM} against c3-matched)."
        ),
        runs=tuple(run for runs in curves.values() for run in runs),
        draw=draw,
    )


def _stages(study: Study, wanted: Callable[[dict[str, Any]], bool], after: Sequence[list[int]] = ()) -> list[Record]:
    """CAVL's finished source-level stages that are as ``wanted`` and come ``after`` stages on these curricula."""
    found = []
    for node in study.select("pretrain", "cavl"):
        stages = node.run.config["stages"] if node.run else []
        if not stages or any(dig(s, "options", "alignment") == "scene" or s.get("k") == "counted" for s in stages):
            continue
        before = [list(s["curricula"]) for s in stages[:-1]]
        if node.run and wanted(stages[-1]) and before == list(after):
            found.append(node.run)
    return found


def _curve(study: Study, axes: Axes, runs: Sequence[Record], metric: str, title: str, colour: int, **look: Any) -> None:
    """The mean over runs, with their range as a band, at the steps that all of them have."""
    series = [dict(zip(*study.metrics(run)[metric], strict=True)) for run in runs if metric in study.metrics(run)]
    band(axes, series, title, style()[colour], **look)
