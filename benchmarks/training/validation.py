"""What a method has learned so far, on held-out scenes: measured along the way of pre-training.

The pairs of images and sounds, and of clips and windows of sound, are drawn here for the AVC and AVTS tasks too: what
is measured along the way is what is measured in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from baselines import moments
from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.scene import Dataset, Scene
from benchmarks.metrics.correspondence import roc_auc
from benchmarks.metrics.localization import pointing
from benchmarks.metrics.retrieval import pair_accuracy, recall_at_1
from benchmarks.training.batching import centre_start, clips_of, collate, cut
from benchmarks.training.seeding import generator, permutation
from cavl.alignment import mismatched
from cavl.curriculum import Stage

N_POINTING = 3  # sources in the scenes of the pointing score
BATCH = 64
MOMENTS = 48  # scenes, with a moment each, by which synchronisation is measured


def make_monitor(
    method: Any, source: DataModule, stage: Stage, seed: int, device: torch.device
) -> Callable[[Any], Mapping[str, float]] | None:
    """All that can be measured of this method along the way; None if nothing can.

    Distances of scenes give ``pair_accuracy``, ``r_at_1`` and ``pointing``, correspondence ``avc_auc``, synchronisation
    ``avts_auc_easy`` and ``avts_auc_hard``. Calling it measures the method, which is to be in evaluation mode.

    Raises
    ------
    ValueError
        If the held-out scenes are too few, too short or without video.
    """
    monitors: list[Callable[[Any], Mapping[str, float]]] = []
    if hasattr(method, "scene_distances"):
        monitors.append(Monitor(source, stage, seed, device))
    if hasattr(method, "corresponds"):
        monitors.append(CorrespondenceMonitor(method, source, seed, device))
    if hasattr(method, "synchronised"):
        monitors.append(SynchronyMonitor(method, source, seed, device))
    if not monitors:
        return None
    return lambda method: {name: value for monitor in monitors for name, value in monitor(method).items()}


class Monitor:
    """Pair accuracy and R@1 on held-out scenes of the stage's curricula, pointing on ones of three sources.

    No pointing where scenes have no maps of objects.
    """

    def __init__(self, source: DataModule, stage: Stage, seed: int, device: torch.device) -> None:
        self.options = stage.options
        share = max(2, BATCH // len(stage.curricula))  # of each curriculum, about BATCH scenes in all
        sets = [source.validation(n) for n in stage.curricula]
        self.scenes = [scene for scenes in sets for scene in spread(scenes, share)]
        self.negatives = mismatched(len(self.scenes), generator(seed, "monitor")).numpy()
        self.three = source.validation(N_POINTING) if source.has_objects else None
        self.device = device

    def __call__(self, method: Any) -> Mapping[str, float]:
        batch = collate(self.scenes, method.window, self.device)
        s = method.scene_distances(batch.image, batch.waveform, batch.n_sources, **self.options)
        s = s.cpu().double().numpy()
        measured = {"pair_accuracy": pair_accuracy(s, self.negatives), "r_at_1": recall_at_1(s)}
        return measured if self.three is None else {**measured, "pointing": self._pointing(method, self.three)}

    def _pointing(self, method: Any, scenes: Dataset) -> float:
        hits = []
        for index in range(min(BATCH // 2, len(scenes))):
            scene = scenes[index]
            assert scene.stems is not None
            hits += points_at(method, scene, scene.stems, self.device)
        return sum(hits) / len(hits)


def spread(scenes: Dataset, most: int) -> list[Scene]:
    """``most`` scenes (all, if there are less), evenly over the set: neighbours may be pieces of one video."""
    n = min(most, len(scenes))
    return [scenes[i * len(scenes) // n] for i in range(n)]


def points_at(method: Any, scene: Scene, sounds: npt.NDArray[np.int16], device: torch.device) -> list[bool]:
    """Does the heatmap for each sound peak on the object it is asked about: sound ``i`` on object ``i`` mod n?

    ``sounds`` (m, T) are the scene's isolated stems, m = n, perhaps followed by as many other sounds for the control.
    The image is clustered for all its sounding objects, a sound for one source (PROTOCOLS §6).
    """
    assert scene.objects is not None
    assert scene.image is not None
    start = centre_start(sounds.shape[1], method.window)
    waveform = torch.from_numpy(cut(sounds, start, method.window).copy()).to(device)  # (m, T)
    image = torch.from_numpy(scene.image.copy()).permute(2, 0, 1).to(device)
    heat = method.localize(image.expand(len(sounds), -1, -1, -1), waveform, 1, n_objects=scene.n_sources)
    maps = heat[:, 0].cpu().double().numpy()
    return [pointing(maps[i], scene.objects == i % scene.n_sources + 1) for i in range(len(sounds))]


class CorrespondenceMonitor:
    """How well scenes of one source are told to have their own sound or another scene's: the same pairs every time."""

    def __init__(self, method: Any, source: DataModule, seed: int, device: torch.device) -> None:
        scenes = source.validation(1)
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

    def __init__(self, method: Any, source: DataModule, seed: int, device: torch.device) -> None:
        scenes = source.validation(1)
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


def _auc(own: Tensor, others: Tensor) -> float:
    scores = torch.cat([own, others]).cpu().double().numpy()
    return roc_auc(scores, np.arange(len(scores)) < len(own))


# -- pairs -----------------------------------------------------------------------------------------------------------

#: A scene's number and the first sample of a window of its sound; None for the window in the middle.
Place = tuple[int, int | None]


def partners(n: int, negatives: int, seed: int, purpose: str, *indices: int) -> npt.NDArray[np.int64]:
    """For each of n scenes itself and ``negatives`` different others, (n, 1 + negatives), from the seed.

    Every column is a permutation, and every one but the first a derangement: each scene is as often the partner of
    another as it is its own.

    Raises
    ------
    ValueError
        If there are not so many others.
    """
    if n <= negatives:
        raise ValueError(
            f"{n} scenes are too few to pair each with {negatives} others; take more scenes (data.validation, "
            "data.test) or fewer negatives"
        )
    order = permutation(n, seed, purpose, *indices)
    table = np.empty((n, 1 + negatives), dtype=np.int64)
    table[order] = np.stack([np.roll(order, -step) for step in range(1 + negatives)], axis=1)
    return table


def seen(method: Any, scenes: Dataset, places: Sequence[Place], device: torch.device) -> Tensor:
    """What the method watches: images (B, 3, H, W), or clips (B, F, 3, H, W) from the windows' first samples on."""
    some = [scenes[i] for i, _ in places]
    starts = [_start(scene, start, method.window) for scene, (_, start) in zip(some, places, strict=True)]
    clips = clips_of(method, scenes, [i for i, _ in places], starts)
    batch = collate(some, method.window, device, starts=starts, clips=clips)
    return batch.image if batch.clip is None else batch.clip


def heard(method: Any, scenes: Dataset, places: Sequence[Place], device: torch.device) -> Tensor:
    """Windows of sound (B, T) int16."""
    some = [(scenes[i], start) for i, start in places]
    windows = [cut(scene.waveform, _start(scene, start, method.window), method.window) for scene, start in some]
    return torch.from_numpy(np.stack(windows)).to(device)


def _start(scene: Scene, start: int | None, window: int) -> int:
    return centre_start(len(scene.waveform), window) if start is None else start


@dataclass(frozen=True, slots=True)
class Moment:
    """One of the moments drawn of a scene, and windows that are not in sync with it: (scene, first sample) each."""

    number: int  # among its scene's
    own: tuple[int, int]
    easy: tuple[int, int]  # of another scene: the one drawn there
    hard: tuple[int, int]  # of the same scene, not overlapping


def draw_moments(method: Any, scenes: Dataset, n: int, per_scene: int, seed: int, purpose: str) -> list[Moment]:
    """``per_scene`` moments of each of the first ``n`` scenes; what is drawn of a scene depends on no other scene.

    A moment is drawn uniformly among those from which on both the method's window and its clip lie within the scene,
    another one for the hard negative by :func:`baselines.moments.hard`, and which of the two is the clip's own by the
    toss of a coin: the places of hard negatives are not distributed as those first drawn are (they crowd at the scene's
    ends), and a method must not be able to know a wrong sound by its place in the scene. For the same reason easy
    negatives are the windows that other scenes have drawn, each of them once. So a score of the sound alone is at
    chance.

    Raises
    ------
    ValueError
        If a scene is too short for hard negatives, naming it, or there is but one scene.
    """
    starts: list[list[tuple[int, int]]] = []  # of each scene, of each moment: its own, hard
    for scene in range(n):
        room = samples_within(method, scenes[scene])
        if room < 3 * method.window - 1:  # the least that gives every window another one beside it
            raise ValueError(
                f"scene {scenes[scene].id} has {room} samples in which sounds with their clips may lie, and hard "
                f"negatives need three windows of {method.window}; take longer scenes (data.world.seconds), or "
                "shorter windows and clips"
            )
        draws = [generator(seed, purpose, scene, number) for number in range(per_scene)]
        starts.append([_apart(room, method.window, draw) for draw in draws])
    drawn = []
    others = [partners(n, 1, seed, f"{purpose} easy", number)[:, 1].tolist() for number in range(per_scene)]
    for scene in range(n):
        for number, (own, hard) in enumerate(starts[scene]):
            other = others[number][scene]
            drawn.append(Moment(number, (scene, own), (other, starts[other][number][0]), (scene, hard)))
    return drawn


def samples_within(method: Any, scene: Scene) -> int:
    """How many of the scene's first samples windows may lie in, so that their clips, where longer, lie in the scene."""
    clip = ceil((method.clip_frames - 1) * method.sample_rate / method.clip_fps) + 1
    return max(0, len(scene.waveform) - max(0, clip - method.window))


def _apart(room: int, window: int, draw: torch.Generator) -> tuple[int, int]:
    """First samples of two windows that do not overlap, either being equally likely to be in any place."""
    first = torch.randint(room - window + 1, (1,), generator=draw)
    second = moments.hard(first, window, room, draw)
    one, other = (int(first), int(second)) if torch.rand((), generator=draw) < 0.5 else (int(second), int(first))
    return one, other
