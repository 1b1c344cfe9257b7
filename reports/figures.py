"""The figures: Figs 4a, 4b and 5 of the paper on our runs, the orderings side by side, and how much the rule decides.

``all_figures`` only says what each figure needs; matplotlib is imported when one is drawn. Files are reproducible: no
times or program versions in their metadata.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.files import atomic_write
from registry.record import Record, to_json
from reports import names
from reports.cells import measured
from reports.names import CURRICULUM, DEFAULT_RULE, UNTRAINED, label
from reports.study import Node, Study, dig
from reports.tables import main_heatmap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

FORMATS = ("png", "pdf")
CACHE = "inputs.json"  # beside the figures: figure -> digest of what it was drawn from
SMOOTHING = 10  # updates
EXAMPLES = "examples.npz"  # of a localization run
SHOWN_SCENES = 5
SHOWN_METHODS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """``runs`` are all it is drawn from; ``draw`` returns the matplotlib figure."""

    name: str
    title: str
    caption: str
    runs: tuple[Record, ...]
    draw: Callable[[], Canvas]

    @property
    def stale(self) -> bool:
        return any(run.stale for run in self.runs)


def all_figures(study: Study) -> list[Figure]:
    """Every figure for which there are finished runs."""
    found = (losses(study), initialisations(study), examples(study), dots(study), sensitivity(study))
    return [figure for figure in found if figure is not None]


def write_figures(figures: Iterable[Figure], folder: Path) -> list[Path]:
    """Draw the figures whose inputs have changed into ``folder``, as PNG and PDF; returns the files of all of them."""
    try:
        drawn = json.loads((folder / CACHE).read_text())
    except (OSError, ValueError):
        drawn = {}
    files = []
    for figure in figures:
        paths = [folder / f"{figure.name}.{kind}" for kind in FORMATS]
        inputs = _inputs(figure)
        if drawn.get(figure.name) != inputs or not all(path.is_file() for path in paths):
            canvas = figure.draw()
            for path in paths:
                atomic_write(path, _rendered(canvas, path.suffix[1:]))
            drawn[figure.name] = inputs
            atomic_write(folder / CACHE, to_json(drawn))
        files += paths
    return files


def _inputs(figure: Figure) -> str:
    """Digest of the runs behind a figure and of the code that draws it."""
    runs = [(r.id, r.pedigree.key, r.stop_time) for r in figure.runs]
    code = b"".join((Path(__file__).parent / name).read_bytes() for name in ("figures.py", "names.py", "cells.py"))
    return hashlib.sha256(code + repr((figure.caption, runs)).encode()).hexdigest()


def _rendered(canvas: Canvas, kind: str) -> bytes:
    file = io.BytesIO()
    metadata: dict[str, Any] = {
        "png": {"Software": None},
        "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    }
    canvas.savefig(file, format=kind, dpi=160, bbox_inches="tight", metadata=metadata[kind])
    return file.getvalue()


@functools.cache
def _style() -> list[Any]:
    """Set the look of all figures; returns seaborn's colour-blind-safe palette, black for its two faintest colours."""
    import matplotlib

    matplotlib.use("Agg")
    import seaborn as sns

    sns.set_theme(
        context="notebook",
        style="whitegrid",
        palette="colorblind",
        rc={"pdf.fonttype": 42, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False},
    )
    colours = sns.color_palette("colorblind")
    return [*(colours[i] for i in (0, 1, 2, 3, 4, 5, 7, 9)), (0.0, 0.0, 0.0)]


def _subplots(rows: int, columns: int, size: tuple[float, float], **options: Any) -> tuple[Canvas, Any]:
    """Axes without pyplot's global list of figures, so that nothing is left open."""
    _style()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=size, layout="constrained")
    FigureCanvasAgg(canvas)
    return canvas, canvas.subplots(rows, columns, squeeze=False, **options)


# -- Figs 4a and 4b: curves --------------------------------------------------------------------------------------------


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
        canvas, axes = _subplots(1, 1, (7, 4))
        for i, (title, runs) in enumerate(curves.items()):
            _curve(study, axes[0, 0], runs, "loss", title, i, smoothing=SMOOTHING)
        axes[0, 0].set(xlabel="update", ylabel="training loss (Eq 5)", ylim=(0, None))
        _legend(axes[0, 0])
        return canvas

    return Figure(
        name="fig4a_losses",
        title="Figure 4a. Training loss by curriculum",
        caption=(
            f"Training loss from random initialisation, mean over the last {SMOOTHING} updates; line: mean over seeds, "
            f"band: range of the seeds ({_seeds(curves.values())}). As in the paper the losses are not normalised by "
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
        canvas, axes = _subplots(1, 2, (10.5, 4))
        panels = (("pair_accuracy", "pair accuracy (%)"), ("pointing", "pointing, 3 sources (%)"))
        for panel, (metric, title) in zip(axes[0], panels, strict=True):
            for i, (name, runs) in enumerate(curves.items()):
                _curve(study, panel, runs, metric, name, i, scale=100, marker="o")
            panel.set(xlabel="update on $C_3$", ylabel=title, ylim=(0, 102))
        axes[0, 0].axhline(50, color="0.35", linestyle="--", linewidth=1.2, label="chance")
        _legend(axes[0, 0], canvas)
        return canvas

    return Figure(
        name="fig4b_initialisation",
        title="Figure 4b. Accuracy on C3 by initialisation",
        caption=(
            "Accuracy on held-out scenes while training on C3; line: mean over seeds, band: range of the seeds "
            f"({_seeds(curves.values())}). Left: pair accuracy, our reading of the paper's accuracy: the fraction of "
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


def _curve(
    study: Study,
    axes: Axes,
    runs: Sequence[Record],
    metric: str,
    title: str,
    colour: int,
    *,
    scale: float = 1.0,
    smoothing: int = 1,
    marker: str = "",
) -> None:
    """The mean over runs, with their range as a band, at the steps that all of them have."""
    series = [dict(zip(*study.metrics(run)[metric], strict=True)) for run in runs if metric in study.metrics(run)]
    steps = sorted(set.intersection(*map(set, series))) if series else []
    if not steps:
        return
    values = scale * np.array([[one[s] for s in steps] for one in series])
    if smoothing > 1 and len(steps) > smoothing:
        kernel = np.ones(smoothing) / smoothing
        values = np.stack([np.convolve(row, kernel, mode="valid") for row in values])
        steps = steps[smoothing - 1 :]
    shade = _style()[colour]
    axes.plot(steps, values.mean(axis=0), color=shade, label=title, marker=marker, markersize=4, linewidth=1.8)
    axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=shade, alpha=0.2, linewidth=0)


def _seeds(groups: Iterable[Sequence[Record]]) -> str:
    numbers = sorted({r.config["seed"] for runs in groups for r in runs})
    return f"seed{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _legend(axes: Axes, canvas: Canvas | None = None) -> None:
    """Above the axes (of the whole figure where ``canvas`` is given), where it covers nothing."""
    handles, titles = axes.get_legend_handles_labels()
    if canvas is None:
        axes.legend(handles, titles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(titles))
    else:
        canvas.legend(handles, titles, loc="outside upper center", ncols=len(titles))


# -- Fig 5: examples ---------------------------------------------------------------------------------------------------


def examples(study: Study) -> Figure | None:
    """Fig 5: heatmaps on single-source scenes, with their own sound and with another scene's."""
    rows = [("cavl", ordering) for ordering in ("c1", CURRICULUM, UNTRAINED)]
    rows += [row for row in study.rows("localization") if row[0] != "cavl"]
    chosen: list[tuple[str, Record]] = []
    for method, ordering in rows:
        run = next((n.run for n in study.select("localization", method, ordering) if _has_examples(n)), None)
        if run is not None and len(chosen) < SHOWN_METHODS:
            chosen.append((label(method, ordering), run))
    if not chosen:
        return None

    def draw() -> Canvas:
        loaded = [(title, *(_examples_at(run.folder / EXAMPLES) or ())) for title, run in chosen]
        count = min(SHOWN_SCENES, *(len(images) for _, images, *_ in loaded))
        canvas, axes = _subplots(count, 1 + 2 * len(loaded), (1.5 * (1 + 2 * len(loaded)), 1.42 * count + 0.45))
        for panel in axes.flat:
            panel.set(xticks=[], yticks=[])
            panel.grid(False)
            for spine in panel.spines.values():
                spine.set_visible(False)
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


def _has_examples(node: Node) -> bool:
    return (
        node.run is not None and EXAMPLES in node.run.artifacts and _examples_at(node.run.folder / EXAMPLES) is not None
    )


@functools.lru_cache(maxsize=64)
def _examples_at(path: Path) -> tuple[Any, ...] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = tuple(file[name] for name in ("images", "heatmaps", "other", "boxes"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        warnings.warn(f"{path} cannot be read ({error}); Figure 5 leaves it out", stacklevel=2)
        return None
    return arrays if len(arrays[0]) else None


def _picture(axes: Axes, image: Any, heat: Any, box: Any) -> None:
    """An image with its box; a heatmap is laid over the image in grey, the more opaque the hotter."""
    from matplotlib.patches import Rectangle

    if heat is None:
        axes.imshow(image)
    else:
        axes.imshow(image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
        strength = np.clip(heat.astype(np.float32), 0, 1)
        axes.imshow(strength, cmap="inferno", vmin=0, vmax=1, alpha=0.75 * strength)
    x0, y0, x1, y1 = (int(v) for v in np.asarray(box).reshape(-1)[:4])  # half-open pixels; pixel centres are whole
    for colour, width in (("black", 2.6), ("white", 1.2)):
        axes.add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=width))


# -- orderings side by side --------------------------------------------------------------------------------------------


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
        canvas, axes = _subplots(1, 2, (10.5, 1.2 + 0.36 * len(rows)), sharey=True)
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
                    color=_style()[0],
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
        runs=_runs(study, "localization"),
        draw=draw,
    )


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
        palette, markers = _style(), "osD^vP*X<>"
        canvas, axes = _subplots(1, 1, (9.5, 4.6))
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
        runs=_runs(study, "localization"),
        draw=draw,
    )


def _runs(study: Study, task: str) -> tuple[Record, ...]:
    return tuple(n.run for n in study.select(task) if n.run)
