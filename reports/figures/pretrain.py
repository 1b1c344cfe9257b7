"""Figs 4a and 4b: training loss by curriculum, and accuracy by initialisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from registry.record.run_record import Record
from reports.figures.canvas import Series, band, legend, style, subplots, with_formulas
from reports.figures.figure import Figure, seeds_of
from reports.labels import CURRICULUM
from reports.results import Study, dig

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SMOOTHING = 10  # updates
#: Title of a curve -> the runs whose mean it is.
Curves = Mapping[str, Sequence[Record]]
#: Metric -> title of its panel.
LOSSES = {"loss": "training loss (Eq 5)", "loss_by_k2": "training loss / $k_a^2$"}
ACCURACIES = {
    "train_pair_accuracy": "pair accuracy, training (%)",
    "pair_accuracy": "pair accuracy, held-out (%)",
    "pointing": "pointing, 3 sources (%)",
}


def losses(study: Study) -> Figure | None:
    """Fig 4a: loss, loss/k_a^2 and pair accuracy on every curriculum, from random weights and within the curriculum.

    The original set is the widest mixture of curricula that the plan trains on.
    """
    begun = _from_random(study)
    widest = max((curricula for curricula in begun if len(curricula) > 1), key=len, default=())
    curves: dict[str, list[Record]] = {}
    looks: dict[str, dict[str, Any]] = {}
    for curricula in sorted(begun, key=lambda curricula: (len(curricula), curricula)):
        if curricula == widest:
            title, colour = f"original set ($C_{min(widest)}$ to $C_{max(widest)}$)", -1
        elif len(curricula) == 1:
            title, colour = f"$C_{curricula[0]}$", curricula[0] - 1
        else:
            continue
        curves[title], looks[title] = begun[curricula], {"colour": style()[colour]}
    for n in (2, 3, 4):
        runs = _stages(study, lambda stage, n=n: list(stage["curricula"]) == [n], [[m] for m in range(1, n)])  # type: ignore[misc]
        if runs:
            title = f"$C_{n}$ after $C_{n - 1}$"
            curves[title], looks[title] = runs, {"colour": style()[n - 1], "linestyle": "--"}
    if not curves:
        return None
    found = {m: {t: _series(study, runs, m) for t, runs in curves.items()} for m in (*LOSSES, "pair_accuracy")}

    def draw() -> Canvas:
        canvas, axes = subplots(1, 3, (11.5, 4.2))
        for panel, (metric, title) in zip(axes[0], LOSSES.items(), strict=False):
            for name, series in found[metric].items():
                band(panel, series, name, **looks[name], smoothing=SMOOTHING)
            panel.set(xlabel="update of the stage", ylabel=title, ylim=(0, None))
        for name, series in found["pair_accuracy"].items():
            band(axes[0, 2], series, name, **looks[name], scale=100, marker="o")
        axes[0, 2].axhline(50, color="0.35", linestyle=":", linewidth=1.2)
        axes[0, 2].set(xlabel="update of the stage", ylabel=ACCURACIES["pair_accuracy"], ylim=(0, 102))
        legend(axes[0, 0], canvas)
        return with_formulas(canvas)

    return Figure(
        name="fig4a_losses",
        title="Figure 4a. Training loss by curriculum",
        caption=(
            f"Left: training loss, mean over the last {SMOOTHING} updates; it grows with the number k_a of sources, "
            "over whose distances a scene's distance and its margin are sums. Middle: each sound's terms of the loss "
            "divided by its k_a², so that curricula can be compared. Right: pair accuracy on held-out scenes of the "
            "same curriculum (chance 50 %, dotted). Solid: from random weights; dashed: stages of the curriculum. "
            f"Line: mean over seeds, band: range of the seeds ({seeds_of(curves.values())})."
            + _left_out(found, "loss_by_k2", "the middle panel")
        ),
        runs=tuple(run for runs in curves.values() for run in runs),
        draw=draw,
    )


def initialisations(study: Study) -> Figure | None:
    """Fig 4b: accuracy during training on C3, from random weights and from those trained on C2."""

    def is_c3(stage: dict[str, Any]) -> bool:
        return list(stage["curricula"]) == [3]

    from_c2 = _stages(study, is_c3, after=[[1], [2]])
    last = {_schedule(run) for run in from_c2}
    at_rate = [run for run in _stages(study, is_c3) if _schedule(run) in last]
    all_curves = {
        "initialised from $C_2$": from_c2,
        "initialised randomly": _from_random(study, but=at_rate).get((3,), []),
        "randomly, at the curriculum's rate": at_rate,
    }
    curves = {title: runs for title, runs in all_curves.items() if runs}
    if not from_c2 or len(curves) < 2:
        return None
    found = {metric: {t: _series(study, runs, metric) for t, runs in curves.items()} for metric in ACCURACIES}
    shown = {metric: title for metric, title in ACCURACIES.items() if any(found[metric].values())}
    rates = {t: "/".join(dict.fromkeys(f"{_schedule(run)[1]:g}" for run in runs)) for t, runs in curves.items()}
    said = "; ".join(f"{rate} {title.replace('$', '')}" for title, rate in rates.items())

    def draw() -> Canvas:
        canvas, axes = subplots(1, len(shown), (1.5 + 3.4 * len(shown), 4.2), sharey=True)
        for panel, (metric, title) in zip(axes[0], shown.items(), strict=True):
            for i, (name, series) in enumerate(found[metric].items()):
                band(panel, series, name, style()[i], scale=100, marker="osD"[i], linestyle=("-", "--", ":")[i])
            panel.set(xlabel="update on $C_3$", title=title, ylim=(0, 102))
            if metric != "pointing":
                panel.axhline(50, color="0.35", linestyle=":", linewidth=1.2)
        legend(axes[0, 0], canvas)
        return with_formulas(canvas)

    return Figure(
        name="fig4b_initialisation",
        title="Figure 4b. Accuracy on C3 by initialisation",
        caption=(
            "Pair accuracy, our reading of the paper's accuracy, is the fraction of sounds whose own image is nearer "
            "than one mismatched image (chance 50 %, dotted), of training and of held-out scenes of C3; pointing, "
            "unlike it, cannot rise without aligning sounds with objects. Line: mean over seeds, band: range of the "
            f"seeds ({seeds_of(curves.values())}). Learning rates: {said}. The weights from C2 had their earlier "
            f"updates besides (compute-matched comparison: {CURRICULUM} against c3-matched)."
            + _left_out(found, "train_pair_accuracy", "the training accuracy")
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


def _from_random(study: Study, but: Sequence[Record] = ()) -> dict[tuple[int, ...], list[Record]]:
    """Curricula -> the first stages on them, of several learning rates those of the highest."""
    others = {run.id for run in but}
    found: dict[tuple[int, ...], list[Record]] = {}
    for run in _stages(study, lambda _: True):
        if run.id not in others:
            found.setdefault(tuple(run.config["stages"][0]["curricula"]), []).append(run)
    highest = {curricula: max(_schedule(run)[1] for run in runs) for curricula, runs in found.items()}
    return {c: [run for run in runs if _schedule(run)[1] == highest[c]] for c, runs in found.items()}


def _schedule(run: Record) -> tuple[int, float]:
    """(updates, learning rate) of a run's last stage."""
    stage = run.config["stages"][-1]
    return stage["updates"], stage["lr"]


def _series(study: Study, runs: Sequence[Record], metric: str) -> Series:
    """Update -> value, of each run that recorded the metric, or a loss whose scenes all have one k_a to divide by."""
    series = []
    for run in runs:
        metrics, curricula = study.metrics(run), run.config["stages"][-1]["curricula"]
        if metric in metrics:
            series.append(dict(zip(*metrics[metric], strict=True)))
        elif metric == "loss_by_k2" and len(curricula) == 1 and "loss" in metrics:
            steps, values = metrics["loss"]
            series.append({step: value / curricula[0] ** 2 for step, value in zip(steps, values, strict=True)})
    return series


def _left_out(found: Mapping[str, Mapping[str, Series]], metric: str, where: str) -> str:
    """A sentence on the curves whose runs are from before a metric was recorded."""
    missing = [title.replace("$", "") for title, series in found[metric].items() if not series]
    return f" Not recorded by these runs, and left out of {where}: {', '.join(missing)}." if missing else ""
