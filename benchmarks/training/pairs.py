"""Pairs of images and sounds, and of clips and windows of sound, matched and mismatched.

Drawn for the tasks AVC and AVTS and for what is measured along the way of training: the same in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from baselines import moments
from benchmarks.datasets.scene import Dataset, Scene
from benchmarks.training.batching import centre_start, clips_of, collate, cut
from benchmarks.training.seeding import generator, permutation

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


def spread(scenes: Dataset, most: int) -> list[Scene]:
    """``most`` scenes (all, if there are less), evenly over the set: neighbours may be pieces of one video."""
    return [scenes[place] for place in spread_places(len(scenes), most)]


def spread_places(scenes: int, most: int) -> list[int]:
    """The numbers of those of :func:`spread`, among so many scenes."""
    n = min(most, scenes)
    return [i * scenes // n for i in range(n)]
