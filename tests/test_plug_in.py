"""docs/add_a_method.md, executed: its package is built and installed, and its method is run, tested and reported."""

import os
import re
import shlex
import site
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

from benchmarks.methods import trivial
from registry.index import Registry

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "add_a_method.md").read_text()
#: File name -> content, of the code blocks that name their file.
FILES = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL))
ENTRY_POINTS = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]["cavl.methods"]
((NAME, WHERE),) = ENTRY_POINTS.items()
MODULE = WHERE.partition(":")[0]

pytestmark = pytest.mark.slow


def command(start):
    """The arguments of the document's command that begins with ``start``."""
    (found,) = re.findall(rf"^python (-m {re.escape(start)} .*?{NAME})(?: +#.*)?$", DOCUMENT, re.MULTILINE)
    return shlex.split(found)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Run Python in a new environment that has the package, and otherwise all that this one has."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    own = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
    here = {*site.getsitepackages(), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = [f"import site; site.addsitedir({path!r})\n" for path in sorted(here)]  # with the .pth files in them
    Path(own["purelib"], "this_environment.pth").write_text("".join(lines))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    interpreter = Path(own["scripts"]) / Path(sys.executable).name

    def run(*arguments, cwd=folder, **more):
        return subprocess.run(
            [interpreter, *map(str, arguments)],
            cwd=cwd,
            env={**environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    package = folder / "package"
    package.mkdir()
    for name, content in FILES.items():
        (package / name).write_text(content)
    pip = ("-m", "pip", "--disable-pip-version-check", "--no-input")
    offline = ("--no-deps", "--no-index")
    built = run(*pip, "wheel", "--no-build-isolation", *offline, "--wheel-dir", folder / "wheels", package)
    assert built.returncode == 0, f"{built.stdout}\npip and setuptools>=70.1 (or wheel) are needed to build a wheel"
    (wheel,) = (folder / "wheels").iterdir()
    installed = run(*pip, "install", *offline, wheel)
    assert installed.returncode == 0, installed.stdout
    return run


@pytest.fixture(scope="module")
def suite(python, tmp_path_factory):
    """The document's command with the smoke preset, run in a folder of its own; more arguments may be added."""
    folder = tmp_path_factory.mktemp("work")

    def run(*more):
        return python(
            *command("benchmarks --preset smoke"),
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
    assert set(FILES) == {"pyproject.toml", f"{MODULE}.py"}


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
    done = python(*command("pytest tests/test_methods.py"), "-vv", "-p", "no:cacheprovider", cwd=ROOT)
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
