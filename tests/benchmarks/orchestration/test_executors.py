"""Executors, and the scheduler that knows nothing of them but their interface."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.orchestration import experiment, scheduler
from benchmarks.orchestration.executors import Elsewhere, Outcome, local
from benchmarks.orchestration.executors.local import LocalExecutor
from benchmarks.orchestration.executors.work import work
from benchmarks.orchestration.scheduler import State, renewed, run
from benchmarks.processes import report
from registry.index import Registry
from registry.record.observer import AlreadyDone, AlreadyRunning
from registry.record.run_record import Record
from tests.benchmarks.orchestration.work_by_hand import do


@dataclass(frozen=True)
class Job:
    """As little of a job as the scheduler and an executor look at."""

    name: str
    seed: int = 1
    parents: tuple[Job, ...] = ()
    updates: int = 1
    config: Any = None

    @property
    def key(self) -> str:
        return self.name


def job(name: str, seed: int = 1, *parents: Job, does: str = "") -> Any:
    return Job(name, parents=parents, config=SimpleNamespace(seed=seed, preset="smoke", does=does))


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalExecutor]:
    monkeypatch.setattr(local, "work", do)
    executor = LocalExecutor(2)
    yield executor
    executor.close()


class Paper:
    """An executor in which every job takes one look, at most two at a time; those that are named fail.

    ``elsewhere``: how a job ends each time before it is run here.
    """

    def __init__(self, *failing: str, elsewhere: Mapping[str, list[Elsewhere]] | None = None) -> None:
        self.failing, self.running, self.log = failing, dict[str, Any](), list[str]()
        self.elsewhere = elsewhere or {}

    @property
    def room(self) -> int:
        return 2 - len(self.running)

    def submit(self, job: Any, known: int) -> None:
        assert self.room > 0
        self.running[job.key] = job
        self.log.append(f"{job.key} {known}" if known else job.key)

    def wait(self, timeout: float) -> Mapping[str, Outcome]:
        ended, self.running = self.running, {}
        return {key: self.outcome(key) for key in ended}

    def outcome(self, key: str) -> Outcome:
        if self.elsewhere.get(key):
            return self.elsewhere[key].pop(0)
        return "broken" if key in self.failing else None

    def progress(self) -> Mapping[str, tuple[int, int]]:
        return dict.fromkeys(self.running, (1, 2))

    def close(self) -> None:
        self.log.append("closed")


def test_the_scheduler_needs_the_interface_only() -> None:
    a, b = job("a"), job("b")
    jobs = [a, job("after a", 1, a), b, job("after b", 1, b), job("second", 2)]
    state, seeds, shown = State(jobs=jobs), [], []
    executor = Paper("a")
    run(state, executor, on_progress=lambda state: shown.append(sorted(state.running)), seed_done=seeds.append)
    assert executor.log == ["a", "b", "after b", "second", "closed"]
    assert state.failed == {"a": "broken", "after a": "needs 'a', which failed"}
    assert state.finished.keys() == {"b", "after b", "second"}
    assert seeds == [1, 2]
    assert shown == [[], []]


def test_processes_do_jobs_fail_and_die_alone(executor: LocalExecutor) -> None:
    jobs = [job("good"), job("bad", does="fail"), job("dead", does="die"), job("last", 2)]
    state = State(jobs=jobs)
    run(state, executor, on_progress=lambda state: None, seed_done=lambda seed: None)
    assert state.finished.keys() == {"good", "last"}
    assert state.failed == {
        "bad": "ValueError: no such thing",
        "dead": "its process died (killed, or out of memory)",
    }


def test_progress_is_seen_and_what_ends_the_suite_stops_what_runs(executor: LocalExecutor, tmp_path: Path) -> None:
    state = State(jobs=[job("long", does=str(tmp_path)), job("waits", 1)])

    def changed(state: State) -> None:
        if "long" in state.running and state.running["long"].total and (tmp_path / "begun").exists():
            assert (state.running["long"].done, state.running["long"].total) == (1, 4)
            assert executor.progress() == {"long": (1, 4)}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(state, executor, on_progress=changed, seed_done=lambda seed: None)
    assert (tmp_path / "interrupted").exists()


def test_nothing_to_do_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.processes.Worker.ask", lambda *_: pytest.fail("a process is started"))
    run(State(jobs=[]), LocalExecutor(2), on_progress=lambda state: None, seed_done=lambda seed: None)


def test_what_other_processes_run_is_left_to_them_and_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """One finishes what it runs, one dies; what starts from their runs waits, the rest goes on."""
    monkeypatch.setattr(scheduler, "LOOK", 0.0)
    going = Elsewhere(run=7, who="process 1 on here", done=False)
    other, done = replace(going, run=8), replace(going, done=True)
    a, b = job("a"), job("b")
    jobs = [a, job("after a", 1, a), b, job("after b", 1, b), job("c"), job("d")]
    executor = Paper(elsewhere={"a": [going, done], "b": [other, other], "c": [replace(done, run=9)]})
    state, shown, looks = State(jobs=jobs, known={"c": 5}), [], dict.fromkeys((7, 8), 3)

    def going_on(run: int) -> bool:
        looks[run] -= 1
        return looks[run] > 0

    def on_progress(state: State) -> None:
        shown.append(sorted(state.elsewhere))

    run(state, executor, on_progress=on_progress, seed_done=lambda seed: None, going_on=going_on)
    assert executor.log == ["a", "b", "c 5", "d", "a", "b", "b", "after a", "after b", "closed"]
    assert ["a", "b"] in shown
    assert state.failed == {}
    assert state.elsewhere == {}
    assert state.taken == {"a": done, "c": replace(done, run=9)}
    assert state.finished.keys() == {"after a", "b", "after b", "d"}
    assert state.todo == []


def test_a_renewed_job_is_answered_by_a_newer_run_only(write_run: Any, tmp_path: Path) -> None:
    write_run(tmp_path, 3, key="a")
    write_run(tmp_path, 4, key="a")
    write_run(tmp_path, 5, key="a", status="FAILED")
    write_run(tmp_path, 6, key="b")
    jobs, registry = [job("a"), job("b"), job("c")], Registry(tmp_path)
    assert renewed(jobs, {"b": registry.get(6)}, registry) == {"a": 4}


@pytest.mark.parametrize("ended", ["done", "left"])
def test_the_worker_says_who_runs_it(monkeypatch: pytest.MonkeyPatch, write_run: Any, tmp_home: Path, ended) -> None:
    """What another process is at is not waited for in a worker; what it has completed is not run again."""

    def run_job(job: Any, progress: Any, known: int) -> int:
        tries.append(known)
        if len(tries) == 1:
            raise AlreadyRunning(7, "here", 1)
        if ended == "done":  # between two looks
            write_run(tmp_home, 7, key="a", host={"hostname": "there", "pid": 5}, result={"score": 1.0})
            raise AlreadyDone(Registry().get(7))
        return 8

    tries: list[int] = []
    monkeypatch.setattr(experiment, "run_job", run_job)
    monkeypatch.setattr("benchmarks.orchestration.executors.work.resolve", lambda config: config)
    write_run(tmp_home, 3, key="a", result={"score": 0.5})
    assert work(job("a"), 3, report) == Elsewhere(run=7, who="process 1 on here", done=False)
    answer = Elsewhere(run=7, who="process 5 on there", done=True) if ended == "done" else None
    assert work(job("a"), 3, report) == answer
    assert tries == [3, 3]
    assert work(job("a"), 2, report) == (answer or Elsewhere(run=3, who="process 1 on machine", done=True))


def test_a_single_task_waits_where_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, write_run: Any, tmp_home: Path
) -> None:
    def run_job(job: Any, progress: Any, known: int) -> int:
        raise AlreadyRunning(7, "here", 1)

    def wait(busy: AlreadyRunning) -> None:
        waited.append(busy.id)
        if len(waited) == 3:
            write_run(tmp_home, 7, key="a", result={"score": 1.0})

    waited: list[int] = []
    monkeypatch.setattr(experiment, "run_job", run_job)
    with pytest.raises(AlreadyRunning, match="--wait"):
        experiment.ensure(job("a"))
    found = experiment.ensure(job("a"), wait=wait)
    assert (waited, isinstance(found, Record) and found.id) == ([7, 7, 7], 7)


def test_a_task_that_waits_does_not_try_meanwhile(monkeypatch: pytest.MonkeyPatch, write_run: Any, tmp_home: Path):
    """Sacred would say each time that it failed."""

    def wait(busy: AlreadyRunning) -> None:
        waited.append(busy.id)
        if len(waited) == 2:
            shutil.rmtree(folder)
            write_run(tmp_home, 7, key="a", result={"score": 1.0})

    waited: list[int] = []
    monkeypatch.setattr(experiment, "run_job", lambda *args, **more: pytest.fail("tried"))
    folder = write_run(tmp_home, 7, key="a", status="RUNNING")
    os.utime(folder / "run.json")  # another machine has just been heard of
    found = experiment.ensure(job("a"), wait=wait)
    assert (waited, isinstance(found, Record) and found.id) == ([7, 7], 7)
