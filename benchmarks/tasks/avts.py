"""Audio-visual temporal synchronisation: does a sound belong to this moment (Korbar et al. 2018; PROTOCOLS §9)?

    python -m benchmarks.tasks.avts with method=avts ordering=curriculum seed=3 preset=miniature

Of every test scene some moments are drawn, and the clip of each is paired with its own sound and with wrong ones:

``easy``          the window drawn of another scene
``hard``          another time of the same scene, not overlapping (:mod:`baselines.moments`, as in training)
``super-hard``    a window that overlaps the clip's own, by ``least_shift`` of the window or more away
``mixed``         of three quarters of the clips the easy one, of the others the hard one: the paper's test set

and, as controls, pairs that are those of ``hard`` but for the clip, the same one for both sounds:

``hard-shuffled``    frames of random moments of the whole scene, in random order. They were drawn without regard to
                     either sound, and which of the two sounds is called the clip's own is the toss of a coin
                     (:func:`benchmarks.training.pairs.draw_moments`): nothing can be better than chance here, and
                     what is, has a leak.
``hard-reordered``   the clip's own frames in random order: without their order, they still tell loud from quiet

The threshold is chosen on the mixed set of validation scenes, made likewise, and every set is judged by it; the area
under the ROC curve needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from baselines import moments
from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.scene import Dataset
from benchmarks.items import ItemTable
from benchmarks.metrics import correspondence as metrics
from benchmarks.tasks.context import Context
from benchmarks.tasks.task import REHEARSED_BATCH, Task
from benchmarks.training.batching import require_rate
from benchmarks.training.pairs import draw_moments, heard, samples_within, seen
from benchmarks.training.seeding import generator, permutation
from registry.item_table import ITEMS, condition

#: Share of the easy negatives in the mixed set (Korbar et al. 2018); the others are hard.
EASY = 0.75
#: Set -> which clip its pairs have, and which wrong sound.
SETS: Mapping[str, tuple[str, str]] = {
    "mixed": ("own", "mixed"),
    "easy": ("own", "easy"),
    "hard": ("own", "hard"),
    "super-hard": ("own", "super-hard"),
    "hard-shuffled": ("shuffled", "hard"),
    "hard-reordered": ("reordered", "hard"),
}

Floats = npt.NDArray[np.float64]
Scores = dict[str, tuple[Floats, Floats]]  # set -> of its matched pairs (n,), of its mismatched ones (n,)


@dataclass(frozen=True, slots=True, kw_only=True)
class SynchronisationConfig:
    """Audio-visual temporal synchronisation: does a sound belong to this moment of a clip?"""

    moments: int = 2  # windows taken of every test scene
    validation_moments: int = 4  # and of every validation scene, on which the threshold is chosen
    least_shift: float = 0.125  # of the window: super-hard negatives overlap, but are at least so far away
    batch: int = 64

    def __post_init__(self) -> None:
        if min(self.moments, self.validation_moments, self.batch) < 1:
            raise ValueError("avts needs moments, validation_moments and batch >= 1")
        if not 0 < self.least_shift < 1:
            raise ValueError(f"avts.least_shift is a share of the window, between 0 and 1, not {self.least_shift}")


def measure(context: Context) -> dict[str, Any]:
    """Choose a threshold on validation scenes, judge every set of the test scenes by it.

    Raises
    ------
    ValueError
        If the method wants another sample rate or has scores that are no numbers, or if the scenes have no video, are
        too few, or too short for hard negatives.
    """
    evaluation, seed, method = context.config.evaluation, context.config.seed, context.trained()
    held_out, test = context.data.validation(1), context.data.test(1)
    for scenes in (held_out, test):
        require_rate(method, scenes)
    chosen = draw(method, held_out, evaluation.validation_moments, evaluation.least_shift, seed)
    judged = draw(method, test, evaluation.moments, evaluation.least_shift, seed)
    total = len(chosen.own) + len(judged.own)

    def scored(drawn: Drawn, sets: Sequence[str], before: int) -> Scores:
        size, device = evaluation.batch, context.device
        return score(method, drawn, sets, size, device, lambda done: context.progress(before + done, total))

    threshold = metrics.best_threshold(*together(scored(chosen, ("mixed",), 0)["mixed"]))
    scores = scored(judged, tuple(SETS), len(chosen.own))
    context.add_file(ITEMS, items_of(judged, scores, threshold).write)
    sets = {name: judge(*together(pairs), threshold) for name, pairs in scores.items()}
    return {
        "score": sets["mixed"]["accuracy"],
        "accuracy": sets["mixed"]["accuracy"],
        "threshold": threshold,
        "sets": sets,
        "items": len(judged.own),
        "chance": 0.5,
        "coverage": str(test.coverage),
    }


@dataclass(frozen=True, slots=True)
class Drawn:
    """n moments of scenes, as (scene, first sample), and all that is drawn to go with them."""

    scenes: Any  # a Dataset with video
    own: list[tuple[int, int]]
    wrong: Mapping[str, list[tuple[int, int]]]  # kind of negative -> where its sounds are from, n each
    frames: list[list[int]]  # n times F: moments of the scene, in samples, for shuffled clips
    order: list[list[int]]  # n times F: a permutation of the clip's own frames


def draw(method: Any, scenes: Dataset, per_scene: int, least_shift: float, seed: int) -> Drawn:
    """``per_scene`` moments of every scene and their negatives: a pure function of the seed, the split and the scene.

    Only the easy negatives and what part of the mixed ones is easy depend on the other scenes too. Sounds of every set
    but super-hard are balanced (:func:`benchmarks.training.pairs.draw_moments`): super-hard ones are nearer to the
    scene's middle than the clips' own, and could be known by that where a sound gives away its place in the scene.
    """
    purpose = f"avts {scenes.split}"
    drawn = draw_moments(method, scenes, len(scenes), per_scene, seed, purpose)
    shift = max(1, int(least_shift * method.window))
    super_hard, frames, order = [], [], []
    for moment in drawn:
        index, start = moment.own
        scene, further = scenes[index], generator(seed, f"{purpose} further", index, moment.number)
        room = samples_within(method, scene)
        late = moments.super_hard(torch.tensor([start]), method.window, room, further, shift)
        super_hard.append((index, int(late)))
        frames.append(torch.randint(len(scene.waveform), (method.clip_frames,), generator=further).tolist())
        order.append(torch.randperm(method.clip_frames, generator=further).tolist())
    easy, hard = [m.easy for m in drawn], [m.hard for m in drawn]
    is_easy = permutation(len(drawn), seed, f"{purpose} mixed") < round(EASY * len(drawn))
    mixed = [e if choice else h for e, h, choice in zip(easy, hard, is_easy, strict=True)]
    wrong = {"easy": easy, "hard": hard, "super-hard": super_hard, "mixed": mixed}
    return Drawn(scenes, [m.own for m in drawn], wrong, frames, order)


@torch.no_grad()
def score(
    method: Any, drawn: Drawn, sets: Sequence[str], size: int, device: torch.device, progress: Callable[[int], None]
) -> Scores:
    """The method's scores of all pairs of some sets, for ``size`` moments at a time."""
    clips = dict.fromkeys(SETS[name][0] for name in sets)
    sounds = dict.fromkeys(("own", *(SETS[name][1] for name in sets)))
    wanted = dict.fromkeys((SETS[name][0], sound) for name in sets for sound in ("own", SETS[name][1]))
    scores = {pair: np.empty(len(drawn.own)) for pair in wanted}
    for first in range(0, len(drawn.own), size):
        some = slice(first, min(first + size, len(drawn.own)))
        own = seen(method, drawn.scenes, drawn.own[some], device)
        watched = {clip: _watched(clip, own, method, drawn, some) for clip in clips}
        places = {"own": drawn.own, **drawn.wrong}
        listened = {sound: heard(method, drawn.scenes, places[sound][some], device) for sound in sounds}
        for clip, sound in wanted:
            scores[clip, sound][some] = method.synchronised(watched[clip], listened[sound]).cpu().double().numpy()
        progress(some.stop)
    return {name: (scores[SETS[name][0], "own"], scores[SETS[name]]) for name in sets}


def _watched(clip: str, own: Tensor, method: Any, drawn: Drawn, some: slice) -> Tensor:
    """(B, F, 3, H, W): the clips of some moments as they are, or "reordered", or "shuffled"."""
    if clip == "own":
        return own
    if clip == "reordered":
        return own[torch.arange(len(own)).unsqueeze(1), torch.tensor(drawn.order[some])]
    frames = [
        [drawn.scenes.clip(scene, moment / method.sample_rate, 1, method.clip_fps)[0] for moment in of_it]
        for (scene, _), of_it in zip(drawn.own[some], drawn.frames[some], strict=True)
    ]
    return torch.from_numpy(np.array(frames)).permute(0, 1, 4, 2, 3).contiguous().to(own.device)


def together(pairs: tuple[Floats, Floats]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Scores of matched and of mismatched pairs -> scores (2 n,), matched (2 n,)."""
    own, wrong = pairs
    return np.concatenate(pairs), np.arange(len(own) + len(wrong)) < len(own)


def judge(scores: Floats, matched: npt.NDArray[np.bool_], threshold: float) -> dict[str, Any]:
    """A set's part of the result."""
    return {
        "accuracy": metrics.accuracy(scores, matched, threshold),
        "auc": metrics.roc_auc(scores, matched),
        "pairs": len(scores),
    }


def items_of(drawn: Drawn, scores: Scores, threshold: float) -> ItemTable:
    """Of every pair of every set the score, and whether it was told right.

    ``start`` is the moment, in samples; ``other`` names the scene and the first sample of a wrong sound, as
    ``SCENE@SAMPLE``, and is empty where the sound is the moment's own.
    """
    ids, table = {index: drawn.scenes[index].id for index in {scene for scene, _ in drawn.own}}, ItemTable()
    for name, (own, wrong) in scores.items():
        for i, (scene, start) in enumerate(drawn.own):
            there, sample = drawn.wrong[SETS[name][1]][i]
            pair = condition({"set": name, "matched": 1}, start=start, other="")
            table.add_all(ids[scene], pair, {"score": own[i], "right": own[i] >= threshold})
            pair = condition({"set": name, "matched": 0}, start=start, other=f"{ids[there]}@{sample}")
            table.add_all(ids[scene], pair, {"score": wrong[i], "right": wrong[i] < threshold})
    return table


class Synchronisation(Task):
    Config = SynchronisationConfig
    abilities = ("synchronised",)
    default = ("avts", "curriculum")
    measure = staticmethod(measure)

    @classmethod
    def sets(cls, evaluation: SynchronisationConfig, data: DataModule, method: Any) -> tuple[str, ...]:
        return ("validation 1", "test 1")

    @classmethod
    def rehearsed(cls, evaluation: SynchronisationConfig, n: int) -> SynchronisationConfig:
        return replace(evaluation, moments=1, validation_moments=1, batch=REHEARSED_BATCH)


if __name__ == "__main__":
    from benchmarks.orchestration.experiment import command_line

    command_line("avts")
