"""Runs that appear in a real MongoDB while they go on, and what a database that fails costs them: one warning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from registry.index import Registry
from registry.mirror import mirrors
from registry.mongo import MongoError, address, opened
from registry.sync import sync
from tests.mongod import Mongod, free_port

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]

#: A run of some seconds: a metric ten times a second, a line of output, an artifact at the end.
PROGRAM = """
import sys, time
from pathlib import Path
import sacred
from registry.observer import RegistryObserver, recorded, sigterm_as_interrupt, flush
from registry.mirror import mirrors
from registry.record import Pedigree
sacred.SETTINGS.CAPTURE_MODE = "sys"
sacred.SETTINGS.DISCOVER_SOURCES = "none"
home, points = Path(sys.argv[1]), int(sys.argv[2])
ex = sacred.Experiment("demo", base_dir=str(home.parent), save_git_info=False)
ex.observers.append(RegistryObserver(lambda config: Pedigree(key="k", task="demo"), home))
ex.observers.extend(mirrors(home))
for mirror in ex.observers[1:]:
    mirror.every = 0.3

@ex.main
def main(_run):
    with recorded(_run):
        done = home / "done"  # what a checkpoint would say
        for step in range(int(done.read_text()) if done.exists() else 0, points):
            _run.log_scalar("loss", 1 / (step + 1), step)
            print(f"step {step}")
            flush(_run)
            done.write_text(str(step + 1))
            time.sleep(0.1)
        picture = home / "picture.png"
        picture.write_bytes(b"a picture")
        _run.add_artifact(str(picture), "picture.png")
        return {"score": 0.5}

with sigterm_as_interrupt():
    ex.run()
"""


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[Mongod]:
    server = Mongod(tmp_path / "mongod")
    yield server
    server.stop()


def start(home: Path, uri: str, points: int = 30) -> subprocess.Popen[str]:
    home.parent.mkdir(parents=True, exist_ok=True)
    program = home.parent / "program.py"  # Sacred wants a file
    if not program.exists():
        program.write_text(PROGRAM)
    return subprocess.Popen(
        [sys.executable, str(program), str(home), str(points)],
        env={**os.environ, "CAVL_MONGO_URI": uri, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def seen(uri: str, points: int = 1, patience: float = 60.0) -> dict[str, Any]:
    """The one run in the database, once it has so many points of its metric."""
    with pymongo.MongoClient(uri) as client:
        for _ in range(round(patience * 10)):
            found = client.lab.runs.find_one()
            metric = client.lab.metrics.find_one()
            if found and metric and len(metric["steps"]) >= points:
                return {**found, "points": len(metric["steps"])}
            time.sleep(0.1)
    raise AssertionError("the run does not appear")


def record(home: Path) -> Any:
    (found,) = Registry(home).records()
    return found


def test_a_run_appears_while_it_goes_on_and_is_whole_at_its_end(tmp_path, mongod):
    uri = f"{mongod.uri}/lab"
    process = start(tmp_path / "runs", uri)
    early = seen(uri)
    assert early["status"] == "RUNNING"
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "warning" not in told
    late = seen(uri)
    assert (late["status"], late["result"], late["points"]) == ("COMPLETED", {"score": 0.5}, 30)
    assert early["points"] < late["points"]
    assert late["captured_out"].count("step ") == 30
    assert [a["name"] for a in late["artifacts"]] == ["picture.png"]


def test_a_database_that_is_away_costs_a_warning_and_nothing_else(tmp_path):
    process = start(tmp_path / "runs", f"mongodb://user:geheim@127.0.0.1:{free_port()}/lab", points=5)
    told, _ = process.communicate(timeout=90)
    assert process.returncode == 0, told
    assert told.count("warning: run 1 is not copied to MongoDB") == 1
    assert "sync again when it is back" in told
    assert "geheim" not in told
    assert record(tmp_path / "runs").status == "COMPLETED"
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and b"geheim" in path.read_bytes()]
    assert kept == []


def test_a_database_that_dies_and_comes_back_has_everything_in_the_end(tmp_path, mongod):
    uri = f"{mongod.uri}/lab"
    process = start(tmp_path / "runs", uri, points=60)
    seen(uri)
    mongod.kill()
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert told.count("warning") == 1
    mongod.start()
    assert seen(uri)["status"] == "RUNNING", "as it was when the power went"
    with opened(address(uri)) as store:
        assert sync(tmp_path / "runs", store).failed == {}
    whole = seen(uri)
    assert (whole["status"], whole["points"]) == ("COMPLETED", 60)
    assert whole["captured_out"].count("step ") == 60


def test_a_run_killed_and_continued_is_one_run_with_one_history(tmp_path, mongod):
    uri = f"{mongod.uri}/lab"
    process = start(tmp_path / "runs", uri)
    seen(uri)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process = start(tmp_path / "runs", uri)
    seen(uri, points=seen(uri)["points"] + 3)
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert seen(uri)["status"] == "INTERRUPTED"
    process = start(tmp_path / "runs", uri)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    whole = seen(uri)
    assert (whole["_id"], whole["status"], whole["points"]) == (1, "COMPLETED", 30)
    assert [r["before"]["status"] for r in whole["info"]["resumptions"]] == ["DIED", "INTERRUPTED"]
    assert len({line for line in whole["captured_out"].splitlines() if line.startswith("step ")}) == 30
    with opened(address(uri)) as store:
        assert store.runs.count_documents({}) == 1


def test_twelve_runs_at_once(tmp_path, mongod):
    uri = f"{mongod.uri}/lab"
    processes = [start(tmp_path / f"runs{i}", uri, points=8) for i in range(12)]
    told = [process.communicate(timeout=240)[0] for process in processes]
    assert all(process.returncode == 0 for process in processes), told
    assert not [text for text in told if "warning" in text]
    with opened(address(uri)) as store:
        found = list(store.runs.find({}, sort=[("_id", 1)]))
        assert [r["_id"] for r in found] == list(range(1, 13))
        assert {r["status"] for r in found} == {"COMPLETED"}
        assert store.metrics.count_documents({}) == 12
        assert {len(m["steps"]) for m in store.metrics.find()} == {8}


def test_where_to_is_said_by_the_command_line_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("CAVL_MONGO_URI", raising=False)
    assert mirrors(tmp_path) == []
    monkeypatch.setenv("CAVL_MONGO_URI", "mongodb://lab:1/there")
    assert mirrors(tmp_path)[0].where.database == "there"
    assert mirrors(tmp_path, "host:1:here")[0].where.database == "here"
    monkeypatch.setenv("CAVL_MONGO_URI", "http://lab")
    with pytest.raises(MongoError, match="no address"):
        mirrors(tmp_path)


def suite(tmp_path: Path, uri: str) -> subprocess.CompletedProcess[str]:
    words = ["--preset", "smoke", "--methods", "full-frame,centred-square", "--tasks", "localization"]
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=tmp_path,  # so that its report does not replace the user's
        env={
            **os.environ,
            "CAVL_HOME": str(tmp_path / "runs"),
            "CAVL_DATA": str(tmp_path / "data"),
            "CAVL_MONGO_URI": uri,
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_suites_runs_appear_too(tmp_path, mongod):
    done = suite(tmp_path, f"{mongod.uri}/lab")
    assert done.returncode == 0, done.stdout
    with opened(address(f"{mongod.uri}/lab")) as store:
        found = list(store.runs.find())
    assert {r["config"]["method"] for r in found} == {"full-frame", "centred-square"}
    assert {r["status"] for r in found} == {"COMPLETED"}


def test_the_suite_warns_once_where_the_database_is_away(tmp_path):
    done = suite(tmp_path, f"mongodb://user:geheim@127.0.0.1:{free_port()}/lab")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("warning") == 1
    assert "geheim" not in done.stdout
    refused = suite(tmp_path, "http://lab")
    assert refused.returncode == 2
    assert "is no address of a MongoDB" in refused.stdout
