"""Speed of two jobs at a time against one: wall time of the same trainings, each in a fresh registry.

    python tools/perf/two_jobs.py [--orderings c1,c0] [--preset miniature] [--repeat 1]

The bar: two jobs need at most 0.65 of the wall time of one. The scenes are generated before the clock starts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time


def seconds(arguments: list[str], jobs: int) -> float:
    """Wall time of one suite with ``jobs`` processes and an empty registry."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CAVL_HOME": home, "OMP_NUM_THREADS": "1"}
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "benchmarks", *arguments, "--jobs", str(jobs)],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orderings", default="c1,c0")
    parser.add_argument("--preset", default="miniature")
    parser.add_argument("--repeat", type=int, default=1)
    chosen = parser.parse_args()
    arguments = ["--preset", chosen.preset, "--seeds", "1", "--methods", "cavl", "--tasks", "pretrain"]
    arguments += ["--orderings", chosen.orderings]
    seconds(["--preset", chosen.preset, "--dry-run"], 1)  # imports and caches warm
    subprocess.run([sys.executable, "-c", PREPARE, chosen.preset, chosen.orderings], check=True)
    for _ in range(chosen.repeat):
        one, two = seconds(arguments, 1), seconds(arguments, 2)
        print(f"one job {one:.1f} s, two jobs {two:.1f} s, ratio {two / one:.2f}", flush=True)


PREPARE = """
import sys
from benchmarks.__main__ import prepare
from benchmarks.orchestration.request import Request, jobs_of
prepare(jobs_of(Request(preset=sys.argv[1], seeds=1, methods=("cavl",), tasks=("pretrain",),
                        orderings=tuple(sys.argv[2].split(",")))), 2)
"""

if __name__ == "__main__":
    main()
