"""``export`` and ``import``: runs as one file, to be kept, handed on, and repeated elsewhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from registry.cli.printing import bar, print_json
from registry.index import Registry

if TYPE_CHECKING:
    from registry.archive_export import Progress

GB = 10**9

#: Of what is missing, sentences that are shown.
SHOWN = 20


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """The two commands and their options."""
    parser = commands.add_parser(
        "export",
        parents=[common],
        help="write runs and all they descend from to one file",
        description="Write runs to one zip archive, with all that is needed to repeat them: records, artifacts, "
        "sources, weights, and the same of every run they descend from. The same runs give the same bytes. What is "
        "missing is told and left out.",
    )
    parser.add_argument("id", type=int, nargs="+", metavar="ID", help="a run")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the archive to write, say runs.zip")
    parser.add_argument(
        "--without-weights", action="store_true", help="leave the weights out: small, but its stages are trained anew"
    )
    parser.set_defaults(command=run_export)
    parser = commands.add_parser(
        "import",
        parents=[common],
        help="bring the runs of such a file in",
        description="Bring the runs of an archive into this registry, each under the next free id; those that are "
        "here already stay as they are. An archive that is damaged or not to be trusted is refused as a whole, and so "
        "is one whose weights differ from those that runs here rely on. What was cut off is completed by doing it "
        "again.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="an archive that export has written")
    parser.add_argument(
        "--limit", type=float, default=20, metavar="GB", help="refuse an archive that unpacks to more (default: 20)"
    )
    parser.set_defaults(command=run_import)


def run_export(registry: Registry, options: argparse.Namespace) -> None:
    from registry.archive_export import write_archive  # here: the other commands need not wait for it

    with _megabytes("writing (MB)") as progress:
        manifest = write_archive(
            registry, options.id, options.out, weights=not options.without_weights, progress=progress
        )
    _tell(manifest["missing"])
    if options.json:
        print_json(manifest)
        return
    asked = sum(run["asked"] for run in manifest["runs"])
    others = len(manifest["runs"]) - asked
    descent = f" and {others} by descent" if others else ""
    size = decimal(options.out.stat().st_size)
    print(f"runs: {asked}{descent}; {len(manifest['members'])} files, {size} in {options.out}")


def run_import(registry: Registry, options: argparse.Namespace) -> None:
    from registry.archive_import import read_archive

    with _megabytes("reading (MB)") as progress:
        arrivals, missing = read_archive(registry, options.file, limit=round(options.limit * GB), progress=progress)
    _tell(missing)
    if options.json:
        print_json({"runs": [asdict(arrival) for arrival in arrivals], "missing": missing})
        return
    for arrival in arrivals:
        print(f"run {arrival.id} -> run {arrival.here}" + ("" if arrival.new else ", here already"))
    print(f"{sum(arrival.new for arrival in arrivals)} new in {registry.home}")


def _tell(missing: Sequence[str]) -> None:
    for sentence in missing[:SHOWN]:
        print(f"registry: not in the archive: {sentence}", file=sys.stderr)
    if len(missing) > SHOWN:
        print(f"registry: and {len(missing) - SHOWN} more, which --json names", file=sys.stderr)


@contextmanager
def _megabytes(title: str) -> Iterator[Progress]:
    with bar() as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done // 10**6, total=total // 10**6)
