"""Sound classification by a linear probe on the frozen audio trunk (§4.3.2, Table 1; PROTOCOLS §7).

    python -m benchmarks.tasks.classification with method=cavl ordering=c1-c2 seed=3
    python -m benchmarks.tasks.classification with ordering=c1 evaluation.probe=esc10 evaluation.esc50=DIR

``probe`` is "miniature" (the source's own sounds: those of the miniature world, in five folds), "esc10" or "esc50" (the
real recordings in their official folds, from a folder or as the source has them prepared). ``permuted`` is the same
pipeline on labels permuted among the clips: it must be at chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets.scene import Dataset
from benchmarks.items import ItemTable
from benchmarks.metrics import classification as metrics
from benchmarks.metrics.linear_probe import probe, windows
from benchmarks.orchestration.experiment import Context, command_line
from benchmarks.orchestration.graph import probe_set, read_esc50
from benchmarks.training.batching import require_rate
from benchmarks.training.seeding import permutation
from registry.item_table import ITEMS, condition

Integers = npt.NDArray[np.int64]


def measure(context: Context) -> dict[str, Any]:
    """Embed every clip, fit the probe fold by fold, score it."""
    evaluation, seed = context.config["evaluation"], context.config["seed"]
    clips: Any
    if own := probe_set(evaluation):
        clips = context.source.named(own)
    else:
        clips = read_esc50(evaluation["esc50"], evaluation["probe"])
    if hasattr(clips, "require_scoreable"):
        clips.require_scoreable()  # an accuracy over folds that are not whole is comparable with nothing
    features, ids, labels, folds = embed(context.trained(), clips, context)
    predicted = probe(features, labels, folds, pooling=evaluation["pooling"]).predicted
    shuffled = labels[permutation(len(labels), seed, "permuted labels")]
    guessed = probe(features, shuffled, folds, pooling=evaluation["pooling"]).predicted
    accuracy = metrics.mean_accuracy(labels, predicted, folds)
    items = ItemTable()
    for item, fold, label, named in zip(ids, folds.tolist(), labels.tolist(), predicted.tolist(), strict=True):
        items.add(item, condition({}, fold=fold, label=label, predicted=named), "correct", label == named)
    context.add_file(ITEMS, items.write)
    return {
        "score": accuracy,
        "accuracy": accuracy,
        "folds": list(metrics.fold_accuracies(labels, predicted, folds).values()),
        "permuted": metrics.mean_accuracy(shuffled, guessed, folds),
        "permuted_folds": list(metrics.fold_accuracies(shuffled, guessed, folds).values()),
        "chance": metrics.chance(labels),
        "items": len(ids),
        "classes": len(set(labels.tolist())),
        "coverage": str(clips.coverage),
    }


def embed(
    method: Any, clips: Dataset, context: Context
) -> tuple[list[npt.NDArray[np.float64]], list[str], Integers, Integers]:
    """Features (n_windows, D) of every clip, ids, labels (n,) and folds (n,).

    Windows have the method's own length and follow one another, or overlap where the method says by ``probe_hop``; a
    method without a ``window`` takes a clip whole.

    Raises
    ------
    ValueError
        If the method wants another sample rate than the clips have.
    """
    require_rate(method, clips)
    features, ids, labels, folds = [], [], [], []
    for index in range(len(clips)):
        clip = clips[index]
        length = getattr(method, "window", len(clip.waveform))
        cut = windows(clip.waveform, length, getattr(method, "probe_hop", length))
        features.append(method.audio_embedding(torch.from_numpy(cut).to(context.device)).cpu().double().numpy())
        ids.append(clip.id)
        labels.append(clip.kinds[0])
        folds.append(clip.fold)
        context.progress(index + 1, len(clips))
    return features, ids, np.array(labels, dtype=np.int64), np.array(folds, dtype=np.int64)


if __name__ == "__main__":
    command_line("classification")
