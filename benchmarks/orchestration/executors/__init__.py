"""Executors: where the jobs of a suite run. The scheduler knows this interface only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from benchmarks.orchestration.graph import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A job that another process runs, or has done: its run, and what a reader is told of the process."""

    run: int
    who: str
    done: bool


#: How a job has ended: None, by its run; why it failed; or not here.
Outcome = str | Elsewhere | None


class Executor(Protocol):
    """Runs jobs beside each other, each by :func:`benchmarks.orchestration.executors.work.work` in a process elsewhere.

    Jobs are told apart by their keys, what a job gave is in the registry, and what a run may use of a machine (slots,
    CPUs, GPUs) is said when the executor is made: what passes between scheduler and executor is small and plain.

    A job's process that is told to stop by others than :meth:`close` (preemption) ends its record INTERRUPTED; an
    executor where this is usual submits the job again itself, and it goes on from there.
    """

    @property
    def room(self) -> int:
        """How many more jobs it takes now."""

    def submit(self, job: Job, known: int) -> None:
        """Start a job whose parents are finished, or queue it; a completed run newer than ``known`` answers it, too."""

    def wait(self, timeout: float) -> Mapping[str, Outcome]:
        """Key of each job that has ended, waiting so many seconds for a first -> how."""

    def progress(self) -> Mapping[str, tuple[int, int]]:
        """Key of each job that has not ended -> how far it is (done, total)."""

    def close(self) -> None:
        """Stop what still runs: it ends INTERRUPTED, all written. A second Ctrl-C does not wait for that."""
