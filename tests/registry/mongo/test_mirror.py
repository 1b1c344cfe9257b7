"""Runs that appear in a real MongoDB while they go on, and what a database that fails costs them: one warning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.mongo.address import MongoError, address, opened
from registry.mongo.mirror import mirrors
from registry.mongo.mongod import free_port
from registry.mongo.sync import sync
from tests.live import ROOT, assert_copied, assert_whole, finished, go, record, seen, start

pytestmark = pytest.mark.slow


def test_a_run_appears_while_it_goes_on_and_is_whole_at_its_end(tmp_path, mongod):
    uri = f"{mongod.uri}/lab"
    process = start(tmp_path / "runs", uri, hold=20, store=29)
    early = seen(uri)
    assert early["status"] == "RUNNING"
    go(tmp_path / "runs")
    assert "warning" not in finished(process)
    late = seen(uri)
    assert (late["status"], late["result"], late["points"]) == ("COMPLETED", {"score": 0.5}, 30)
    assert early["points"] < late["points"]
    assert late["captured_out"].count("step ") == 30
    assert [a["name"] for a in late["artifacts"]] == ["part-0.bin", "part-29.bin"]


def test_a_database_that_is_away_costs_a_warning_and_nothing_else(tmp_path):
    uri = f"mongodb://user:geheim@127.0.0.1:{free_port()}/lab"
    told = finished(start(tmp_path / "runs", uri, steps=5, patience=0.5))
    assert told.count("warning: run 1 is not copied to MongoDB") == 1
    assert "sync again when it is back" in told
    assert "geheim" not in told
    assert record(tmp_path / "runs").status == "COMPLETED"
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and b"geheim" in path.read_bytes()]
    assert kept == []


def test_a_database_that_dies_and_comes_back_has_everything_in_the_end(tmp_path, mongod):
    uri, home = f"{mongod.uri}/lab", tmp_path / "runs"
    process = start(home, uri, hold=10, store=3, patience=0.5)
    seen(uri)
    mongod.settle()
    mongod.kill()
    go(home)
    assert finished(process).count("warning") == 1
    mongod.start()
    assert seen(uri)["status"] == "RUNNING", "as it was when the power went"
    with opened(address(uri)) as store:
        assert sync(home, store).failed == {}
        assert_whole(home, 30)
        assert_copied(store, home)


def test_a_run_killed_and_continued_is_one_run_with_one_history(tmp_path, mongod):
    uri = f"{mongod.uri}/lab"
    process = start(tmp_path / "runs", uri, hold=5)
    seen(uri, points=5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    process = start(tmp_path / "runs", uri, hold=15)
    assert seen(uri, points=15)["points"] == 15
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert seen(uri)["status"] == "INTERRUPTED"
    finished(start(tmp_path / "runs", uri))
    whole = seen(uri)
    assert (whole["_id"], whole["status"], whole["points"]) == (1, "COMPLETED", 30)
    assert [r["before"]["status"] for r in whole["info"]["resumptions"]] == ["DIED", "INTERRUPTED"]
    assert len({line for line in whole["captured_out"].splitlines() if line.startswith("step ")}) == 30
    with opened(address(uri)) as store:
        assert store.runs.count_documents({}) == 1


def test_twelve_runs_at_once(tmp_path, mongod):
    uri = f"{mongod.uri}/lab"
    homes = [tmp_path / f"{i}" / "runs" for i in range(12)]
    processes = [start(home, uri, steps=8, store=3) for home in homes]
    told = [finished(process) for process in processes]
    assert not [text for text in told if "warning" in text]
    with opened(address(uri)) as store:
        assert sorted(store.runs.distinct("_id")) == list(range(1, 13))
        for home in homes:
            assert_whole(home, 8)
        assert_copied(store, *homes)


def test_where_to_is_said_by_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("CAVL_MONGO_URI", raising=False)
    assert mirrors(tmp_path) == []
    monkeypatch.setenv("CAVL_MONGO_URI", "mongodb://lab:1/there")
    assert mirrors(tmp_path)[0].where.database == "there"
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
