"""Ids of runs: whole numbers that count up and are never given twice, even when the newest runs are deleted.

A copy of a run elsewhere (in a MongoDB, on a printed page) is known by its id: another run under that number would take
its place. ``last_id`` in the home holds the highest number ever given. Who gives one holds ``gate(home)``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from registry import files
from registry.index import run_ids
from registry.lock import Lock, holder
from registry.record.run_record import RecordError

LAST = "last_id"


def next_id(home: Path) -> int:
    """The id of the next run in ``home``.

    Raises RecordError when ``last_id`` holds no number.
    """
    return max(_last(home), *run_ids(home), 0) + 1


def keep_id(home: Path, id: int) -> None:
    """Remember that ``id`` has been given."""
    if id > _last(home):
        files.atomic_write(home / LAST, f"{id}\n")


def _last(home: Path) -> int:
    path = home / LAST
    try:
        return int(path.read_bytes())
    except FileNotFoundError:
        return 0
    except ValueError:
        raise RecordError(f"{path} is damaged: write the highest id that a run here has ever had into it") from None


@contextlib.contextmanager
def gate(home: Path, patience: float = 60) -> Iterator[None]:
    """One process at a time opens runs in ``home``, brings some in or deletes some.

    Raises TimeoutError when another process has been at it for ``patience`` seconds.
    """
    lock = Lock(home / ".lock")
    if not lock.acquire(patience):
        host, pid = holder(lock.path)
        raise TimeoutError(f"process {pid} on {host} has held {lock.path} for a minute; is it stopped?")
    try:
        yield
    finally:
        lock.release()
