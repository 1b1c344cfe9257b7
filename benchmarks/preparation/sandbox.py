"""Sandbox: a process that may be killed, for work that hangs, crashes or eats memory over what somebody uploaded."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable
from typing import Any

#: Seconds by which a child outlives its time limit when nobody is left to kill it.
GRACE = 10


class SandboxError(Exception):
    """The work was not done: it took too long, or its process died."""


class Sandbox:
    """Calls functions in one process of its own, which is started when needed and replaced when it fails.

    Functions, arguments and results are pickled between the two; ``memory`` is the most the process may map, in bytes.
    It has a group of processes of its own, so that what it starts itself (ffmpeg, Deno) ends with it.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self._process: Any = None
        self._pipe: Any = None

    def call(self, function: Callable[..., Any], *arguments: Any, timeout: float, limited: bool = True) -> Any:
        """``function(*arguments)``, in the child; what it raises is raised here.

        ``limited``: within ``memory``. Without it for what starts other programs, which inherit the limit: Deno, which
        yt-dlp needs for YouTube, maps many gigabytes that it never uses.

        Raises
        ------
        SandboxError
            After ``timeout`` seconds, or when the process died; it has been replaced by the next call.
        """
        if self._process is None or not self._process.is_alive():
            self._start()
        try:
            self._pipe.send((function, arguments, timeout, limited))
            if not self._pipe.poll(timeout):
                self.close()
                raise SandboxError(f"given up after {timeout:g} s")
            done, result = self._pipe.recv()
        except (EOFError, OSError) as error:
            process = self._process
            process.join(GRACE)
            self.close()
            raise SandboxError(f"the process that did it died ({_cause(process.exitcode)})") from error
        if not done:
            raise result
        return result

    def kill(self) -> None:
        """End the process from another thread: a call that waits for it raises :class:`SandboxError`."""
        if (process := self._process) is not None:
            _kill(process)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            _kill(self._process)
            self._process.join()
            self._pipe.close()
            self._process = None

    def _start(self) -> None:
        self.close()
        context = multiprocessing.get_context("spawn")  # threads of this process may hold locks
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.memory), daemon=True)
        # Until the child ignores Ctrl-C, it does not hear of it: a child inherits what its starter's thread blocks.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()


def _serve(pipe: Any, memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to answer
    os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with contextlib.suppress(ValueError, OSError):  # systems that know no such limit
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    while True:
        try:
            function, arguments, timeout, limited = pipe.recv()
        except (EOFError, OSError):
            return
        with contextlib.suppress(ValueError, OSError):  # the hard limit may be lower
            resource.setrlimit(resource.RLIMIT_AS, (memory if limited else hard, hard))
        # The kernel ends a child that hangs in a library, also when its parent is no longer there to do so.
        signal.alarm(int(timeout) + GRACE)
        try:
            answer = True, function(*arguments)
        except MemoryError:
            answer = False, SandboxError(f"it needs more than {memory >> 20} MiB of memory")
        except Exception as error:
            answer = False, error
        signal.alarm(0)
        _send(pipe, answer)


def _kill(process: Any) -> None:
    """End a child and what it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has no group yet, or all of it has ended
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.killpg(0, signal.SIGKILL)


def _send(pipe: Any, answer: tuple[bool, Any]) -> None:
    try:
        pipe.send(answer)
    except (BrokenPipeError, ConnectionResetError):
        pass
    except Exception as error:
        pipe.send((False, SandboxError(f"{answer[1]!r:.300} cannot be sent ({error})")))


def _cause(code: int | None) -> str:
    if code is None:
        return "it does not end"
    if code < 0:
        return signal.Signals(-code).name
    return f"exit status {code}"
