"""Start runs as processes of their own (``live_program.py``) and look for them: on disk, and in a MongoDB."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pymongo

from registry.index import Registry
from registry.mongo import Store

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
