"""Processes of this machine, each of which imports torch once and takes no other down when it dies."""

from __future__ import annotations

import multiprocessing.connection
from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmarks.orchestration.executors.work import work
from benchmarks.processes import Worker, WorkerError, end, report

if TYPE_CHECKING:
    from benchmarks.orchestration.graph import Job


class LocalExecutor:
    """An :class:`~benchmarks.orchestration.executors.Executor` with ``slots`` jobs at a time; none starts a process."""

    def __init__(self, slots: int) -> None:
        self._idle = [Worker() for _ in range(slots)]
        self._busy: dict[str, Worker] = {}

    @property
    def room(self) -> int:
        return len(self._idle)

    def submit(self, job: Job) -> None:
        worker = self._busy[job.key] = self._idle.pop()
        worker.begin(work, job.config, report)

    def wait(self, timeout: float) -> Mapping[str, str | None]:
        multiprocessing.connection.wait(self._busy.values(), timeout)  # type: ignore[arg-type]
        ended = {key: worker for key, worker in self._busy.items() if worker.ended(0)}
        for key in ended:
            self._idle.append(self._busy.pop(key))
        return {key: _why(worker.error) for key, worker in ended.items()}

    def progress(self) -> Mapping[str, tuple[int, int]]:
        return {key: worker.progress for key, worker in self._busy.items()}

    def close(self) -> None:
        end([*self._busy.values(), *self._idle], patience=None)


def _why(error: Exception | None) -> str | None:
    if error is None:
        return None
    return str(error) if isinstance(error, WorkerError) else f"{type(error).__name__}: {error}"
