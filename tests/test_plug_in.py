"""docs/add_a_method.md, executed: its package is built and installed, and its method is run, tested and reported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.methods import trivial
from registry.index import Registry
from tests.plug_in import ROOT, Document, install

DOCUMENT = Document("add_a_method.md")
((NAME, WHERE),) = DOCUMENT.entry_points["cavl.methods"].items()
MODULE = WHERE.partition(":")[0]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    return install(DOCUMENT, tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="module")
def suite(python, tmp_path_factory):
    """The document's command with the smoke preset, run in a folder of its own; more arguments may be added."""
    folder = tmp_path_factory.mktemp("work")

    def run(*more):
        return python(
            *DOCUMENT.command("cavl-bench run --preset smoke", NAME),
            *more,
            cwd=folder,
            CAVL_HOME=str(folder / "runs"),
            CAVL_DATA=str(folder / "data"),
        )

    run.folder = folder
    done = run()
    assert done.returncode == 0, done.stdout
    return run


def test_the_document_shows_a_whole_package():
    assert set(DOCUMENT.files) == {"pyproject.toml", f"{MODULE}.py"}


def test_it_is_installed_apart_from_the_suite(python):
    where = python("-c", f"import {MODULE}; print({MODULE}.__file__)")
    assert where.returncode == 0, where.stdout
    assert ROOT not in Path(where.stdout.strip()).parents
    assert subprocess.run([sys.executable, "-c", f"import {MODULE}"], stderr=subprocess.DEVNULL).returncode != 0


def test_its_runs_are_recorded_with_the_code_of_its_package(suite):
    records = Registry(suite.folder / "runs").records()
    assert {r.status for r in records} == {"COMPLETED"}
    assert all(trivial(r.config["method"]) for r in records if r.config["method"] != NAME), "rows that stand beside"
    records = [r for r in records if r.config["method"] == NAME]
    assert {r.pedigree.task for r in records} == {"pretrain", "localization", "classification", "avc"}
    for record in records:
        assert re.fullmatch("[0-9a-f]{16}", record.pedigree.code[MODULE])
        assert "cavl.trunks" in record.pedigree.code, "and what it imports of the suite"
    (trained,) = (r for r in records if r.pedigree.task == "pretrain")
    assert {"pair_accuracy", "r_at_1", "pointing", "avc_auc", "loss"} <= set(trained.result)


@pytest.mark.parametrize("table", ["table1", "table3", "avc"])
def test_its_row_is_in_the_report(suite, table):
    report = suite.folder / "reports" / "generated" / "smoke"
    rows = [line.split("|")[1:-1] for line in (report / "tables" / f"{table}.md").read_text().splitlines()]
    (cells,) = (row[1:] for row in rows if row and row[0].strip() == NAME)
    assert any(re.search(r"\d+\.\d", cell) for cell in cells), cells
    assert re.search(rf"<t[hd][^>]*>\s*{NAME}\s*<", (report / "index.html").read_text())


def test_the_common_tests_cover_it(python):
    done = python(
        *DOCUMENT.command("python -m pytest tests/test_methods.py", NAME), "-vv", "-p", "no:cacheprovider", cwd=ROOT
    )
    assert done.returncode == 0, done.stdout
    passed = re.findall(rf"::(test_\w+)\[{NAME}.*PASSED", done.stdout)
    assert {
        "test_it_says_what_it_wants",
        "test_one_is_answered_as_among_many",
        "test_nan_is_refused_in_a_sentence",
        "test_a_short_training_lowers_the_loss_to_the_golden_one",
    } <= set(passed)


def test_a_change_of_its_code_makes_its_runs_stale(suite, python):
    methods = [r.config["method"] for r in Registry(suite.folder / "runs").records()]
    runs, own = len(methods), methods.count(NAME)
    assert f"0 of {runs} runs to do" in suite("--rerun", "stale", "--dry-run").stdout
    installed = Path(python("-c", f"import {MODULE}; print({MODULE}.__file__)").stdout.strip())
    source = installed.read_text()
    try:
        installed.write_text(f"{source}\nVERSION = 2\n")
        assert f"{own} of {runs} runs to do" in suite("--rerun", "stale", "--dry-run").stdout
    finally:
        installed.write_text(source)
