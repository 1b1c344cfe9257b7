"""Jobs of the suite as a test runs them: in a folder of its own, in its own process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.orchestration.experiment import run_job
from benchmarks.orchestration.graph import resolve
from benchmarks.orchestration.request import changed
from benchmarks.orchestration.run_config import configure
from registry.index import Registry
from registry.record.run_record import Record

ROOT = Path(__file__).parents[1]


def run_jobs(folder: Path, preset: str, *jobs: tuple[str, str, str, dict[str, Any]]) -> list[Record]:
    """Run the jobs and what they start from, seed 1, and no rows beside them; returns the completed runs.

    A job is a task, a method, an ordering, and how its evaluation differs from the preset's.
    """
    registry = Registry(folder / "runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAVL_HOME", str(folder / "runs"))
        patch.setenv("CAVL_DATA", str(folder / "data"))
        for task, method, ordering, changes in jobs:
            config = configure(task, preset, method, ordering, 1)
            for job in resolve(replace(config, evaluation=changed(config.evaluation, changes, "evaluation"))).chain():
                if registry.find(job.key) is None:
                    run_job(job)
    return registry.records(status="COMPLETED")
