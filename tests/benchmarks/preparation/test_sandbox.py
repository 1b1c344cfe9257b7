"""The process that may be killed: whatever happens in it, the caller goes on."""

from __future__ import annotations

import mmap
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from benchmarks.preparation.decode import DecodeError
from benchmarks.preparation.sandbox import Sandbox, SandboxError


@pytest.fixture
def child() -> Iterator[Sandbox]:
    child = Sandbox(memory=2 << 30)
    yield child
    child.close()


def add(a: int, b: int) -> tuple[int, int]:
    return a + b, os.getpid()


def refuse(why: str) -> None:
    raise DecodeError(why)


def hang(pipe: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with open(pipe):  # nobody ever writes to it
        pass


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def eat() -> int:
    return len(np.ones(6 << 30, np.uint8))


def reserve(size: int) -> None:
    mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0).close()  # address space, no memory


def start_another(pipe: str) -> None:
    """A program that says so into ``pipe``, and holds it open for a minute."""
    with open(pipe, "w") as held:
        subprocess.run(["sh", "-c", "echo begun; sleep 60"], stdout=held, check=False)


def unpicklable() -> object:
    return lambda: None


def test_it_does_what_it_is_told(child: Sandbox) -> None:
    first, pid = child.call(add, 1, 2, timeout=30)
    assert (first, child.call(add, 3, 4, timeout=30)) == (3, (7, pid)), "one process for many calls"
    assert pid != os.getpid()
    with pytest.raises(DecodeError, match="no audio track"):
        child.call(refuse, "no audio track", timeout=30)
    assert child.call(add, 5, 6, timeout=30) == (11, pid)


def test_what_hangs_is_given_up_and_replaced(child: Sandbox, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    _, pid = child.call(add, 0, 0, timeout=30)
    with pytest.raises(SandboxError, match=r"given up after 0.5 s"):
        child.call(hang, str(pipe), timeout=0.5)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert child.call(add, 1, 1, timeout=30)[0] == 2


def test_what_crashes_or_eats_memory_is_said_and_replaced(child: Sandbox) -> None:
    with pytest.raises(SandboxError, match=r"died.*SIGSEGV"):
        child.call(die, int(signal.SIGSEGV), timeout=30)
    with pytest.raises(SandboxError, match="needs more than 2048 MiB"):
        child.call(eat, timeout=30)
    with pytest.raises(SandboxError, match="cannot be sent"):
        child.call(unpicklable, timeout=30)
    assert child.call(add, 1, 1, timeout=30)[0] == 2


def test_a_call_without_limit_may_map_what_it_never_uses(child: Sandbox) -> None:
    """As Deno does, which yt-dlp starts; the limit is back for the next call."""
    child.call(reserve, 40 << 30, timeout=30, limited=False)
    with pytest.raises(OSError, match="Cannot allocate"):
        child.call(reserve, 40 << 30, timeout=30)


def test_what_it_has_started_ends_with_it(child: Sandbox, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    call = threading.Thread(target=be_killed, args=(child, str(pipe)))
    call.start()
    with open(pipe) as held:
        assert held.readline() == "begun\n"
        child.kill()
        assert ended(held)
    call.join()


def be_killed(child: Sandbox, pipe: str) -> None:
    with pytest.raises(SandboxError, match="SIGKILL"):
        child.call(start_another, pipe, timeout=60)


def ended(held: IO[str]) -> bool:
    """Whether nobody holds the other end of a pipe any more, within a while."""
    return bool(select.select([held], [], [], 20)[0]) and held.read() == ""


def test_it_ends_with_its_parent_and_so_does_what_it_has_started(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    code = (
        "from tests.benchmarks.preparation.test_sandbox import Sandbox, start_another\n"
        f"if __name__ == '__main__': Sandbox(2 << 30).call(start_another, {str(pipe)!r}, timeout=60)"
    )
    (tmp_path / "parent.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, env=environment) as parent, open(pipe) as held:
        assert held.readline() == "begun\n"
        parent.kill()
        assert ended(held)


def test_it_can_be_killed_from_another_thread(child: Sandbox) -> None:
    child.call(add, 0, 0, timeout=30)
    threading.Timer(0.3, child.kill).start()
    began = time.monotonic()
    with pytest.raises(SandboxError, match=r"died.*SIGKILL"):
        child.call(time.sleep, 60, timeout=60)
    assert time.monotonic() - began < 10
