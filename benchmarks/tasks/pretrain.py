"""Pre-training: one stage of one method, measured on held-out scenes along the way.

    python -m benchmarks.tasks.pretrain with method=cavl ordering=c1-c2 seed=3 preset=miniature

The accuracy of Fig 4b is undefined in the paper; here (PROTOCOLS §4) ``pair_accuracy`` is the fraction of held-out
sounds whose own image is nearer (Eq 4) than one mismatched image (chance 50 %), ``train_pair_accuracy`` the same of as
many training scenes, ``r_at_1`` the fraction whose own image is the nearest of all, ``pointing`` the fraction of
isolated stems of three-source scenes whose heatmap peaks on their own object. Methods that tell corresponding pairs or
synchronised ones are measured by that: ``avc_auc``, ``avts_auc_easy`` and ``avts_auc_hard`` (area under the ROC curve
on held-out scenes; chance 50 %).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.scene import Scene, together
from benchmarks.tasks.context import Context, build
from benchmarks.tasks.counters import load_counter
from benchmarks.tasks.task import CardScore, Task
from benchmarks.training.batching import Indexed, Pool, collate, require_rate
from benchmarks.training.loop import TrainingError
from benchmarks.training.validation import make_monitor
from cavl.config import ConfigError
from cavl.counting import Counter
from cavl.curriculum import Stage

COUNTED_AT_ONCE = 64
#: Which of the measurements on the way is the score of a training run, the loss where none of them is made.
SCORES = ("pair_accuracy", "avc_auc", "avts_auc_easy")


def measure(context: Context) -> dict[str, Any]:
    """Train the job's last stage from its parent's weights."""
    config = context.config
    stage = config.stages[-1]
    method = context.parent(0) if len(config.stages) > 1 else build(config)
    scenes: Indexed
    read = [context.data.named(name) for name in training_sets(stage, context.data)]
    if stage.k == "counted":
        everything = Pool(read)
        scenes = Heard(load_counter(context, -1), everything, stage.curricula, context.device)
        if len(scenes) < config.training.batch:
            raise TrainingError(
                f"the counting network hears {' or '.join(map(str, stage.curricula))} sources in {len(scenes)} of "
                f"{len(everything)} training scenes, fewer than a batch of {config.training.batch}: there is no such "
                "curriculum; train the counter longer (counter.updates)"
            )
    else:
        scenes = Pool(read)
    require_rate(method, read[0])
    trained = context.train(
        method,
        stage,
        scenes,
        stage_index=len(config.stages) - 1,
        counts=scenes.counts if isinstance(scenes, Heard) else None,
        monitor=make_monitor(method, context.data, stage, config.seed, context.device),
    )
    measured = trained["measured"]
    return {
        "score": next((measured[name] for name in SCORES if name in measured), trained["loss"]),
        **measured,
        "loss": trained["loss"],
        "updates": sum(s.updates for s in config.stages),
        "scenes": len(scenes),
        "coverage": str(together(read)),
        **({"rightly_graded": scenes.rightly_graded} if isinstance(scenes, Heard) else {}),
        "weights": trained["weights"],
        "kept": trained["kept"],
    }


def training_sets(stage: Stage, data: DataModule) -> tuple[str, ...]:
    """The sets that a stage trains on.

    Raises
    ------
    ConfigError
        If the data have no motions, and it wants them.
    """
    if stage.scenes == "motions":
        if not getattr(data, "has_motions", False):
            raise ConfigError(f"data of {data.config.source} have no motions to learn; those of miniature have")
        return ("motions",)
    graded = data.train_counts() if stage.k == "counted" else stage.curricula
    return tuple(f"train {n}" for n in graded)


class Heard:
    """k="counted": the scenes in which the counting network hears as many sources as a curriculum has (§3.2.2)."""

    def __init__(self, counter: Counter, scenes: Pool, curricula: Sequence[int], device: torch.device) -> None:
        self.scenes = scenes
        self.indices: list[int] = []
        self.heard: list[int] = []
        # All scenes in fixed batches: what is heard in one must not depend on where a run was resumed.
        for first in range(0, len(scenes), COUNTED_AT_ONCE):
            batch = range(first, min(first + COUNTED_AT_ONCE, len(scenes)))
            counts = counter.count(collate([scenes[i] for i in batch], counter.window, device).waveform).tolist()
            for index, count in zip(batch, counts, strict=True):
                if count in curricula:
                    self.indices.append(index)
                    self.heard.append(count)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Scene:
        return self.scenes[self.indices[index]]

    @property
    def rightly_graded(self) -> float:
        """The share of these scenes whose labelled number of sources is the one heard."""
        return sum(self[i].n_sources == heard for i, heard in enumerate(self.heard)) / len(self)

    def with_frame(self, index: int, number: int) -> Scene:
        return self.scenes.with_frame(self.indices[index], number)

    def clip(self, index: int, start_s: float, n_frames: int, fps: float) -> npt.NDArray[np.uint8]:
        return self.scenes.clip(self.indices[index], start_s, n_frames, fps)

    def seen(self, index: int) -> npt.NDArray[np.int64]:
        return self.scenes.seen(self.indices[index])

    def counts(self, indices: list[int]) -> list[int]:
        return [self.heard[i] for i in indices]


class Pretrain(Task):
    """Has no configuration of its own: a run's stages are it."""

    weights = "A network that was pre-trained on scenes of image and sound."
    scores = (
        CardScore(text="own image nearer than another scene's (chance 0.5)", place="pair_accuracy"),
        CardScore(text="own image nearest of the held-out ones", place="r_at_1"),
        CardScore(text="pointing at the source of a stem", place="pointing"),
    )
    measure = staticmethod(measure)

    @classmethod
    def sets(cls, evaluation: Stage, data: DataModule, method: Any) -> tuple[str, ...]:
        """The loss needs what is trained on; the accuracies along the way need the held-out scenes."""
        held_out = set()
        if hasattr(method, "scene_distances"):
            held_out = {*evaluation.curricula, *([3] if data.has_objects else [])}
        if any(hasattr(method, ability) for ability in ("corresponds", "synchronised", "separate")):
            held_out.add(1)
        return (*training_sets(evaluation, data), *(f"validation {n}" for n in sorted(held_out)))


if __name__ == "__main__":
    from benchmarks.orchestration.experiment import command_line

    command_line("pretrain")
