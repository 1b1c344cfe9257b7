"""What a method has learned so far, on held-out scenes: measured along the way of pre-training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.batch import centre_start, collate, cut
from benchmarks.datasets.scene import Scene
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
        hits = []
        for index in range(min(BATCH // 2, len(self.three))):
            scene = self.three[index]
            assert scene.stems is not None
            hits += points_at(method, scene, scene.stems, self.device)
        return {
            "pair_accuracy": pair_accuracy(s, self.negatives),
            "r_at_1": recall_at_1(s),
            "pointing": sum(hits) / len(hits),
        }


def points_at(method: Any, scene: Scene, sounds: npt.NDArray[np.int16], device: torch.device) -> list[bool]:
    """Does the heatmap for each sound peak on the object it is asked about: sound ``i`` on object ``i`` mod n?

    ``sounds`` (m, T) are the scene's isolated stems, m = n, perhaps followed by as many other sounds for the control.
    The image is clustered for all its sounding objects, a sound for one source (MINIATURE's pointing).
    """
    assert scene.objects is not None
    assert scene.image is not None
    start = centre_start(sounds.shape[1], method.window)
    waveform = torch.from_numpy(cut(sounds, start, method.window).copy()).to(device)  # (m, T)
    image = torch.from_numpy(scene.image.copy()).permute(2, 0, 1).to(device)
    heat = method.localize(image.expand(len(sounds), -1, -1, -1), waveform, 1, n_objects=scene.n_sources)
    maps = heat[:, 0].cpu().double().numpy()
    return [pointing(maps[i], scene.objects == i % scene.n_sources + 1) for i in range(len(sounds))]
