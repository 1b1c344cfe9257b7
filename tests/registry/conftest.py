"""Processes to be killed."""

import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mongod import Mongod


@pytest.fixture
def child() -> Iterator[Callable[[Callable[[], object]], int]]:
    """Start a forked process that calls a function: its process id; what still lives is killed afterwards."""
    alive: list[int] = []

    def start(function: Callable[[], object]) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                function()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        alive.append(pid)
        return pid

    yield start
    for pid in alive:
        try:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                os.kill(pid, 9)
                os.waitpid(pid, 0)
        except ChildProcessError:
            pass


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[Mongod]:
    """A real MongoDB of one test's own."""
    server = Mongod(tmp_path / "mongod")
    yield server
    server.stop()
