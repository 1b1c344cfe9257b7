"""``cavl-bench runs verify`` on real runs: they are run again, tampered with, interrupted; the registry stays."""

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry.index import Registry
from tests.sealed import change, sealed

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Nothing may be read from MongoDB."""
    data = tmp_path_factory.mktemp("data")
    return {**os.environ, "PYTHONPATH": str(ROOT), "CAVL_DATA": str(data), "COLUMNS": "200"}


def run(environment, home, *arguments, cwd=ROOT):
    """``python -m ...`` with a registry; returns the finished process."""
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=cwd,
        env={**environment, "CAVL_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def finished(environment, tmp_path_factory):
    """A registry of three runs: two stages (1, 2) and an evaluation of the second (3)."""
    home = tmp_path_factory.mktemp("finished") / "runs"
    done = run(environment, home, "benchmarks.tasks.localization", "with", "preset=smoke", "ordering=c1-c2")
    assert done.returncode == 0, done.stderr
    assert [r.pedigree.task for r in Registry(home).records()] == ["pretrain", "pretrain", "localization"]
    return home


@pytest.fixture
def verify(environment, finished, tmp_path):
    """Verify runs of a copy of the registry, which must not change, nor leave anything elsewhere."""
    home, scratch = tmp_path / "runs", tmp_path / "tmp"
    shutil.copytree(finished, home)
    scratch.mkdir()

    def command(*arguments, **more):
        before = digest(home)
        here = {**environment, "TMPDIR": str(scratch), **more}
        done = run(here, home, "benchmarks.cli", "runs", "verify", *arguments, "--json")
        assert digest(home) == before
        assert list(scratch.iterdir()) == []
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    command.home, command.scratch = home, scratch
    return command


def digest(home):
    """Of every file in the registry but the index, which may be written anew at any time."""
    files = sorted(p for p in home.rglob("*") if p.is_file() and not p.name.startswith("index.sqlite"))
    return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}


def test_runs_and_their_ancestors_are_identical(verify):
    """No address in $CAVL_MONGO_URI could be used: one that is read at all fails the run."""
    code, told = verify("3", "--ancestors", CAVL_MONGO_URI="no address")
    assert code == 0, told
    assert [run["id"] for run in told["runs"]] == [1, 2, 3]
    assert {run["verdict"] for run in told["runs"]} == {"identical"}
    assert [run["changed"] for run in told["runs"]] == [[], [], []]
    counts = [{part["noun"]: part["counts"]["identical"] for part in run["parts"]} for run in told["runs"]]
    metrics = sum(len(steps) for steps, _ in Registry(verify.home).get(1).metrics().values())
    assert counts[0]["metric points"] == metrics > 0
    assert counts[0]["weights files"] >= 1
    items = Registry(verify.home).get(3).result["items"]
    assert counts[2]["items"] == items["single"] + sum(items["multi"].values())
    assert told["runs"][2]["device"] == ["cpu", "cpu"]


def test_what_was_tampered_with_is_named(verify):
    folder = verify.home / "3"
    lines = (folder / "items.csv").read_text().splitlines()
    (cells,) = csv.reader([lines[7]])
    lines[7] = ",".join([*lines[7].split(",")[:-2], "0.987", ""])
    (folder / "items.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"items\.csv is damaged"):
        Registry(verify.home).get(3).artifact("items.csv")
    pedigree = json.loads((folder / "pedigree.json").read_text())
    torch = pedigree["environment"]["torch"]
    pedigree["environment"]["torch"] = "0.1"
    pedigree["code"]["cavl.clustering"] = "0" * 16
    change(folder / "pedigree.json", **{**pedigree, "key": "another", "dataset": "other data"})
    record = Registry(verify.home).get(1)
    change(record.folder / "run.json", result={**record.result, "score": record.result["score"] + 0.5})

    code, told = verify("1", "3")
    assert code == 1
    assert [run["verdict"] for run in told["runs"]] == ["different", "different"]
    first, second = told["runs"]
    assert "1 of " in first["said"]
    assert "score: " in first["said"]
    (items,) = [part for part in second["parts"] if part["noun"] == "items"]
    assert (items["counts"]["different"], items["differences"][0]["then"]) == (1, 0.987)
    assert f"item {cells[0]} ({cells[1]} {cells[2]}) value" in second["said"]
    assert f"torch was 0.1, is {torch}" in second["changed"]
    assert "code changed: cavl.clustering" in second["changed"]
    assert second["changed"][0].startswith("dataset fingerprint was other data, is ")
    assert second["changed"][1].startswith("key was another, is ")


def test_parents_weights_damaged_missing_or_trained_anew(verify):
    registry = Registry(verify.home)
    first, second = (registry.get(id) for id in (1, 2))
    stored, other = (verify.home / "checkpoints" / r.pedigree.key / "weights.safetensors" for r in (second, first))
    whole = stored.read_bytes()

    stored.write_bytes(other.read_bytes())
    code, told = verify("3")
    assert code == 2
    assert f"{stored} is damaged (not what run 2 recorded); train them anew" in told["runs"][0]["error"]

    change(second.folder / "run.json", result={**second.result, "weights": first.result["weights"]})
    code, told = verify("3")
    assert code in (0, 1), told
    then, now = (hashlib.sha256(content).hexdigest()[:12] for content in (whole, other.read_bytes()))
    assert told["runs"][0]["changed"] == [
        f"what it started from was trained anew: the weights of {second.pedigree.key} were {then}, are {now}"
    ]

    stored.unlink()
    code, told = verify("3", "1")
    assert code == 2
    assert f"{stored} is not there; train them anew: cavl-bench run --preset smoke" in told["runs"][0]["error"]
    assert told["runs"][1]["verdict"] == "identical", "it goes on past a failure"


def test_a_folder_that_has_moved_is_named(environment, verify):
    probe = ("benchmarks.tasks.classification", "with", "preset=smoke", "method=spectrogram-statistics")
    assert run(environment, verify.home, *probe, "ordering=none").returncode == 0
    config = json.loads((verify.home / "4" / "config.json").read_text())
    change(verify.home / "4" / "config.json", evaluation={**config["evaluation"], "esc50": "/nowhere/ESC-50"})
    code, told = verify("4")
    assert code == 2
    assert "evaluation.esc50 is /nowhere/ESC-50, which is not there" in told["runs"][0]["error"]
    assert "--path esc50=DIR" in told["runs"][0]["error"]
    code, told = verify("4", "--path", f"esc50={verify.home}")
    assert (code, told["runs"][0]["verdict"]) == (0, "identical")
    code, told = verify("4", "--path", "esc51=there")
    assert code == 2
    assert "videos, annotations, esc50" in told["runs"][0]["error"]


def test_a_run_of_another_program_is_refused(verify):
    config = json.loads((verify.home / "3" / "config.json").read_text())
    del config["stages"]
    (verify.home / "3" / "config.json").write_text(json.dumps(config))
    sealed(verify.home / "3")
    code, told = verify("3")
    assert code == 2
    assert "its configuration has no stages" in told["runs"][0]["error"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind(environment, verify, number):
    change(
        verify.home / "1" / "config.json",
        stages=[{**json.loads((verify.home / "1" / "config.json").read_text())["stages"][0], "updates": 100_000}],
    )
    before = digest(verify.home)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.cli", "runs", "verify", "1"],
        cwd=ROOT,
        env={**environment, "CAVL_HOME": str(verify.home), "TMPDIR": str(verify.scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    deadline = time.monotonic() + 120
    while not list(verify.scratch.glob("*/*/checkpoints/*/states/*")):  # it trains
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        os.kill(process.pid, number)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert digest(verify.home) == before
    assert list(verify.scratch.iterdir()) == []
    deadline = time.monotonic() + 20
    while members(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def heed_ctrl_c():
    """A shell's background job ignores SIGINT, and so does what it starts; a user's Ctrl-C does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def members(group):
    """Living processes of a process group."""
    found = subprocess.run(["ps", "-o", "pid=,stat=", "-g", str(group)], capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if "Z" not in line.split()[1]]


def test_a_process_that_is_killed_fails_its_run_alone(environment, verify):
    """As the kernel does when memory runs out."""
    config = json.loads((verify.home / "1" / "config.json").read_text())
    change(verify.home / "1" / "config.json", stages=[{**config["stages"][0], "updates": 100_000}])
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.cli", "runs", "verify", "1", "3", "--json"],
        cwd=ROOT,
        env={**environment, "CAVL_HOME": str(verify.home), "TMPDIR": str(verify.scratch)},
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(verify.scratch.glob("*/*/1/lock")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (lock,) = verify.scratch.glob("*/*/1/lock")
    os.kill(int(lock.read_text().split()[1]), signal.SIGKILL)
    told = json.loads(process.communicate(timeout=120)[0])
    assert process.returncode == 2
    assert "its process died" in told["runs"][0]["error"]
    assert told["runs"][1]["verdict"] == "identical"
    assert list(verify.scratch.iterdir()) == []


def test_every_run_behind_a_table_of_the_report(environment, tmp_path):
    words = ("--preset", "smoke", "--methods", "full-frame,centred-square", "--tasks", "localization")
    suite = run(environment, tmp_path / "runs", "benchmarks", *words, cwd=tmp_path)
    assert suite.returncode == 0, suite.stderr
    done = run(environment, tmp_path / "runs", "benchmarks.cli", "runs", "verify", "--table", "table3", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "2 runs: 2 identical, 0 within tolerance, 0 different"
    assert {line.rpartition("localization ")[2] for line in lines[:2]} == {
        f"{method} none smoke seed 1]" for method in ("full-frame", "centred-square")
    }
