"""Locks, ranges and the table of tested sets agree; what does not fit is refused in a sentence."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import cavl
from cavl.versions import TESTED, untested
from registry.requirements import without_pkg_resources

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {
    "run": ("video", "prepare"),
    "tests": ("video", "prepare", "test", "browser"),
    "lint": ("video", "prepare", "lint"),
}

#: What the script of [project.scripts] does.
SCRIPT = "import sys; sys.argv = ['/bin/cavl-bench', '--help']; from benchmarks.cli import main; sys.exit(main())"


def pins(lock):
    text = (ROOT / "tools" / "locks" / f"{lock}.txt").read_text()
    blocks = re.findall(r"^([\w.-]+)==([^\s;]+)[^\n]*((?:\n    --hash=sha256:[0-9a-f]{64}[ \\]*)*)", text, re.MULTILINE)
    assert all(hashes for _, _, hashes in blocks)
    assert len(blocks) == len(re.findall(r"^[\w]", text, re.MULTILINE))
    return {name: version for name, version, _ in blocks}


@pytest.mark.parametrize("lock", EXTRAS)
def test_a_lock_holds_the_first_tested_set_and_all_that_the_project_asks_for(lock):
    locked = pins(lock)
    assert TESTED[0].items() <= locked.items()
    asked = [*PROJECT["dependencies"]]
    for extra in EXTRAS[lock]:
        asked += PROJECT["optional-dependencies"][extra]
    for requirement in map(Requirement, asked):
        if requirement.name != "cavl-bench":
            assert locked[requirement.name.lower().replace("_", "-")] in requirement.specifier, requirement


def test_the_locks_agree():
    run = pins("run")
    for lock in ("tests", "lint"):
        other = pins(lock)
        assert {name: other[name] for name in run} == run


@pytest.mark.parametrize("tested", TESTED)
def test_the_ranges_hold_every_tested_set(tested):
    asked = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["video"]]
    ranges = {r.name: r.specifier for r in map(Requirement, asked)}
    assert all(version in ranges[package] for package, version in tested.items())
    assert untested(tested) is None
    assert untested({package: tested[package] for package in ("torch", "torchvision", "torchaudio")}) is None


def test_the_set_that_broke_fresh_machines_is_refused_with_the_remedy():
    sentence = untested({"torch": "2.11.0", "torchvision": "0.26.0", "torchaudio": "2.11.1"})
    assert sentence is not None
    assert "torchaudio 2.11.1" in sentence
    assert "pip install torch==2.11.0 torchvision==0.26.0 torchaudio==2.11.0" in sentence
    assert "pip install 'setuptools<82'" in without_pkg_resources("82.0.1")
    assert without_pkg_resources("81.0.0") is None


@pytest.mark.parametrize(
    ("package", "version", "command", "status", "traceback"),
    [
        ("torchaudio", "2.11.9", ["-m", "benchmarks", "--help"], 2, False),
        ("torchaudio", "2.11.9", ["-m", "benchmarks.tasks.counting", "print_config"], 2, False),
        ("torchaudio", "2.11.9", ["-c", "import cavl"], 1, True),
        ("torchaudio", "2.11.9", ["-c", "import baselines.l3"], 1, True),
        ("torchaudio", "2.11.9", ["-c", SCRIPT], 2, False),
        ("setuptools", "82.0.1", ["-c", SCRIPT], 2, False),
        ("setuptools", "82.0.1", ["-m", "benchmarks", "--help"], 2, False),
        ("setuptools", "82.0.1", ["-m", "registry", "sync"], 2, False),
        ("setuptools", "82.0.1", ["-c", "import benchmarks.orchestration.experiment"], 1, True),
        ("setuptools", "82.0.1", ["-c", "import cavl.extractor"], 0, False),
    ],
)
def test_what_does_not_fit_ends_commands_in_one_sentence_and_imports_in_an_error(
    tmp_path, package, version, command, status, traceback
):
    folder = tmp_path / f"{package}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    environment.pop("CAVL_UNTESTED", None)
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == status
    assert (f"{package} {version}" in done.stderr) is (status != 0)
    assert ("Traceback" in done.stderr) is traceback
    if status == 2:
        assert done.stderr.count("\n") == 1


def test_one_version_stands_everywhere():
    version = PROJECT["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    latest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert latest is not None
    assert latest[1] == version == cavl.__version__
