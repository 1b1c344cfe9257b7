"""Speed of `list` over many runs: wall time of whole commands, the start of Python included.

    python tools/perf/registry_list.py [--runs 10000] [--repeat 5]

The bar: with filters and sorting over 10,000 runs in under a second. The first command builds the index from the
folders, the others find it. The runs are like those of the suite: trainings and what was measured with them, a few
methods, seeds and versions of the sources, some that failed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from registry.provenance.code_digest import code_digest
from registry.provenance.environment import environment
from registry.provenance.keys import run_key

METHODS = ("cavl", "l3", "avts", "dmc", "attention")
ORDERINGS = ("c1", "c1-c2", "c1-c2-c3", "c3")
TASKS = ("localization", "counting", "classification", "separation")

COMMANDS = {
    "first list, which builds the index": [],
    "list": [],
    "list, filtered and sorted": ["--task", "localization", "--method", "cavl", "--sort", "score", "--descending"],
    "list --stale, the ten newest": ["--stale", "--limit", "10"],
    "list --json": ["--json"],
}


def write_runs(home: Path, count: int) -> None:
    """Stages of training, each followed by what is measured with it."""
    code = code_digest(["benchmarks.tasks.localization"], ["cavl", "benchmarks", "registry"])
    versions = [{**code, "cavl.model": f"{version:016x}"} for version in range(3)] + [code]
    sources = [[f"{name}.py", f"_sources/{name}_{digest}{digest}.py"] for name, digest in code.items()]
    settings = environment("float32", threads=1)
    model = {f"setting{i}": {"width": i, "rate": 0.1, "names": ["a", "b", "c"]} for i in range(12)}
    rows = {f"row {i}": {f"score {j}": 1 / (1 + i + j) for j in range(5)} for i in range(20)}
    parent: list[str] = []
    for id in range(1, count + 1):
        place = (id - 1) % (1 + len(TASKS))  # within its family: first the training, then each task
        family = (id - 1) // (1 + len(TASKS))
        task = "pretrain" if place == 0 else TASKS[place - 1]
        names = {"method": METHODS[family % 5], "ordering": ORDERINGS[family // 5 % 4], "seed": family // 20 % 10}
        config = {"task": task, "preset": "miniature", **names, "model": model, "family": family}
        key = run_key(task, config, "data", parent if place else [])
        pedigree = {
            "key": key,
            "task": task,
            "parents": parent if place else [],
            "parent_digests": ["0" * 64] if place else [],
            "dataset": "d" * 64,
            "code": versions[family * 4 * 5 // count % 4],
            "environment": settings,
        }
        if place == 0:
            parent = [key]
        status = "FAILED" if id % 25 == 0 else "COMPLETED"
        run: dict[str, Any] = {
            "status": status,
            "command": "main",
            "experiment": {"name": task, "base_dir": "/somewhere", "sources": sources, "dependencies": []},
            "host": {"hostname": "machine", "pid": 1, "cpu": "processor", "os": ["Linux", "x"], "ENV": {}},
            "meta": {"command": "main", "options": {f"--option{i}": None for i in range(20)}},
            "start_time": f"2025-01-01T{id // 3600 % 24:02d}:{id // 60 % 60:02d}:{id % 60:02d}.123456",
            "stop_time": "2025-01-02T00:00:00",
            "heartbeat": "2025-01-02T00:00:00",
            "result": {"score": id * 7919 % count / count, "rows": rows, "weights": "0" * 64},
            "artifacts": ["items.csv"],
            "resources": [],
            "resumptions": [],
        }
        folder = home / str(id)
        folder.mkdir(parents=True)
        for name, content in (("pedigree", pedigree), ("config", config), ("run", run)):
            (folder / f"{name}.json").write_text(json.dumps(content, indent=2, sort_keys=True))


def seconds(home: Path, arguments: list[str]) -> float:
    """Wall time of one `list`."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "registry", "list", "--home", str(home), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        home = Path(text)
        write_runs(home, chosen.runs)
        for number, (name, arguments) in enumerate(COMMANDS.items()):
            times = [seconds(home, arguments) for _ in range(chosen.repeat if number else 1)]
            spread = f" ({min(times):.2f} to {max(times):.2f})" if number else ""
            print(f"{statistics.median(times):6.2f} s{spread}  {name}", flush=True)


if __name__ == "__main__":
    main()
