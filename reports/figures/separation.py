"""Separated sounds: each evaluated pair's images, spectrograms and sounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.record.run_record import Record
from reports import labels
from reports.figures.arrays import arrays_of
from reports.figures.canvas import bare, heat_over, new_canvas
from reports.figures.figure import Figure, Sound
from reports.results import Study
from reports.tables.separation import called, main_row, networks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

EXAMPLES = "examples.npz"  # of a separation run
SHOWN_PAIRS = 4
SHOWN_TOGETHER = 2  # pairs as every system separates them
#: Shown if it has run; else the first of the plan that has. Of CAVL, or of its first arm that guides separation.
PREFERRED = ("c1", "mask")

#: What the file holds of E pairs of two sources each, the first whose two sounds were scored. ``heatmaps``
#: (E, 2, H, W), of the sound that the run locates with, are left out by methods that locate nothing.
ARRAYS = (
    "images",  # (E, 2, H, W, 3) uint8
    "mixture_spec",  # (E, F, T) log-magnitudes on the log-frequency axis, silence being 0
    "reference_specs",  # (E, 2, F, T)
    "estimate_specs",  # (E, 2, F, T)
    "mixture",  # (E, samples) int16
    "references",  # (E, 2, samples) int16
    "estimates",  # (E, 2, samples) int16
    "kinds",  # (E, 2) names
    "sdr",  # (E, 2) dB
    "pair",  # (E,) numbers in pairs.csv
    "sample_rate",
)
Arrays = Mapping[str, Any]


def separated(study: Study) -> list[Figure]:
    """One figure for each example pair of one network, with its sounds."""
    for who in sorted(networks(study), key=lambda who: (labels.base_of(who[0]), *who[1:]) != ("cavl", *PREFERRED)):
        for node in study.select("separation", *who):
            pairs = arrays_of(node.run, EXAMPLES, ARRAYS, "the page's separated sounds") if node.run else None
            if node.run and pairs is not None:
                name = called(who, main_row([node]) if who.variant else "")
                return [_example(node.run, pairs, i, name) for i in range(min(len(pairs["images"]), SHOWN_PAIRS))]
    return []


def side_by_side(study: Study) -> list[Figure]:
    """One figure for each of the first pairs, as every system that has run separates it: of each its first seed."""
    found: dict[str, tuple[Record, Arrays]] = {}
    for who in networks(study):
        for node in study.select("separation", *who):
            pairs = arrays_of(node.run, EXAMPLES, ARRAYS, "the page's separated sounds") if node.run else None
            if node.run and pairs is not None:
                found.setdefault(called(who, main_row([node]) if who.variant else ""), (node.run, pairs))
    if not found:
        return []
    (_, first), *_ = found.values()
    shown = [_who_kept(found, first, place) for place in range(min(len(first["pair"]), SHOWN_TOGETHER))]
    return [_together(kept, number) for number, kept in enumerate(shown, 1) if len(kept) > 1]


#: System -> its run, the run's examples, and which of them is meant.
Kept = dict[str, tuple[Record, Arrays, int]]


def _who_kept(found: Mapping[str, tuple[Record, Arrays]], first: Arrays, place: int) -> Kept:
    """Those that kept the same sounds as the first: a pair's number alone would not tell, where tests are several."""
    kept: Kept = {}
    for name, (run, pairs) in found.items():
        for i, references in enumerate(pairs["references"]):
            if np.array_equal(references, first["references"][place]):
                kept.setdefault(name, (run, pairs, i))
    return kept


def _together(kept: Kept, number: int) -> Figure:
    (_, arrays, place), *_ = kept.values()
    rate, kinds = int(arrays["sample_rate"]), [str(kind) for kind in arrays["kinds"][place]]
    sounds = [Sound(name="mixture", samples=arrays["mixture"][place], sample_rate=rate)]
    sounds += [
        Sound(name=f"{kind}, reference", samples=arrays["references"][place, s], sample_rate=rate)
        for s, kind in enumerate(kinds)
    ]
    sounds += [
        Sound(
            name=f"{name}: {kind} (SDR {float(own['sdr'][i, s]):z.1f} dB)",
            samples=own["estimates"][i, s],
            sample_rate=int(own["sample_rate"]),
        )
        for name, (_, own, i) in kept.items()
        for s, kind in enumerate(kinds)
    ]

    def draw() -> Canvas:
        canvas = new_canvas((8.8, 1.5 * (len(kept) + 1)))
        panels = canvas.subplots(len(kept) + 1, 2, squeeze=False)
        loudest = float(max(arrays["mixture_spec"][place].max(), arrays["reference_specs"][place].max(), 1e-3))
        for s, kind in enumerate(kinds):
            _spectrogram(panels[0, s], arrays["reference_specs"][place, s], loudest, f"{kind}, reference")
            for line, (name, (_, own, i)) in enumerate(kept.items(), 1):
                title = f"{name}: {float(own['sdr'][i, s]):z.1f} dB"
                _spectrogram(panels[line, s], own["estimate_specs"][i, s], loudest, title)
        return canvas

    return Figure(
        name=f"separation_systems_{number}",
        title=f"Every system on one mixture: {kinds[0]} and {kinds[1]}",
        caption=(
            f"Pair {int(arrays['pair'][place])} of pairs.csv as each system separates it, by the first seed that has "
            "finished of each; not chosen by hand: the first pairs whose two sounds were scored are shown, with the "
            "systems that kept them. Log-magnitude spectrograms on one scale."
        ),
        runs=tuple(run for run, _, _ in kept.values()),
        draw=draw,
        sounds=tuple(sounds),
    )


def _example(run: Record, pairs: Arrays, i: int, network: str) -> Figure:
    rate = int(pairs["sample_rate"])
    kinds = [str(kind) for kind in pairs["kinds"][i]]
    scores = [f"SDR {value:z.1f} dB" for value in pairs["sdr"][i].tolist()]
    sounds = [Sound(name="mixture", samples=pairs["mixture"][i], sample_rate=rate)]
    for source, (kind, score) in enumerate(zip(kinds, scores, strict=True)):
        estimate, reference = pairs["estimates"][i, source], pairs["references"][i, source]
        sounds.append(Sound(name=f"{kind}, separated ({score})", samples=estimate, sample_rate=rate))
        sounds.append(Sound(name=f"{kind}, reference", samples=reference, sample_rate=rate))

    located = "heatmaps" in pairs

    def draw() -> Canvas:
        canvas = new_canvas((8.8, 3.8))
        panels = canvas.subplot_mosaic(
            [["mixture", f"image {s}", f"estimate {s}", f"reference {s}"] for s in (0, 1)],
            width_ratios=(1.25, 1, 1.25, 1.25),
        )
        loudest = float(max(pairs["mixture_spec"][i].max(), pairs["reference_specs"][i].max(), 1e-3))
        _spectrogram(panels["mixture"], pairs["mixture_spec"][i], loudest, "mixture")
        for s, (kind, score) in enumerate(zip(kinds, scores, strict=True)):
            bare(panels[f"image {s}"])
            if located:
                heat_over(panels[f"image {s}"], pairs["images"][i, s], pairs["heatmaps"][i, s])
            else:
                panels[f"image {s}"].imshow(pairs["images"][i, s])
            panels[f"image {s}"].set_title(kind, fontsize=10, parse_math=False)
            estimate, reference = panels[f"estimate {s}"], panels[f"reference {s}"]
            _spectrogram(estimate, pairs["estimate_specs"][i, s], loudest, f"separated: {score}")
            _spectrogram(reference, pairs["reference_specs"][i, s], loudest, "reference")
        return canvas

    return Figure(
        name=f"separation_{i + 1}",
        title=f"Separation example {i + 1}: {kinds[0]} and {kinds[1]}",
        caption=(
            f"{network}, seed {run.config['seed']}: pair {int(pairs['pair'][i])} of pairs.csv, not chosen by hand: the "
            "first pairs whose two sounds were scored are shown. "
            "Log-magnitude spectrograms with a logarithmic frequency axis, all on one scale."
            + (" On the images the heatmap of what sounds (0 transparent, 1 yellow)." if located else "")
        ),
        runs=(run,),
        draw=draw,
        sounds=tuple(sounds),
    )


def _spectrogram(axes: Axes, values: Any, loudest: float, title: str) -> None:
    bare(axes)
    look: dict[str, Any] = {"origin": "lower", "aspect": "auto", "cmap": "magma", "interpolation": "nearest"}
    axes.imshow(values.astype(np.float32), vmin=0, vmax=loudest, **look)
    axes.set_title(title, fontsize=10, parse_math=False)
