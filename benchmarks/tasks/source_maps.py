"""Source maps: one heatmap for each source of example scenes (Figs 6 and 7), kept as arrays and as a picture.

Generated worlds, which know where sources are, are shown by the localization task; recordings of several sources, where
nobody has marked them, by the task that mixes their solos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.scene import Dataset, Scene
from benchmarks.metrics import localization as metrics
from benchmarks.pictures import heatmap_sheet
from benchmarks.tasks.context import Context
from benchmarks.training.batching import collate
from benchmarks.training.pairs import spread

EXAMPLES = 4  # scenes of each number of sources
MOST = 3  # sources
ARRAYS, PICTURE = "sources.npz", "sources.png"


@dataclass(frozen=True, slots=True)
class Located:
    """E scenes of n sources each."""

    images: npt.NDArray[np.uint8]  # (E, H, W, 3)
    heatmaps: npt.NDArray[np.float16]  # (E, n, H, W) in [0, 1]: in the sources' order, where their places are known
    boxes: npt.NDArray[np.int32]  # (E, n, 4), 0-based, half-open pixels; (E, 0, 4) where unknown
    kinds: npt.NDArray[np.str_]  # (E, n) names; "" where unknown


def unmarked(data: DataModule, method: Any) -> dict[int, str]:
    """Number of sources -> the set whose scenes are shown, of data that do not say where sources are.

    Test scenes, or held-out ones where there are no such test scenes (MUSIC's duets); without what is not prepared:
    for pictures nothing is asked for.
    """
    if data.has_objects or not hasattr(method, "localize"):
        return {}
    found: dict[int, str] = {}
    for n in range(1, MOST + 1):
        for split, counts in (("test", data.test_counts()), ("validation", data.train_counts())):
            if n not in found and n in counts and _is_there(data, f"{split} {n}"):
                found[n] = f"{split} {n}"
    return found


def _is_there(data: DataModule, name: str) -> bool:
    try:
        return len(data.named(name)) > 0
    except FileNotFoundError:  # it is not prepared
        return False


@torch.no_grad()
def locate(method: Any, scenes: Dataset, n: int, device: torch.device) -> Located:
    """Heatmaps of the sources that ``method`` hears in some scenes of ``n`` sources, evenly spread over their set.

    Each scene's whole sound is heard and asked for n sources; which heatmap is whose is not said. Where the sources'
    places are known, heatmaps are given the order that fits best, the assignment of the matched IoU (PROTOCOLS §6).
    """
    some = spread(scenes, EXAMPLES)
    batch = collate(some, method.window, device)
    heat = method.localize(batch.image, batch.waveform, n).cpu().double().numpy()
    names = getattr(scenes, "kind_names", ())
    return Located(
        images=np.stack([scene.image for scene in some]),  # type: ignore[misc]  # collate refuses scenes without
        heatmaps=np.stack([_in_order(maps, scene) for maps, scene in zip(heat, some, strict=True)]).astype(np.float16),
        boxes=np.stack([np.zeros((0, 4), np.int32) if s.boxes is None else s.boxes for s in some]),
        kinds=np.array([[names[k] if names else str(k) for k in s.kinds] or [""] * n for s in some]),
    )


def _in_order(maps: npt.NDArray[np.float64], scene: Scene) -> npt.NDArray[np.float64]:
    if scene.objects is None:
        return maps
    sounding = np.stack([scene.objects == i + 1 for i in range(len(maps))])
    areas = np.stack([metrics.binarise(heat, "threshold=0.5") for heat in maps])
    return maps[metrics.match(areas, sounding)]


def keep(context: Context, located: Mapping[int, Located]) -> None:
    """Keep ``sources.npz``, the arrays with the number of sources behind their names, and ``sources.png``."""
    arrays = {f"{name}_{n}": getattr(some, name) for n, some in located.items() for name in Located.__slots__}
    context.add_file(ARRAYS, lambda path: np.savez_compressed(path, **arrays))
    context.add_file(PICTURE, lambda path: _draw(path, located))


def _called(kinds: npt.NDArray[np.str_]) -> str:
    return ", ".join(filter(None, kinds)) or f"{len(kinds)} sources"


def _draw(path: Path, located: Mapping[int, Located]) -> None:
    """A column for each scene, a row for each of its sources."""
    columns = [
        (some.images[i], some.heatmaps[i].astype(float), some.boxes[i], _called(some.kinds[i]))
        for n, some in located.items()
        for i in range(len(some.images))
    ]
    images, heat, boxes, names = zip(*columns, strict=True)
    nothing = [np.zeros(image.shape[:2]) for image in images]
    rows = {
        f"source {k + 1}": [maps[k] if k < len(maps) else none for maps, none in zip(heat, nothing, strict=True)]
        for k in range(max(map(len, heat)))
    }
    heatmap_sheet(path, images, rows, boxes, names)
