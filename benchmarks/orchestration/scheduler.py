"""The suite: which jobs a preset asks for, and how they are run.

The jobs form a graph (a later stage starts from an earlier one's weights, an evaluation from a checkpoint). What a
finished run already answers is not run again. Seeds come in major order, and within a seed the longest chains first.
"""

from __future__ import annotations

import heapq
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from benchmarks import presets
from benchmarks.orchestration.experiment import answered, run_job
from benchmarks.orchestration.graph import Job, resolve
from benchmarks.orchestration.run_config import RunConfig
from benchmarks.processes import follow_parent
from registry.index import Registry
from registry.record.observer import AlreadyRunning
from registry.record.run_record import Record

#: What an evaluation costs, in updates of training; only the estimate of the time left depends on it.
EVALUATION_COST = 50


@dataclass(slots=True)
class Running:
    job: Job
    started: float
    done: int = 0
    total: int = 0


@dataclass(slots=True)
class State:
    """What has happened so far: what the display shows and the exit status is made of."""

    jobs: list[Job]
    reused: dict[str, Record] = field(default_factory=dict)
    finished: dict[str, float] = field(default_factory=dict)  # key -> seconds
    failed: dict[str, str] = field(default_factory=dict)  # key -> why
    running: dict[str, Running] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def todo(self) -> list[Job]:
        over = {*self.reused, *self.finished, *self.failed}
        return [j for j in self.jobs if j.key not in over]

    def seconds_left(self) -> float | None:
        """Estimate from the pace so far; None before there is any."""
        begun = sum(cost(r.job) * r.done / r.total for r in self.running.values() if r.total)
        spent = begun + sum(cost(j) for j in self.jobs if j.key in self.finished)
        left = sum(cost(j) for j in self.todo) - begun
        elapsed = time.monotonic() - self.began
        return left / spent * elapsed if spent > 0 and elapsed > 2 else None


def cost(job: Job) -> int:
    """In updates of training."""
    rehearsed = presets.limit_of(job.config.preset)[1] is not None  # an evaluation is then as short as a training
    return job.updates or (presets.REHEARSED_UPDATES if rehearsed else EVALUATION_COST)


def select(jobs: Sequence[Job], registry: Registry, rerun: str | None) -> dict[str, Record]:
    """Key -> the finished run that is reused for it.

    ``rerun``: None runs what is missing (never finished, failed, interrupted); "failed" only what has failed before;
    "stale" also what is marked stale; "all" everything.
    """
    reused: dict[str, Record] = {}
    if rerun == "all":
        return reused
    for job in jobs:
        record = answered(job, registry)
        if record is not None and not (rerun == "stale" and record.stale):
            reused[job.key] = record
    return reused


def run(
    state: State,
    slots: int,
    *,
    changed: Callable[[State], None],
    seed_done: Callable[[int], None],
) -> None:
    """Run ``state.todo`` in ``slots`` processes, going on past failures.

    ``changed`` is called a few times a second, and at every start and end; ``seed_done(seed)`` when nothing of a seed
    (or of the seeds before it) is left. A process that dies (killed, out of memory) fails its job only.
    """
    order = Order(state)
    if not order.ready:
        return  # nothing is missing: no process is started
    workers = [Worker() for _ in range(slots)]
    busy: dict[Future[int], tuple[Worker, Job]] = {}
    idle = list(workers)
    try:
        while busy or order.ready:
            while idle and order.ready:
                worker, job = idle.pop(), order.next()
                state.running[job.key] = Running(job, time.monotonic())
                busy[worker.submit(job)] = (worker, job)
            ended, _ = wait(busy, timeout=0.25, return_when=FIRST_COMPLETED)
            for worker, job in busy.values():
                state.running[job.key].done, state.running[job.key].total = worker.progress[:]
            for future in ended:
                worker, job = busy.pop(future)
                begun = state.running.pop(job.key).started
                error = future.exception()
                if error is None:
                    state.finished[job.key] = time.monotonic() - begun
                    order.release(job)
                elif isinstance(error, BrokenExecutor):
                    order.fail(job, "its process died (killed, or out of memory)")
                else:
                    order.fail(job, f"{type(error).__name__}: {error}")
                idle.append(worker)
                for seed in order.seeds_ended():
                    seed_done(seed)
            changed(state)
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()  # SIGTERM: it records INTERRUPTED and flushes its metrics
        raise
    finally:
        for worker in workers:
            worker.pool.shutdown(wait=True, cancel_futures=True)


class Order:
    """Which job may start next: all parents finished; lowest seed first, then the longest chain behind it."""

    def __init__(self, state: State) -> None:
        self.state = state
        todo = {j.key: j for j in state.todo}
        self.children: dict[str, list[Job]] = {key: [] for key in todo}
        self.waiting: dict[str, int] = {}
        for job in todo.values():
            needed = [p.key for p in job.parents if p.key in todo]
            self.waiting[job.key] = len(needed)
            for parent in needed:
                self.children[parent].append(job)
        self.chain: dict[str, int] = {}
        for job in reversed(list(todo.values())):  # parents come before children in state.jobs
            self.chain[job.key] = cost(job) + max((self.chain[c.key] for c in self.children[job.key]), default=0)
        self._heap: list[tuple[int, int, str, Job]] = []
        self._open_seeds = sorted({j.config.seed for j in todo.values()})
        for key, count in self.waiting.items():
            if count == 0:
                self._push(todo[key])

    @property
    def ready(self) -> bool:
        return bool(self._heap)

    def next(self) -> Job:
        return heapq.heappop(self._heap)[-1]

    def release(self, job: Job) -> None:
        """``job`` is finished: its children have one parent less to wait for."""
        for child in self.children[job.key]:
            self.waiting[child.key] -= 1
            if self.waiting[child.key] == 0:
                self._push(child)

    def fail(self, job: Job, why: str) -> None:
        """``job`` has failed, and with it everything that starts from it."""
        self.state.failed[job.key] = why
        for child in self.children[job.key]:
            if child.key not in self.state.failed:
                self.fail(child, f"needs {job.name!r}, which failed")

    def seeds_ended(self) -> Iterable[int]:
        left = {j.config.seed for j in self.state.todo}
        while self._open_seeds and self._open_seeds[0] not in left:
            yield self._open_seeds.pop(0)

    def _push(self, job: Job) -> None:
        if job.key not in self.state.failed:
            heapq.heappush(self._heap, (job.config.seed, -self.chain[job.key], job.key, job))


class Worker:
    """A process of its own for one slot: it imports torch once, and takes no other slot down when it dies."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.progress = self.context.Array("q", 2)  # (done, total) of the job that runs
        self._open()

    def _open(self) -> None:
        self.pool = ProcessPoolExecutor(
            1, mp_context=self.context, initializer=_become_worker, initargs=(self.progress,)
        )

    def submit(self, job: Job) -> Future[int]:
        """Start ``job``, in a new process where the old one has died."""
        self.progress[:] = [0, 0]
        try:
            return self.pool.submit(_work, job.config)
        except BrokenExecutor:
            self._open()
            return self.pool.submit(_work, job.config)


_shared_progress: Any = None  # in a worker: its slot's (done, total)


def _become_worker(progress: Any) -> None:
    """Workers write to their runs' records, not over the display."""
    global _shared_progress
    _shared_progress = progress
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    follow_parent()


def _work(config: RunConfig) -> int:
    """In the worker: run one job, waiting up to a minute for another process that runs the same."""
    job = resolve(config)

    def progress(done: int, total: int) -> None:
        _shared_progress[:] = [done, total]

    for _ in range(60):
        try:
            return run_job(job, progress)
        except AlreadyRunning:  # a second suite, or the worker of one that was just killed, on its way out
            time.sleep(1)
            record = answered(job, Registry())
            if record is not None:
                return record.id
    return run_job(job, progress)
