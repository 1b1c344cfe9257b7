"""Run recorded runs again, beside the registry: the runner of ``cavl-bench runs verify``.

They run as the suite would run them, in a process of its own, each in a home of its own: a temporary folder
(``$TMPDIR`` says where) that holds links to the runs it starts from and to their weights, and nothing of the run
itself. The folder is removed when the comparison is done, and all there is when the command ends (but for SIGKILL).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.processes import PATIENCE, follow_parent
from benchmarks.protocol import PROTOCOL
from registry.files import MONGO, DiskFullError, digest_file
from registry.index import Registry
from registry.record.run_record import Record, read_record
from registry.runner import Again, Report, RunnerError

if TYPE_CHECKING:
    from benchmarks.orchestration.graph import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the process is told of a run."""

    config: Mapping[str, Any]
    paths: Mapping[str, str]
    home: Path  # of the record
    parents: tuple[tuple[str, Path | None], ...]  # key and folder of each run that it started from
    scratch: Path  # the new home


class _Runner:
    """See :class:`registry.runner.Runner`."""

    protocol = PROTOCOL

    @contextlib.contextmanager
    def __call__(self, home: Path, paths: Mapping[str, str]) -> Iterator[Again]:
        registry = Registry(home.absolute())
        folder = Path(tempfile.mkdtemp(prefix="cavl-verify-"))
        worker = Worker(folder / "tmp")

        @contextlib.contextmanager
        def again(record: Record, progress: Report) -> Iterator[Path]:
            parents = [(key, registry.find(key)) for key in record.pedigree.parents]
            scratch = Path(tempfile.mkdtemp(dir=folder))
            request = Request(
                config=record.config,
                paths=paths,
                home=registry.home,
                parents=tuple((key, parent.folder if parent else None) for key, parent in parents),
                scratch=scratch,
            )
            yield scratch / str(worker.run(request, progress))
            shutil.rmtree(scratch)

        try:
            yield again
        finally:
            try:
                worker.end()
            finally:
                shutil.rmtree(folder, ignore_errors=True)


runner = _Runner()


class Worker:
    """A process for all runs, which imports torch once; a new one where it has died. ``tmp``: for temporary files."""

    def __init__(self, tmp: Path) -> None:
        self._tmp = tmp
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None

    def run(self, request: Request, progress: Report) -> int:
        """The id of the new run; raises :class:`RunnerError`."""
        if self._process is None:
            self._tmp.mkdir(exist_ok=True)
            self._pipe, theirs = self._context.Pipe()
            process = self._context.Process(target=_serve, args=(theirs, self._tmp))
            process.start()
            theirs.close()
            self._process = process
        try:
            self._pipe.send(request)
            while True:
                kind, *told = self._pipe.recv()
                if kind == "failed":
                    raise RunnerError(*told)
                if kind == "done":
                    return int(told[0])
                progress(*told)
        except RunnerError:
            raise
        except BaseException as error:  # what it may still send answers no later question
            self.end()
            if isinstance(error, EOFError | ConnectionError):
                raise RunnerError("its process died (killed, or out of memory)") from None
            raise

    def end(self) -> None:
        """Stop whatever it does; nothing happens where it has ended."""
        if self._process is None:
            return
        process, self._process = self._process, None
        try:
            process.terminate()  # so that it has time to end processes of its own
            process.join(PATIENCE)
        finally:  # a second Ctrl-C does not wait
            process.kill()
            process.join()
            self._pipe.close()


# ---- in the process -------------------------------------------------------------------------------------------------


def _serve(pipe: Connection, tmp: Path) -> None:
    follow_parent()
    os.environ["TMPDIR"] = tempfile.tempdir = str(tmp)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    os.environ.pop(MONGO, None)
    from registry.record.observer import (
        sigterm_as_interrupt,  # here, as below: the parent does without Sacred and torch
    )

    with contextlib.suppress(KeyboardInterrupt, EOFError), sigterm_as_interrupt():
        while True:
            request: Request = pipe.recv()
            try:
                pipe.send(("done", _run(request, lambda done, total: pipe.send(("progress", done, total)))))
            except DiskFullError as error:
                pipe.send(("failed", f"{error.strerror} (verify writes into $TMPDIR, not into CAVL_HOME)"))
            except (ValueError, OSError, RuntimeError) as error:  # ours, which are sentences
                pipe.send(("failed", str(error)))
            except Exception as error:
                pipe.send(("failed", f"{type(error).__name__}: {error}"))


def _run(request: Request, progress: Report) -> int:
    from benchmarks.datasets.data_module import data_folder, open_source
    from benchmarks.orchestration.experiment import run_job
    from benchmarks.orchestration.graph import ENTRIES, resolve

    os.environ["CAVL_DATA"] = str(data_folder())  # which may be said by the home
    os.environ["CAVL_HOME"] = str(request.scratch)
    missing = [entry for entry in ENTRIES if entry not in request.config]
    if missing:
        raise RunnerError(
            f"its configuration has no {', '.join(missing)}: another program, or another version of this one, made it"
        )
    evaluation = _with_paths(request.config["evaluation"], request.paths)
    job = resolve({**{entry: request.config[entry] for entry in ENTRIES}, "evaluation": evaluation})
    _link_parents(request, job)
    for name in job.sets:  # made, where the cache has them not, on all cores
        open_source(job.config["data"], workers=os.cpu_count() or 1, progress=progress).named(name)
    return run_job(job, progress)


def _with_paths(evaluation: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    """The evaluation's configuration with the folders where they lie now."""
    from benchmarks.orchestration.graph import PATHS

    for name in paths:
        if name not in PATHS:
            raise RunnerError(f"--path {name}=...: a configuration names no such folder, but {', '.join(PATHS)}")
    there = dict(evaluation)
    for name in PATHS:
        if not there.get(name):
            continue
        there[name] = paths.get(name, there[name])
        if not Path(there[name]).exists():
            raise RunnerError(
                f"evaluation.{name} is {there[name]}, which is not there; say where it lies now: --path {name}=DIR"
            )
    return there


def _link_parents(request: Request, job: Job) -> None:
    """Let the runs that it starts from, and their weights, be found in the scratch home, under the keys of now."""
    from benchmarks.training.checkpoints import Checkpoints

    if len(job.parents) != len(request.parents):
        raise RunnerError(
            f"it started from {len(request.parents)} runs, the sources of now would start it from {len(job.parents)}; "
            "go back to the sources of then to verify it"
        )
    for number, (parent, (key, folder)) in enumerate(zip(job.parents, request.parents, strict=True)):
        step = job.config["step"] if number == 0 else None  # as in benchmarks.orchestration.experiment.pedigree
        weights = Checkpoints(request.home, key).weights_path(step)
        trouble = _trouble(weights, folder, step)
        if trouble:
            raise RunnerError(
                f"it started from the weights of {parent.name}, and {weights} {trouble}; train them anew: "
                f"cavl-bench run --preset {parent.config['preset']} (or the command that did), then verify again"
            )
        stored = Checkpoints(request.scratch, parent.key).folder
        stored.parent.mkdir(exist_ok=True)
        stored.symlink_to(weights.parent)
        if folder is not None:
            (request.scratch / folder.name).symlink_to(folder)


def _trouble(weights: Path, folder: Path | None, step: int | None) -> str:
    """Why the weights that the run in ``folder`` left (``step``: kept at that update) cannot be used; else nothing."""
    if not weights.is_file():
        return "is not there"
    if folder is None:  # its record is gone: nothing says what they were
        return ""
    result = read_record(folder).result
    recorded = result["weights"] if step is None else result["kept"].get(str(step))
    return "" if digest_file(weights) == recorded else f"is damaged (not what run {folder.name} recorded)"
