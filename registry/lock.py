"""File lock, released by the kernel when its process dies, even by SIGKILL.

A run holds the lock of its folder for as long as it lives. So "can I have the lock?" answers "is that run dead?"
without a guess about process ids that may have been given anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import time
import weakref
from pathlib import Path

from registry.files import disk_errors


class Lock:
    """An exclusive advisory lock (``flock``) on the file ``path``, whose text names the holder's host and process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self, patience: float = 0.2) -> bool:
        """Try to get the lock for ``patience`` seconds; a look by :func:`held` lasts far less than the default."""
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                if not _locked(self.path, file, fcntl.LOCK_EX, patience):
                    os.close(file)
                    return False
                text = f"{platform.node()} {os.getpid()}\n".encode()
                os.pwrite(file, text, 0)
                os.ftruncate(file, len(text))  # afterwards: to empty a file first takes ext4 milliseconds
            except BaseException:
                with contextlib.suppress(OSError):
                    os.close(file)
                raise
        self._file = file
        _held_here.add(self)
        return True

    def release(self) -> None:
        """Free the lock; nothing happens when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            _held_here.discard(self)


def held(path: Path) -> bool:
    """Whether some process (perhaps this one) holds the lock ``path`` now; so it is taken to be where none can look."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # another user's
        return True
    try:
        return not _locked(path, file, fcntl.LOCK_SH, patience=0.0)
    finally:
        os.close(file)


def holder(path: Path) -> tuple[str, int | None]:
    """Host and process id of the lock's last holder; ``("", None)`` where they are not known."""
    try:
        host, pid = path.read_text().split()
        return host, int(pid)
    except (OSError, ValueError):
        return "", None


def _locked(path: Path, file: int, mode: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, mode | fcntl.LOCK_NB)
            return True
        except BlockingIOError:  # another process has it
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        except OSError as error:
            remedy = "it lies on a file system that has no file locks; point CAVL_HOME to another"
            raise OSError(error.errno, f"cannot lock {path}: {error.strerror}; {remedy}") from error


_held_here: weakref.WeakSet[Lock] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked worker must not keep its parent's run looking alive: it closes its copies (which frees nothing)."""
    for lock in list(_held_here):
        lock.release()


os.register_at_fork(after_in_child=_forget_in_child)
