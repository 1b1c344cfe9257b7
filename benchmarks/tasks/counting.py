"""Counting the sources of a sound (§3.2.2, §4.3.3, Table 2; PROTOCOLS §5).

    python -m benchmarks.tasks.counting with method=cavl ordering=c1-c2 seed=3 preset=miniature
    python -m benchmarks.tasks.counting with ordering=untrained evaluation.labels=permuted
    python -m benchmarks.tasks.counting trivial --ontology F --segments F     (AudioSet's labels alone, no media)

A pre-trained audio network is trained further by Poisson regression on scenes of one to five sources, and predicts the
number of sources of the test scenes: the most probable one (the paper's rule; primary), the expectation rounded, and
the expectation itself. Beside them stand the predictions that listen to nothing. ``labels=permuted`` is the same
training on labels shuffled among the training scenes: it can learn no more than how frequent each number is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.scene import Scene, together
from benchmarks.items import ItemTable
from benchmarks.metrics import counting as metrics
from benchmarks.tasks.context import Context
from benchmarks.tasks.counters import make_counter
from benchmarks.tasks.task import CardScore, Task
from benchmarks.training.batching import Pool, centre_start, cut, require_rate
from benchmarks.training.loop import cosine
from benchmarks.training.seeding import permutation
from cavl.counting import MAX_COUNT, Counter, rounded_count
from cavl.curriculum import Stage
from registry.item_table import ITEMS, condition

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BATCH = 64  # scenes counted at once; and about as many held-out ones measured along the way


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingConfig:
    """Poisson regression on top of a pre-trained audio network (§6.3)."""

    hidden: int | None = None  # units of the layer before lambda; None: as many as the embedding has (512-512-1)
    updates: int = 10_000
    lr: float = 1e-2
    optimizer: Literal["sgd", "adam"] = "sgd"  # sgd: with momentum 0.9, as in the paper
    schedule: Literal["decay", "cosine"] = "decay"  # of the learning rate; cosine: with a short warm-up, down to 0
    decay: float = 0.5  # of epoch e: lr / (1 + decay * e)
    batch: int | None = None  # scenes of an update; None: training.batch
    labels: Literal["true", "permuted"] = "true"  # permuted: the control, trained on labels shuffled among the scenes

    def __post_init__(self) -> None:
        if self.updates < 1 or self.lr <= 0 or self.decay < 0 or (self.batch is not None and self.batch < 2):
            raise ValueError("counting needs updates >= 1, lr > 0, decay >= 0 and batches of at least 2")
        if self.hidden is not None and self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")


def measure(context: Context) -> dict[str, Any]:
    """Train a counter on top of the method, or the method itself if it counts, and count every test scene's sources."""
    data, seed, evaluation = context.data, context.config.seed, context.config.evaluation
    numbers = countable(data.train_counts())
    scenes = Pool([data.train(n) for n in numbers])
    truth = np.repeat(numbers, [len(s) for s in scenes.datasets])
    labels = permuted(truth, seed) if evaluation.labels == "permuted" else truth
    method = context.trained()
    alone = hasattr(method, "count_sources")
    counter = method if alone else make_counter(method, evaluation.hidden, seed)
    for dataset in (scenes.datasets[0], data.test(data.test_counts()[0])):
        require_rate(counter, dataset)
    training = fit(counter, scenes, labels, context) if alone else train(counter, scenes, labels, context)
    tests = [data.test(n) for n in countable(data.test_counts())]
    ids, counts, mode, rates = listen(counter, Pool(tests), context.device)
    rounded = round_off(rates)
    items = ItemTable()
    for item, n, *told in zip(ids, counts.tolist(), rates.tolist(), mode.tolist(), rounded.tolist(), strict=True):
        items.add_all(item, condition({"n_sources": n}), dict(zip(("rate", "mode", "rounded"), told, strict=True)))
    context.add_file(ITEMS, items.write)
    return {
        **scores(counts, mode, rates),
        "trivial": metrics.trivial(counts, truth),
        "items": len(ids),
        "excluded": sum(len(data.test(n)) for n in data.test_counts()) - len(ids),
        "excluded_training": sum(len(data.train(n)) for n in data.train_counts()) - len(truth),
        "coverage": str(together(tests)),
        "coverage_training": str(together(scenes.datasets)),
        **training,
    }


def train(counter: Counter, scenes: Pool, labels: Integers, context: Context) -> dict[str, Any]:
    """Train the network; its part of the result."""
    data, evaluation = context.data, context.config.evaluation
    numbers = countable(data.train_counts())
    if evaluation.optimizer == "adam":
        counter.recipe = {"optimizer": "adam"}  # type: ignore[misc]
    settings = context.config.training
    trained = context.train(
        counter,
        Stage(curricula=numbers, updates=evaluation.updates, lr=evaluation.lr, decay=evaluation.decay),
        scenes,
        settings=replace(settings, batch=evaluation.batch or settings.batch),
        rate=cosine(evaluation.lr, evaluation.updates) if evaluation.schedule == "cosine" else None,
        counts=lambda indices: labels[indices].tolist(),
        monitor=CountingMonitor(data, numbers, context.device),
    )
    counter.eval()
    return {**{name: trained[name] for name in ("loss", "weights", "kept")}, "updates": evaluation.updates}


def fit(method: Any, scenes: Pool, labels: Integers, context: Context) -> dict[str, Any]:
    """Let a method that counts by itself learn from the same scenes, by the middle window of each."""
    batches = in_batches(scenes, method.window, context.device)
    method.fit_counts(np.concatenate([method.features(waveform) for _, waveform in batches]), labels)
    return {"updates": 0}


def countable(numbers: Sequence[int]) -> tuple[int, ...]:
    """Of the numbers of sources that there are scenes of, those that are counted: 1 to 5."""
    return tuple(n for n in numbers if 1 <= n <= MAX_COUNT)


def permuted(labels: Integers, seed: int) -> Integers:
    """The same labels (n,), shuffled among the scenes."""
    return labels[permutation(len(labels), seed, "permuted labels")]


def in_batches(
    scenes: Pool | Sequence[Scene], window: int, device: torch.device
) -> Iterator[tuple[list[Scene], torch.Tensor]]:
    """Scenes, and the middle windows (B, T) of their sounds."""
    for first in range(0, len(scenes), BATCH):
        chosen = [scenes[i] for i in range(first, min(first + BATCH, len(scenes)))]
        sounds = [cut(scene.waveform, centre_start(len(scene.waveform), window), window) for scene in chosen]
        yield chosen, torch.from_numpy(np.stack(sounds)).to(device)


@torch.no_grad()
def listen(
    counter: Any, scenes: Pool | Sequence[Scene], device: torch.device
) -> tuple[list[str], Integers, Integers, Floats]:
    """Ids, true counts (n,), most probable counts (n,) and lambda (n,) of scenes, by the middle window of each."""
    ids: list[str] = []
    counts: list[int] = []
    answers: list[tuple[Integers, Floats]] = []
    for chosen, waveform in in_batches(scenes, counter.window, device):
        ids += [scene.id for scene in chosen]
        counts += [scene.n_sources for scene in chosen]
        answers.append(counter.count_sources(waveform))
    mode, rates = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    return ids, np.array(counts), mode, rates


def round_off(rates: Floats) -> Integers:
    """Lambda (n,) -> the nearest counts (n,)."""
    return rounded_count(torch.from_numpy(rates)).numpy()


def scores(counts: Integers, mode: Integers, rates: Floats) -> dict[str, Any]:
    """A counter's part of the result, from true counts, most probable counts and lambda, (n,) each."""
    told = {"mode": mode, "rounded": round_off(rates), "rate": rates}
    accuracy = {name: metrics.accuracy(counts, told[name]) for name in ("mode", "rounded")}
    by_count = metrics.rates_by_count(counts, rates)
    return {
        "score": accuracy["mode"],
        "accuracy": accuracy,
        "mae": {name: metrics.mae(counts, found) for name, found in told.items()},
        "rate_by_count": {str(n): mean for n, (mean, _) in by_count.items()},
        "rate_sd_by_count": {str(n): deviation for n, (_, deviation) in by_count.items()},
        "confusion": {
            str(true): {str(found): int(items) for found, items in enumerate(row, start=1)}
            for true, row in enumerate(metrics.confusion(counts, mode), start=1)
        },
    }


class CountingMonitor:
    """Accuracy and error on held-out scenes, as many of each number of sources."""

    def __init__(self, data: DataModule, numbers: Sequence[int], device: torch.device) -> None:
        share = BATCH // len(numbers)
        sets = [data.validation(n) for n in numbers]
        self.scenes = [scenes[i] for scenes in sets for i in range(min(share, len(scenes)))]
        self.device = device

    def __call__(self, counter: Any) -> Mapping[str, float]:
        _, counts, mode, rates = listen(counter, self.scenes, self.device)
        return {
            "accuracy": metrics.accuracy(counts, mode),
            "accuracy_rounded": metrics.accuracy(counts, round_off(rates)),
            "mae": metrics.mae(counts, mode),
        }


class Counting(Task):
    Config = CountingConfig
    abilities = ("audio_network", "count_sources")
    network = Counter
    weights = "A network that counts the sources of a sound by Poisson regression, on a pre-trained trunk."
    scores = (
        CardScore(text="accuracy", place="accuracy.mode"),
        CardScore(text="accuracy of the training set's majority (control)", place="trivial.majority.accuracy"),
        CardScore(text="mean absolute error", place="mae.mode"),
        CardScore(text="mean absolute error of the training set's median (control)", place="trivial.median.mae"),
    )
    measure = staticmethod(measure)

    @classmethod
    def sets(cls, evaluation: CountingConfig, data: DataModule, method: Any) -> tuple[str, ...]:
        return (
            *(f"train {n}" for n in data.train_counts()),
            *(() if hasattr(method, "count_sources") else (f"validation {n}" for n in countable(data.train_counts()))),
            *(f"test {n}" for n in data.test_counts()),
        )

    @classmethod
    def variant(cls, evaluation: CountingConfig, usual: CountingConfig, method: Any) -> str:
        return evaluation.labels

    @classmethod
    def updates(cls, evaluation: CountingConfig, method: Any) -> int:
        return 0 if hasattr(method, "count_sources") else evaluation.updates

    @classmethod
    def rehearsed(cls, evaluation: CountingConfig, n: int) -> CountingConfig:
        return replace(super().rehearsed(evaluation, n), batch=None)

    @classmethod
    def schedule(cls, evaluation: Mapping[str, Any]) -> tuple[str, int, str]:
        rate = f"{evaluation['lr']:g} / (1 + {evaluation['decay']:g} epoch)"
        if evaluation.get("schedule") == "cosine":  # older records do not say
            rate = f"{evaluation['lr']:g}, falling by a cosine"
        return f"counting sources ({evaluation['labels']} labels)", evaluation["updates"], rate


if __name__ == "__main__":
    if sys.argv[1:2] == ["trivial"]:
        from benchmarks.tasks.counting_trivial import main

        main(sys.argv[2:])
    else:
        from benchmarks.orchestration.experiment import command_line

        command_line("counting")
