"""Which runs an edit makes stale: those whose numbers its file computes, and no others. Real edits of real files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = ("baselines", "benchmarks", "cavl", "registry", "reports")
#: (task, method, source) of runs.
RUNS = [
    ("pretrain", "cavl", "miniature"),
    ("pretrain", "l3", "miniature"),
    ("localization", "cavl", "miniature"),
    ("localization", "full-frame", "miniature"),
    ("localization", "edge-density", "miniature"),
    ("localization", "cavl", "composite"),
    ("counting", "cavl", "miniature"),
    ("avts", "avts", "miniature"),
]
EVERY = {" ".join(run) for run in RUNS}


def of(*words: str) -> set[str]:
    """The runs that have all these words."""
    return {run for run in EVERY if set(words) <= set(run.split())}


EDITS = {
    # what decides which runs there are, where they run and how they are shown: none
    "benchmarks/__main__.py": set(),
    "benchmarks/catalogue.py": set(),
    "benchmarks/export.py": set(),
    "benchmarks/methods.py": set(),
    "benchmarks/orchestration/experiment.py": set(),
    "benchmarks/orchestration/graph.py": set(),
    "benchmarks/orchestration/request.py": set(),
    "benchmarks/orchestration/run_config.py": set(),
    "benchmarks/orchestration/scheduler.py": set(),
    "benchmarks/presets/__init__.py": set(),
    "benchmarks/presets/miniature.py": set(),
    "benchmarks/progress.py": set(),
    "cavl/methods.py": set(),
    "registry/index.py": set(),
    "reports/cells.py": set(),
    # what computes a number: the runs whose number it is
    "baselines/l3.py": of("l3"),
    "baselines/avts.py": of("avts"),
    "baselines/trivial.py": of("full-frame") | of("edge-density"),  # which has the masks' configuration
    "baselines/deaf.py": of("edge-density"),
    "benchmarks/tasks/localization.py": of("localization"),
    "benchmarks/tasks/pretrain.py": of("pretrain"),
    "benchmarks/tasks/counting.py": of("counting"),
    "benchmarks/metrics/localization.py": of("localization") | of("pretrain"),  # pointing is measured on the way
    "benchmarks/metrics/counting.py": of("counting"),
    "benchmarks/tasks/context.py": EVERY,
    "benchmarks/tasks/task.py": EVERY,
    "benchmarks/training/batching.py": EVERY,
    "benchmarks/training/loop.py": EVERY,
    "cavl/model.py": of("cavl"),
    "benchmarks/datasets/miniature/sounds.py": of("miniature"),
    "benchmarks/datasets/composite/compose.py": of("composite"),
}

PROGRAM = """
import json, pathlib, sys
from benchmarks.orchestration.experiment import code_behind

edits, runs = json.load(sys.stdin)
def digests():
    return {" ".join(run): code_behind(*run) for run in runs}
before, stale = digests(), {}
for name, line in edits:
    file = pathlib.Path(name)
    text = file.read_text()
    file.write_text(line + text if line.startswith("#") else text + line)
    after = digests()
    stale[name + line] = [run for run in after if after[run] != before[run]]
    file.write_text(text)
print(json.dumps(stale))
"""


def stale_after(edits: list[tuple[str, str]], folder: Path) -> dict[str, set[str]]:
    """Edit -> the runs whose digest changed with it, told in a copy of the sources."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "generated"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        input=json.dumps([edits, RUNS]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {edit: set(runs) for edit, runs in json.loads(done.stdout).items()}


def test_an_edit_makes_stale_what_it_computes_and_nothing_else_and_a_comment_nothing(tmp_path):
    code, comment = "\nEDITED = 1\n", "# a comment\n"
    stale = stale_after([(name, line) for name in EDITS for line in (code, comment)], tmp_path)
    assert {name: stale[name + code] for name in EDITS} == EDITS
    assert {name: stale[name + comment] for name in EDITS} == {name: set() for name in EDITS}
