"""Start runs (``live_program.py``) and syncs as processes, and look for what they write: on disk, and in a MongoDB."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pymongo
import pymongo.monitoring

from registry.index import Registry
from registry.mongo import sync as syncing
from registry.mongo.address import Store
from registry.mongo.sync import identity
from registry.record.run_record import Record
from tests import sealed
from tests.live_program import content

ROOT = Path(__file__).parents[1]


def start(home: Path, uri: str, **options: Any) -> subprocess.Popen[str]:
    """A run recorded in ``home`` and mirrored to ``uri``; for the options see the program."""
    home.parent.mkdir(parents=True, exist_ok=True)
    words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items()]
    return subprocess.Popen(
        [sys.executable, ROOT / "tests" / "live_program.py", home, *words],
        env={**os.environ, "CAVL_MONGO_URI": uri, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


SYNC = """
import sys
from pathlib import Path
from registry.mongo import sync as syncing
from registry.mongo.address import address, opened
syncing.YOUNG, syncing.GROUP = 0.0, int(sys.argv[3])
with opened(address(sys.argv[1])) as store:
    print("copying", flush=True)
    print(syncing.sync(Path(sys.argv[2]), store))
"""


def start_sync(home: Path, uri: str, group: int = syncing.GROUP) -> subprocess.Popen[str]:
    """A copy of all runs in ``home`` to ``uri``, so many at once; it says ``copying`` just before it begins."""
    words = [sys.executable, "-c", SYNC, uri, home, str(group)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


class Killer(pymongo.monitoring.CommandListener):
    """Kills this process before it sends one more command than so many to a database."""

    def __init__(self, commands: int) -> None:
        self.left = commands

    def started(self, event: Any) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    succeeded = failed = lambda self, event: None


def sync_killed(home: Path, uri: str, commands: int) -> None:
    """A copy of all runs in ``home`` to ``uri`` by this process, which is killed after so many commands."""
    syncing.YOUNG = 0.0
    with pymongo.MongoClient(uri, event_listeners=[Killer(commands)]) as client:
        syncing.sync(home, Store(client.get_default_database()))


def change(folder: Path, **entries: Any) -> None:
    """Let ``run.json`` say something else, and have said it when the run ended, with the other files as they are."""
    sealed.change(folder / "run.json", **entries)


def go(home: Path) -> None:
    """Let runs go on that wait."""
    (home.parent / "go").touch()


def finished(process: subprocess.Popen[str]) -> str:
    """What a process that ends well has said."""
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 0, told
    return told


def witnessed(home: Path) -> dict[str, Counter[str]]:
    """How often the runs in ``home`` did what: ``{"said": {"0": 1, ...}, "flushed": ..., "stored": ...}``."""
    path = home.parent / "witness.txt"
    found: dict[str, Counter[str]] = {"said": Counter(), "flushed": Counter(), "stored": Counter()}
    for line in path.read_text().splitlines() if path.exists() else ():
        what, which = line.split()
        found[what][which] += 1
    return found


def record(home: Path) -> Any:
    """The one run in ``home``."""
    (found,) = Registry(home).records()
    return found


def seen(uri: str, points: int = 1, patience: float = 120.0) -> dict[str, Any]:
    """The one run in the database ``uri``, once it has so many points of its metric."""
    with pymongo.MongoClient(uri) as client:
        database = client.get_default_database()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            found, metric = database.runs.find_one(), database.metrics.find_one()
            if found and metric and len(metric["steps"]) >= points:
                return {**found, "points": len(metric["steps"])}
            time.sleep(0.1)
    raise AssertionError("the run does not appear")


def orphans(store: Store) -> list[Any]:
    """Ids of files and pieces of files in the database that no run and no list of sources names."""
    named = {source["file"] for source in store.sources.find()}
    for run in store.runs.find():
        named |= {artifact["file_id"] for artifact in run["artifacts"]}
        named |= {file for _, file in run["experiment"]["sources"]}
    there = set(store.database["fs.files"].distinct("_id")) | set(store.database["fs.chunks"].distinct("files_id"))
    return sorted(there - named)


def assert_whole(home: Path, steps: int, points: int = 1) -> None:
    """The one run on the disk has all that it has done by its own account."""
    found, did = record(home), witnessed(home)
    assert found.status == "COMPLETED"
    assert found.metrics() == {
        "loss": (list(range(steps * points)), [1 / (point + 1) for point in range(steps * points)])
    }
    lines = (found.folder / "cout.txt").read_text().splitlines()
    said = Counter(line.removeprefix("step ") for line in lines if line.startswith("step "))
    assert set(said) == {str(step) for step in range(steps)}
    assert {s: (did["flushed"][s], n, did["said"][s]) for s, n in said.items() if not did["flushed"][s] <= n} == {}
    assert {s: (did["flushed"][s], n, did["said"][s]) for s, n in said.items() if not n <= did["said"][s]} == {}
    assert set(found.artifacts) == set(did["stored"])
    wrong = [name for name in found.artifacts if found.artifact(name).read_bytes() != content(int(name[5:-4]))]
    assert wrong == []


def assert_copied(store: Store, *homes: Path) -> None:
    """The database holds the runs in these homes: each once, with all that it has, and nothing else."""
    records = {f"{identity(home)}/{found.id}": found for home in homes for found in Registry(home).records()}
    copies = {c["_id"]: c["run"] for c in store.copies.find()}
    assert set(copies) == set(records)
    assert store.runs.count_documents({}) == len(records)
    assert store.metrics.count_documents({}) == sum(len(found.metrics()) for found in records.values())
    for name, found in records.items():
        assert_same(found, store.runs.find_one({"_id": copies[name]}), store)
    artifacts, sources = sum(len(found.artifacts) for found in records.values()), store.sources.count_documents({})
    assert store.database["fs.files"].count_documents({}) == artifacts + sources
    assert orphans(store) == []


def assert_same(found: Record, copied: dict[str, Any], store: Store) -> None:
    """A run in the database is the one on the disk."""
    assert (copied["status"], copied.get("result")) == (found.status, found.result)
    assert copied["captured_out"] == (found.folder / "cout.txt").read_text()
    assert copied["info"].get("resumptions", []) == list(found.resumptions)
    metrics = {m["name"]: (m["steps"], m["values"]) for m in store.metrics.find({"run_id": copied["_id"]})}
    for name in copied["info"].get("thinned", ()):
        parts = list(store.long_metrics.find({"run_id": copied["_id"], "name": name}, sort=[("part", 1)]))
        metrics[name] = [x for part in parts for x in part["steps"]], [x for part in parts for x in part["values"]]
    assert metrics == found.metrics()
    artifacts = {a["name"]: store.files.get(a["file_id"]).read() for a in copied["artifacts"]}
    assert artifacts == {name: found.artifact(name).read_bytes() for name in found.artifacts}
