"""Rerun of recorded runs, beside the registry, for a comparison of then and now.

They run as the suite would run them, in a process of its own, each in a home of its own: a temporary folder
(``$TMPDIR`` says where) that holds links to the runs it starts from and to their weights, and nothing of the run
itself. The folder is removed when the comparison is done, and all there is when the command ends (but for SIGKILL).
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processes import PATIENCE, Worker, WorkerError, report
from benchmarks.progress import Report
from registry.files import MONGO, DiskFullError, digest_file
from registry.index import Registry
from registry.record.run_record import Record, read_record

if TYPE_CHECKING:  # the parent does without Sacred and torch
    from benchmarks.orchestration.graph import Job

#: Runs a record again: the folder of the new record, until the block is left. Raises :class:`RerunError`.
Again = Callable[[Record, Report], AbstractContextManager[Path]]
#: Key and folder (None: its record is gone) of each run that a run started from.
Parents = tuple[tuple[str, Path | None], ...]


class RerunError(ValueError):
    """A run cannot be run again: why, and what to do."""


@contextlib.contextmanager
def rerunning(home: Path, paths: Mapping[str, str]) -> Iterator[Again]:
    """While the block lasts, runs of the registry ``home`` can be run again; nothing in ``home`` is changed.

    ``paths`` says where folders that their configurations name lie now.
    """
    registry = Registry(home.absolute())
    folder = Path(tempfile.mkdtemp(prefix="cavl-verify-"))
    (tmp := folder / "tmp").mkdir()
    worker = Worker(functools.partial(_beside, tmp))

    @contextlib.contextmanager
    def again(record: Record, progress: Report) -> Iterator[Path]:
        if record.pedigree.task.startswith("score "):  # benchmarks.scoring.record, which verify does without
            task = record.pedigree.task
            raise RerunError(f"it scored files from elsewhere: cavl-bench {task} --again scores them once more")
        found = [(key, registry.find(key)) for key in record.pedigree.parents]
        parents = tuple((key, parent.folder if parent else None) for key, parent in found)
        scratch = Path(tempfile.mkdtemp(dir=folder))
        asked = record, paths, registry.home, parents, scratch
        try:
            id = worker.ask(_run_again, *asked, progress=progress)
        except WorkerError as error:
            raise RerunError(str(error)) from None
        yield scratch / str(id)
        shutil.rmtree(scratch)

    try:
        yield again
    finally:
        try:
            worker.close(PATIENCE)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


# ---- in the process -------------------------------------------------------------------------------------------------


def _beside(tmp: Path) -> None:
    """Nothing is left in the folder for temporary files, and nothing reaches a database."""
    os.environ["TMPDIR"] = tempfile.tempdir = str(tmp)
    os.environ.pop(MONGO, None)


def _run_again(record: Record, paths: Mapping[str, str], home: Path, parents: Parents, scratch: Path) -> int:
    """The id of the new run in the home ``scratch``; all that goes wrong is a :class:`RerunError`."""
    try:
        return _run(record, paths, home, parents, scratch)
    except DiskFullError as error:
        raise RerunError(f"{error.strerror} (verify writes into $TMPDIR, not into CAVL_HOME)") from None
    except (ValueError, OSError, RuntimeError) as error:  # ours, which are sentences
        raise RerunError(str(error)) from None
    except Exception as error:
        raise RerunError(f"{type(error).__name__}: {error}") from None


def _run(record: Record, paths: Mapping[str, str], home: Path, parents: Parents, scratch: Path) -> int:
    from benchmarks.datasets.data_module import data_folder, open_data_module
    from benchmarks.orchestration.experiment import run_config, run_job
    from benchmarks.orchestration.graph import resolve
    from cavl.config import to_dict

    os.environ["CAVL_DATA"] = str(data_folder())  # which may be said by the home
    os.environ["CAVL_HOME"] = str(scratch)
    job = resolve(run_config(record.config).relocated(paths))
    _link_parents(job, home, parents, scratch)
    for name in job.sets:  # made, where the cache has them not, on all cores
        open_data_module(to_dict(job.config.data), workers=os.cpu_count() or 1, progress=report).named(name)
    return run_job(job, report)


def _link_parents(job: Job, home: Path, parents: Parents, scratch: Path) -> None:
    """Let the runs that it starts from, and their weights, be found in the scratch home, under the keys of now."""
    from benchmarks.training.checkpoints import Checkpoints

    if len(job.parents) != len(parents):
        raise RerunError(
            f"it started from {len(parents)} runs, the sources of now would start it from {len(job.parents)}; "
            "go back to the sources of then to verify it"
        )
    for number, (parent, (key, folder)) in enumerate(zip(job.parents, parents, strict=True)):
        step = job.config.step if number == 0 else None  # as in benchmarks.orchestration.experiment.pedigree
        weights = Checkpoints(home, key).weights_path(step)
        trouble = _trouble(weights, folder, step)
        if trouble:
            raise RerunError(
                f"it started from the weights of {parent.name}, and {weights} {trouble}; train them anew: "
                f"cavl-bench run --preset {parent.config.preset} (or the command that did), then verify again"
            )
        stored = Checkpoints(scratch, parent.key).folder
        stored.parent.mkdir(exist_ok=True)
        stored.symlink_to(weights.parent)
        if folder is not None:
            (scratch / folder.name).symlink_to(folder)


def _trouble(weights: Path, folder: Path | None, step: int | None) -> str:
    """Why the weights that the run in ``folder`` left (``step``: kept at that update) cannot be used; else nothing."""
    if not weights.is_file():
        return "is not there"
    if folder is None:  # its record is gone: nothing says what they were
        return ""
    result = read_record(folder).result
    recorded = result["weights"] if step is None else result["kept"].get(str(step))
    return "" if digest_file(weights) == recorded else f"is damaged (not what run {folder.name} recorded)"
