"""docs/add_a_task.md, executed: its package is built and installed, and its task is planned, run and reported."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from registry.index import Registry
from tests.plug_in import ROOT, Document, install

DOCUMENT = Document("add_a_task.md")
((NAME, WHERE),) = DOCUMENT.entry_points["cavl.tasks"].items()
MODULE = WHERE.partition(":")[0]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def suite(folder):
    """The main job on one method's rows, without the package."""
    environment = {**os.environ, "CAVL_HOME": str(folder / "runs"), "CAVL_DATA": str(folder / "data")}
    command = ["--preset", "smoke", "--methods", "dmc", "--tasks", "localization"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *command],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {r.id for r in Registry(folder / "runs").records(status="COMPLETED")}


@pytest.fixture(scope="module")
def python(suite, tmp_path_factory):
    return install(DOCUMENT, tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="module")
def benchmark(python, folder):
    def run(*more):
        paths = {"CAVL_HOME": str(folder / "runs"), "CAVL_DATA": str(folder / "data")}
        return python("-m", "benchmarks", "--preset", "smoke", "--methods", "dmc", *more, cwd=folder, **paths)

    done = run("--tasks", NAME)
    assert done.returncode == 0, done.stdout
    return run


def test_the_document_shows_a_whole_package():
    assert set(DOCUMENT.files) == {"pyproject.toml", f"{MODULE}.py", f"{MODULE}_table.py"}


def test_its_runs_stand_on_the_weights_that_were_there(benchmark, folder, suite):
    records = Registry(folder / "runs").records(status="COMPLETED")
    new = [r for r in records if r.id not in suite]
    assert {r.pedigree.task for r in new} == {NAME}
    assert {r.config["method"] for r in new} > {"dmc", "full-frame", "mean-training-map"}
    for record in new:
        assert re.fullmatch("[0-9a-f]{16}", record.pedigree.code[MODULE])
        assert record.config["evaluation"] == {"batch": 8}


def test_adding_it_made_no_other_run_stale(benchmark, folder, suite):
    known = [r for r in Registry(folder / "runs").records(status="COMPLETED") if r.id in suite]
    assert known
    assert not [r.stale for r in known if r.stale]


def test_its_scores_are_those_of_scikit_learn_on_a_mask(benchmark, folder):
    """Where a heatmap is the same everywhere, average precision is the object's share of the picture."""
    (full,) = (r for r in Registry(folder / "runs").records(task=NAME) if r.config["method"] == "full-frame")
    assert full.result["map"] == pytest.approx(full.result["chance"])
    assert 0 < full.result["map"] < 0.5


def test_its_rows_are_in_the_report(benchmark, folder):
    report = folder / "reports" / "generated" / "smoke"
    lines = [line.split("|")[1:-1] for line in (report / "tables" / "pixel_map.md").read_text().splitlines()]
    rows = {line[0].strip(): line[1:] for line in lines if line}
    assert {"DMC c1", "DMC untrained", "Full frame"} <= set(rows)
    assert all(re.search(r"\d+\.\d", cell) for cell in rows["DMC c1"])
    page = (report / "index.html").read_text()
    assert "Average precision of pixels" in page
    assert "Pixels: does training help?" in page


def test_a_change_of_it_makes_its_runs_stale_and_no_others(benchmark, python, folder):
    runs = len(Registry(folder / "runs").records(task=NAME))
    everything = ("--tasks", f"{NAME},localization", "--rerun", "stale", "--dry-run")
    assert re.search(r"^0 of \d+ runs to do", benchmark(*everything).stdout, re.MULTILINE)
    installed = Path(python("-c", f"import {MODULE}; print({MODULE}.__file__)").stdout.strip())
    source = installed.read_text()
    try:
        installed.write_text(f"{source}\nVERSION = 2\n")
        assert re.search(rf"^{runs} of \d+ runs to do", benchmark(*everything).stdout, re.MULTILINE)
    finally:
        installed.write_text(source)
