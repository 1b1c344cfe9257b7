"""Local executor: processes of this machine, each of which imports torch once; one that dies takes no other with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from benchmarks.orchestration.executors import Elsewhere, Outcome
from benchmarks.orchestration.executors.work import work
from benchmarks.orchestration.graph import Job
from benchmarks.processes import Worker, WorkerError, end, report


class LocalExecutor:
    """An :class:`~benchmarks.orchestration.executors.Executor` with ``slots`` jobs at a time; none starts a process."""

    def __init__(self, slots: int) -> None:
        self._idle = [Worker() for _ in range(slots)]
        self._busy: dict[Future[Elsewhere | None], tuple[str, Worker]] = {}
        self._progress: dict[str, tuple[int, int]] = {}
        self._waiting = ThreadPoolExecutor(slots)  # a thread waits for each worker

    @property
    def room(self) -> int:
        return len(self._idle)

    def submit(self, job: Job, known: int) -> None:
        worker = self._idle.pop()

        def progress(done: int, total: int) -> None:
            self._progress[job.key] = done, total

        future = self._waiting.submit(worker.ask, work, job.config, known, report, progress=progress)
        self._busy[future] = job.key, worker

    def wait(self, timeout: float) -> Mapping[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        if not self._busy:
            time.sleep(timeout)
        for future in wait(self._busy, timeout, FIRST_COMPLETED).done:
            key, worker = self._busy.pop(future)
            self._idle.append(worker)
            if error := future.exception():
                outcomes[key] = str(error) if isinstance(error, WorkerError) else f"{type(error).__name__}: {error}"
            else:
                outcomes[key] = future.result()
        return outcomes

    def progress(self) -> Mapping[str, tuple[int, int]]:
        return {key: self._progress[key] for key, _ in self._busy.values() if key in self._progress}

    def close(self) -> None:
        workers = [*self._idle, *(worker for _, worker in self._busy.values())]
        end(workers, patience=None)
        while wait(self._busy, 0.1).not_done:  # one that was about to start
            end(workers, patience=None)
        self._waiting.shutdown()
