"""From a run configuration to what has to be there before it: the run-key chain (PROTOCOLS §R).

key(stage) = H(stage configuration, dataset fingerprint, key of the stage before)
key(evaluation) = H(task configuration, dataset fingerprint, key of the checkpoint)

In the key: what can change a result by intent. Not in it: names (preset, ordering), paths, device, threads, how often
is saved and logged. Orderings that begin alike thus share their stages.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.datasets.actions import actions_fingerprint
from benchmarks.datasets.data_module import Source, data_folder, open_source
from benchmarks.datasets.esc50 import Folds
from benchmarks.datasets.miniature.world import MiniatureConfig
from benchmarks.methods import ABILITIES, can, method_class, named, without_arm
from benchmarks.presets import (
    ActionConfig,
    AVCConfig,
    AVTSConfig,
    ClassificationConfig,
    CountingConfig,
    LocalizationConfig,
    SeparationConfig,
    load,
    methods_of,
    ordering_name,
)
from benchmarks.training.loop import TrainingConfig
from cavl.config import ConfigError, from_dict, to_dict
from cavl.counting import MAX_COUNT
from cavl.curriculum import Stage
from registry.provenance.keys import run_key

EVALUATIONS: dict[str, type] = {
    "action": ActionConfig,
    "avc": AVCConfig,
    "avts": AVTSConfig,
    "classification": ClassificationConfig,
    "counting": CountingConfig,
    "localization": LocalizationConfig,
    "separation": SeparationConfig,
}
#: The networks that tasks train by themselves. Named, not imported: their code is not behind every run.
TRAINED = {
    "action": "baselines.action:ActionClassifier",
    "counting": "cavl.counting:Counter",
    "separation": "cavl.separation:Separator",
}
#: Evaluation entries that say where files are, not what they hold: the dataset's fingerprint says that.
PATHS = ("esc50", "videos", "annotations")
NAMES = ("task", "preset", "method", "ordering", "seed")
ENTRIES = (*NAMES, "model", "stages", "step", "data", "training", "evaluation", "counter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run: its configuration, its key, and the jobs whose weights it starts from."""

    config: Mapping[str, Any]
    key: str
    dataset: str  # fingerprint of what it reads
    sets: tuple[str, ...] = ()  # those of its task's source that it reads
    parents: tuple[Job, ...] = ()

    @property
    def name(self) -> str:
        c = self.config
        parts = (c["task"], self.variant, c["method"], c["ordering"], f"seed {c['seed']}")
        return " ".join(part for part in parts if part)

    @property
    def variant(self) -> str | None:
        """Which of a task's runs on the same weights this is; None where there is but one."""
        task, evaluation = self.config["task"], self.config["evaluation"]
        if task == "classification":
            return str(evaluation["probe"])
        if task == "counting":
            return str(evaluation["labels"])
        if task == "action":
            return str(evaluation["data"]) + (f" fold {evaluation['fold']}" if evaluation["fold"] > 1 else "")
        if task == "separation" and not hasattr(method_class(self.config["method"]), "separate"):
            network, usual = evaluation["network"], to_dict(load(self.config["preset"]).separation.network)
            unusual = [network[name] for name in ("loss", "mixing", "located") if network[name] != usual[name]]
            return " ".join([network["conditioning"], *unusual])
        return None

    @property
    def updates(self) -> int:
        """Updates of training this job does itself."""
        if self.config["task"] == "pretrain":
            return int(self.config["stages"][-1]["updates"])
        return int(self.config["evaluation"].get("updates", 0))

    def chain(self) -> Iterator[Job]:
        """The jobs this one needs, ancestors first, itself last."""
        for parent in self.parents:
            yield from parent.chain()
        yield self


def checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with every value of its type and every default in its place.

    Raises
    ------
    ConfigError
        Naming the unknown key (and the nearest one that exists), or the value that cannot be meant.
    """
    for key in config:
        if key not in ENTRIES:
            near = difflib.get_close_matches(key, ENTRIES, n=1)
            raise ConfigError(
                f"unknown configuration key {key}; "
                + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(ENTRIES)}")
            )
    try:
        typed = dict(config)
        typed["model"] = _model(config["method"], config["model"], "model")
        typed["stages"] = _stages(config["stages"], "stages")
        if config["counter"]:
            typed["counter"] = to_dict(from_dict(CountingConfig, config["counter"], "counter"))
        typed["training"] = to_dict(from_dict(TrainingConfig, config["training"], "training"))
        typed["data"] = to_dict(open_source(config["data"]).config)
        if config["task"] in EVALUATIONS:
            typed["evaluation"] = to_dict(from_dict(EVALUATIONS[config["task"]], config["evaluation"], "evaluation"))
    except ConfigError:
        raise
    except ValueError as error:  # a value out of range, refused by the dataclass itself
        raise ConfigError(str(error)) from error
    if not isinstance(config["seed"], int) or isinstance(config["seed"], bool):
        raise ConfigError(f"seed must be a whole number, not {config['seed']!r}")
    kept = typed["stages"][-1]["checkpoints"] if typed["stages"] else []
    if config["step"] is not None and config["step"] not in kept:
        raise ConfigError(
            f"step={config['step']!r}: the last stage keeps its weights after {kept or 'no'} updates only"
        )
    return typed


def _model(method: str, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    return to_dict(from_dict(method_class(method).Config, values, where))


def _stages(stages: Sequence[Mapping[str, Any]], where: str) -> list[dict[str, Any]]:
    return [to_dict(from_dict(Stage, stage, f"{where}[{i}]")) for i, stage in enumerate(stages)]


def resolve(config: Mapping[str, Any]) -> Job:
    """The job of a run configuration, with its ancestors.

    Raises
    ------
    ConfigError
        As :func:`checked`.
    """
    config = checked(config)
    if all(stage["k"] != "counted" for stage in config["stages"]):
        config["counter"] = {}
    return _pretrain(config) if config["task"] == "pretrain" else _evaluation(config)


def _pretrain(config: Mapping[str, Any]) -> Job:
    stages = config["stages"]
    if not stages:
        raise ConfigError(f"ordering {config['ordering']!r} of {config['method']} trains nothing; evaluate it instead")
    stage = stages[-1]
    parents = [_pretrain({**config, "stages": stages[:-1], "step": None})] if len(stages) > 1 else []
    if stage["k"] == "counted":
        parents.append(_counter(config))
    source = open_source(config["data"]).of("pretrain")
    # The loss needs the curricula; the accuracies along the way need the held-out scenes.
    graded = source.train_counts() if stage["k"] == "counted" else stage["curricula"]
    held_out = set()
    if hasattr(method_class(config["method"]), "scene_distances"):
        held_out = {*stage["curricula"], *([3] if source.has_objects else [])}
    if can(config["method"], "avc") or can(config["method"], "avts"):
        held_out.add(1)
    sets = [f"train {n}" for n in graded] + [f"validation {n}" for n in sorted(held_out)]
    dataset = source.fingerprint(*sets)
    decisive = {
        "method": without_arm(config["method"]),
        "recipe": getattr(method_class(config["method"]), "recipe", {}),
        "model": config["model"],
        "seed": config["seed"],
        "stage": {k: v for k, v in stage.items() if k != "checkpoints"},
        "index": len(stages) - 1,
        "training": {"batch": config["training"]["batch"]},
    }
    key = run_key("pretrain", decisive, dataset, [p.key for p in parents])
    own: dict[str, Any] = {**config, "task": "pretrain", "ordering": ordering_name(config)}
    own |= {"step": None, "evaluation": {}}
    return Job(config=own, key=key, dataset=dataset, sets=tuple(sets), parents=tuple(parents))


def _counter(config: Mapping[str, Any]) -> Job:
    """The counting network behind k="counted": of the same method, not pre-trained, the seed's own."""
    own = {"task": "counting", "ordering": "untrained", "stages": [], "step": None, "evaluation": config["counter"]}
    return _evaluation({**config, **own, "counter": {}})


def _evaluation(config: Mapping[str, Any]) -> Job:
    task, evaluation = config["task"], config["evaluation"]
    if not can(config["method"], task):
        able = [name for name in methods_of(config["preset"], load(config["preset"])) if can(name, task)]
        raise ConfigError(
            f"{config['method']} cannot be measured in {task}: it has no {' or '.join(ABILITIES[task])}; of preset "
            f"{config['preset']!r} these have: {', '.join(able)}"
        )
    parents = (_pretrain(config),) if config["stages"] else ()
    decisive: dict[str, Any] = {"evaluation": {k: v for k, v in evaluation.items() if k not in PATHS}}
    if parents:
        decisive["step"] = config["step"]
    else:  # the initial weights, or a method without any
        decisive |= {"method": without_arm(config["method"]), "model": config["model"], "seed": config["seed"]}
    source = open_source(config["data"]).of(task)
    sets: tuple[str, ...] = ()
    if task == "localization":
        sets = tuple(f"test {n}" for n in source.test_counts() if n <= evaluation["most_sources"])
        if hasattr(method_class(config["method"]), "fit"):
            sets += ("train 1",)  # the annotations of training images
    elif task == "counting":
        sets = (
            *(f"train {n}" for n in source.train_counts()),
            *(f"validation {n}" for n in source.train_counts() if 1 <= n <= MAX_COUNT),
            *(f"test {n}" for n in source.test_counts()),
        )
    elif task == "separation":
        sets = ("train 1", "validation 1", "test 1")
    elif task in ("avc", "avts"):
        sets = ("validation 1", "test 1")
    elif task == "classification" and (probe := probe_set(evaluation)):
        sets = (probe,)
    if sets:
        dataset = source.fingerprint(*sets)
    elif task == "action":
        dataset = actions_fingerprint(world_of(source), evaluation)
    else:
        dataset = read_esc50(evaluation["esc50"], evaluation["probe"]).fingerprint
    decisive["seed"] = config["seed"]  # of the evaluation's own draws: controls, permuted labels, its own training
    if "updates" in evaluation:
        decisive["training"] = {"batch": config["training"]["batch"], "recipe": named(TRAINED[task]).recipe}
    return Job(
        config=config,
        key=run_key(task, decisive, dataset, [p.key for p in parents]),
        dataset=dataset,
        sets=sets,
        parents=parents,
    )


def probe_set(evaluation: Mapping[str, Any]) -> str | None:
    """The set of the source that a probe reads: its own sounds, or ESC-50 as it has it; None: a folder of ESC-50."""
    if evaluation["probe"] in ("miniature", "composite"):
        return "probe"
    return None if evaluation["esc50"] else f"probe {evaluation['probe']}"


def world_of(source: Source) -> MiniatureConfig:
    """The world that motions are drawn from for the task action, whatever the other tasks read."""
    world: MiniatureConfig = getattr(source.config, "world", MiniatureConfig())
    return world


@functools.cache
def read_esc50(folder: str, subset: Literal["esc10", "esc50"]) -> Folds:
    """Once a process: every recording is read for its hash."""
    from benchmarks.preparation.esc50 import from_folder

    return from_folder(folder, subset, data_folder())
