"""The lock tells the living from the dead."""

import os
import signal
import time
from pathlib import Path

import pytest

from registry.lock import Lock, held, holder


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "a" / "lock"), Lock(tmp_path / "a" / "lock")
    assert not held(first.path)
    assert first.acquire()
    assert held(first.path)
    assert not second.acquire(patience=0)
    assert holder(first.path)[1] == os.getpid()
    first.release()
    first.release()
    assert not held(first.path)
    assert second.acquire(patience=0)
    second.release()


def test_no_file_no_holder(tmp_path: Path) -> None:
    assert holder(tmp_path / "lock") == ("", None)
    (tmp_path / "lock").write_text("what")
    assert holder(tmp_path / "lock") == ("", None)


def wait_for(condition, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_death_frees_the_lock(tmp_path: Path, child) -> None:
    path = tmp_path / "lock"
    pid = child(lambda: (Lock(path).acquire(), time.sleep(60)))
    wait_for(lambda: held(path) and holder(path)[1] == pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not held(path)
    assert holder(path)[1] == pid


def test_a_forked_worker_that_lives_on_does_not_hold_it(tmp_path: Path, child) -> None:
    path, workers = tmp_path / "lock", tmp_path / "workers"

    def parent() -> None:
        lock = Lock(path)
        lock.acquire()
        worker = os.fork()
        if worker == 0:
            time.sleep(60)
        workers.write_text(str(worker))
        time.sleep(60)

    pid = child(parent)
    wait_for(lambda: workers.exists() and workers.read_text())
    worker = int(workers.read_text())
    try:
        assert held(path)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.kill(worker, 0)  # it lives
        assert not held(path)
    finally:
        os.kill(worker, signal.SIGKILL)


def test_looking_does_not_get_in_the_way(tmp_path: Path, child) -> None:
    """A look takes the lock for a moment; whoever wants it for good must not give up because of that."""
    path = tmp_path / "lock"
    path.write_text("")

    def look() -> None:
        while True:
            held(path)

    for _ in range(2):
        child(look)
    for _ in range(100):
        lock = Lock(path)
        assert lock.acquire()
        lock.release()


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import registry.lock

    def refuse(file: int, mode: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(registry.lock.fcntl, "flock", refuse)
    with pytest.raises(OSError, match=r"lock.*no file locks.*CAVL_HOME"):
        Lock(tmp_path / "lock").acquire()
