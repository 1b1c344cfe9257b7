"""Configuration of one run, as one typed object from the command line to the key.

Plain dictionaries exist at Sacred's border only: :meth:`RunConfig.to_dict` is what a record keeps, and
:meth:`RunConfig.from_dict` reads it, or what a user has typed.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import presets
from benchmarks.catalogue import PRETRAIN, TASKS
from benchmarks.datasets.data_module import open_data_module
from benchmarks.methods import method_class
from benchmarks.training.loop import TrainingConfig
from cavl.config import ConfigError, from_dict, to_dict
from cavl.curriculum import Ordering, Stage, stages_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """What a run is made of. The first five entries are names; with a seed they give the others (:func:`configure`)."""

    task: str
    preset: str
    method: str
    ordering: str
    seed: int
    model: Any  # the method's Config
    stages: Ordering
    step: int | None  # evaluate the weights after this update of the last stage; None: the last ones
    data: Any  # configuration of a data module
    training: TrainingConfig
    evaluation: Any  # the task's Config; None for pre-training
    counter: Any  # the counting task's Config, read by stages with k="counted" only; None without such stages

    def __post_init__(self) -> None:
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise ConfigError(f"seed must be a whole number, not {self.seed!r}")
        kept = self.stages[-1].checkpoints if self.stages else ()
        if self.step is not None and self.step not in kept:
            raise ConfigError(
                f"step={self.step!r}: the last stage keeps its weights after {list(kept) or 'no'} updates only"
            )

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> RunConfig:
        """Every value of its type, every default in its place.

        Raises
        ------
        ConfigError
            Naming the unknown key (and the nearest that exists), the missing one, or the value that cannot be meant.
        """
        known = [entry.name for entry in dataclasses.fields(cls)]
        for key in plain:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                instead = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
                raise ConfigError(f"unknown configuration key {key}; {instead}")
        if missing := [entry for entry in known if entry not in plain]:
            raise ConfigError(
                f"its configuration has no {', '.join(missing)}: another program, or another version of this one, made "
                "it"
            )
        try:
            return cls(**{**plain, **_typed(plain)})
        except ConfigError:
            raise
        except ValueError as error:  # a value out of range, refused by the dataclass itself
            raise ConfigError(str(error)) from error

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an entry without a configuration is empty."""
        plain = to_dict(self)
        return {**plain, **{entry: plain[entry] or {} for entry in ("evaluation", "counter")}}

    def named_as(self) -> str:
        """The name under which its stages are known in its preset: of c1-c2-c3's first stage, "c1"."""
        part = presets.methods_of(self.preset, presets.load(self.preset)).get(self.method)
        for name, stages in part.orderings(self.seed).items() if part else ():
            if stages == self.stages:
                return name
        base = re.split(r"[@\[]", self.ordering)[0]
        return f"{base}[:{len(self.stages)}]"

    def relocated(self, paths: Mapping[str, str]) -> RunConfig:
        """The same with the folders that it names where ``paths`` (entry -> folder) says that they lie now.

        Raises
        ------
        ConfigError
            For an entry that names no folder in any task's configuration, or a folder that is not there.
        """
        known = [name for task in TASKS.available for name in TASKS.load(task).paths]
        for name in paths:
            if name not in known:
                raise ConfigError(f"--path {name}=...: a configuration names no such folder, but {', '.join(known)}")
        given = {name: folder for name in TASKS.load(self.task).paths if (folder := getattr(self.evaluation, name))}
        there = {name: paths.get(name, folder) for name, folder in given.items()}
        for name, folder in there.items():
            if not Path(folder).exists():
                raise ConfigError(
                    f"evaluation.{name} is {folder}, which is not there; say where it lies now: --path {name}=DIR"
                )
        return replace(self, evaluation=replace(self.evaluation, **there)) if there else self


def _typed(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that are configurations themselves."""
    task = TASKS.load(plain["task"])
    counting = TASKS.load("counting").Config
    stages = [from_dict(Stage, stage, f"stages[{i}]") for i, stage in enumerate(plain["stages"])]
    return {
        "model": from_dict(method_class(plain["method"]).Config, plain["model"], "model"),
        "stages": tuple(stages),
        "counter": from_dict(counting, plain["counter"], "counter") if plain["counter"] else None,
        "training": from_dict(TrainingConfig, plain["training"], "training"),
        "data": open_data_module(plain["data"]).config,
        "evaluation": None if plain["task"] == PRETRAIN else from_dict(task.Config, plain["evaluation"], "evaluation"),
    }


def configure(task: str, preset_name: str, method: str, ordering: str, seed: int) -> RunConfig:
    """The complete configuration of one run.

    Raises
    ------
    ConfigError, ValueError
        For a preset, method or ordering that does not exist.
    """
    preset = presets.load(preset_name)
    methods = presets.methods_of(preset_name, preset)
    if method not in methods:
        method_class(method)  # says so if there is no such method at all
        raise ConfigError(f"preset {preset_name!r} has no method {method!r}; it has: {', '.join(methods)}")
    chosen = methods[method]
    stages, step = stages_of(ordering, chosen.orderings(seed))
    return RunConfig(
        task=task,
        preset=preset_name,
        method=method,
        ordering=ordering,
        seed=seed,
        model=from_dict(method_class(method).Config, chosen.model, "model"),
        stages=stages,
        step=step,
        data=chosen.data or preset.data,
        training=preset.training,
        evaluation=preset.evaluation(task),
        counter=preset.evaluation("counting"),
    )
