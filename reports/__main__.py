"""``python -m reports``: the same as ``cavl-bench report``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from registry.cli import program
from reports.cli import EXAMPLES, report


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return program.run(program.alone(report, epilog=EXAMPLES), words, "python -m reports")


if __name__ == "__main__":
    sys.exit(main())
