"""Scheduler: in what order the jobs of a suite run, and how each ended; an executor runs them.

The jobs form a graph (a later stage starts from an earlier one's weights, an evaluation from a checkpoint). What a
finished run already answers is not run again. Seeds come in major order, and within a seed the longest chains first.

Other processes may be at the same runs: what one of them runs is left to it, what it finishes is taken, and what it
leaves unfinished is run here.
"""

from __future__ import annotations

import contextlib
import heapq
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.orchestration.executors import Elsewhere, Executor
from benchmarks.orchestration.experiment import answered
from benchmarks.orchestration.graph import Job
from registry.index import Registry
from registry.record.run_record import Record

#: Seconds between two looks at what other processes run.
LOOK = 1.0
#: What an evaluation costs at most, in updates of training, for the order of jobs and the estimate of the time left.
EVALUATION_COST = 50


@dataclass(slots=True)
class Running:
    job: Job
    started: float
    done: int = 0
    total: int = 0


@dataclass(slots=True)
class State:
    """Jobs that are reused, finished, failed and running so far: all that the display and the exit status need."""

    jobs: list[Job]
    reused: dict[str, Record] = field(default_factory=dict)
    finished: dict[str, float] = field(default_factory=dict)  # key -> seconds
    failed: dict[str, str] = field(default_factory=dict)  # key -> why
    running: dict[str, Running] = field(default_factory=dict)
    elsewhere: dict[str, tuple[Job, Elsewhere]] = field(default_factory=dict)  # run by other processes now
    taken: dict[str, Elsewhere] = field(default_factory=dict)  # key -> the run by another process that answers it
    known: Mapping[str, int] = field(default_factory=dict)  # key -> the newest run that is no answer
    began: float = field(default_factory=time.monotonic)
    evaluation_cost: int = field(init=False)

    def __post_init__(self) -> None:
        longest = max((job.updates for job in self.jobs), default=0)  # where trainings are short, evaluations are too
        self.evaluation_cost = min(EVALUATION_COST, longest or EVALUATION_COST)

    def cost(self, job: Job) -> int:
        """In updates of training."""
        return job.updates or self.evaluation_cost

    @property
    def todo(self) -> list[Job]:
        over = {*self.reused, *self.finished, *self.taken, *self.failed}
        return [j for j in self.jobs if j.key not in over]

    def seconds_left(self) -> float | None:
        """Estimate from the pace so far; None before there is any."""
        begun = sum(self.cost(r.job) * r.done / r.total for r in self.running.values() if r.total)
        spent = begun + sum(self.cost(j) for j in self.jobs if j.key in self.finished or j.key in self.taken)
        left = sum(self.cost(j) for j in self.todo) - begun
        elapsed = time.monotonic() - self.began
        return left / spent * elapsed if spent > 0 and elapsed > 2 else None


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


def renewed(jobs: Sequence[Job], reused: Mapping[str, Record], registry: Registry) -> dict[str, int]:
    """Key -> the newest finished run of what is run all the same: only a newer one, by another process, answers it."""
    keys = [job.key for job in jobs if job.key not in reused]
    return {run.key: run.id for run in registry.summaries(key=keys, status="COMPLETED")}


def run(
    state: State,
    executor: Executor,
    *,
    on_progress: Callable[[State], None],
    seed_done: Callable[[int], None],
    going_on: Callable[[int], bool] = lambda run: False,
) -> None:
    """Run ``state.todo``, going on past failures; the executor is closed at the end, whatever ends it.

    ``on_progress`` is called a few times a second, and at every start and end; ``seed_done(seed)`` when nothing of a
    seed (or of the seeds before it) is left; ``going_on(id)`` says whether another process is still at a run.
    """
    order, looked = Order(state), time.monotonic()
    with contextlib.closing(executor):
        while state.running or order.ready or state.elsewhere:
            if time.monotonic() - looked >= LOOK:
                looked = time.monotonic()
                for key, (job, at) in [*state.elsewhere.items()]:
                    if not going_on(at.run):
                        del state.elsewhere[key]
                        order.add(job)  # to be taken, or else continued
            while executor.room and order.ready:
                job = order.next()
                state.running[job.key] = Running(job, time.monotonic())
                executor.submit(job, state.known.get(job.key, 0))
            ended = executor.wait(0.25)
            for key, (done, total) in executor.progress().items():
                state.running[key].done, state.running[key].total = done, total
            for key, outcome in ended.items():
                over = state.running.pop(key)
                if isinstance(outcome, str):
                    order.fail(over.job, outcome)
                elif outcome is not None and not outcome.done:
                    state.elsewhere[key] = over.job, outcome
                else:
                    if outcome is None:
                        state.finished[key] = time.monotonic() - over.started
                    else:
                        state.taken[key] = outcome
                    order.release(over.job)
                for seed in order.seeds_ended():
                    seed_done(seed)
            on_progress(state)


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
            self.chain[job.key] = state.cost(job) + max((self.chain[c.key] for c in self.children[job.key]), default=0)
        self._heap: list[tuple[int, int, str, Job]] = []
        self._open_seeds = sorted({j.config.seed for j in todo.values()})
        for key, count in self.waiting.items():
            if count == 0:
                self.add(todo[key])

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
                self.add(child)

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

    def add(self, job: Job) -> None:
        """``job`` may start."""
        if job.key not in self.state.failed:
            heapq.heappush(self._heap, (job.config.seed, -self.chain[job.key], job.key, job))
