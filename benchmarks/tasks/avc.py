"""Audio-visual correspondence: does a sound belong to an image (Arandjelović & Zisserman 2017, §4; PROTOCOLS §9)?

    python -m benchmarks.tasks.avc with method=l3 ordering=avc seed=3 preset=miniature

Every test scene's image (or clip, for methods that watch) is paired with its own sound and with the sounds of
``negatives`` other scenes, by derangements drawn from the seed: every sound is the wrong one just as often as the right
one, so that a score of the sound alone, or of the image alone, is at chance. Windows are the middle ones. The threshold
is chosen on pairs of validation scenes made likewise.

Not all that is counted as an error is one: the sound of another scene may be of the same kind as this scene's, and
then nothing but the scene's own look and sound tells them apart ("true false positives"). So false positives are given
for mismatched pairs of the same kind and of other kinds, and ``error_same_kind`` is the part of ``error``, in the same
unit, that pairs of the same kind make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.scene import Dataset
from benchmarks.items import ItemTable
from benchmarks.metrics import correspondence as metrics
from benchmarks.tasks import units
from benchmarks.tasks.context import Context
from benchmarks.tasks.task import REHEARSED_BATCH, Task
from benchmarks.training.batching import require_rate
from benchmarks.training.pairs import heard, partners, seen
from registry.item_table import ITEMS, condition


@dataclass(frozen=True, slots=True, kw_only=True)
class AVCConfig:
    """Audio-visual correspondence: does a sound belong to an image? The threshold is chosen on validation scenes."""

    negatives: int = 4  # other scenes' sounds that every image is paired with
    batch: int = 64

    def __post_init__(self) -> None:
        if min(self.negatives, self.batch) < 1:
            raise ValueError("avc needs negatives and batch >= 1")


def measure(context: Context) -> dict[str, Any]:
    """Choose a threshold on validation scenes, judge the pairs of the test scenes by it.

    Raises
    ------
    ValueError
        If the method wants another sample rate or has scores that are no numbers, or if there are too few scenes.
    """
    evaluation = context.config.evaluation
    method = context.trained()
    sets = (context.data.validation(1), context.data.test(1))
    for scenes in sets:
        require_rate(method, scenes)
    pairs = [partners(len(s), evaluation.negatives, context.config.seed, f"avc {s.split}") for s in sets]
    before, total = len(sets[0]), sum(map(len, sets))
    size, device = evaluation.batch, context.device
    held_out = score_pairs(method, sets[0], pairs[0], size, device, lambda done: context.progress(done, total))
    test = score_pairs(method, sets[1], pairs[1], size, device, lambda done: context.progress(before + done, total))
    threshold = metrics.best_threshold(held_out.scores.ravel(), held_out.matched.ravel())
    context.add_file(ITEMS, test.items(threshold).write)
    if hasattr(method, "unit_maps"):
        arrays = units.fired_at(method, *sets, size, device)
        if arrays:
            context.add_file(units.ARRAYS, lambda path: np.savez_compressed(path, **arrays))
    return {**test.result(threshold), "coverage": str(sets[1].coverage)}


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """The scores of every image (n) with its own sound and k others'."""

    ids: list[str]  # (n,)
    kinds: list[tuple[int, ...]]  # (n,): of each scene's sources; () where unknown
    partners: npt.NDArray[np.int64]  # (n, 1 + k): whose sounds; the first is the image's own
    scores: npt.NDArray[np.float64]  # (n, 1 + k)

    @property
    def matched(self) -> npt.NDArray[np.bool_]:
        """(n, 1 + k)"""
        return self.partners == np.arange(len(self.ids))[:, None]

    @property
    def same_kind(self) -> npt.NDArray[np.bool_] | None:
        """(n, 1 + k): whether image and sound are of the same kinds; None where kinds are not known."""
        if not all(self.kinds):
            return None
        return np.array([[self.kinds[i] == self.kinds[j] for j in row] for i, row in enumerate(self.partners)])

    def result(self, threshold: float) -> dict[str, Any]:
        """All scores, with the threshold that other scenes gave."""
        scores, matched, same = self.scores, self.matched, self.same_kind
        true_positive, false_positive = metrics.rates(scores.ravel(), matched.ravel(), threshold)
        accuracy = metrics.accuracy(scores.ravel(), matched.ravel(), threshold)
        mistaken = scores >= threshold
        none = np.zeros_like(matched)
        alike, unlike = (none, none) if same is None else (~matched & same, ~matched & ~same)
        return {
            "score": accuracy,
            "accuracy": accuracy,
            "auc": metrics.roc_auc(scores.ravel(), matched.ravel()),
            "threshold": threshold,
            "true_positive": true_positive,
            "false_positive": false_positive,
            "same_kind": share(mistaken, alike),
            "other_kind": share(mistaken, unlike),
            "error": 1 - accuracy,
            # Balanced: half of the error is the share of mismatched pairs that are mistaken.
            "error_same_kind": None if same is None else float((mistaken & alike).sum() / (~matched).sum() / 2),
            "items": len(self.ids),
            "pairs": scores.size,
            "chance": 0.5,
        }

    def items(self, threshold: float) -> ItemTable:
        """Of every pair the score, and whether it was told right: the item is whose image, ``partner`` whose sound."""
        matched, same, table = self.matched, self.same_kind, ItemTable()
        for (i, k), j in np.ndenumerate(self.partners):
            alike = "" if same is None else int(same[i, k])
            pair = condition({"matched": int(matched[i, k]), "same_kind": alike}, partner=self.ids[j])
            right = (self.scores[i, k] >= threshold) == matched[i, k]
            table.add_all(self.ids[i], pair, {"score": float(self.scores[i, k]), "right": right})
        return table


def share(mistaken: npt.NDArray[np.bool_], pairs: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """How many mismatched ``pairs`` there are, and the share of them that is mistaken for matched; None of none."""
    n = int(pairs.sum())
    return {"pairs": n, "false_positive": float(mistaken[pairs].mean()) if n else None}


@torch.no_grad()
def score_pairs(
    method: Any,
    scenes: Dataset,
    chosen: npt.NDArray[np.int64],
    size: int,
    device: torch.device,
    progress: Callable[[int], None],
) -> ScoredPairs:
    """Score the image of every scene with the sounds of ``chosen`` (n, 1 + k) scenes, ``size`` pairs at a time."""
    ids: list[str] = []
    kinds: list[tuple[int, ...]] = []
    scores = np.empty(chosen.shape)
    for first in range(0, len(scenes), size):
        some = slice(first, min(first + size, len(scenes)))
        own = [scenes[i] for i in range(some.start, some.stop)]
        ids += [scene.id for scene in own]
        kinds += [scene.kinds for scene in own]
        images = seen(method, scenes, [(i, None) for i in range(some.start, some.stop)], device)
        for column, others in enumerate(chosen[some].T.tolist()):
            sounds = heard(method, scenes, [(j, None) for j in others], device)
            scores[some, column] = method.corresponds(images, sounds).cpu().double().numpy()
        progress(some.stop)
    return ScoredPairs(ids, kinds, chosen, scores)


class AVC(Task):
    Config = AVCConfig
    abilities = ("corresponds",)
    default = ("l3", "avc")
    measure = staticmethod(measure)

    @classmethod
    def sets(cls, evaluation: AVCConfig, data: DataModule, method: Any) -> tuple[str, ...]:
        return ("validation 1", "test 1")

    @classmethod
    def rehearsed(cls, evaluation: AVCConfig, n: int) -> AVCConfig:
        return replace(evaluation, negatives=1, batch=REHEARSED_BATCH)


if __name__ == "__main__":
    from benchmarks.orchestration.experiment import command_line

    command_line("avc")
