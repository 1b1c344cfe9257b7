"""Sound classification by a linear probe on the frozen audio trunk (§4.3.2, Table 1; PROTOCOLS §7).

    python -m benchmarks.tasks.classification with method=cavl ordering=c1-c2 seed=3
    python -m benchmarks.tasks.classification with ordering=c1 evaluation.probe=esc10 evaluation.esc50=DIR

``probe`` is "miniature" (the preset's own sounds: those of the miniature world, in five folds), "esc10" or "esc50" (the
real recordings in their official folds, from a folder or as they are prepared), "dcase" (acoustic scenes, from a
folder). ``permuted`` is the same pipeline on labels permuted among the clips: it must be at chance.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets.data_module import DataModule, data_folder
from benchmarks.datasets.folds import Folds, IncompleteError
from benchmarks.datasets.prepared import NotPreparedError
from benchmarks.datasets.scene import Dataset
from benchmarks.items import ItemTable
from benchmarks.metrics import classification as metrics
from benchmarks.metrics.linear_probe import probe, windows
from benchmarks.tasks.context import Context
from benchmarks.tasks.task import CardScore, Given, Task
from benchmarks.training.batching import require_rate
from benchmarks.training.seeding import permutation
from cavl.config import ConfigError
from registry.item_table import ITEMS, condition

Integers = npt.NDArray[np.int64]
Subset = Literal["esc10", "esc50"]
SUBSETS: tuple[Subset, ...] = ("esc10", "esc50")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationConfig:
    probe: Literal["miniature", "composite", "esc10", "esc50", "dcase"] = "miniature"
    pooling: Literal["mean", "scores"] = "mean"  # over the windows of a clip: features, or decision values
    esc50: str | None = None  # folder of ESC-50, for probe="esc10" and "esc50"
    dcase: str | None = None  # folder of DCASE's acoustic scenes, for probe="dcase"


def measure(context: Context) -> dict[str, Any]:
    """Embed every clip, fit the probe fold by fold, score it."""
    evaluation, seed = context.config.evaluation, context.config.seed
    clips: Any
    if own := probe_set(evaluation):
        clips = context.data.named(own)
    else:
        clips = read_folder(evaluation)
    if hasattr(clips, "require_scoreable"):
        clips.require_scoreable()  # an accuracy over folds that are not whole is comparable with nothing
    features, ids, labels, folds = embed(context.trained(), clips, context)
    predicted = probe(features, labels, folds, pooling=evaluation.pooling).predicted
    shuffled = labels[permutation(len(labels), seed, "permuted labels")]
    guessed = probe(features, shuffled, folds, pooling=evaluation.pooling).predicted
    accuracy = metrics.mean_accuracy(labels, predicted, folds)
    items = ItemTable(clips)
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


def probe_set(evaluation: ClassificationConfig) -> str | None:
    """The set that a probe reads: the preset's own sounds, or ESC-50 as prepared; None: a folder that is named."""
    if evaluation.probe in ("miniature", "composite"):
        return "probe"
    return None if evaluation.esc50 or evaluation.probe == "dcase" else f"probe {evaluation.probe}"


def read_folder(evaluation: ClassificationConfig) -> Folds:
    """The recordings of the folder that the configuration names; :class:`ConfigError` if it names none."""
    if evaluation.probe != "dcase":
        return read_esc50(str(evaluation.esc50), evaluation.probe)  # type: ignore[arg-type]
    if not evaluation.dcase:
        raise ConfigError("evaluation.probe='dcase' needs the folder: evaluation.dcase=DIR (the suite: --dcase DIR)")
    return read_dcase(evaluation.dcase)


@functools.cache
def read_esc50(folder: str, subset: Subset) -> Folds:
    """Once a process: every recording is read for its hash."""
    from benchmarks.preparation.esc50 import from_folder  # slow to import, and few runs ask for it

    return from_folder(folder, subset, data_folder())


@functools.cache
def read_dcase(folder: str) -> Folds:
    """As :func:`read_esc50`."""
    from benchmarks.preparation.dcase import from_folder

    return from_folder(folder, data_folder())


@functools.cache
def scoreable(folder: str) -> dict[Subset, str]:
    """The subsets of ESC-50 in ``folder`` of which every fold is whole -> their coverage.

    There is no accuracy over folds that are not whole: what is left out is said, with the first missing files.
    """
    found = {subset: read_esc50(folder, subset) for subset in SUBSETS}
    return {subset: str(recordings.coverage) for subset, recordings in found.items() if _whole(recordings)}


def prepared_probes(data: DataModule) -> list[Subset]:
    """The subsets of ESC-50 as prepared of which every fold is whole; both, where it is not prepared at all."""
    whole: list[Subset] = []
    for subset in SUBSETS:
        with contextlib.suppress(NotPreparedError):
            if not _whole(data.named(f"probe {subset}")):
                continue
        whole.append(subset)
    return whole


def dcase_scoreable(folder: str) -> bool:
    """Whether every fold of DCASE's acoustic scenes in ``folder`` is whole; what is left out is said."""
    return _whole(read_dcase(folder))


def _whole(recordings: Any) -> bool:
    try:
        recordings.require_scoreable()
    except IncompleteError as error:
        _say_once(f"left out: {error}")
        return False
    return True


@functools.cache
def _say_once(sentence: str) -> None:
    print(sentence, file=sys.stderr)


class Classification(Task):
    Config = ClassificationConfig
    abilities = ("audio_embedding",)
    paths = ("esc50", "dcase")
    scores = (
        CardScore(text="accuracy of a linear probe", place="accuracy"),
        CardScore(text="accuracy on permuted labels (control)", place="permuted"),
    )
    measure = staticmethod(measure)

    @classmethod
    def sets(cls, evaluation: ClassificationConfig, data: DataModule, method: Any) -> tuple[str, ...]:
        own = probe_set(evaluation)
        return (own,) if own else ()

    @classmethod
    def fingerprint(cls, evaluation: ClassificationConfig, data: DataModule, sets: tuple[str, ...]) -> str:
        return data.fingerprint(*sets) if sets else read_folder(evaluation).fingerprint

    @classmethod
    def variant(cls, evaluation: ClassificationConfig, usual: ClassificationConfig, method: Any) -> str:
        return evaluation.probe

    @classmethod
    def expand(cls, evaluation: ClassificationConfig, data: DataModule, given: Given) -> Iterator[ClassificationConfig]:
        """What the probe is asked of: the preset's own sounds, and the recordings in folders of ESC-50 and of DCASE.

        Where the preset's own sounds are ESC-50 as prepared, a folder of it takes their place.
        """
        if evaluation.probe == "composite" and given.esc50:
            raise ValueError(
                f"preset {given.preset!r} has no use for --esc50: its scenes hold recordings of ESC-50, of whose folds "
                "none would be unheard"
            )
        if evaluation.probe in ("miniature", "composite"):
            yield evaluation
        elif not given.esc50:
            yield from (replace(evaluation, probe=subset) for subset in prepared_probes(data))
        for subset in scoreable(given.esc50) if given.esc50 else ():
            yield replace(evaluation, probe=subset, esc50=given.esc50)
        if given.dcase and dcase_scoreable(given.dcase):
            yield replace(evaluation, probe="dcase", dcase=given.dcase)


if __name__ == "__main__":
    from benchmarks.orchestration.experiment import command_line

    command_line("classification")
