"""``python -m registry``: the runs, without the benchmark that made them; the same as ``cavl-bench runs``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from registry.cli import app
from registry.cli.program import exit_code, run


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = sys.argv[1:] if words is None else words
    if words and words[0] == "verify":
        return exit_code(_elsewhere)
    return run(app, words, "python -m registry")


def _elsewhere() -> NoReturn:
    raise ValueError("to verify is to run experiments again, which the registry cannot: cavl-bench runs verify")


if __name__ == "__main__":
    sys.exit(main())
