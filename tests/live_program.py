"""A run of some seconds, recorded on disk and mirrored to ``$CAVL_MONGO_URI``, for tests that kill it or its database.

It goes on where it was cut off. What it has done it also notes in ``witness.txt`` beside the home, in lines that no
kill takes back and by which the tests count: ``said 7`` (logged and printed, perhaps not yet on the disk),
``flushed 7`` (what ``flush`` has returned for), ``stored part-7.bin``.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from pathlib import Path
from typing import Any

import sacred

from registry.files import atomic_write
from registry.interrupts import sigterm_as_interrupt
from registry.mongo import address as mongo
from registry.mongo import mirror
from registry.record.observer import RegistryObserver, flush, recorded
from registry.record.run_record import Pedigree


def content(step: int) -> bytes:
    """Of the artifact that is stored at a step: three pieces of MongoDB's, and nothing that could be compressed."""
    return random.Random(step).randbytes(640_000)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--points", type=int, default=1, help="measured at a step")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between steps")
    parser.add_argument("--hold", type=int, help="wait before this step until there is a file named go")
    parser.add_argument("--store", type=int, default=0, help="an artifact every so many steps")
    parser.add_argument("--key", default="k")
    parser.add_argument("--every", type=float, default=0.3, help="seconds between two copies")
    parser.add_argument("--patience", type=float, default=20.0, help="seconds until a database counts as away")
    parser.add_argument("--unflushed", action="store_true")
    parser.add_argument("--leak", help="say this wherever a run can say something, and fail")
    chosen = parser.parse_args()
    mongo.PATIENCE = chosen.patience
    sacred.SETTINGS.CAPTURE_MODE = "sys"
    sacred.SETTINGS.DISCOVER_SOURCES = "none"
    folder = chosen.home.parent
    experiment = sacred.Experiment("demo", base_dir=str(folder), save_git_info=False)
    experiment.observers.append(RegistryObserver(lambda config: Pedigree(key=chosen.key, task="demo"), chosen.home))
    experiment.observers.extend(mirror.mirrors(chosen.home))
    for observer in experiment.observers[1:]:
        observer.every = chosen.every
    if chosen.leak:
        experiment.add_config(data=chosen.leak)
    witness = os.open(folder / "witness.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    done = folder / f"done-{chosen.key}"  # what a checkpoint would say

    @experiment.main
    def train(_run: Any) -> dict[str, float]:
        with recorded(_run):
            for step in range(int(done.read_text()) if done.exists() else 0, chosen.steps):
                while step == chosen.hold and not (folder / "go").exists():
                    time.sleep(0.02)
                for point in range(step * chosen.points, (step + 1) * chosen.points):
                    _run.log_scalar("loss", 1 / (point + 1), point)
                print(f"step {step}")
                os.write(witness, f"said {step}\n".encode())
                if chosen.store and step % chosen.store == 0:
                    part = folder / f"{chosen.key}-part-{step}.bin"
                    part.write_bytes(content(step))
                    _run.add_artifact(str(part), f"part-{step}.bin")
                    os.write(witness, f"stored part-{step}.bin\n".encode())
                if not chosen.unflushed:
                    flush(_run)
                    os.write(witness, f"flushed {step}\n".encode())
                    atomic_write(done, str(step + 1))
                time.sleep(chosen.pause)
            if chosen.leak:
                _run.info["where"] = {chosen.leak: [chosen.leak]}
                print(chosen.leak, dict(os.environ))
                raise RuntimeError(f"cannot reach {chosen.leak}")
            return {"score": 0.5}

    with sigterm_as_interrupt():
        experiment.run()


if __name__ == "__main__":
    main()
