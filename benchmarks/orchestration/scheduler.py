"""The suite: which jobs a preset asks for, and how they are run.

The jobs form a graph (a later stage starts from an earlier one's weights, an evaluation from a checkpoint). What a
finished run already answers is not run again. Seeds come in major order, and within a seed the longest chains first.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmarks import presets
from benchmarks.datasets.data_module import Source, open_source
from benchmarks.datasets.esc50 import IncompleteError
from benchmarks.datasets.prepared import NotPreparedError
from benchmarks.methods import TASKS as TASKS
from benchmarks.orchestration.executors import Executor
from benchmarks.orchestration.experiment import answered
from benchmarks.orchestration.graph import Job, read_esc50, resolve
from benchmarks.orchestration.request import Request as Request
from benchmarks.orchestration.request import Row, rows, variants
from registry.index import Registry
from registry.record.run_record import Record

#: What an evaluation costs, in updates of training; only the estimate of the time left depends on it.
EVALUATION_COST = 50


class Same(NamedTuple):
    """A row that has no runs of its own: it is configured as another one that the plan has."""

    row: Row
    seed: int
    method: str  # of the other
    ordering: str


def jobs_of(request: Request) -> list[Job]:
    """The jobs of :func:`plan_of`."""
    return plan_of(request)[0]


def plan_of(request: Request) -> tuple[list[Job], list[Same]]:
    """Every job of the request once (by key), parents before children, seed by seed; and whose rows are others'.

    Raises
    ------
    ConfigError, ValueError
        For a preset that there is not, and for a method, ordering or task that selects nothing of it.
    """
    preset = presets.load(request.preset)
    methods = presets.methods_of(request.preset, preset)
    asked = rows(request, methods)
    foreign = [entry for entry in request.data if not hasattr(preset.data, entry)]
    if foreign:
        raise ValueError(
            f"preset {request.preset!r} has no use for --{foreign[0]}: it composes no scenes; that of composite does"
        )
    found: dict[str, Job] = {}
    same: dict[Same, None] = {}
    for seed in range(1, (request.seeds or preset.seeds) + 1):
        for row in asked:
            for job in _jobs_of_row(request, methods[row.method], row, seed):
                for member in job.chain():
                    found.setdefault(member.key, member)
                own, first = ((j.config["method"], j.config["ordering"]) for j in (job, found[job.key]))
                if own != first:
                    same[Same(row, seed, *first)] = None
    if request.videos and not any(job.config["task"] == "action" for job in found.values()):
        raise ValueError(
            f"nothing of preset {request.preset!r} that was asked for is fine-tuned to actions; that of ablations is: "
            "--preset ablations"
        )
    return list(found.values()), list(same)


def _jobs_of_row(request: Request, part: presets.MethodPreset, row: Row, seed: int) -> Iterator[Job]:
    method, ordering, task = row
    config = presets.run_config(task, request.preset, method, ordering, seed)
    config["data"] = merged(config["data"], request.data)
    if task == "pretrain":
        yield resolve(config)
        return
    for variant in variants(part, task, ordering, asked=ordering in request.orderings):
        evaluation = merged(config["evaluation"], variant)
        if task == "classification":
            for probe in probes(request, config):
                yield resolve({**config, "evaluation": {**evaluation, **probe}})
            continue
        yield resolve({**config, "evaluation": evaluation})
        if task == "action":
            for videos in request.videos:
                yield resolve({**config, "evaluation": {**evaluation, **videos}})


def probes(request: Request, config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the probe is asked of: the preset's own sounds, and the recordings in a folder of ESC-50.

    Where the preset's own sounds are ESC-50 as prepared, such a folder takes its place.
    """
    usual = config["evaluation"]["probe"]
    if usual == "composite":
        if request.esc50:
            raise ValueError(
                f"preset {request.preset!r} has no use for --esc50: its scenes hold recordings of ESC-50, of whose "
                "folds none would be unheard"
            )
        yield {"probe": usual}
        return
    if usual == "miniature":
        yield {"probe": usual}
    elif not request.esc50:
        source = open_source(config["data"]).of("classification")
        yield from ({"probe": probe} for probe in prepared_probes(source))
    for probe in scoreable(request.esc50) if request.esc50 else ():
        yield {"probe": probe, "esc50": request.esc50}


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with ``changes``, which may be nested."""
    new = dict(values)
    for name, value in changes.items():
        new[name] = merged(new[name], value) if isinstance(value, Mapping) else value
    return new


@functools.cache
def scoreable(folder: str) -> dict[str, str]:
    """The subsets of ESC-50 in ``folder`` of which every fold is whole -> their coverage.

    There is no accuracy over folds that are not whole: what is left out is said, with the first missing files.
    """
    whole: dict[str, str] = {}
    for subset in ("esc10", "esc50"):
        recordings = read_esc50(folder, subset)
        if recordings.scoreable:
            whole[subset] = str(recordings.coverage)
            continue
        try:
            recordings.require_scoreable()
        except IncompleteError as error:
            print(f"left out: {error}", file=sys.stderr)
    return whole


def prepared_probes(source: Source) -> list[str]:
    """The subsets of a source's ESC-50 of which every fold is whole; both, where it is not prepared at all."""
    whole = []
    for subset in ("esc10", "esc50"):
        try:
            source.named(f"probe {subset}").require_scoreable()  # type: ignore[attr-defined]
        except NotPreparedError:
            pass
        except IncompleteError as error:
            say_once(f"left out: {error}")
            continue
        whole.append(subset)
    return whole


@functools.cache
def say_once(sentence: str) -> None:
    print(sentence, file=sys.stderr)


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
    rehearsed = presets.limit_of(job.config["preset"])[1] is not None  # an evaluation is then as short as a training
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
    executor: Executor,
    *,
    changed: Callable[[State], None],
    seed_done: Callable[[int], None],
) -> None:
    """Run ``state.todo``, going on past failures; the executor is closed at the end, whatever ends it.

    ``changed`` is called a few times a second, and at every start and end; ``seed_done(seed)`` when nothing of a seed
    (or of the seeds before it) is left.
    """
    order = Order(state)
    with contextlib.closing(executor):
        while state.running or order.ready:
            while executor.room and order.ready:
                job = order.next()
                state.running[job.key] = Running(job, time.monotonic())
                executor.submit(job)
            ended = executor.wait(0.25)
            for key, (done, total) in executor.progress().items():
                state.running[key].done, state.running[key].total = done, total
            for key, why in ended.items():
                over = state.running.pop(key)
                if why is None:
                    state.finished[key] = time.monotonic() - over.started
                    order.release(over.job)
                else:
                    order.fail(over.job, why)
                for seed in order.seeds_ended():
                    seed_done(seed)
            changed(state)


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
        self._open_seeds = sorted({j.config["seed"] for j in todo.values()})
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
        left = {j.config["seed"] for j in self.state.todo}
        while self._open_seeds and self._open_seeds[0] not in left:
            yield self._open_seeds.pop(0)

    def _push(self, job: Job) -> None:
        if job.key not in self.state.failed:
            heapq.heappush(self._heap, (job.config["seed"], -self.chain[job.key], job.key, job))
