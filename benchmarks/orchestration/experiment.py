"""Experiments of Sacred, one a task: one wiring for all, so that a task's own file holds only what it measures.

    python -m benchmarks.tasks.localization with method=cavl ordering=c1-c2 seed=3 preset=miniature

Every run is recorded by the file registry (``$CAVL_HOME``, default ``./runs``); what it starts from is trained first
where it is not there yet; a run whose key is already answered is not repeated (``force=True`` repeats it). With
``--wait``, what another process is running is waited for and taken.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

import sacred
import sacred.commands
from docopt import DocoptExit, docopt  # by which Sacred reads its command line
from sacred.run import Run
from sacred.utils import SacredError

from benchmarks import methods
from benchmarks.catalogue import PRETRAIN, TASKS
from benchmarks.datasets.data_module import module_of, open_data_module
from benchmarks.orchestration.config_files import read_as_data
from benchmarks.orchestration.graph import Job, resolve
from benchmarks.orchestration.run_config import RunConfig, configure
from benchmarks.progress import Report, progress_bar
from benchmarks.tasks.context import Context
from benchmarks.training.checkpoints import CheckpointError, Checkpoints
from benchmarks.training.loop import TrainingConfig, TrainingError, choose_device, choose_precision, set_threads
from cavl.config import to_dict
from registry.files import MONGO, expanded, home, require_home
from registry.index import Registry
from registry.interrupts import sigterm_as_interrupt
from registry.mongo.address import MongoError
from registry.mongo.mirror import mirrors
from registry.provenance.code_digest import code_digest
from registry.provenance.environment import environment
from registry.record.observer import AlreadyDone, AlreadyRunning, RegistryObserver, recorded, verify_written
from registry.record.run_record import Pedigree, Record, RecordError, process_named, to_json
from registry.terminal import print_coloured, say_all

ROOT = Path(__file__).parents[2]
#: Packages whose code computes a score. The registry only keeps it: no change there makes a run stale.
PACKAGES = ("cavl", "baselines", "benchmarks")
#: Where the digest of a run's code stops: what decides which runs there are, in what order and where they run, not what
#: a number is. What these modules decide of a number (configuration, data, parents) is in the run's key.
ORCHESTRATION = (
    "benchmarks.catalogue",
    "benchmarks.cli",
    "benchmarks.methods",
    "benchmarks.orchestration",
    "benchmarks.preparation",
    "benchmarks.presets",
    "benchmarks.processes",
    "benchmarks.progress",
    "cavl.methods",
)
#: What Sacred's command line adds to a run's configuration.
SACRED_ONLY = ("force",)
#: What is called, again and again, while another process runs a job.
Wait = Callable[[AlreadyRunning], object]
#: How a setting begins on Sacred's command line.
SETTING = re.compile(r"[A-Za-z_][\w.]*=")


def run_config(config: Mapping[str, Any]) -> RunConfig:
    """Of a Sacred run's configuration, which holds more than a run is made of."""
    return RunConfig.from_dict({name: value for name, value in config.items() if name not in SACRED_ONLY})


def pedigree(config: Mapping[str, Any]) -> Pedigree:
    """Where the result of a Sacred run's configuration comes from, before it is there."""
    job = resolve(run_config(config))
    return Pedigree(
        key=job.key,
        task=job.config.task,
        parents=tuple(p.key for p in job.parents),
        parent_digests=tuple(
            Checkpoints(home(), p.key).digest(job.config.step if i == 0 else None) for i, p in enumerate(job.parents)
        ),
        dataset=job.dataset,
        code=code_behind(job.config.task, job.config.method, job.config.data.source),
        environment=current_environment(job.config.training),
    )


def code_behind(task: str, method: str, data: str) -> dict[str, str]:
    """Digest of all modules that compute what the task measures of the method on scenes of the data module ``data``."""
    modules = [TASKS.module_of(task), methods.module_of(method), module_of({"source": data})]
    return code_digest(modules, (*PACKAGES, *(module.partition(".")[0] for module in modules)), ORCHESTRATION)


def current_environment(settings: TrainingConfig) -> dict[str, Any]:
    """What a run with these settings would be made with here and now: other than a record's, that one is stale."""
    precision = choose_precision(settings.precision, choose_device(settings.device))
    return environment(precision, settings.threads, world_size=1)


def answered(job: Job, registry: Registry) -> Record | None:
    """The finished run that holds this job's result, with its weights whole; None if it must be run."""
    record = registry.find(job.key)
    if record is None or "weights" not in record.result:
        return record
    store = Checkpoints(home(), job.key)
    expected: dict[int | None, str] = {int(step): digest for step, digest in record.result["kept"].items()}
    expected[None] = record.result["weights"]
    declared = job.config.stages[-1].checkpoints if job.config.task == PRETRAIN else ()
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


def defaults(task: str) -> None:
    # Sacred runs this function's source as a configuration scope and shows its comments in print_config.
    preset = "miniature"  # one of benchmarks/presets, or a file: path/to/preset.py
    method = TASKS.load(task).default[0]  # one of the preset's methods
    ordering = TASKS.load(task).default[1]  # one of the method's orderings, or NAME@UPDATE: a checkpoint it keeps
    seed = 1  # of initial weights, batches and all other draws
    model, stages, step, data, training, evaluation, counter = _behind_names(task, preset, method, ordering, seed)
    force = False  # run even if a finished run already holds this result


def _behind_names(*names: Any) -> tuple[Any, ...]:
    """The entries of a run's configuration behind its five names, in their order."""
    with plain_errors():
        return tuple(configure(*names).to_dict().values())[len(names) :]


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Errors of the user's input end the command with their sentence, not with a traceback."""
    try:
        yield
    except (ValueError, OSError, CheckpointError, TrainingError, AlreadyRunning, RecordError, MongoError) as error:
        raise SacredError(str(error), print_traceback=False) from error


def make_experiment(
    task: str, *, config: RunConfig | None = None, progress: Report | None = None, known: int | None = None
) -> Any:
    """The Sacred experiment of ``task``.

    With ``config`` it runs just that (``known``: as of :class:`~registry.record.observer.RegistryObserver`); without,
    it has the presets' defaults and takes Sacred's command line.
    ``$CAVL_MONGO_URI``: a MongoDB in which it appears while it goes on.
    """
    sacred.SETTINGS.CAPTURE_MODE = "sys"  # "fd" needs a tee process a run and would swallow the progress bar
    sacred.SETTINGS.DISCOVER_SOURCES = "none"  # our record keeps the modules of the code digest: all that a run imports
    sacred.SETTINGS.DISCOVER_DEPENDENCIES = "none"
    sacred.SETTINGS.CONFIG.READ_ONLY_CONFIG = False
    read_as_data()
    options = [wait_option] if config is None else []
    experiment = sacred.Experiment(task, base_dir=str(ROOT), save_git_info=False, additional_cli_options=options)
    experiment.add_config(task=task)
    observer = (RegistryObserver if config else _Claim)(pedigree, known=known)
    if known is not None:
        observer.patience = math.inf  # in company nothing is wrong when another stands still
    if config is None:
        experiment.config(defaults)

        @experiment.option_hook
        def observe(options: dict[str, Any]) -> None:
            if options["--wait"]:
                observer.wait, observer.patience = _waiting(), math.inf
            kept = observer if not options["--unobserved"] else None
            experiment.config_hook(lambda config, command_name, logger: _before_command(config, command_name, kept))
            _observe_too(experiment, options)

    else:
        experiment.add_config(**config.to_dict())
        experiment.observers.extend(mirrors(home()))
    experiment.observers.append(observer)

    @experiment.main
    def main(_run: Run, _config: Mapping[str, Any]) -> dict[str, Any]:
        job = resolve(run_config(_config))
        set_threads(job.config.training.threads)
        _run.info["key"] = job.key
        with contextlib.ExitStack() as stack:
            stack.enter_context(recorded(_run))
            if config is None:
                stack.enter_context(plain_errors())
            _run.info["device"] = str(choose_device(job.config.training.device))
            store = tempfile.TemporaryDirectory() if _run.unobserved else nullcontext(str(home()))
            context = Context(
                job=job,
                run=_run,
                data=open_data_module(to_dict(job.config.data)).of(task),
                store=Path(stack.enter_context(store)),
                progress=stack.enter_context(progress_bar(job.name)) if progress is None else progress,
            )
            return dict(TASKS.load(task).measure(context))

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


def _before_command(config: dict[str, Any], command_name: str, observer: RegistryObserver | None) -> dict[str, Any]:
    """Before a run by hand: refuse bad input, train what the run starts from, do not repeat what is answered.

    ``observer`` will keep the run; None where nothing does.
    """
    if command_name != "main":
        return {}
    with plain_errors():
        job = resolve(run_config(config))
        choose_device(job.config.training.device)
        registry, wait = Registry(home()), observer.wait if observer else None
        record, known = (None, None) if config["force"] else judged(job, registry, wait)
        if record is None and observer:
            require_home()
        for ancestor in list(job.chain())[:-1] if record is None else ():
            if answered(ancestor, registry) is None:
                print(f"first: {ancestor.name}")
                ensure(ancestor, wait=wait)
                record, known = (None, None) if config["force"] else judged(job, registry, wait)
        if observer:
            observer.known = known
    if record is not None:
        _show_answer(record)
    return {}


def judged(job: Job, registry: Registry, wait: Wait | None = None) -> tuple[Record | None, int]:
    """The finished run that answers ``job``, and the newest of those that were looked at; None and 0 without any.

    ``wait`` is called, again and again, while another process runs the job.
    """
    while True:
        newest = registry.find(job.key)  # first: a newer one is another to look at
        record = answered(job, registry)
        busy = registry.unfinished(job.key) if record is None and wait is not None else None
        if busy is None or wait is None or busy.status != "RUNNING":
            return record, newest.id if newest else 0
        wait(AlreadyRunning(busy.id, busy.host.get("hostname", ""), busy.host.get("pid")))


def _show_answer(record: Record) -> NoReturn:
    print(f"run {record.id} in {home()} already holds this result (force=True repeats it):")
    print(to_json(record.result))
    raise SystemExit(0)


class _Claim(RegistryObserver):
    """Of a run by hand: its user is told what others are at, and what they have done by now."""

    def started_event(self, *args: Any, **kwargs: Any) -> int:
        try:
            with plain_errors():
                return super().started_event(*args, **kwargs)
        except AlreadyDone as done:
            _show_answer(done.record)


def _waiting() -> Wait:
    told: set[int] = set()

    def wait(busy: AlreadyRunning) -> None:
        if busy.id not in told:  # sys.__stderr__: Sacred may capture sys.stderr
            who = process_named(busy.host, busy.pid)
            print(f"run {busy.id} is being run by {who}: waiting for it", file=sys.__stderr__, flush=True)
            told.add(busy.id)
        time.sleep(1)

    return wait


@sacred.cli_option("-w", "--wait", is_flag=True)  # type: ignore[untyped-decorator]
def wait_option(args: Any, run: Run) -> None:
    """Wait for what another process is running, and take what it has done."""


def ensure(job: Job, progress: Report | None = None, *, known: int = 0, wait: Wait | None = None) -> int | Record:
    """The run that answers ``job``: the id of one made now, or one newer than ``known`` that was there by then.

    ``wait`` is called, again and again, while another process runs the job.

    Raises AlreadyRunning without it; whatever :func:`run_job` raises.
    """
    while True:
        record, newest = judged(job, Registry(home()), wait)  # Sacred calls failed what finds another at it
        if record is not None and record.id > known:
            return record
        try:
            return run_job(job, progress, known=newest)
        except AlreadyDone:
            continue
        except AlreadyRunning as busy:
            if wait is None:
                raise
            wait(busy)


def run_job(job: Job, progress: Report | None = None, known: int | None = None) -> int:
    """Run ``job`` (whose parents are finished) as a recorded experiment; returns the run's id.

    Raises whatever the task raises, and :class:`~registry.record.run_record.RecordError` if the record is not whole;
    AlreadyRunning when another process runs it; AlreadyDone when there is a completed run newer than ``known``.
    """
    with sigterm_as_interrupt():
        run = make_experiment(job.config.task, config=job.config, progress=progress, known=known).run()
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
    say_all()
    vars(sacred.commands)["print"] = print_coloured  # print_config tells by colours what has been changed
    try:
        experiment = make_experiment(task)
    except OSError as error:  # the home has no meaning for this user
        raise SystemExit(f"error: {error}") from None
    try:
        with sigterm_as_interrupt():
            words = with_settings(sys.argv[1:], experiment.get_usage()[2])
            run = experiment.run_commandline([sys.argv[0], *words])
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        raise SystemExit(130) from None
    if run is not None and run.result is not None and run.status == "COMPLETED":
        try:
            finish(resolve(run_config(run.config)), run)
        except RecordError as error:
            raise SystemExit(f"the run finished, but its record is not whole: {error}") from error
