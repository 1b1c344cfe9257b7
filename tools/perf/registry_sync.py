"""Speed of copying runs into a MongoDB: all of them, none that has changed, and one that has.

    python -m tools.perf.registry_sync --mongo mongodb://127.0.0.1:27017 [--runs 1000] [--points 2000]

The runs lie in a temporary folder: one that Sacred and the registry's observer have written (two metrics with so many
points together, some output, an artifact, the sources of a real experiment), and copies of it that say something else.
They go into a database of their own, which is dropped in the end.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import sacred

sys.path.insert(0, str(Path(__file__).parents[2]))  # of a checkout that is not installed

from registry.mongo import sync as syncing
from registry.mongo.address import Address, Store, address, opened
from registry.mongo.sync import Tally, sync
from registry.record import seal
from registry.record.observer import RegistryObserver, flush, recorded
from registry.record.run_record import RUN, Pedigree

ROOT = Path(__file__).parents[2]

#: Between two writes of metrics to the disk, as a training flushes at its checkpoints.
STEPS_A_LINE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mongo", metavar="URI", required=True, help="a server; the database in it is this program's")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--points", type=int, default=2000, help="measured in each run")
    chosen = parser.parse_args()
    where = Address(uri=address(chosen.mongo).uri, database=f"cavl_perf_{uuid.uuid4().hex[:8]}")
    with tempfile.TemporaryDirectory() as folder, opened(where) as store:
        try:
            measure(Path(folder), store, chosen.runs, chosen.points)
        finally:
            store.database.client.drop_database(where.database)


def measure(folder: Path, store: Store, runs: int, points: int) -> None:
    """Write the runs, copy them three times and print what it took."""
    home = folder / "runs"
    write_run(home, points)
    for id in range(2, runs + 1):
        copy_run(home, id)
    first, tally = timed(home, store)
    assert (tally.new, tally.failed) == (runs, {}), tally
    assert store.runs.count_documents({}) == runs
    assert sum(len(m["steps"]) for m in store.metrics.find({}, {"steps": 1})) == runs * points
    print(f"first sync: {first:.2f} s, {1000 * first / runs:.1f} ms a run", flush=True)
    second, tally = timed(home, store)
    assert tally.unchanged == runs, tally
    print(f"second sync, nothing changed: {second:.2f} s, {100 * second / first:.1f} % of the first", flush=True)
    change(home / str(runs // 2 + 1), result={"score": 0.75})
    third, tally = timed(home, store)
    assert (tally.renewed, tally.unchanged) == (1, runs - 1), tally
    print(f"third sync, one run changed: {third:.2f} s, {100 * third / first:.1f} % of the first", flush=True)


def timed(home: Path, store: Store) -> tuple[float, Tally]:
    """Seconds of a sync, once all files are old enough to be trusted, and what it has done."""
    time.sleep(syncing.YOUNG)
    began = time.perf_counter()
    tally = sync(home, store)
    return time.perf_counter() - began, tally


def write_run(home: Path, points: int) -> None:
    """Run 1, by Sacred."""
    sacred.SETTINGS.CAPTURE_MODE = "sys"
    sacred.SETTINGS.DISCOVER_SOURCES = "none"
    experiment = sacred.Experiment("perf", base_dir=str(ROOT), save_git_info=False)
    experiment.observers.append(RegistryObserver(lambda config: Pedigree(key="", task="perf"), home))
    experiment.add_config(method="cavl", ordering="c1-c2", preset="miniature", seed=1, training={"steps": points // 2})
    for package in ("cavl", "baselines", "benchmarks", "registry"):
        for source in sorted((ROOT / package).glob("*.py")):
            experiment.add_source_file(str(source))

    @experiment.main
    def train(_run: Any) -> dict[str, float]:
        with recorded(_run):
            for step in range(points // 2):
                _run.log_scalar("loss", 1 / (step + 1), step)
                _run.log_scalar("accuracy", step / points, step)
                if step % STEPS_A_LINE == STEPS_A_LINE - 1:
                    print(f"step {step}")
                    flush(_run)
            items = home / "items.json"
            items.write_text(json.dumps([{"item": i, "score": i / 1000} for i in range(1000)]))
            _run.add_artifact(str(items), "items.json")
        return {"score": 0.5}

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        experiment.run()


def copy_run(home: Path, id: int) -> None:
    """Another run like the first, at another time."""
    shutil.copytree(home / "1", home / str(id))
    change(home / str(id), start_time=f"2026-01-01T{id // 3600 % 24:02}:{id // 60 % 60:02}:{id % 60:02}.000000")


def change(folder: Path, **entries: Any) -> None:
    """Let ``run.json`` say something else, as if the run had left it and its other files so."""
    path = folder / RUN
    run = {**json.loads(path.read_text()), **entries}
    run.pop(seal.OWN)
    path.write_text(seal.sealed({**run, seal.FILES: seal.digests(folder, run[seal.FILES])}))


if __name__ == "__main__":
    main()
