"""The tasks as Sacred experiments: one wiring for all, so that a task's own file holds only what it measures.

    python -m benchmarks.tasks.localization with method=cavl ordering=c1-c2 seed=3 preset=miniature

Every run is recorded by the file registry (``$CAVL_HOME``, default ``./runs``); what it starts from is trained first
where it is not there yet; a run whose key is already answered is not repeated (``force=True`` repeats it).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sacred
import torch
from docopt import DocoptExit, docopt  # by which Sacred reads its command line
from sacred.run import Run
from sacred.utils import SacredError
from torch import nn

from benchmarks import methods, presets
from benchmarks.datasets.data_module import Source, module_of, open_source
from benchmarks.methods import method_class
from benchmarks.orchestration.graph import ENTRIES, NAMES, Job, resolve
from benchmarks.progress import Report, progress_bar
from benchmarks.protocol import PROTOCOL
from benchmarks.training.checkpoints import CheckpointError, Checkpoints
from benchmarks.training.loop import (
    TrainingConfig,
    TrainingError,
    choose_device,
    choose_precision,
    initialise,
    set_threads,
)
from cavl.config import from_dict
from registry.files import MONGO, expanded, home, require_home
from registry.index import Registry
from registry.mongo.address import MongoError
from registry.mongo.mirror import mirrors
from registry.provenance.code_digest import code_digest
from registry.provenance.environment import environment
from registry.record.observer import (
    AlreadyRunning,
    RegistryObserver,
    flush,
    recorded,
    sigterm_as_interrupt,
    verify_written,
)
from registry.record.run_record import Pedigree, Record, RecordError, to_json

ROOT = Path(__file__).parents[2]
#: Whose sources stand behind a score. The registry only keeps it: no change there makes a run stale.
PACKAGES = ("cavl", "baselines", "benchmarks")
#: How a setting begins on Sacred's command line.
SETTING = re.compile(r"[A-Za-z_][\w.]*=")


@dataclass(slots=True)
class Context:
    """What a task's measuring function is given."""

    job: Job
    run: Run
    source: Source  # of the task's sets
    settings: TrainingConfig
    store: Path  # where this run's own weights go: the home, or a temporary folder of an unobserved run
    progress: Report

    @property
    def config(self) -> Mapping[str, Any]:
        return self.job.config

    @property
    def device(self) -> torch.device:
        return choose_device(self.settings.device)

    def log(self, name: str, value: float, step: int) -> None:
        self.run.log_scalar(name, float(value), step)

    def flush(self) -> None:
        flush(self.run)

    def checkpoints(self) -> Checkpoints:
        """This run's own."""
        return Checkpoints(self.store, self.job.key)

    def parent(self, which: int, step: int | None = None) -> Any:
        """The method of a parent with the weights it ended with (``step``: those it kept there), in evaluation mode."""
        return self.load(which, build(self.job.parents[which].config), step)

    def load(self, which: int, module: nn.Module, step: int | None = None) -> Any:
        """``module`` with the weights of a parent's run, on the device and in evaluation mode.

        Raises
        ------
        CheckpointError
            If the weights are missing, or not those that the parent's run recorded.
        """
        job = self.job.parents[which]
        record = Registry(home()).find(job.key)
        recorded_digest = None
        if record is not None:
            recorded_digest = record.result["weights"] if step is None else record.result["kept"].get(str(step))
        Checkpoints(home(), job.key).load_weights(module, step, recorded_digest)
        return module.to(self.device).eval()

    def trained(self) -> Any:
        """The method to be evaluated; a plain object for methods without weights."""
        if self.job.parents:
            return self.parent(0, self.config["step"])
        method = build(self.config)
        return method.to(self.device).eval() if isinstance(method, nn.Module) else method

    def add_file(self, name: str, write: Callable[[Path], None]) -> None:
        """Keep as an artifact of the run the file that ``write`` writes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            write(path)
            self.run.add_artifact(str(path), name)


def build(config: Mapping[str, Any]) -> Any:
    cls = method_class(config["method"])
    model = from_dict(cls.Config, config["model"], "model")
    return initialise(lambda: cls(model), config["seed"])


def pedigree(config: Mapping[str, Any]) -> Pedigree:
    """Where the result of ``config`` comes from, before it is there."""
    job = resolve({k: config[k] for k in ENTRIES})
    settings = from_dict(TrainingConfig, config["training"], "training")
    step = config["step"] if config["task"] != "pretrain" else None
    method = methods.module_of(config["method"])
    return Pedigree(
        key=job.key,
        task=config["task"],
        parents=tuple(p.key for p in job.parents),
        parent_digests=tuple(
            Checkpoints(home(), p.key).digest(step if i == 0 else None) for i, p in enumerate(job.parents)
        ),
        dataset=job.dataset,
        code=code_digest(
            [f"benchmarks.tasks.{config['task']}", method, module_of(config["data"])],
            (*PACKAGES, method.partition(".")[0]),
        ),
        environment=current_environment(settings),
    )


def current_environment(settings: TrainingConfig) -> dict[str, Any]:
    """What a run with these settings would be made with here and now: other than a record's, that one is stale."""
    precision = choose_precision(settings.precision, choose_device(settings.device))
    return {**environment(precision, settings.threads, world_size=1), "protocol": PROTOCOL}


def answered(job: Job, registry: Registry) -> Record | None:
    """The finished run that holds this job's result, with its weights whole; None if it must be run."""
    record = registry.find(job.key)
    if record is None or "weights" not in record.result:
        return record
    store = Checkpoints(home(), job.key)
    expected: dict[int | None, str] = {int(step): digest for step, digest in record.result["kept"].items()}
    expected[None] = record.result["weights"]
    declared = job.config["stages"][-1]["checkpoints"] if job.config["task"] == "pretrain" else ()
    wanted: set[int | None] = {*declared, None}
    try:
        damaged = any(store.digest(step) != expected.get(step) for step in wanted)
    except CheckpointError as error:
        print(f"{job.name}: {error}", file=sys.stderr)
        return None
    if damaged:
        print(
            f"{job.name}: the weights in {store.folder} are damaged (not the ones run {record.id} recorded); "
            "it is trained again",
            file=sys.stderr,
        )
        return None
    return record


#: Method and ordering that a task measures by default, where CAVL's c1 has not the ability.
USUAL = {"action": ("avts", "curriculum"), "avc": ("l3", "avc"), "avts": ("avts", "curriculum")}


def defaults(task: str) -> None:
    # Sacred runs this function's source as a configuration scope and shows its comments in print_config.
    preset = "miniature"  # a file of benchmarks/presets
    method = USUAL.get(task, ("cavl", "c1"))[0]  # one of the preset's methods
    ordering = USUAL.get(task, ("cavl", "c1"))[
        1
    ]  # one of the method's curriculum orderings, or NAME@UPDATE: a checkpoint it keeps
    seed = 1  # of initial weights, batches and all other draws
    model, stages, step, data, training, evaluation, counter = _run_config(task, preset, method, ordering, seed)
    force = False  # run even if a finished run already holds this result


def _run_config(*names: Any) -> tuple[Any, ...]:
    """The entries of a run's configuration behind its names, in their order."""
    with plain_errors():
        config = presets.run_config(*names)
    return tuple(config[entry] for entry in ENTRIES if entry not in NAMES)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Errors of the user's input end the command with their sentence, not with a traceback."""
    try:
        yield
    except (ValueError, OSError, CheckpointError, TrainingError, AlreadyRunning, RecordError, MongoError) as error:
        raise SacredError(str(error), print_traceback=False) from error


def make_experiment(task: str, *, config: Mapping[str, Any] | None = None, progress: Report | None = None) -> Any:
    """The Sacred experiment of ``task``, measured by the function ``measure`` of its module.

    With ``config`` (complete) it runs just that; without, it has the presets' defaults and takes Sacred's command line.
    ``$CAVL_MONGO_URI``: a MongoDB in which it appears while it goes on.
    """
    sacred.SETTINGS.CAPTURE_MODE = "sys"  # "fd" needs a tee process a run and would swallow the progress bar
    sacred.SETTINGS.DISCOVER_SOURCES = "none"  # our record keeps the modules of the code digest: all that a run imports
    sacred.SETTINGS.DISCOVER_DEPENDENCIES = "none"
    sacred.SETTINGS.CONFIG.READ_ONLY_CONFIG = False
    experiment = sacred.Experiment(task, base_dir=str(ROOT), save_git_info=False)
    experiment.add_config(task=task)
    if config is None:
        experiment.config(defaults)

        @experiment.option_hook
        def observe(options: dict[str, Any]) -> None:
            kept = not options["--unobserved"]
            experiment.config_hook(lambda config, command_name, logger: _before_command(config, command_name, kept))
            _observe_too(experiment, options)

    else:
        experiment.add_config(**config)
        experiment.observers.extend(mirrors(home()))
    experiment.observers.append(RegistryObserver(pedigree))

    @experiment.main
    def main(_run: Run, _config: Mapping[str, Any]) -> dict[str, Any]:
        job = resolve({k: _config[k] for k in ENTRIES})
        settings = from_dict(TrainingConfig, _config["training"], "training")
        set_threads(settings.threads)
        _run.info["key"] = job.key
        measure: Callable[[Context], dict[str, Any]] = importlib.import_module(f"benchmarks.tasks.{task}").measure
        with contextlib.ExitStack() as stack:
            stack.enter_context(recorded(_run))
            if config is None:
                stack.enter_context(plain_errors())
            _run.info["device"] = str(choose_device(settings.device))
            store = tempfile.TemporaryDirectory() if _run.unobserved else nullcontext(str(home()))
            context = Context(
                job=job,
                run=_run,
                source=open_source(job.config["data"]).of(task),
                settings=settings,
                store=Path(stack.enter_context(store)),
                progress=stack.enter_context(progress_bar(job.name)) if progress is None else progress,
            )
            return measure(context)

    return experiment


def _observe_too(experiment: Any, options: dict[str, Any]) -> None:
    """Sacred's options ``-m`` and ``-F``, by observers of ours.

    Sacred's own refuse a record that is continued; that of MongoDB also stops a run whose database is away, and would
    leave the address, password and all, in the record.
    """
    uri, folder = options["--mongo_db"], options["--file_storage"]
    options.update({"--mongo_db": None, "--file_storage": None})
    if uri:
        os.environ[MONGO] = uri  # for the runs that this one starts from, too
    with plain_errors():
        experiment.observers.extend(mirrors(home()))
        if folder and expanded(folder) != home():
            experiment.observers.append(RegistryObserver(pedigree, expanded(folder), own_ids=True))


def _before_command(config: dict[str, Any], command_name: str, kept: bool) -> dict[str, Any]:
    """Before a run by hand: refuse bad input, train what the run starts from, do not repeat what is answered."""
    if command_name != "main":
        return {}
    with plain_errors():
        job = resolve({k: v for k, v in config.items() if k != "force"})
        choose_device(config["training"]["device"])
        registry = Registry(home())
        record = None if config["force"] else answered(job, registry)
        if record is None and kept:
            require_home()
        for ancestor in list(job.chain())[:-1] if record is None else ():
            if answered(ancestor, registry) is None:
                print(f"first: {ancestor.name}")
                run_job(ancestor)
    if record is not None:
        print(f"run {record.id} in {home()} already holds this result (force=True repeats it):")
        print(to_json(record.result))
        raise SystemExit(0)
    return {}


def run_job(job: Job, progress: Report | None = None) -> int:
    """Run ``job`` (whose parents are finished) as a recorded experiment; returns the run's id.

    Raises whatever the task raises, and :class:`~registry.record.run_record.RecordError` if the record is not whole.
    """
    with sigterm_as_interrupt():
        run = make_experiment(job.config["task"], config=job.config, progress=progress).run()
    finish(job, run)
    return int(run._id)


def finish(job: Job, run: Run) -> None:
    """Read the record back (Sacred swallows its observers' failures); only then let go of what it was resumed from."""
    if run.unobserved:
        return
    verify_written(home() / str(run._id), run.result, str(run.status))
    Checkpoints(home(), job.key).drop_states()


def with_settings(words: Sequence[str], usage: str) -> list[str]:
    """The ``words`` of a command line, and where they do not fit Sacred's ``usage``, ``with`` before the settings.

    A NAME=VALUE may also be an option's (``-c NAME=VALUE`` is a comment): it is Sacred's usage that says so.
    """

    def fit(words: list[str]) -> bool:
        try:
            return not SETTING.match(docopt(usage, words, False)["COMMAND"] or "")
        except DocoptExit:
            return False

    bare = [word for word in words if word != "with"]
    places = [place for place, word in enumerate(bare) if SETTING.match(word)]
    mended = ([*bare[:place], "with", *bare[place:]] for place in places)
    return next(filter(fit, [[*words], *mended]), [*words])


def command_line(task: str) -> None:
    """``python -m benchmarks.tasks.<task>``: Sacred's command line."""
    try:
        experiment = make_experiment(task)
    except OSError as error:  # the home has no meaning for this user
        raise SystemExit(f"error: {error}") from None
    try:
        with sigterm_as_interrupt():
            words = with_settings(sys.argv[1:], experiment.get_usage()[2])
            run = experiment.run_commandline([sys.argv[0], *words])
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command goes on from here") from None
    if run is not None and run.result is not None and run.status == "COMPLETED":
        try:
            finish(resolve({k: run.config[k] for k in ENTRIES}), run)
        except RecordError as error:
            raise SystemExit(f"the run finished, but its record is not whole: {error}") from error
