"""Local executor: processes of this machine, each of which imports torch once; one that dies takes no other with it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from benchmarks.orchestration.executors.work import work
from benchmarks.processes import Worker, WorkerError, end, report

if TYPE_CHECKING:
    from benchmarks.orchestration.graph import Job


class LocalExecutor:
    """An :class:`~benchmarks.orchestration.executors.Executor` with ``slots`` jobs at a time; none starts a process."""

    def __init__(self, slots: int) -> None:
        self._idle = [Worker() for _ in range(slots)]
        self._busy: dict[Future[int], tuple[str, Worker]] = {}
        self._progress: dict[str, tuple[int, int]] = {}
        self._waiting = ThreadPoolExecutor(slots)  # a thread waits for each worker

    @property
    def room(self) -> int:
        return len(self._idle)

    def submit(self, job: Job) -> None:
        worker = self._idle.pop()

        def progress(done: int, total: int) -> None:
            self._progress[job.key] = done, total

        future = self._waiting.submit(worker.ask, work, job.config, report, progress=progress)
        self._busy[future] = job.key, worker

    def wait(self, timeout: float) -> Mapping[str, str | None]:
        why: dict[str, str | None] = {}
        for future in wait(self._busy, timeout, FIRST_COMPLETED).done:
            key, worker = self._busy.pop(future)
            self._idle.append(worker)
            if error := future.exception():
                why[key] = str(error) if isinstance(error, WorkerError) else f"{type(error).__name__}: {error}"
            else:
                why[key] = None
        return why

    def progress(self) -> Mapping[str, tuple[int, int]]:
        return {key: self._progress[key] for key, _ in self._busy.values() if key in self._progress}

    def close(self) -> None:
        workers = [*self._idle, *(worker for _, worker in self._busy.values())]
        end(workers, patience=None)
        while wait(self._busy, 0.1).not_done:  # one that was about to start
            end(workers, patience=None)
        self._waiting.shutdown()
