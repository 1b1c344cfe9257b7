"""What a method has learned so far, on held-out scenes: measured along the way of pre-training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.batch import centre_start, collate, cut
from benchmarks.datasets.scene import Dataset
from benchmarks.datasets.source import Source
from benchmarks.metrics.localization import pointing
from benchmarks.metrics.retrieval import pair_accuracy, recall_at_1
from benchmarks.randomness import generator
from cavl.alignment import mismatched
from cavl.curriculum import Stage

N_POINTING = 3  # sources in the scenes of the pointing score
BATCH = 64


class Monitor:
    """Pair accuracy and R@1 on held-out scenes of the stage's curricula, pointing on ones of three sources."""

    def __init__(self, source: Source, stage: Stage, seed: int, device: torch.device) -> None:
        self.options = stage.options
        share = max(2, BATCH // len(stage.curricula))  # of each curriculum, about BATCH scenes in all
        sets = [source.validation(n) for n in stage.curricula]
        self.scenes = [scenes[i] for scenes in sets for i in range(min(share, len(scenes)))]
        self.negatives = mismatched(len(self.scenes), generator(seed, "monitor")).numpy()
        self.three = source.validation(N_POINTING)
        self.device = device

    def __call__(self, method: Any) -> Mapping[str, float]:
        batch = collate(self.scenes, method.window, self.device)
        s = method.scene_distances(batch.image, batch.waveform, batch.n_sources, **self.options)
        s = s.cpu().double().numpy()
        hits = [
            hit
            for i in range(min(BATCH // 2, len(self.three)))
            for hit in points_at(method, self.three, i, self.device)
        ]
        return {
            "pair_accuracy": pair_accuracy(s, self.negatives),
            "r_at_1": recall_at_1(s),
            "pointing": sum(hits) / len(hits),
        }


def points_at(
    method: Any, scenes: Dataset, index: int, device: torch.device, sounds: npt.NDArray[np.int16] | None = None
) -> list[bool]:
    """For each stem of a scene: does the heatmap of the stem alone peak on the stem's own object?

    The image is clustered for all its sounding objects, the sound for one source (MINIATURE's pointing). ``sounds``
    (n, T) are heard instead of the stems, for the control.
    """
    scene = scenes[index]
    assert scene.stems is not None
    assert scene.objects is not None
    assert scene.image is not None
    heard = scene.stems if sounds is None else sounds
    start = centre_start(heard.shape[1], method.window)
    waveform = torch.from_numpy(cut(heard, start, method.window).copy()).to(device)  # (n, T)
    image = torch.from_numpy(scene.image.copy()).permute(2, 0, 1).to(device)
    heat = method.localize(image.expand(len(heard), -1, -1, -1), waveform, 1, n_objects=scene.n_sources)
    maps = heat[:, 0].cpu().double().numpy()
    return [pointing(maps[i], scene.objects == i + 1) for i in range(len(heard))]
