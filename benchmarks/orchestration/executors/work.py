"""Work of one job, in the process where an executor runs it."""

from __future__ import annotations

import time

from benchmarks.orchestration.experiment import answered, run_job
from benchmarks.orchestration.graph import resolve
from benchmarks.orchestration.run_config import RunConfig
from benchmarks.progress import Report
from registry.index import Registry
from registry.record.observer import AlreadyRunning


def work(config: RunConfig, progress: Report) -> int:
    """Run the job of a configuration, waiting up to a minute for another process that runs the same: the run's id."""
    job = resolve(config)
    for _ in range(60):
        try:
            return run_job(job, progress)
        except AlreadyRunning:  # a second suite, or the worker of one that was just killed, on its way out
            time.sleep(1)
            record = answered(job, Registry())
            if record is not None:
                return record.id
    return run_job(job, progress)
