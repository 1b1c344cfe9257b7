"""The preset on the real photographs and recordings, from the files to the report: its rehearsal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.orchestration.request import Request, jobs_of
from reports.claims.cavl import CLAIMS
from tests.plain_config import resolve, run_config

ROOT = Path(__file__).parents[4]
TASKS = {"pretrain", "classification", "counting", "localization", "separation", "avc"}


def places(shared_data: Path) -> list[str]:
    recordings = f"{shared_data / 'ESC-50'},{shared_data / 'instruments'}"
    return ["--photographs", str(shared_data / "caltech101"), "--recordings", recordings]


@pytest.mark.slow
def test_the_rehearsal_runs_every_method_and_task_on_the_real_files(tmp_path, shared_data):
    command = ["benchmarks", "--preset", "composite", "--limit", "12", "--jobs", "2", *places(shared_data)]
    home = tmp_path / "runs"
    environment = {**os.environ, "CAVL_HOME": str(home), "CAVL_DATA": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    records = [
        json.loads((folder / "run.json").read_text()) for folder in home.iterdir() if (folder / "run.json").is_file()
    ]
    assert {r["status"] for r in records} == {"COMPLETED"}
    assert {r["experiment"]["name"] for r in records} == TASKS
    evaluations = [r["result"] for r in records if r["experiment"]["name"] != "pretrain"]
    assert {r["coverage"] for r in evaluations} == {"2075 of 2362 (missing 287, damaged 0)"}
    report = tmp_path / "reports/generated/composite@12/report.md"
    assert "2075 of 2362" in report.read_text()


def test_all_four_tasks_are_asked_of_cavl_along_the_curriculum(shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("CAVL_DATA", str(tmp_path))
    data = {
        "photographs": str(shared_data / "caltech101"),
        "recordings": [str(shared_data / "ESC-50"), str(shared_data / "instruments")],
    }
    jobs = jobs_of(Request(preset="composite", data=data))
    of_cavl = {(j.config.task, j.config.ordering) for j in jobs if j.config.method == "cavl"}
    for task in ("classification", "counting", "localization", "separation"):
        assert {(task, ordering) for ordering in ("untrained", "c1", "c1-c2")} <= of_cavl
    named = {o for claim in CLAIMS for c in claim.comparisons for method, o in (c.first, c.second) if method == "cavl"}
    assert {("localization", o) for o in named} <= of_cavl
    # Recordings of ESC-50 are in the training scenes: its folds are no test of what is learned on them.
    assert {j.variant for j in jobs if j.config.task == "classification"} == {"composite"}
    assert not [j for j in jobs if j.config.method.partition(":")[0] == "avts"]  # photographs do not move


def test_esc50_s_folds_are_not_probed(source):
    with pytest.raises(ValueError, match="no use for --esc50: its scenes hold recordings of ESC-50"):
        jobs_of(Request(preset="composite", esc50="x"))


def test_where_the_files_are_is_not_part_of_a_run_key(source, collection, make, tmp_path, monkeypatch):
    import shutil

    monkeypatch.setenv("CAVL_DATA", str(tmp_path))
    shutil.copytree(collection, tmp_path / "copy")
    keys = []
    for root in (collection, tmp_path / "copy"):
        config = run_config("localization", "composite", "cavl", "c1", 1)
        small = {"least": [4, 1, 2], "probe_folds": 3, "pairs": str(root / "pairs.csv")}
        places = {"photographs": str(root / "photographs"), "recordings": [str(root / "recordings")]}
        keys.append(resolve({**config, "data": {**config["data"], **small, **places}}).key)
    assert keys[0] == keys[1]


def test_another_preset_has_no_use_for_photographs():
    with pytest.raises(ValueError, match="preset 'smoke' has no use for --photographs"):
        jobs_of(Request(preset="smoke", data={"photographs": "x"}))
