"""Presets: Python files of typed values.

``load("miniature")`` gives one, ``run_config`` the configuration of one of its runs. Each preset is a module of this
package with a ``PRESET``; its docstring states command, data, cost and expected scores. ``load("paper@16")`` is the
rehearsal of one: the same networks and tasks on 16 scenes of each set, two updates a training.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from benchmarks.datasets.data_module import Data
from benchmarks.methods import BUILT_IN, available, method_class
from benchmarks.names import presets as names
from benchmarks.training.loop import TrainingConfig
from cavl.config import ConfigError, from_dict, to_dict
from cavl.curriculum import Ordering, Stage, stages_of
from cavl.separator_config import SeparatorConfig
from registry.nearest import instead


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalizationConfig:
    most_sources: int = 3  # scenes of more are not localized in
    examples: int = 8  # scenes kept as pictures
    batch: int = 32

    def __post_init__(self) -> None:
        if min(self.most_sources, self.batch) < 1 or self.examples < 0:
            raise ValueError("localization needs most_sources and batch >= 1, examples >= 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationConfig:
    probe: Literal["miniature", "composite", "esc10", "esc50"] = "miniature"
    pooling: Literal["mean", "scores"] = "mean"  # over the windows of a clip: features, or decision values
    esc50: str | None = None  # folder of ESC-50, for probe="esc10" and "esc50"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingConfig:
    """Poisson regression on top of a pre-trained audio network (§6.3), by SGD."""

    hidden: int | None = None  # units of the layer before lambda; None: as many as the embedding has (512-512-1)
    updates: int = 10_000
    lr: float = 1e-2
    decay: float = 0.5  # of epoch e: lr / (1 + decay * e)
    labels: Literal["true", "permuted"] = "true"  # permuted: the control, trained on labels shuffled among the scenes

    def __post_init__(self) -> None:
        if self.updates < 1 or self.lr <= 0 or self.decay < 0:
            raise ValueError("counting needs updates >= 1, lr > 0 and decay >= 0")
        if self.hidden is not None and self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparationConfig:
    """A separation network on top of a frozen, pre-trained method that locates the sound-makers (§6.4), by Adam."""

    network: SeparatorConfig = field(default_factory=SeparatorConfig)
    updates: int = 50_000
    lr: float = 1e-3
    pairs: int = 75  # mixtures evaluated, of two test scenes each; at least 2: the control asks for another pair's
    examples: int = 4  # pairs kept as pictures and sounds
    batch: int = 16  # pairs evaluated at once

    def __post_init__(self) -> None:
        if min(self.updates, self.batch) < 1 or self.pairs < 2 or self.lr <= 0 or self.examples < 0:
            raise ValueError("separation needs updates and batch >= 1, pairs >= 2, lr > 0 and examples >= 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class AVCConfig:
    """Audio-visual correspondence: does a sound belong to an image? The threshold is chosen on validation scenes."""

    negatives: int = 4  # other scenes' sounds that every image is paired with
    batch: int = 64

    def __post_init__(self) -> None:
        if min(self.negatives, self.batch) < 1:
            raise ValueError("avc needs negatives and batch >= 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class AVTSConfig:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    seeds: int
    data: Data
    training: TrainingConfig
    methods: Mapping[str, MethodPreset]
    localization: LocalizationConfig = field(default_factory=LocalizationConfig)
    classification: ClassificationConfig = field(default_factory=ClassificationConfig)
    counting: CountingConfig = field(default_factory=CountingConfig)  # also the counter of stages with k="counted"
    separation: SeparationConfig = field(default_factory=SeparationConfig)
    avc: AVCConfig = field(default_factory=AVCConfig)
    avts: AVTSConfig = field(default_factory=AVTSConfig)
    action: ActionConfig = field(default_factory=ActionConfig)


def load(name: str) -> Preset:
    """The preset ``name``, of "paper@16" the rehearsal with 16 scenes of each set.

    Raises
    ------
    ConfigError
        For a preset or a rehearsal that there is not, naming the presets there are.
    """
    base, limit = limit_of(name)
    if base not in names():
        raise ConfigError(f"unknown preset {base!r}; {instead(base, names())}")
    preset: Preset = importlib.import_module(f"{__name__}.{base}").PRESET
    return preset if limit is None else limited(preset, limit)


# -- rehearsals ------------------------------------------------------------------------------------------------------

REHEARSED_UPDATES = 2
REHEARSED_BATCH = 4  # the least with which a batch of MUSIC's solos is hardly ever of one instrument: 1 in 1,300


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
        localization=replace(preset.localization, batch=REHEARSED_BATCH, examples=2),
        counting=_rehearsed(preset.counting),
        separation=replace(_rehearsed(preset.separation), pairs=2, batch=2, examples=2),
        avc=replace(preset.avc, negatives=1, batch=REHEARSED_BATCH),
        avts=replace(preset.avts, moments=1, validation_moments=1, batch=REHEARSED_BATCH),
        action=replace(
            _rehearsed(preset.action),
            **{split: min(n, getattr(preset.action, split)) for split in ("train", "validation", "test")},
        ),
    )


def _rehearsed(part: Any) -> Any:
    return replace(part, updates=min(part.updates, REHEARSED_UPDATES))


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


# -- configurations --------------------------------------------------------------------------------------------------


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
        parts: Mapping[str, Any] = getattr(cls, "presets", {})
        part = parts.get(base, parts.get("*"))
        if part is None:
            continue
        stages = tuple(from_dict(Stage, s, f"{method}.stages") for s in part.get("stages", ()))
        # What is trained is shown untrained as well.
        orderings: dict[str, Ordering] = {"own": stages, "untrained": ()} if stages else {"none": ()}
        whole = MethodPreset(model=part.get("model", {}), orderings=_always(orderings), runs=tuple(orderings))
        found[method] = whole if limit is None else _rehearsed_method(whole, limit)
    return found


def _always(orderings: Mapping[str, Ordering]) -> Callable[[int], Mapping[str, Ordering]]:
    return lambda seed: orderings


def run_config(task: str, preset_name: str, method: str, ordering: str, seed: int) -> dict[str, Any]:
    """The complete configuration of one run, as plain values: what Sacred stores and the run key is made of.

    Raises
    ------
    ConfigError, ValueError
        For a preset, method or ordering that there is not.
    """
    preset = load(preset_name)
    methods = methods_of(preset_name, preset)
    if method not in methods:
        method_class(method)  # says so if there is no such method at all
        raise ConfigError(f"preset {preset_name!r} has no method {method!r}; it has: {', '.join(methods)}")
    chosen = methods[method]
    stages, step = stages_of(ordering, chosen.orderings(seed))
    evaluation = None if task == "pretrain" else getattr(preset, task)
    config: dict[str, Any] = {
        "task": task,
        "preset": preset_name,
        "method": method,
        "ordering": ordering,
        "seed": seed,
        "model": to_dict(from_dict(method_class(method).Config, chosen.model, "model")),
        "stages": [to_dict(s) for s in stages],
        "step": step,  # evaluate the weights after this update of the last stage; None: the last ones
        "data": to_dict(chosen.data or preset.data),
        "training": to_dict(preset.training),
        "evaluation": {} if evaluation is None else to_dict(evaluation),
        "counter": to_dict(preset.counting),  # read by stages with k="counted" only
    }
    return config


def ordering_name(config: Mapping[str, Any]) -> str:
    """The name under which a run's stages are known in its preset: of c1-c2-c3's first stage, "c1"."""
    preset = load(config["preset"])
    part = methods_of(config["preset"], preset).get(config["method"])
    if part is not None:
        for name, stages in part.orderings(config["seed"]).items():
            if [to_dict(s) for s in stages] == list(config["stages"]):
                return name
    base = re.split(r"[@\[]", str(config["ordering"]))[0]
    return f"{base}[:{len(config['stages'])}]"
