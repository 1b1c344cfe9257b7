"""Presets: Python files of typed values.

``load("miniature")`` gives one: a module of this package with a ``PRESET``, whose docstring states command, data, cost
and expected scores; a third party's, from the entry-point group ``cavl.presets``; or that of a file, by its path
(``load("mine.py")``). ``load("paper@16")`` is the rehearsal of one: the same networks and tasks on 16 scenes of each
set, two updates a training.
"""

from __future__ import annotations

import functools
import runpy
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.catalogue import PRESETS, PRETRAIN, TASKS
from benchmarks.datasets.data_module import Data
from benchmarks.methods import BUILT_IN, available, method_class, without_arm
from benchmarks.tasks.task import REHEARSED_BATCH, REHEARSED_UPDATES
from benchmarks.training.loop import TrainingConfig
from cavl.config import ConfigError, from_dict
from cavl.curriculum import Ordering, Stage

#: Values that differ from the preset's: each makes one run of a task.
Variants = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPreset:
    """One method, or one arm of it, in a preset.

    ``orderings``: seed -> its named orderings; ``runs``: those of the main job.
    """

    model: Mapping[str, Any] = field(default_factory=dict)
    orderings: Callable[[int], Mapping[str, Ordering]] = lambda seed: {"none": ()}
    runs: tuple[str, ...] = ("none",)
    #: task -> ordering -> variants, for tasks of which the main job runs not every ordering, or some in several ways.
    variants: Mapping[str, Mapping[str, Variants]] = field(default_factory=dict)
    data: Data | None = None  # for an arm that is trained on other data than the preset's
    tasks: tuple[str, ...] | None = None  # what it is measured in; None: all that it can
    on_request: bool = False  # runs where ``--methods`` names it, and not otherwise


def trained(model: Mapping[str, Any], orderings: Mapping[str, Ordering], *runs: str, **more: Any) -> MethodPreset:
    """A method whose orderings are the same for every seed."""
    return MethodPreset(model=model, orderings=lambda seed: orderings, runs=runs, **more)


#: Masks that see no image, and maps that hear no sound.
MASKS, DEAF = ("full-frame", "centred-square", "mean-training-map", "random-box"), ("edge-density", "spectral-residual")
#: Methods without a network: these, and the sound's own statistics.
TRIVIAL: Mapping[str, MethodPreset] = {
    **{name: MethodPreset() for name in (*MASKS, *DEAF)},
    "spectrogram-statistics": MethodPreset(model={"sample_rate": 11_025}),
}


def cheap_rivals(window: int) -> Mapping[str, MethodPreset]:
    """Of the counting and the separation network, what is learned in seconds; counters hear ``window`` samples.

    That is as many as the preset's counting networks hear.
    """
    counters = {name: MethodPreset(model={"window": window}) for name in ("count-logistic", "count-trees")}
    return {**counters, "mean-spectrum": MethodPreset()}


#: What AV-MIML has at 11,025 Hz: frames of 0.1 s, as published.
AV_MIML = {"sample_rate": 11_025, "fft": 1_102}
#: Separation by NMF. Scaled: half a CPU-minute a seed.
FACTORING: Mapping[str, MethodPreset] = {
    "nmf-mfcc": MethodPreset(),
    "av-miml": MethodPreset(
        model={**AV_MIML, "iterations": 60, "hidden": 128, "epochs": 60, "batch": 32, "solos": 20, "kept": 25}
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What the main job runs. ``evaluations``: task -> its ``Config``, where that is not the default one.

    ``rates``: the grids of :mod:`benchmarks.presets.learning_rates` that its learning rates were chosen from.
    """

    seeds: int
    data: Data
    training: TrainingConfig
    methods: Mapping[str, MethodPreset]
    evaluations: Mapping[str, Any] = field(default_factory=dict)
    rates: tuple[str, ...] = ()

    def evaluation(self, task: str) -> Any:
        """The task's configuration in this preset; None for pre-training, which has stages."""
        if task == PRETRAIN:
            return None
        return self.evaluations[task] if task in self.evaluations else TASKS.load(task).Config()


def load(name: str) -> Preset:
    """The preset ``name`` or of a file ``name.py``, of "paper@16" the rehearsal with 16 scenes of each set.

    Third-party tasks that bring a part for it (or for any: "*") are in it.

    Raises
    ------
    ConfigError
        For a preset or a rehearsal that does not exist, naming those that do.
    """
    base, limit = limit_of(name)
    preset = _from_file(Path(base)) if base.endswith(".py") else _by_name(base)
    joined = {
        task: from_dict(found.Config, part, f"{task}.presets")
        for task, found in TASKS.third_parties()
        if task not in preset.evaluations and (part := part_of(found, base)) is not None
    }
    preset = replace(preset, evaluations={**preset.evaluations, **joined})
    return preset if limit is None else limited(preset, limit)


def _by_name(name: str) -> Preset:
    try:
        preset: Preset = PRESETS.load(name)
    except ValueError as error:
        raise ConfigError(f"{error}, or a file: path/to/preset.py") from None
    return preset


@functools.cache
def _from_file(path: Path) -> Preset:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file to read a preset from")
    try:
        preset = runpy.run_path(str(path)).get("PRESET")
    except Exception as error:  # whatever a user's file may raise
        lines = [place.lineno for place in traceback.extract_tb(error.__traceback__) if place.filename == str(path)]
        where = f"{path}, line {lines[-1]}" if lines else f"{path}"
        raise ConfigError(f"{where}: {type(error).__name__}: {error}") from error
    if not isinstance(preset, Preset):
        raise ConfigError(f"{path} has no PRESET, a benchmarks.presets.Preset")
    return preset


def names() -> list[str]:
    return sorted(PRESETS.available)


def label(name: str) -> str:
    """How a preset's plan and report are called: "mine@16" for "/home/me/mine.py@16"."""
    base, limit = limit_of(name)
    return (Path(base).stem if base.endswith(".py") else base) + ("" if limit is None else f"@{limit}")


def part_of(plugin: Any, preset: str) -> Mapping[str, Any] | None:
    """What a third party's class brings for the preset of this name, or for any ("*")."""
    parts: Mapping[str, Any] = getattr(plugin, "presets", {})
    return parts.get(label(preset), parts.get("*"))


def remodelled(preset: Preset, **changes: Mapping[str, Any]) -> Preset:
    """The preset with other values in the models of these methods and of their arms."""
    methods = {
        name: replace(part, model={**part.model, **changes.get(without_arm(name), {})})
        for name, part in preset.methods.items()
    }
    return replace(preset, methods=methods)


def asked_otherwise(part: MethodPreset, runs: Sequence[str], **changes: Any) -> MethodPreset:
    """An arm that is the method ``part`` itself, weights and all, asked otherwise where sounds come from.

    ``changes`` of the localization task's configuration; ``runs``: its orderings, beside the untrained network.
    """
    runs = (*runs, "untrained")
    asked: Mapping[str, Variants] = dict.fromkeys(runs, (changes,))
    return replace(part, runs=runs, variants={"localization": asked}, tasks=("localization",))


def tasks_of(preset: Preset) -> list[str]:
    """The tasks that a preset's methods are measured in: the built-in ones, and third parties' that have joined."""
    return [task for task in TASKS.available if task in TASKS.built_in or task in preset.evaluations]


# -- rehearsals ------------------------------------------------------------------------------------------------------


def limit_of(name: str) -> tuple[str, int | None]:
    """ "paper@16" -> ("paper", 16), "paper" -> ("paper", None)."""
    base, at, limit = name.partition("@")
    if at and (not limit.isdecimal() or int(limit) < 2):
        raise ConfigError(f"{name!r}: a rehearsal has at least 2 scenes of each set, as in {base}@16")
    return base, int(limit) if at else None


def limited(preset: Preset, n: int) -> Preset:
    """The preset's rehearsal: every network, stage and task of one seed, on ``n`` scenes of each set, two updates each.

    Left out are runs that so few updates cannot have: checkpoints on the way, and scenes graded by a counter that has
    not learned to count.
    """
    return replace(
        preset,
        seeds=1,
        data=preset.data.limited(n),
        training=replace(
            preset.training,
            batch=REHEARSED_BATCH,
            monitor_every=REHEARSED_UPDATES,
            monitor_early=(),
            checkpoint_every=1,
        ),
        methods={name: _rehearsed_method(part, n) for name, part in preset.methods.items()},
        evaluations={
            task: TASKS.load(task).rehearsed(evaluation, n)
            for task in tasks_of(preset)
            if (evaluation := preset.evaluation(task)) is not None
        },
    )


def _rehearsed_method(part: MethodPreset, n: int) -> MethodPreset:
    def orderings(seed: int) -> dict[str, Ordering]:
        return {
            name: tuple(
                replace(stage, updates=min(stage.updates, REHEARSED_UPDATES), checkpoints=()) for stage in stages
            )
            for name, stages in part.orderings(seed).items()
        }

    def counted(run: str) -> bool:
        return any(stage.k == "counted" for stage in part.orderings(1)[run])

    runs = tuple(run for run in part.runs if "@" not in run and not counted(run))
    return replace(part, orderings=orderings, runs=runs, data=part.data and part.data.limited(n))


# -- methods ---------------------------------------------------------------------------------------------------------


def methods_of(name: str, preset: Preset) -> dict[str, MethodPreset]:
    """The preset's methods, and every third-party method that brings a part for this preset (or for any: "*")."""
    base, limit = limit_of(name)
    found = dict(preset.methods)
    for method in available():
        if method in found or method in BUILT_IN:
            continue
        try:
            cls = method_class(method)
        except Exception as error:  # whatever another's package may raise, it stops nobody else's method
            warnings.warn(f"method {method!r} is left out, its package fails: {error!r}", stacklevel=2)
            continue
        part = part_of(cls, base)
        if part is None:
            continue
        stages = tuple(from_dict(Stage, s, f"{method}.stages") for s in part.get("stages", ()))
        # What is trained is shown untrained as well.
        orderings: dict[str, Ordering] = {"own": stages, "untrained": ()} if stages else {"none": ()}
        whole = trained(part.get("model", {}), orderings, *orderings)
        found[method] = whole if limit is None else _rehearsed_method(whole, limit)
    return found
