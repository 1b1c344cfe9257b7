"""Workers: processes of their own that import once, are asked by calls, and end with everything they started.

A worker leaves Ctrl-C to its parent, and ends with it, however that ends. What dies in it (killed, out of memory) takes
nothing else along; the next call starts another.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import multiprocessing.resource_tracker
import multiprocessing.util  # whose own function at exit, which waits for processes, must come after ours
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from registry.interrupts import sigterm_as_interrupt

PATIENCE = 10  # seconds that a process has to finish its record after it was told to stop, or its parent is gone
STOPPED = 128 + signal.SIGTERM  # exit status of a worker that was told to stop, and did
PACE = 0.1  # seconds between two reports of progress


class WorkerError(Exception):
    """A call was not done, or what it gave cannot be sent."""


class DiedError(WorkerError):
    """The process of a call has ended; ``cause`` says how."""

    def __init__(self, code: int | None) -> None:
        self.cause = _cause(code)
        if code in (STOPPED, -signal.SIGTERM):
            super().__init__("its process was told to stop (SIGTERM)")
        else:
            said = "killed, or out of memory" if code == -signal.SIGKILL else self.cause
            super().__init__(f"its process died ({said})")


class Worker:
    """Calls functions, one at a time, in a process of its own, which is started when needed and replaced when it died.

    Functions, arguments and results are pickled between the two. A call may say how far it is by :func:`report`.

    Parameters
    ----------
    prepare : callable, optional
        Called first thing in each process.
    alone : bool
        In a session of its own, so that programs that it starts (ffmpeg, Deno) are killed with it at once. Without, it
        hears of Ctrl-Z and of what else the whole group of its parent is told.
    """

    def __init__(self, prepare: Callable[[], object] | None = None, *, alone: bool = False) -> None:
        self._prepare, self._alone = prepare, alone
        self._process: SpawnProcess | None = None
        self._pipe: Connection[Any, Any] | None = None
        self._answer: tuple[bool, Any] | None = None  # whether the call was done; its result, or what it raised
        self.progress = (0, 0)  # (done, total) of the call

    def ask(self, function: Callable[..., Any], *arguments: Any, timeout: float | None = None) -> Any:
        """``function(*arguments)``, in the process; what it raises is raised here.

        Raises
        ------
        WorkerError
            When the process died, and after ``timeout`` seconds, when it is killed.
        """
        self.begin(function, *arguments)
        if not self.ended(timeout):
            self.close()
            raise WorkerError(f"given up after {timeout:g} s")
        return self.result()

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Let the process call ``function(*arguments)``; :meth:`ended` and :meth:`result` tell of it."""
        if self._process is None or not self._process.is_alive():
            self._open()
        assert self._pipe is not None
        self._answer, self.progress = None, (0, 0)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has just died: that is the answer
            self._pipe.send((function, arguments))

    def ended(self, timeout: float | None) -> bool:
        """Whether the call has ended, within so many seconds (None: however long it takes)."""
        deadline = time.monotonic() + (timeout or 0)
        while self._answer is None and self._receives(None if timeout is None else max(0, deadline - time.monotonic())):
            pass
        return self._answer is not None

    def _receives(self, timeout: float | None) -> bool:
        """Take one message, where there is one in time."""
        assert self._pipe is not None
        try:
            if not self._pipe.poll(timeout):
                return False
            kind, told = self._pipe.recv()
        except (EOFError, OSError):
            self._answer = False, self._died()
        except Exception as error:  # an exception that cannot be rebuilt from its message
            self._answer = False, WorkerError(f"what it raised cannot be read ({error})")
        else:
            if kind == "progress":
                self.progress = told
            else:
                self._answer = kind == "done", told
        return True

    def _died(self) -> DiedError:
        assert self._process is not None
        self._process.join(PATIENCE)
        code = self._process.exitcode
        self.close()
        return DiedError(code)

    def result(self) -> Any:
        """What the call that has ended gave; raises what it raised."""
        if error := self.error:
            raise error
        assert self._answer is not None
        return self._answer[1]

    @property
    def error(self) -> Exception | None:
        """What the call that has ended raised; None where it was done."""
        assert self._answer is not None
        done, told = self._answer
        return None if done else told

    def fileno(self) -> int:
        """Of the pipe, for :func:`multiprocessing.connection.wait`."""
        assert self._pipe is not None
        return self._pipe.fileno()

    def stop(self) -> None:
        """Interrupt what the process does: it writes what it knows, and ends."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process at once, from whatever thread: a call that waits for it raises :class:`DiedError`."""
        if (process := self._process) is None:
            return
        if self._alone:
            with contextlib.suppress(
                ProcessLookupError, PermissionError
            ):  # it has no group yet, or all of it has ended
                os.killpg(process.pid or 0, signal.SIGKILL)
        process.kill()

    def close(self, patience: float | None = 0) -> None:
        """End the process; it has so many seconds (None: as many as it takes) to finish what it writes."""
        end([self], patience)

    def _open(self) -> None:
        self.close()
        spawn = multiprocessing.get_context("spawn")  # threads of this process may hold locks
        self._pipe, theirs = spawn.Pipe()
        process = spawn.Process(target=_serve, args=(theirs, self._prepare, self._alone))
        # Until the process ignores Ctrl-C, it does not hear of it: it inherits what its starter's thread blocks.
        multiprocessing.resource_tracker.ensure_running()  # which is started with the first process, and unblocks
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
            self._process = process
            atexit.register(self.kill)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def _forget(self) -> None:
        if self._process is not None and self._pipe is not None:
            self._process.join()
            self._pipe.close()
            self._process = None
            atexit.unregister(self.kill)


def end(workers: Iterable[Worker], patience: float | None) -> None:
    """End several workers at once, as :meth:`Worker.close` does; a second Ctrl-C does not wait."""
    alive = [(worker, worker._process) for worker in workers if worker._process is not None]
    deadline = time.monotonic() + (patience or 0)
    try:
        if patience != 0:
            for worker, _ in alive:
                worker.stop()
            for _, process in alive:
                process.join(None if patience is None else max(0, deadline - time.monotonic()))
    finally:
        for worker, _ in alive:
            worker.kill()
        for worker, _ in alive:
            worker._forget()


def _cause(code: int | None) -> str:
    if code is None:
        return "it does not end"
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


# ---- in the process -------------------------------------------------------------------------------------------------

_asker: Connection[Any, Any] | None = None  # in a worker: who waits for the answer
_reported = 0.0  # when progress was last said


def report(done: int, total: int) -> None:
    """Say how far a call is (a few times a second, and at its end); nothing outside a worker."""
    global _reported
    now = time.monotonic()
    if _asker is not None and (now - _reported >= PACE or done >= total):
        _reported = now
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # SIGTERM is on its way
            _asker.send(("progress", (done, total)))


def follow_parent() -> None:
    """Call first thing in a process: SIGINT is its parent's to answer, whose death (by SIGKILL too) is a SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    if os.getpgrp() == os.getpid():  # it leads a group: all of it ends
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGTERM)  # a running job records INTERRUPTED
    time.sleep(PATIENCE)
    os._exit(1)


def _serve(pipe: Connection[Any, Any], prepare: Callable[[], object] | None, alone: bool) -> None:
    global _asker
    if alone:
        os.setsid()
    follow_parent()
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - not over the parent's display
    _asker = pipe
    try:
        with sigterm_as_interrupt():
            if prepare is not None:
                prepare()
            while True:
                _answer(pipe, *pipe.recv())
    except (EOFError, BrokenPipeError, ConnectionResetError):  # nobody waits any more
        pass
    except KeyboardInterrupt:
        sys.exit(STOPPED)


def _answer(pipe: Connection[Any, Any], function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        answer = "done", function(*arguments)
    except Exception as error:
        answer = "failed", error
    try:
        pipe.send(answer)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        pipe.send(("failed", WorkerError(f"{answer[1]!r:.300} cannot be sent ({error})")))
