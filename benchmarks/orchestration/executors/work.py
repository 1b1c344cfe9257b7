"""Work of one job, in the process where an executor runs it."""

from __future__ import annotations

from benchmarks.orchestration.executors import Elsewhere
from benchmarks.orchestration.experiment import ensure
from benchmarks.orchestration.graph import resolve
from benchmarks.orchestration.run_config import RunConfig
from benchmarks.progress import Report
from registry.record.observer import AlreadyRunning
from registry.record.run_record import process_named


def work(config: RunConfig, known: int, progress: Report) -> Elsewhere | None:
    """Run the job of a configuration, unless another process runs it or has completed a run newer than ``known``."""
    try:
        done = ensure(resolve(config), progress, known=known)
    except AlreadyRunning as busy:
        return Elsewhere(run=busy.id, who=process_named(busy.host, busy.pid), done=False)
    return None if isinstance(done, int) else Elsewhere(run=done.id, who=done.process, done=True)
