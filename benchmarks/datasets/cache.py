"""Cache folders, made once: written aside and renamed, looked through whenever they are opened.

What they hold can be made again at any time, so a damaged folder is a warning. Beside data that can only be read, they
lie in ``$CAVL_HOME/data``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from benchmarks.datasets.scene import DamagedError
from registry.files import FULL, DiskFullError, beside, home, writable
from registry.lock import Lock

T = TypeVar("T")


def kept(folder: Path, read: Callable[[Path], T], make: Callable[[Path], None], needed: int) -> T:
    """What ``read`` finds in ``folder``; where it is missing or damaged, ``make`` writes it into an empty one before.

    While one process makes a folder, others wait for it. ``needed`` is how many bytes that takes, about. Raises
    :class:`DiskFullError` when there is no room; what was in ``folder`` is left as it was.
    """
    found = _found(folder, read)
    if found is None and not writable(folder.parent):
        spare = home() / "data"
        warnings.warn(f"{folder.parent} cannot be written: what belongs there goes into {spare}", stacklevel=3)
        folder = spare / folder.parent.name / folder.name
        found = _found(folder, read)
    if found is not None:
        return found
    with _room_for(folder, needed):
        lock = Lock(folder.parent / f".{folder.name}.lock")
        while not lock.acquire(patience=1.0):
            pass  # its holder makes this very folder, and the kernel frees the lock of a process that dies
    try:
        with contextlib.suppress(DamagedError):
            return read(folder)  # another process may just have made it
        _make(folder, make, needed)
        return read(folder)
    finally:
        lock.release()


def _found(folder: Path, read: Callable[[Path], T]) -> T | None:
    """What is there and whole."""
    if folder.exists():
        try:
            return read(folder)
        except DamagedError as damage:
            warnings.warn(f"{damage}; it is generated again", stacklevel=4)
    return None


def _make(folder: Path, make: Callable[[Path], None], needed: int) -> None:
    for left in folder.parent.glob(f".{folder.name}.*.aside"):  # by a process that was killed: the lock is ours
        shutil.rmtree(left, ignore_errors=True)
    with _room_for(folder, needed):
        aside = beside(folder)
        aside.mkdir()
        try:
            make(aside)
            if folder.exists():
                shutil.rmtree(folder)
            os.rename(aside, folder)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise


@contextlib.contextmanager
def _room_for(folder: Path, needed: int) -> Iterator[None]:
    """Turns "no room" in the block into a :class:`DiskFullError` that says how much is needed, and the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL or isinstance(error, DiskFullError):
            raise
        free = shutil.disk_usage(next(p for p in folder.absolute().parents if p.is_dir())).free
        raise DiskFullError(
            error.errno,
            f"no room to write {folder}: it needs {needed:,} bytes, {free:,} are free; free space or point CAVL_DATA "
            "elsewhere; finished runs are untouched, the same command continues",
        ) from error
