"""Installation of Omniboard that is killed: nothing of it goes on, and nothing stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live import ROOT

INSTALL = "from registry.omniboard.install import install; install()"


def script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def until(condition: Callable[[], object], patience: float = 30.0) -> bool:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def lives(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_killed_installation_leaves_neither_npm_nor_its_folder(tmp_path: Path):
    programs, cache = tmp_path / "bin", tmp_path / "cache"
    script(programs / "node", "echo v20.0.0")
    script(programs / "npm", f"echo $$ > {tmp_path}/pid.part; mv {tmp_path}/pid.part {tmp_path}/pid; exec sleep 60")
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(cache)}
    environment["PYTHONPATH"] = str(ROOT)
    process = subprocess.Popen([sys.executable, "-c", INSTALL], env=environment)
    assert until((tmp_path / "pid").exists)
    npm = int((tmp_path / "pid").read_text())
    assert lives(npm)
    process.kill()
    process.wait()
    assert until(lambda: not lives(npm))
    assert len(list(cache.glob("cavl-bench/.omniboard-*"))) == 1, "nobody was there to clear it up"
    script(programs / "npm", "exit 1")
    again = subprocess.run(
        [sys.executable, "-c", INSTALL], env=environment, check=False, capture_output=True, text=True
    )
    assert "npm could not install Omniboard" in again.stderr
    assert not list(cache.glob("cavl-bench/.omniboard-*"))
