"""Composite scenes need no preparation: they are drawn from folders of photographs and recordings as they are.

So ``prepare composite`` reads every file once and says what there is of each kind, what is missing or damaged, and
which kinds are left out (:mod:`benchmarks.datasets.composite`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

NAME = "composite"
HELP = "nothing to prepare: says what its folders of photographs and recordings hold"
DESCRIPTION = """\
Composite scenes are drawn from photographs and recordings as they are (docs/composite.md): this reads every file once
and lists what there is of each kind, what is missing or damaged, and which kinds are left out.
"""
EPILOG = """\
examples:
  python -m benchmarks.datasets prepare composite --photographs /data/caltech101 \\
      --recordings /data/ESC-50 /data/instruments
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--photographs",
        type=Path,
        metavar="DIR",
        help="a folder of photographs for each kind (default: ROOT/caltech101)",
    )
    parser.add_argument(
        "--recordings",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="folders with a folder of recordings for each label, or ESC-50 (default: ROOT/ESC-50, ROOT/instruments)",
    )
    parser.add_argument("--pairs", type=Path, metavar="FILE", help="table of kinds (default: the one that is shipped)")
    parser.add_argument("--root", type=Path, metavar="DIR", help="(default: $CAVL_DATA, else the user's cache folder)")


def run(arguments: argparse.Namespace) -> int:
    """Say what the folders hold; returns the exit status."""
    from benchmarks.datasets.composite.__main__ import main
    from benchmarks.preparation.options import root_of

    root = root_of(arguments)
    photographs = arguments.photographs or root / "caltech101"
    recordings = arguments.recordings or [root / "ESC-50", root / "instruments"]
    pairs = ["--pairs", str(arguments.pairs)] if arguments.pairs else []
    return main(["kinds", "--photographs", str(photographs), "--recordings", ",".join(map(str, recordings)), *pairs])
