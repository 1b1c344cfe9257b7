"""Executors, and the scheduler that knows nothing of them but their interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.orchestration.executors import local
from benchmarks.orchestration.executors.local import LocalExecutor
from benchmarks.orchestration.executors.work import work
from benchmarks.orchestration.scheduler import State, run
from benchmarks.processes import report
from registry.record.observer import AlreadyRunning
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
    """An executor in which every job takes one look, at most two at a time; those that are named fail."""

    def __init__(self, *failing: str) -> None:
        self.failing, self.running, self.log = failing, dict[str, Any](), list[str]()

    @property
    def room(self) -> int:
        return 2 - len(self.running)

    def submit(self, job: Any) -> None:
        assert self.room > 0
        self.running[job.key] = job
        self.log.append(job.key)

    def wait(self, timeout: float) -> Mapping[str, str | None]:
        ended, self.running = self.running, {}
        return {key: "broken" if key in self.failing else None for key in ended}

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


@pytest.mark.parametrize("answer", [None, 7])
def test_another_process_s_run_is_waited_for(monkeypatch: pytest.MonkeyPatch, answer: int | None) -> None:
    """It is taken where it finished, and continued where its process has ended."""
    tries = []

    def run_job(job: Any, progress: Any) -> int:
        tries.append(job)
        if len(tries) < 3:
            raise AlreadyRunning(7, "here", 1)
        return 8

    module = "benchmarks.orchestration.executors.work"
    monkeypatch.setattr(f"{module}.run_job", run_job)
    monkeypatch.setattr(f"{module}.resolve", lambda config: config)
    monkeypatch.setattr(f"{module}.answered", lambda job, registry: answer and SimpleNamespace(id=answer))
    monkeypatch.setattr(f"{module}.time.sleep", lambda seconds: None)
    assert work("a job", report) == (answer or 8)  # type: ignore[arg-type]
    assert len(tries) == (1 if answer else 3)
