"""Validation along the way of pre-training, on held-out scenes: what a method has learned so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.detections import objects_of
from benchmarks.datasets.scene import Dataset, Scene
from benchmarks.metrics.correspondence import roc_auc
from benchmarks.metrics.localization import pointing
from benchmarks.metrics.retrieval import pair_accuracy, recall_at_1
from benchmarks.training.batching import centre_start, collate, cut
from benchmarks.training.pairs import draw_moments, heard, partners, seen, spread, spread_places
from benchmarks.training.seeding import generator
from cavl.alignment import mismatched
from cavl.curriculum import Stage

N_POINTING = 3  # sources in the scenes of the pointing score
BATCH = 64
POINTED_AT_ONCE = 8  # scenes
MOMENTS = 48  # scenes, with a moment each, by which synchronisation is measured


def make_monitor(
    method: Any, data: DataModule, stage: Stage, seed: int, device: torch.device
) -> Callable[[Any], Mapping[str, float]] | None:
    """All that can be measured of this method along the way; None if nothing can.

    Distances of scenes give ``pair_accuracy``, ``r_at_1``, ``train_pair_accuracy`` and ``pointing``, correspondence
    ``avc_auc``, synchronisation ``avts_auc_easy`` and ``avts_auc_hard``, separation ``validation_loss``. Calling it
    measures the method, which is to be in evaluation mode.

    Raises
    ------
    ValueError
        If the held-out scenes are too few, too short or without video.
    """
    monitors: list[Callable[[Any], Mapping[str, float]]] = []
    if hasattr(method, "scene_distances"):
        monitors.append(AlignmentMonitor(data, stage, seed, device))
    if hasattr(method, "corresponds"):
        monitors.append(CorrespondenceMonitor(method, data, seed, device))
    if hasattr(method, "synchronised"):
        monitors.append(SynchronyMonitor(method, data, seed, device))
    if hasattr(method, "separate"):
        monitors.append(SeparationMonitor(method, data.validation(1), seed, device, stage.options))
    if not monitors:
        return None
    return lambda method: {name: value for monitor in monitors for name, value in monitor(method).items()}


class AlignmentMonitor:
    """Pair accuracy and R@1 on held-out scenes of the stage's curricula, pointing on ones of three sources.

    ``train_pair_accuracy`` is the pair accuracy on as many scenes of the training sets (Fig 4b). No pointing where
    scenes have no maps of objects.
    """

    def __init__(self, data: DataModule, stage: Stage, seed: int, device: torch.device) -> None:
        self.options = stage.options
        share = max(2, BATCH // len(stage.curricula))  # of each curriculum, about BATCH scenes in all
        held_out = [spread(data.validation(n), share) for n in stage.curricula]
        trained = [spread(data.train(n), len(some)) for n, some in zip(stage.curricula, held_out, strict=True)]
        self.scenes, self.trained = list(chain(*held_out)), list(chain(*trained))
        self.negatives, self.trained_negatives = (
            mismatched(len(some), generator(seed, "monitor")).numpy() for some in (self.scenes, self.trained)
        )
        self.three = data.validation(N_POINTING) if data.has_objects else None
        self.device = device

    def __call__(self, method: Any) -> Mapping[str, float]:
        s, trained = self._distances(method, self.scenes), self._distances(method, self.trained)
        measured = {
            "pair_accuracy": pair_accuracy(s, self.negatives),
            "r_at_1": recall_at_1(s),
            "train_pair_accuracy": pair_accuracy(trained, self.trained_negatives),
        }
        return measured if self.three is None else {**measured, "pointing": self._pointing(method, self.three)}

    def _distances(self, method: Any, scenes: Sequence[Scene]) -> npt.NDArray[np.float64]:
        """S of Eq 4 between all sounds and all images of some scenes."""
        batch = collate(scenes, method.window, self.device)
        s = method.scene_distances(batch.image, batch.waveform, batch.n_sources, **self.options)
        found: npt.NDArray[np.float64] = s.cpu().double().numpy()
        return found

    def _pointing(self, method: Any, scenes: Dataset) -> float:
        some = [scenes[i] for i in range(min(BATCH // 2, len(scenes)))]
        hits = points_at(method, some, [scene.stems for scene in some], self.device)
        return float(np.mean(list(chain(*hits))))


def points_at(
    method: Any,
    scenes: Sequence[Scene],
    sounds: Sequence[Any],
    device: torch.device,
    n_objects: int | None = None,
) -> list[list[bool]]:
    """Does the heatmap for each sound peak on the object it is asked about: sound ``i`` on object ``i`` mod n?

    ``sounds`` of each scene (m, T), as many of each, are its isolated stems, m = n, perhaps followed by as many other
    sounds for the control. The scenes have n sources each; their images are clustered for all sounding objects, or
    ``n_objects``, a sound for one source (PROTOCOLS §6).
    """
    hits: list[list[bool]] = []
    for first in range(0, len(scenes), POINTED_AT_ONCE):
        some = slice(first, first + POINTED_AT_ONCE)
        asked: list[tuple[Any, Any, int]] = [
            (scene, of, i) for scene, of in zip(scenes[some], sounds[some], strict=True) for i in range(len(of))
        ]
        windows = [cut(of[i], centre_start(len(of[i]), method.window), method.window) for _, of, i in asked]
        waveform = torch.from_numpy(np.stack(windows)).to(device)
        image = torch.from_numpy(np.stack([scene.image for scene, *_ in asked])).permute(0, 3, 1, 2).to(device)
        heat = method.localize(image, waveform, 1, n_objects=n_objects or scenes[0].n_sources)
        maps = heat[:, 0].cpu().double().numpy()
        found = [pointing(one, s.objects == i % s.n_sources + 1) for one, (s, _, i) in zip(maps, asked, strict=True)]
        hits += np.array(found).reshape(len(sounds[some]), -1).tolist()
    return hits


class CorrespondenceMonitor:
    """How well scenes of one source are told to have their own sound or another scene's: the same pairs every time."""

    def __init__(self, method: Any, data: DataModule, seed: int, device: torch.device) -> None:
        scenes = data.validation(1)
        pairs = partners(min(BATCH, len(scenes)), 1, seed, "monitor avc")
        own, others = ([(scene, None) for scene in column] for column in pairs.T.tolist())
        self.images = seen(method, scenes, own, device)
        self.own, self.others = heard(method, scenes, own, device), heard(method, scenes, others, device)

    @torch.no_grad()
    def __call__(self, method: Any) -> Mapping[str, float]:
        own, others = method.corresponds(self.images, self.own), method.corresponds(self.images, self.others)
        return {"avc_auc": _auc(own, others)}


class SynchronyMonitor:
    """How well clips are told to have their own sound or another scene's (easy), another time's (hard)."""

    def __init__(self, method: Any, data: DataModule, seed: int, device: torch.device) -> None:
        scenes = data.validation(1)
        drawn = draw_moments(method, scenes, min(MOMENTS, len(scenes)), 1, seed, "monitor avts")
        self.clips = seen(method, scenes, [m.own for m in drawn], device)
        self.own = heard(method, scenes, [m.own for m in drawn], device)
        self.others = {
            "avts_auc_easy": heard(method, scenes, [m.easy for m in drawn], device),
            "avts_auc_hard": heard(method, scenes, [m.hard for m in drawn], device),
        }

    @torch.no_grad()
    def __call__(self, method: Any) -> Mapping[str, float]:
        own = method.synchronised(self.clips, self.own)
        return {name: _auc(own, method.synchronised(self.clips, sounds)) for name, sounds in self.others.items()}


HELD_OUT = 64  # held-out solos mixed along the way of training


def kind_of(scene: Scene) -> int:
    """The kind of a solo; raises ``ValueError`` if the scene is none, or of unknown kind."""
    if len(scene.kinds) != 1:
        raise ValueError(f"scene {scene.id} has {len(scene.kinds)} known kinds; mixtures are made of solos of one kind")
    return scene.kinds[0]


class SeparationMonitor:
    """The loss on mixtures of held-out solos, the same ones every time."""

    def __init__(
        self, method: Any, solos: Dataset, seed: int, device: torch.device, options: Mapping[str, Any] | None = None
    ) -> None:
        places = spread_places(len(solos), HELD_OUT)
        held_out = [solos[place] for place in places]
        if len({kind_of(solo) for solo in held_out}) < 2:
            raise ValueError("the held-out solos are all of one kind: nothing to mix; add solos of other kinds to them")
        self.batch = collate(held_out, method.window, device, objects=objects_of(method, solos, places))
        self.seed, self.options = seed, options or {}

    @torch.no_grad()
    def __call__(self, method: Any) -> Mapping[str, float]:
        loss, _ = method.training_step(self.batch, generator(self.seed, "monitor"), **self.options)
        return {"validation_loss": float(loss)}


def _auc(own: Tensor, others: Tensor) -> float:
    scores = torch.cat([own, others]).cpu().double().numpy()
    return roc_auc(scores, np.arange(len(scores)) < len(own))
