"""Sandbox: a process for work that hangs, crashes or eats memory because of what somebody uploaded."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Callable
from typing import Any

from benchmarks.processes import DiedError, Worker, WorkerError

#: Seconds by which a child outlives its time limit when nobody is left to kill it.
GRACE = 10


class SandboxError(WorkerError):
    """The work was not done: it took too long, needed too much memory, or its process died."""


class Sandbox(Worker):
    """A worker with limits of time and of memory (``memory``: the most it may map, in bytes).

    What it starts itself (ffmpeg, Deno) ends with it.
    """

    def __init__(self, memory: int) -> None:
        super().__init__(_without_core, alone=True)
        self.memory = memory

    def call(self, function: Callable[..., Any], *arguments: Any, timeout: float, limited: bool = True) -> Any:
        """``function(*arguments)``, in the child; what it raises is raised here.

        ``limited``: within ``memory``. Without it for what starts other programs, which inherit the limit: Deno, which
        yt-dlp needs for YouTube, maps many gigabytes that it never uses. Raises :class:`SandboxError` after ``timeout``
        seconds, or when the process died; it has been replaced by the next call.
        """
        memory = self.memory if limited else None
        try:
            return self.ask(_within, memory, int(timeout) + GRACE, function, arguments, timeout=timeout)
        except SandboxError:
            raise
        except DiedError as error:
            raise SandboxError(f"the process that did it died ({error.cause})") from error
        except WorkerError as error:
            raise SandboxError(str(error)) from error


def _without_core() -> None:
    with contextlib.suppress(ValueError, OSError):  # systems that know no such limit
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _within(memory: int | None, seconds: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """In the child: the call within its limits.

    The kernel ends a child that hangs in a library, also when its parent is no longer there to do so.
    """
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    with contextlib.suppress(ValueError, OSError):  # the hard limit may be lower
        resource.setrlimit(resource.RLIMIT_AS, (hard if memory is None else memory, hard))
    signal.alarm(seconds)
    try:
        return function(*arguments)
    except MemoryError:
        room = "memory than there is" if memory is None else f"than {memory >> 20} MiB of memory"
        raise SandboxError(f"it needs more {room}") from None
    finally:
        signal.alarm(0)
