"""What a shell is told when Tab is pressed, and where the report of the command goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def completed(home: Path, line: str) -> list[str]:
    """As bash asks for it."""
    environment = {**os.environ, "CAVL_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment |= {"_CAVL_BENCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    code = "from benchmarks.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cavl-bench r", ["run", "report", "runs"]),
        ("cavl-bench run --preset s", ["smoke"]),
        ("cavl-bench run --tasks avc,loc", ["avc,localization"]),
        ("cavl-bench run --methods dm", ["dmc"]),
        ("cavl-bench runs show 1", ["12", "1"]),
        ("cavl-bench runs l", ["list"]),
    ],
)
def test_names_and_runs_are_completed(tmp_path, line, words):
    for id in ("1", "2", "12"):
        (tmp_path / id).mkdir()
    assert completed(tmp_path, line) == words
