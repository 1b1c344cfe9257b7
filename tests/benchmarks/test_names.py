"""Command lines that name and list without importing torch, which takes seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import presets

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "benchmarks --help",
    "benchmarks --seeds many",
    "benchmarks.cli --help",
    "benchmarks.cli prepare --help",
    "benchmarks.cli prepare status",
    "benchmarks.cli preview miniature --help",
    "benchmarks.cli preview composite --help",
    "benchmarks.datasets.audioset --help",
    "benchmarks.cli prepare esc50 --help",
    "benchmarks.cli export --help",
    "benchmarks.cli score localization --help",
    "benchmarks score separation --help",
    "benchmarks.cli runs verify --help",
    "registry --help",
    "registry list",
    "registry gc",
    "reports --help",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_needs_no_torch_does_not_wait_for_it(command, tmp_path):
    """From Python's own account of what it has imported."""
    environment = {**os.environ, "CAVL_HOME": str(tmp_path), "CAVL_DATA": str(tmp_path), "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", *command.split()],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if "import time:" in line}
    assert "typer" in imported or "argparse" in imported
    assert not {"torch", "sacred", "torchaudio", "torchvision"} & imported


def test_naming_methods_and_tasks_does_not_wait_for_what_one_of_them_needs():
    names = "sys, benchmarks.tasks.localization, benchmarks.presets.smoke, benchmarks.tasks.action"
    imported = f"import {names}; print({{'torchvision', 'torch._dynamo', 'scipy.stats'}} & sys.modules.keys())"
    ended = subprocess.run([sys.executable, "-c", imported], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"


def test_every_preset_is_offered():
    names = ["ablations", "composite", "composite-v1", "full", "miniature", "miniature-v1", "paper", "smoke"]
    assert presets.names() == names
