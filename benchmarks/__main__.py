"""``python -m benchmarks``: the main job, the same as ``cavl-bench run``; with the word ``score`` first, scoring."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.cli import score
from benchmarks.cli.run import EXAMPLES, run
from registry.cli import program


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = sys.argv[1:] if words is None else [*words]
    if words[:1] == ["score"]:
        return program.run(score.app, words[1:], "python -m benchmarks score")
    return program.run(program.alone(run, epilog=EXAMPLES), words, "python -m benchmarks")


if __name__ == "__main__":
    sys.exit(main())
