"""Units: what single units of a network's last maps fire at (Arandjelović & Zisserman 2017, §4.3 and its figures).

A unit's activation by a scene is the maximum of its map, as pool4 takes it. Units are chosen on validation scenes by
how selective they are for a kind (the area under the ROC curve of "is of this kind"): unit and kind that go together
best, then the next best with another unit and another kind, and so on. What they fire at most is shown of test scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.datasets.scene import Dataset
from benchmarks.training.pairs import heard, seen

ARRAYS = "units.npz"
UNITS, TOP = 6, 5  # units shown, and scenes of each
LEAST = 3  # validation scenes of a kind, for a unit to be selective for it

#: Numbers of scenes -> what is shown of them (n, ...), and the units' maps (n, D, h, w).
Look = Callable[[Sequence[int]], tuple[Tensor, Tensor]]


def fired_at(method: Any, held_out: Dataset, test: Dataset, size: int, device: torch.device) -> dict[str, Any]:
    """Arrays of the units that see and of those that hear; none where kinds are not known.

    For N units and the T test scenes that each fires at most: ``seen_units`` (N,), ``seen_kinds`` (N,) the kind it was
    chosen for, ``seen_auc`` (N,) how well it tells that kind among the test scenes, ``seen_shown`` (N, T, H, W, 3) the
    images, ``seen_heat`` (N, T, h, w) the unit's map over its maximum in the test set, ``seen_of`` (N, T) the kinds of
    the images; and ``heard_...`` likewise, shown being what the network reads of the sounds (N, T, bins, frames).
    """

    def image(scenes: Dataset) -> Look:
        def look(some: Sequence[int]) -> tuple[Tensor, Tensor]:
            images = seen(method, scenes, [(i, None) for i in some], device)
            frames = images if images.ndim == 4 else images[:, 0]
            return frames.permute(0, 2, 3, 1), method.unit_maps(images)

        return look

    def sound(scenes: Dataset) -> Look:
        return lambda some: method.sound_unit_maps(heard(method, scenes, [(i, None) for i in some], device))

    kinds = [_kinds(held_out), _kinds(test)]
    names = getattr(test, "kind_names", ())
    arrays: dict[str, Any] = {}
    for side, looks in (("seen", image), ("heard", sound)):
        if side == "heard" and not hasattr(method, "sound_unit_maps"):
            continue
        strengths = [activations(looks(scenes), len(scenes), size) for scenes in (held_out, test)]
        chosen = selective(strengths[0], kinds[0])
        found = [_of_unit(looks(test), unit, kind, strengths[1], kinds[1]) for unit, kind in chosen]
        if found:
            arrays |= {f"{side}_{name}": np.stack([one[name] for one in found]) for name in found[0]}
            for name in ("kinds", "of"):
                numbers = arrays[f"{side}_{name}"]
                called = ["" if k < 0 else names[k] if names else str(k) for k in numbers.ravel()]
                arrays[f"{side}_{name}"] = np.array(called).reshape(numbers.shape)
    return arrays


def activations(look: Look, n: int, size: int) -> npt.NDArray[np.float64]:
    """(n, D): the units' maxima over the maps of n scenes, ``size`` scenes at a time."""
    batches: Iterator[range] = (range(first, min(first + size, n)) for first in range(0, n, size))
    return np.concatenate([look(some)[1].amax((2, 3)).cpu().double().numpy() for some in batches])


def selective(strengths: npt.NDArray[np.float64], kinds: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """(unit, kind) of at most UNITS units, the most selective first, every unit and every kind at most once.

    ``strengths`` (n, D), ``kinds`` (n,), -1 where unknown.
    """
    several = [kind for kind, there in zip(*np.unique(kinds, return_counts=True), strict=True) if there >= LEAST]
    asked = [int(kind) for kind in several if kind >= 0 and (kinds != kind).any()]
    if not asked:
        return []
    areas = np.stack([area(strengths, kinds == kind) for kind in asked])  # (kinds, D)
    chosen: list[tuple[int, int]] = []
    for place in np.argsort(-areas, axis=None, kind="stable"):
        kind, unit = asked[place // areas.shape[1]], int(place % areas.shape[1])
        if unit not in dict(chosen) and kind not in dict(chosen).values() and len(chosen) < UNITS:
            chosen.append((unit, kind))
    return chosen


def area(strengths: npt.NDArray[np.float64], own: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(D,): areas under the ROC curves of telling ``own`` (n,) scenes from the others by strengths (n, D)."""
    from scipy.stats import rankdata  # here: slow to import, and every program names the tasks

    ranks, n = rankdata(strengths, axis=0)[own].sum(0), own.sum()
    found: npt.NDArray[np.float64] = (ranks - n * (n + 1) / 2) / (n * (~own).sum())
    return found


def _of_unit(
    look: Look, unit: int, kind: int, strengths: npt.NDArray[np.float64], kinds: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """The arrays of one unit."""
    top = np.argsort(-strengths[:, unit], kind="stable")[:TOP].tolist()
    shown, maps = look(top)
    heat = maps[:, unit].cpu().numpy() / max(float(strengths[:, unit].max()), 1e-12)
    picture = shown.cpu().numpy()
    own = kinds == kind
    return {
        "units": np.array(unit),
        "kinds": np.array(kind),
        "auc": area(strengths, own)[unit] if own.any() and not own.all() else np.array(np.nan),
        "shown": picture if picture.dtype == np.uint8 else picture.astype(np.float16),
        "heat": heat.astype(np.float16),
        "of": kinds[top],
    }


def _kinds(scenes: Dataset) -> npt.NDArray[np.int64]:
    """(n,): the kind of each scene's one source; -1 where unknown."""
    found = (scenes[i].kinds for i in range(len(scenes)))
    return np.array([kinds[0] if kinds else -1 for kinds in found])
