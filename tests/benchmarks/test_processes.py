"""Workers: they answer, report, die alone, and end with everything they started, however their parent ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.processes import DiedError, Worker, WorkerError, end, report


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


class UnreadableError(Exception):
    """As many are: it is not rebuilt from its message alone."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def unreadable() -> None:
    raise UnreadableError("a", "b")


def halfway() -> int:
    for done in range(101):
        report(done, 100)
    return os.getpid()


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def work_until_told(folder: str, stubborn: bool = False) -> None:
    """Write one's process id, and on SIGTERM that one was interrupted (``stubborn``: go on for a minute instead)."""
    (Path(folder) / "aside").write_text(str(os.getpid()))
    (Path(folder) / "aside").rename(Path(folder) / "begun")
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        (Path(folder) / "interrupted").touch()
        if stubborn:
            time.sleep(60)
        raise


def wait(folder: str) -> None:
    Worker().ask(work_until_told, folder)


def leave(folder: str) -> None:
    begun(Worker(), Path(folder))


def ask_until_told(*asked: Any) -> None:
    worker, *arguments = asked
    with contextlib.suppress(DiedError):
        worker.ask(work_until_told, *arguments)


def begun(worker: Worker, folder: Path, stubborn: bool = False) -> int:
    folder.mkdir(exist_ok=True)
    call = threading.Thread(target=ask_until_told, args=(worker, str(folder), stubborn), daemon=True)
    call.start()
    wait_for(folder / "begun")
    return int((folder / "begun").read_text())


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_progress_and_the_answer_of_one_process_for_all_calls(worker: Worker) -> None:
    told = []
    pid = worker.ask(halfway, progress=lambda *progress: told.append(progress))
    assert told[0] == (0, 100)
    assert told[-1] == (100, 100)
    assert len(told) < 50, "a few times a second only"
    assert pid == worker.ask(os.getpid) != os.getpid()
    report(1, 2)  # nobody asked: nothing happens


def test_what_is_raised_and_cannot_be_read_fails_the_call_alone(worker: Worker) -> None:
    pid = worker.ask(os.getpid)
    with pytest.raises(WorkerError, match=r"UnreadableError.'a b'. cannot be sent .*missing 1 required"):
        worker.ask(unreadable)
    assert worker.ask(os.getpid) == pid


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (signal.SIGKILL, r"^its process died \(killed, or out of memory\)$"),
        (signal.SIGSEGV, r"^its process died \(SIGSEGV\)$"),
        (signal.SIGTERM, r"^its process was told to stop \(SIGTERM\)$"),
    ],
)
def test_what_dies_is_said_and_replaced(worker: Worker, tmp_path: Path, number: int, told: str) -> None:
    pid = worker.ask(os.getpid)
    killer = threading.Thread(target=lambda: (wait_for(tmp_path / "begun"), os.kill(pid, number)))
    killer.start()
    with pytest.raises(DiedError, match=told):
        worker.ask(work_until_told, str(tmp_path))
    killer.join()
    assert (tmp_path / "interrupted").exists() == (number == signal.SIGTERM)
    assert worker.ask(os.getpid) != pid
    os.kill(worker.ask(os.getpid), signal.SIGKILL)  # between two calls
    while multiprocessing.active_children():
        time.sleep(0.01)
    assert worker.ask(abs, -1) == 1


def test_several_are_stopped_at_once_and_have_time_to_write(tmp_path: Path) -> None:
    workers = [Worker() for _ in range(3)]  # of which one has never been asked
    pids = [begun(worker, tmp_path / str(i)) for i, worker in enumerate(workers[:2])]
    end(workers, patience=None)
    assert all(gone(pid) for pid in pids)
    assert len(list(tmp_path.glob("*/interrupted"))) == 2


def test_patience_has_an_end_and_a_second_ctrl_c_ends_it_at_once(worker: Worker, tmp_path: Path) -> None:
    pid = begun(worker, tmp_path / "one", stubborn=True)
    worker.close(patience=0.5)
    assert (tmp_path / "one" / "interrupted").exists()
    assert gone(pid)
    pid = begun(worker, tmp_path / "two", stubborn=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background, it is ignored
    threading.Timer(1.0, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        worker.close(patience=None)
    assert gone(pid)


@pytest.mark.parametrize("ending", ["wait", "leave"])
def test_it_ends_with_its_parent(tmp_path: Path, ending: str) -> None:
    """Which is killed while it waits, or leaves the interpreter without a word to its workers."""
    program = tmp_path / "program.py"
    program.write_text(
        f"from tests.benchmarks.test_processes import {ending}\nif __name__ == '__main__': {ending}({str(tmp_path)!r})"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen([sys.executable, str(program)], env=environment) as process:
        wait_for(tmp_path / "begun")
        if ending == "wait":
            process.kill()
        assert process.wait(30) == (-signal.SIGKILL if ending == "wait" else 0)
    assert gone(int((tmp_path / "begun").read_text()))
    assert (tmp_path / "interrupted").exists() == (ending == "wait")
