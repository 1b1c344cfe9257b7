"""Action recognition: what does what moves do? (Korbar et al. 2018)

    python -m benchmarks.tasks.action with method=avts ordering=curriculum seed=3 preset=miniature
    python -m benchmarks.tasks.action with method=avts ordering=untrained
    python -m benchmarks.tasks.action with method=avts evaluation.data=ucf101 evaluation.videos=DIR \\
        evaluation.annotations=DIR evaluation.fold=1

The video network of a method, however trained before, is trained further on labelled clips with a linear layer on top,
and names the action of the test clips: the motions of the miniature world (one clip, the middle one, of each scene), or
the videos of UCF-101 or HMDB-51 (all clips of a video, cut one after the other; their probabilities are averaged).
``ordering=untrained`` is training from scratch.

Beside the accuracy stand what it takes to answer always the same, and two controls that the same network answers: the
clips' frames in a random order, and the frame in the middle repeated. What a single frame gives away, the latter shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch

from baselines.action import ActionClassifier, ActionClassifierConfig
from benchmarks.datasets.action_videos import ActionVideos
from benchmarks.datasets.actions import actions_fingerprint, open_actions
from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.miniature.motion import Motions
from benchmarks.datasets.miniature.world import MiniatureConfig
from benchmarks.items import ItemTable
from benchmarks.metrics import classification as metrics
from benchmarks.tasks.context import Context
from benchmarks.tasks.task import Given, Task
from benchmarks.training.loop import initialise
from benchmarks.training.seeding import permutation
from cavl.config import to_dict
from cavl.curriculum import Stage
from registry.item_table import ITEMS, condition

Integers = npt.NDArray[np.int64]
Frames = npt.NDArray[np.uint8]  # (F, H, W, 3)
#: A clip as it is shown: (its frames, number of its scene, number of the clip) -> frames.
Showing = Callable[[Frames, int, int], Frames]

AT_ONCE = 32  # clips judged at once
MONITORED = 64  # held-out scenes measured along the way, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionConfig:
    """Action recognition: the method's video network and a linear layer, trained together on labelled clips."""

    data: Literal["miniature", "ucf101", "hmdb51"] = "miniature"
    videos: str | None = None  # folder of the videos, for data="ucf101" and "hmdb51"
    annotations: str | None = None  # folder of their official split files
    fold: int = 1  # which of the three official splits
    updates: int = 300
    lr: float = 1e-3
    train: int = 480  # clips of the miniature's sets
    validation: int = 64
    test: int = 240

    def __post_init__(self) -> None:
        if min(self.updates, self.train, self.validation, self.test) < 1 or self.lr <= 0:
            raise ValueError("action needs updates, train, validation and test >= 1 and lr > 0")
        if self.fold not in (1, 2, 3):
            raise ValueError(f"action.fold is 1, 2 or 3, not {self.fold}")


def measure(context: Context) -> dict[str, Any]:
    """Train a classifier on top of the method's video network, name the action of every test scene."""
    seed, evaluation = context.config.seed, context.config.evaluation
    world = world_of(context.data)
    train, validation, test = (open_actions(world, to_dict(evaluation), s) for s in ("train", "validation", "test"))
    total = evaluation.updates + len(test)
    classifier = make_classifier(context.trained(), len(train.classes), train.sample_rate, seed)
    trained = context.train(
        classifier,
        Stage(curricula=(1,), updates=evaluation.updates, lr=evaluation.lr),
        train,
        monitor=ActionMonitor(validation, context.device),
        progress=lambda done, _: context.progress(done, total),
    )
    shown, showings, device = range(len(test)), (as_it_is, reordered(seed), still), context.device
    predicted, *controls = recognise(
        classifier.eval(), test, shown, device, showings, lambda n: context.progress(evaluation.updates + n, total)
    )
    items = ItemTable()
    for item, label, named, group in zip(test.ids, test.labels.tolist(), predicted.tolist(), test.groups, strict=True):
        items.add(item, condition({}, label=label, predicted=named, group=group), "correct", label == named)
    context.add_file(ITEMS, items.write)
    accuracy = metrics.accuracy(test.labels, predicted)
    majority = np.full_like(test.labels, np.bincount(train.labels).argmax())
    return {
        "score": accuracy,
        "accuracy": accuracy,
        "chance": 1 / len(train.classes),
        "majority": metrics.accuracy(test.labels, majority),
        "reordered": metrics.accuracy(test.labels, controls[0]),
        "still": metrics.accuracy(test.labels, controls[1]),
        "items": len(test),
        "classes": len(train.classes),
        "coverage": str(test.coverage),
        "coverage_training": str(train.coverage),
        **{name: trained[name] for name in ("loss", "weights", "kept")},
        "updates": evaluation.updates,
    }


def make_classifier(method: Any, classes: int, sample_rate: int, seed: int) -> ActionClassifier:
    """A classifier on the method's video network, which it shares; the new layer's weights are a function of ``seed``.

    Raises
    ------
    ValueError
        If the method has no video network.
    """
    if not hasattr(method, "video_network"):
        raise ValueError(f"{type(method).__name__} has no video_network to recognise actions with")
    config = ActionClassifierConfig(classes=classes, sample_rate=sample_rate)
    classifier = initialise(lambda: ActionClassifier(config, method.video_network()), seed, "action")
    return cast("ActionClassifier", classifier)


def recognise(
    classifier: ActionClassifier,
    scenes: Motions | ActionVideos,
    indices: Sequence[int],
    device: torch.device,
    showings: Sequence[Showing],
    progress: Callable[[int], None] = lambda done: None,
) -> list[Integers]:
    """For each way of showing clips the actions of scenes (n,), by the mean of the probabilities of a scene's clips.

    ``progress`` is told how many scenes have been shown.
    """
    frames, fps = classifier.clip_frames, classifier.clip_fps
    totals = np.zeros((len(showings), len(indices), classifier.config.classes))
    waiting: list[tuple[int, int, Frames]] = []

    def judge() -> None:
        ways, places, shown = zip(*waiting, strict=True)
        clips = torch.from_numpy(np.stack(shown)).permute(0, 1, 4, 2, 3).contiguous()
        np.add.at(totals, (ways, places), classifier.probabilities(clips.to(device)).cpu().double().numpy())
        waiting.clear()

    for place, scene in enumerate(indices):
        for number, start in enumerate(scenes.clip_starts(scene, frames, fps)):
            clip = scenes.clip(scene, start, frames, fps)
            waiting += [(way, place, show(clip, scene, number)) for way, show in enumerate(showings)]
            if len(waiting) >= AT_ONCE:
                judge()
        progress(place + 1)
    if waiting:
        judge()
    return list(totals.argmax(2))  # sums are as good as means: every class has as many clips


def as_it_is(frames: Frames, scene: int, clip: int) -> Frames:
    return frames


def reordered(seed: int) -> Showing:
    """The frames in a random order."""

    def show(frames: Frames, scene: int, clip: int) -> Frames:
        return frames[permutation(len(frames), seed, "reordered", scene, clip)]

    return show


def still(frames: Frames, scene: int, clip: int) -> Frames:
    """The frame in the middle, again and again."""
    return np.repeat(frames[len(frames) // 2, None], len(frames), axis=0)


class ActionMonitor:
    """Accuracy on held-out scenes: all, or as many as are affordable, evenly from first to last."""

    def __init__(self, scenes: Motions | ActionVideos, device: torch.device) -> None:
        self.scenes, self.device = scenes, device
        some = min(MONITORED, len(scenes))
        self.indices = [place * len(scenes) // some for place in range(some)]

    def __call__(self, classifier: Any) -> Mapping[str, float]:
        (predicted,) = recognise(classifier, self.scenes, self.indices, self.device, (as_it_is,))
        return {"accuracy": metrics.accuracy(self.scenes.labels[self.indices], predicted)}


def world_of(data: DataModule) -> MiniatureConfig:
    """The world that motions are drawn from, whatever the other tasks read: always of the first generator.

    What is heard has no part in them, and a patchwork would be most of what a small network sees in a clip.
    """
    world: MiniatureConfig = getattr(data.config, "world", MiniatureConfig())
    return world if world.generator == 1 else MiniatureConfig(world=world.world, seconds=world.seconds)


class Action(Task):
    Config = ActionConfig
    abilities = ("video_network",)
    default = ("avts", "curriculum")
    paths = ("videos", "annotations")
    network = ActionClassifier
    measure = staticmethod(measure)

    @classmethod
    def sets(cls, evaluation: ActionConfig, data: DataModule, method: Any) -> tuple[str, ...]:
        return ()  # its clips are of no source

    @classmethod
    def fingerprint(cls, evaluation: ActionConfig, data: DataModule, sets: tuple[str, ...]) -> str:
        return actions_fingerprint(world_of(data), to_dict(evaluation))

    @classmethod
    def variant(cls, evaluation: ActionConfig, usual: ActionConfig, method: Any) -> str:
        return evaluation.data + (f" fold {evaluation.fold}" if evaluation.fold > 1 else "")

    @classmethod
    def expand(cls, evaluation: ActionConfig, data: DataModule, given: Given) -> Iterator[ActionConfig]:
        yield evaluation
        yield from (replace(evaluation, **videos) for videos in given.videos)

    @classmethod
    def schedule(cls, evaluation: Mapping[str, Any]) -> tuple[str, int, str]:
        return f"naming the actions of {evaluation['data']}", evaluation["updates"], f"{evaluation['lr']:g}"

    @classmethod
    def rehearsed(cls, evaluation: ActionConfig, n: int) -> ActionConfig:
        sizes = {split: min(n, getattr(evaluation, split)) for split in ("train", "validation", "test")}
        return replace(super().rehearsed(evaluation, n), **sizes)


if __name__ == "__main__":
    from benchmarks.orchestration.experiment import command_line

    command_line("action")
