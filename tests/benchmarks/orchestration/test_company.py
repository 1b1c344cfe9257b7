"""Several suites, and several tasks, on one home: real processes that are stopped and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli import run as command
from benchmarks.orchestration.scheduler import State
from registry.console import Console
from registry.index import Registry
from registry.item_table import ITEMS
from registry.record.run_record import Record
from tests.suite import ROOT

#: Seconds that a suite stands still: longer than anything waits for another process by itself.
STOPPED = 65
PLAN = ("--preset", "smoke", "--methods", "l3", "--tasks", "avc", "--jobs", "1")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a module in the home of a name, with a process group of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(home: str, module: str, *words: str) -> subprocess.Popen[str]:
        folders = {"CAVL_HOME": str(tmp_path / home), "CAVL_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=tmp_path,
            env={**os.environ, **folders},
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def at_work(home: Path, suite: subprocess.Popen[str]) -> None:
    """Wait until a run of a suite is going on."""
    deadline = time.monotonic() + 240
    while not any(_runs(record, suite) for record in Registry(home).records(status="RUNNING")):
        assert suite.poll() is None, suite.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(record: Record, suite: subprocess.Popen[str]) -> bool:
    try:
        return os.getpgid(record.host["pid"]) == suite.pid
    except ProcessLookupError:
        return False


def scores(records: list[Record]) -> dict[str, Any]:
    """Key -> all that a run has found out, to the last bit."""
    return {
        r.pedigree.key: (r.result, (r.folder / ITEMS).read_bytes() if ITEMS in r.artifacts else b"") for r in records
    }


@pytest.mark.slow
def test_suites_share_a_home_one_stopped_one_killed(tmp_path: Path, start) -> None:
    home = tmp_path / "shared"
    suites = [start("shared", "benchmarks", *PLAN, "--report", str(tmp_path / f"report {n}")) for n in range(2)]
    killed = start("shared", "benchmarks", *PLAN, "--report", str(tmp_path / "report"))
    at_work(home, killed)
    os.killpg(killed.pid, signal.SIGKILL)
    at_work(home, suites[0])
    os.killpg(suites[0].pid, signal.SIGSTOP)
    began = time.monotonic()
    alone = start("alone", "benchmarks", *PLAN, "--report", str(tmp_path / "report alone"))
    said = {"alone": alone.communicate()[0]}
    time.sleep(max(0.0, began + STOPPED - time.monotonic()))
    assert suites[1].poll() is None, suites[1].communicate()[0]  # it waits for what the other is at
    os.killpg(suites[0].pid, signal.SIGCONT)
    for number, suite in enumerate(suites):
        said[f"suite {number}"] = suite.communicate()[0]
    assert [process.returncode for process in (alone, *suites)] == [0, 0, 0], said
    assert "failed" not in said["suite 0"] + said["suite 1"]
    assert "run by process" in said["suite 1"]
    records, reference = Registry(home).records(), Registry(tmp_path / "alone").records()
    assert {record.status for record in records} == {"COMPLETED"}
    assert len(records) == len(reference) == len({record.pedigree.key for record in records})
    assert sum(len(record.resumptions) for record in records) <= 1, "what the killed one was at"
    assert scores(records) == scores(reference)


def test_a_suite_reports_on_what_it_has_selected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry, plans = Registry(tmp_path), []
    monkeypatch.setenv("CAVL_HOME", str(tmp_path))

    def report(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        plans.append(registry.plan("smoke"))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", report)
    registry.save_plan("smoke", {"selected": "by another suite, meanwhile"})
    own = {"selected": "here"}
    command.train_and_report(Console(), State([]), "smoke", tmp_path, 1, lambda: registry.save_plan("smoke", own))
    assert plans == [own]


@pytest.mark.slow
def test_tasks_that_share_a_pretraining_wait_for_it(tmp_path: Path, start) -> None:
    common = ("with", "preset=smoke", "method=l3", "ordering=avc")
    tasks = [start("runs", f"benchmarks.tasks.{task}", *common, "--wait") for task in ("avc", "localization", "avc")]
    said = [task.communicate()[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0, 0], said
    found = sorted(record.pedigree.task for record in Registry(tmp_path / "runs").records(status="COMPLETED"))
    assert found == ["avc", "localization", "pretrain"], said
