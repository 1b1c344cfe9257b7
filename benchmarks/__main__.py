"""``python -m benchmarks``: the main job, the same as ``cavl-bench run``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.cli.run import EXAMPLES, run
from registry.cli import program


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return program.run(program.alone(run, epilog=EXAMPLES), words, "python -m benchmarks")


if __name__ == "__main__":
    sys.exit(main())
