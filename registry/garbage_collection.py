"""Garbage collection: what of a registry can be deleted, and deleting it.

Deleting is renaming aside, to a name that nobody looks for, and then removing; a crash between leaves a readable
registry and a leftover, which the next time finds. Runs go before what they name. While a process opens a run nothing
is deleted, and a run that a process holds is left alone. Ids are not given anew (:mod:`registry.record.ids`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.index import Descent, Registry, run_ids
from registry.lock import held
from registry.provenance.keys import is_key
from registry.record.ids import gate, keep_id
from registry.record.run_record import LOCK

#: Seconds. What is younger may be about to be named by a run, or being written.
YOUNG = 3600.0
_COPY = re.compile(rb'"_(?:sources|resources)/[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ASIDE = re.compile(r"\..+\.aside|\.[0-9]+\.[0-9]+")
UNFINISHED = ("FAILED", "INTERRUPTED", "DIED", "TIMEOUT", "QUEUED")

#: In the order in which they are deleted: a crash leaves no run without what it names.
REASONS = (
    "unfinished, and completed since by a newer run",
    "completed, and again by a newer run",
    "unfinished: what could be resumed is lost",
    "damaged",
    "checkpoints of a key that no run has",
    "states to resume from, of a training that is completed",
    "copies of sources and resources that no run names",
    "leftovers of writing, importing, deleting",
    "locks for copying runs that are gone",
)
REDONE, SUPERSEDED, ABANDONED, DAMAGED, CHECKPOINTS, STATES, COPIES, LEFTOVERS, LOCKS = REASONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file or folder that can be deleted."""

    path: Path
    reason: str  # of REASONS
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which runs may go, beside those that were done again after they had not finished."""

    superseded: bool = False  # completed runs of which the key has a newer one
    unfinished: bool = False  # unfinished runs that nothing has replaced
    damaged: bool = False


def candidates(registry: Registry, choice: Choice) -> tuple[list[Candidate], list[int]]:
    """What can be deleted, and the damaged runs that stay: what they name is not known, so nothing shared goes."""
    home = registry.home
    records = registry.descents()
    damaged = [id for id in registry.damaged() if os.path.isdir(home / str(id))]  # a file of that name is no run
    busy = {id for id in run_ids(home) if held(home / str(id) / LOCK) or held(home / ".sync" / str(id))}
    going = {id: reason for id, reason in _runs(records, choice) if id not in busy}
    if choice.damaged:
        going |= {id: DAMAGED for id in damaged if id not in busy}
    staying = [record for record in records if record.id not in going]
    unreadable = [
        r.id for r in staying if not os.access(f"{home}/{r.id}/run.json", os.R_OK)
    ]  # by now: the index knew it
    unknown = sorted([*(id for id in damaged if id not in going), *unreadable])
    found = [(home / str(id), reason) for id, reason in going.items()]
    if not unknown:
        found += [(path, CHECKPOINTS) for path in _checkpoints(home, staying)]
        found += [(path, COPIES) for path in _copies(home, staying)]
    found += [(path, STATES) for path in _states(home, staying)]
    found += [(path, LEFTOVERS) for path in _leftovers(home, busy)]
    found += [(path, LOCKS) for path in _sync_locks(home, going)]
    whole = {path for path, _ in found}
    found = [one for one in found if whole.isdisjoint(one[0].parents)]  # what they hold goes with them
    found.sort(key=lambda one: (REASONS.index(one[1]), one[0].parent, len(one[0].name), one[0].name))
    return [Candidate(path=path, reason=reason, bytes=_size(path)) for path, reason in found], unknown


def delete(
    registry: Registry, choice: Choice, progress: Callable[[int, int], None] | None = None
) -> tuple[list[Candidate], dict[Path, str]]:
    """Delete what :func:`candidates` finds at this moment; returns what has been, and why the rest could not be.

    Raises TimeoutError when another process has been opening runs for a minute.
    """
    home = registry.home
    deleted: list[Candidate] = []
    failed: dict[Path, str] = {}
    if not home.is_dir():
        return deleted, failed
    moved: list[tuple[Candidate, Path | None]] = []
    with gate(home):
        found, _ = candidates(registry, choice)
        keep_id(home, max(run_ids(home), default=0))
        for candidate in found:
            try:
                moved.append((candidate, _put_aside(candidate.path)))
            except OSError as error:
                failed[candidate.path] = error.strerror or str(error)
    for number, (candidate, aside) in enumerate(moved, start=1):  # runs may be opened meanwhile
        try:
            if aside is not None:
                shutil.rmtree(aside)
            deleted.append(candidate)
        except OSError as error:
            failed[candidate.path] = error.strerror or str(error)
        if progress:
            progress(number, len(moved))
    return deleted, failed


# ---- what goes ------------------------------------------------------------------------------------------------------


def _runs(records: Sequence[Descent], choice: Choice) -> Iterator[tuple[int, str]]:
    newest = {r.key: r.id for r in records if r.status == "COMPLETED" and r.key}
    for record in records:
        newer = newest.get(record.key, 0) > record.id
        if record.status in UNFINISHED and newer:
            yield record.id, REDONE
        elif record.status in UNFINISHED and choice.unfinished:
            yield record.id, ABANDONED
        elif record.status == "COMPLETED" and newer and choice.superseded:
            yield record.id, SUPERSEDED


def _checkpoints(home: Path, staying: Sequence[Descent]) -> Iterator[Path]:
    """A parent's are kept for its children, also where its own run is gone."""
    named = {key for record in staying for key in (record.key, *record.parents)}
    return (path for path in _listed(home / "checkpoints") if is_key(path.name) and path.name not in named)


def _states(home: Path, staying: Sequence[Descent]) -> Iterator[Path]:
    newest = {record.key: record.status for record in staying}  # records come by id
    for path in _listed(home / "checkpoints"):
        if newest.get(path.name) == "COMPLETED" and os.path.isdir(path / "states"):
            yield path / "states"


def _copies(home: Path, staying: Sequence[Descent]) -> Iterator[Path]:
    quoted: set[bytes] = set()  # whatever in a run.json may be the name of a copy, wherever it stands
    for record in staying:
        quoted.update(_COPY.findall((home / str(record.id) / "run.json").read_bytes()))
    named = {json.loads(name) for name in quoted}
    for place in ("_sources", "_resources"):
        for path in _listed(home / place):
            if f"{place}/{path.name}" not in named and _is_old(path) and not _is_leftover(path):
                yield path


def _leftovers(home: Path, busy: Collection[int]) -> Iterator[Path]:
    folders = [home, home / "plans", home / "_sources", home / "_resources", home / "checkpoints"]
    folders += [home / str(id) for id in run_ids(home) if id not in busy]
    for checkpoint in _listed(home / "checkpoints"):
        folders += [checkpoint, checkpoint / "states", *_listed(checkpoint / "states")]
    for folder in folders:
        with contextlib.suppress(OSError):
            for path in [folder / name for name in os.listdir(folder) if _ASIDE.fullmatch(name)]:
                if _is_old(path) and not (os.path.isdir(path) and held(path / LOCK)):
                    yield path


def _sync_locks(home: Path, going: Collection[int]) -> Iterator[Path]:
    there = {str(id) for id in run_ids(home) if id not in going}
    for path in _listed(home / ".sync"):
        if path.name.isdecimal() and path.name not in there and not held(path):
            yield path


def _is_leftover(path: Path) -> bool:
    """By the names that :mod:`registry.files`, imports, deletions and training states write aside under."""
    return bool(_ASIDE.fullmatch(path.name))


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > YOUNG
    except OSError:
        return False


def _listed(folder: Path) -> list[Path]:
    """What is in a folder; nothing where it is none, or another user's."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _size(path: Path) -> int:
    """Bytes of a file, or of all in a folder; what vanishes meanwhile, or is another user's, has none."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            return sum(map(_size, _listed(path)))
        return path.lstat().st_size
    return 0


def _put_aside(path: Path) -> Path | None:
    """Take a file away, or a folder from where it is looked for; returns what is left to be removed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return None
    if _is_leftover(path):
        return path
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.aside")
    os.rename(path, aside)
    return aside
