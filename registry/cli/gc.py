"""Command ``gc``: what can be deleted, and deleting it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from registry.cli.options import HOME, JSON, flag, registry_in
from registry.cli.printing import bar, console, print_json, table
from registry.garbage_collection import REASONS, Candidate, Choice, candidates, delete
from registry.index import Registry

#: Names in a row of the table.
SHOWN = 8


def gc(
    really: bool = flag("--delete", "delete it"),
    superseded: bool = flag("--superseded", "also completed runs that a newer completed run repeats"),
    unfinished: bool = flag("--unfinished", "also unfinished runs that nothing has replaced: none can be resumed then"),
    damaged: bool = flag("--damaged", "also runs whose record cannot be read"),
    home: Path | None = HOME,
    json: bool = JSON,
) -> int:
    """What could be deleted; with --delete it is.

    Says what this registry no longer needs and how many bytes that is: runs that did not finish and whose work a newer
    run has completed, checkpoints and copied files that no run names, states of completed trainings, leftovers of
    crashes. Nothing is deleted without --delete, nothing that a process is at, and never the newest completed run of a
    key. No run gets the id of a deleted one. Copies in a MongoDB stay.
    """
    choice = Choice(superseded=superseded, unfinished=unfinished, damaged=damaged)
    with registry_in(home) as registry, bar() as progress:
        progress.add_task("looking through the runs", total=None)
        found, unknown = candidates(registry, choice)
    failed: dict[Path, str] = {}
    if really:
        with bar() as progress:
            task = progress.add_task("deleting", total=None)
            found, failed = delete(
                registry, choice, lambda done, total: progress.update(task, completed=done, total=total)
            )
    if json:
        listed = [{**asdict(one), "path": str(one.path)} for one in found]
        print_json({"deleted": really, "candidates": listed, "unknown": unknown})
    else:
        _print(registry, found, really)
    if unknown and not json:
        runs = ", ".join(map(str, unknown))
        print(f"warning: what the damaged runs {runs} name is not known: nothing that runs share goes", file=sys.stderr)
    for path, why in failed.items():
        print(f"warning: {path} could not be deleted: {why}", file=sys.stderr)
    return 1 if failed else 0


def _print(registry: Registry, found: Sequence[Candidate], deleted: bool) -> None:
    from rich.filesize import decimal

    if not found:
        print(f"nothing to delete in {registry.home}")
        return
    rows = table("deleted" if deleted else "can be deleted", "", "number", "size")
    for reason in REASONS:
        of_it = [one for one in found if one.reason == reason]
        if of_it:
            names = ", ".join(str(one.path.relative_to(registry.home)) for one in of_it[:SHOWN])
            more = f" and {len(of_it) - SHOWN} more" if len(of_it) > SHOWN else ""
            rows.add_row(reason, names + more, str(len(of_it)), decimal(sum(one.bytes for one in of_it)))
    console().print(rows)
    total = decimal(sum(one.bytes for one in found))
    print(f"{total} deleted" if deleted else f"{total}; nothing is deleted yet: the same command with --delete does it")
