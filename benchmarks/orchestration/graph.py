"""Graph of runs: what has to be there before a run, and the chain of run keys (PROTOCOLS §R).

key(stage) = H(stage configuration, dataset fingerprint, key of the stage before)
key(evaluation) = H(task configuration, dataset fingerprint, key of the checkpoint)

In the key: what can change a result by intent. Not in it: names (preset, ordering), paths, device, threads, how often
is saved and logged. Orderings that begin alike thus share their stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import presets
from benchmarks.catalogue import PRETRAIN, TASKS
from benchmarks.datasets.data_module import open_data_module
from benchmarks.methods import can, method_class, without_arm
from benchmarks.orchestration.run_config import RunConfig
from cavl.config import ConfigError, decisive_part, to_dict
from registry.provenance.keys import run_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run: its configuration, its key, and the jobs whose weights it starts from."""

    config: RunConfig
    key: str
    dataset: str  # fingerprint of what it reads
    sets: tuple[str, ...] = ()  # those of its task's data module that it reads
    parents: tuple[Job, ...] = ()

    @property
    def name(self) -> str:
        c = self.config
        parts = (c.task, self.variant, c.method, c.ordering, f"seed {c.seed}")
        return " ".join(part for part in parts if part)

    @property
    def variant(self) -> str | None:
        """Which of a task's runs on the same weights this is; None where there is but one."""
        config = self.config
        if config.task == PRETRAIN:
            return None
        usual = presets.load(config.preset).evaluation(config.task)
        variant: str | None = TASKS.load(config.task).variant(config.evaluation, usual, method_class(config.method))
        return variant

    @property
    def updates(self) -> int:
        """Updates of training this job does itself."""
        if self.config.task == PRETRAIN:
            return self.config.stages[-1].updates
        return int(TASKS.load(self.config.task).updates(self.config.evaluation, method_class(self.config.method)))

    def chain(self) -> Iterator[Job]:
        """The jobs this one needs, ancestors first, itself last."""
        for parent in self.parents:
            yield from parent.chain()
        yield self


def resolve(config: RunConfig) -> Job:
    """The job of a run configuration, with its ancestors.

    Raises ConfigError if its method cannot be measured in its task, or its ordering trains nothing.
    """
    if not _counts(config) and all(stage.k != "counted" for stage in config.stages):
        config = replace(config, counter=None)
    return _pretraining(config) if config.task == PRETRAIN else _evaluation(config)


def _counts(config: RunConfig) -> bool:
    """Whether the evaluation asks the method's counting network."""
    return config.task != PRETRAIN and bool(TASKS.load(config.task).counts(config.evaluation))


def _pretraining(config: RunConfig) -> Job:
    if not config.stages:
        raise ConfigError(f"ordering {config.ordering!r} of {config.method} trains nothing; evaluate it instead")
    if all(stage.k != "counted" for stage in config.stages):
        config = replace(config, counter=None)
    stage, method = config.stages[-1], method_class(config.method)
    parents = [_pretraining(replace(config, stages=config.stages[:-1], step=None))] if len(config.stages) > 1 else []
    if stage.k == "counted":
        parents.append(_counter(config))
    data = open_data_module(to_dict(config.data)).of(PRETRAIN)
    sets = TASKS.load(PRETRAIN).sets(stage, data, method)
    dataset = data.fingerprint(*sets)
    decisive = {
        "method": without_arm(config.method),
        "recipe": getattr(method, "recipe", {}),
        "model": decisive_part(config.model),
        "seed": config.seed,
        "stage": {name: value for name, value in decisive_part(stage).items() if name != "checkpoints"},
        "index": len(config.stages) - 1,
        "training": {"batch": config.training.batch},
    }
    return Job(
        config=replace(config, task=PRETRAIN, ordering=config.named_as(), step=None, evaluation=None),
        key=run_key(PRETRAIN, decisive, dataset, [p.key for p in parents]),
        dataset=dataset,
        sets=sets,
        parents=tuple(parents),
    )


def _counter(config: RunConfig) -> Job:
    """The counting network behind k="counted", of a stage or an evaluation: of the same method, not pre-trained, the
    seed's own."""
    config = replace(config, task="counting", ordering="untrained", stages=(), step=None)
    return _evaluation(replace(config, evaluation=config.counter, counter=None))


def _evaluation(config: RunConfig) -> Job:
    task, method = TASKS.load(config.task), method_class(config.method)
    if not can(config.method, config.task):
        all_methods = presets.methods_of(config.preset, presets.load(config.preset))
        able = [name for name in all_methods if can(name, config.task)]
        raise ConfigError(
            f"{config.method} cannot be measured in {config.task}: it has no {' or '.join(task.abilities)}; of preset "
            f"{config.preset!r} these have: {', '.join(able)}"
        )
    parents = [_pretraining(config)] if config.stages else []
    if _counts(config):
        parents.append(_counter(config))
    evaluation = {name: value for name, value in decisive_part(config.evaluation).items() if name not in task.paths}
    decisive: dict[str, Any] = {"evaluation": evaluation}
    if config.stages:
        decisive["step"] = config.step
    else:  # the initial weights, or a method without any
        decisive |= {"method": without_arm(config.method), "model": decisive_part(config.model), "seed": config.seed}
    decisive["seed"] = config.seed  # of the evaluation's own draws: controls, permuted labels, its own training
    if task.network is not None:
        decisive["training"] = {"batch": config.training.batch, "recipe": task.network.recipe}
    data = open_data_module(to_dict(config.data)).of(config.task)
    sets = task.sets(config.evaluation, data, method)
    dataset = task.fingerprint(config.evaluation, data, sets)
    return Job(
        config=config,
        key=run_key(config.task, decisive, dataset, [p.key for p in parents]),
        dataset=dataset,
        sets=sets,
        parents=tuple(parents),
    )
