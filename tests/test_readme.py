"""The README's section on trained models, executed: its command and its ten lines."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmarks.cli import main
from benchmarks.orchestration.experiment import run_job
from tests.plain_config import resolve, run_config

ROOT = Path(__file__).parents[1]


def blocks(language):
    """The code blocks of the section "Use a trained model"."""
    section = re.search(r"\n## Use a trained model\n(.*?)\n## ", (ROOT / "README.md").read_text(), re.DOTALL)
    return re.findall(rf"```{language}\n(.*?)```", section[1], re.DOTALL)


@pytest.fixture
def exported(tmp_path, monkeypatch):
    """A separation run of the smoke preset, exported by the README's command into the current folder."""
    monkeypatch.setenv("CAVL_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    config = run_config("separation", "smoke", "cavl", "c1", 1)
    few = {"train": {"1": 12}, "validation": 4, "test": {"1": 12}}
    for job in resolve({**config, "data": {**config["data"], **few}}).chain():
        number = run_job(job)
    (commands,) = blocks("sh")
    (command,) = re.findall(r"^cavl-bench (export .*)$", commands, re.MULTILINE)
    arguments = shlex.split(command, comments=True)
    assert main([arguments[0], str(number), *arguments[2:]]) == 0  # another run than the README's


def test_the_ten_lines_do_what_they_say(exported):
    draw = np.random.default_rng(0)
    soundfile.write("duet.wav", draw.uniform(-0.5, 0.5, (3 * 44_100, 2)), 44_100)
    for name, size in (("violin", (40, 30, 3)), ("piano", (64, 50, 3))):
        Image.fromarray(draw.integers(0, 256, size, dtype=np.uint8)).save(f"{name}.png")
    (code,) = blocks("python")
    assert len(code.splitlines()) == 10
    names = {}
    exec(code, names)
    assert names["features"].shape == (8,)  # D of the smoke preset
    assert names["heatmaps"].shape == (1, 40, 30)
    assert 0 <= names["heatmaps"].min() <= names["heatmaps"].max() <= 1
    assert names["sounds"].shape == (2, 3 * 44_100)
    assert np.isfinite(names["sounds"]).all()
    assert names["sounds"].any()
