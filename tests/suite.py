"""The suite as a test runs it: in a folder of its own, to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from registry.index import Registry
from registry.record.run_record import Record

ROOT = Path(__file__).parents[1]


def run_suite(folder: Path, *arguments: str) -> list[Record]:
    """Run ``python -m benchmarks``; returns its completed runs. Its report does not replace the user's."""
    environment = {
        **os.environ,
        "CAVL_HOME": str(folder / "runs"),
        "CAVL_DATA": str(folder / "data"),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Registry(folder / "runs").records(status="COMPLETED")
