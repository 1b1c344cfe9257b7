"""Records written by hand, and processes to be killed."""

import json
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.mongod import Mongod


@pytest.fixture(autouse=True)
def runner(monkeypatch) -> SimpleNamespace:
    """What the index knows of the installed experiments: they follow the protocol of records that name none."""
    installed = SimpleNamespace(protocol=1)
    monkeypatch.setattr("registry.index.runner", lambda: installed)
    return installed


@pytest.fixture
def write_run() -> Callable[..., Path]:
    """Write the files of one run as the observer leaves them: ``write_run(home, 3, key="k", status="FAILED")``."""

    def write(home: Path, id: int, *, status: str = "COMPLETED", result: Any = None, **more: Any) -> Path:
        folder = home / str(id)
        folder.mkdir(parents=True)
        pedigree = {"key": f"key{id}", "task": "localization", "parents": [], "parent_digests": [], "dataset": "d"}
        pedigree |= {"code": {}, "environment": {}}
        pedigree |= {name: more.pop(name) for name in list(more) if name in pedigree}
        config = {"task": pedigree["task"], "preset": "miniature", "method": "cavl", "ordering": "c1", "seed": 1}
        config |= more.pop("config", {})
        run = {
            "status": status,
            "result": result,
            "host": {"hostname": "machine", "pid": 1},
            "start_time": "2025-01-01T00:00:00",
            "stop_time": "2025-01-01T00:01:40",
            "heartbeat": None,
            "artifacts": [],
            "resumptions": [],
            **more,
        }
        for name, content in (("pedigree", pedigree), ("config", config), ("run", run)):
            (folder / f"{name}.json").write_text(json.dumps(content))
        return folder

    return write


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
