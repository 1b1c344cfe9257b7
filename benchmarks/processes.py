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
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
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
        ended = -signal.SIGTERM if code == STOPPED else code or 0
        self.cause = signal.Signals(-ended).name if ended < 0 else f"exit status {code}"
        said = {"SIGTERM": "was told to stop (SIGTERM)", "SIGKILL": "died (killed, or out of memory)"}
        super().__init__(f"its process {said.get(self.cause, f'died ({self.cause})')}")


class Worker:
    """Calls functions, one at a time, in a process of its own, which is started when needed and replaced when it died.

    ``prepare`` is called first thing in each process. ``alone``: in a session of its own, so that programs that it
    starts (ffmpeg, Deno) are killed with it at once. Without, it hears of Ctrl-Z and of what else the whole group of
    its parent is told.
    """

    def __init__(self, prepare: Callable[[], object] | None = None, *, alone: bool = False) -> None:
        self._prepare, self._alone = prepare, alone
        self._process: SpawnProcess | None = None
        self._pipe: Any = None

    def ask(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        timeout: float | None = None,
        progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> Any:
        """``function(*arguments)``, in the process (all is pickled); what it raises is raised here.

        ``progress`` is told what the call says by :func:`report`.

        Raises WorkerError when the process died, and after ``timeout`` seconds, when it is killed.
        """
        process, pipe = self._running()
        deadline = time.monotonic() + (timeout or 0)
        kind = "progress"
        try:
            pipe.send((function, arguments))
            while kind == "progress" and pipe.poll(None if timeout is None else max(0, deadline - time.monotonic())):
                kind, told = pipe.recv()
                if kind == "progress":
                    progress(*told)
        except (EOFError, OSError):
            process.join(PATIENCE)
            self.close()
            raise DiedError(process.exitcode) from None
        if kind == "progress":
            self.close()
            raise WorkerError(f"given up after {timeout:g} s")
        if kind == "failed":
            raise told
        return told

    def kill(self) -> None:
        """End the process at once, from whatever thread: a call that waits for it raises :class:`DiedError`."""
        if (process := self._process) is None:
            return
        if self._alone:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # no group yet, or all of it has ended
                os.killpg(process.pid or 0, signal.SIGKILL)
        process.kill()

    def close(self, patience: float | None = 0) -> None:
        """End the process; it has so many seconds (None: as many as it takes) to finish what it writes."""
        end([self], patience)

    def _running(self) -> tuple[SpawnProcess, Any]:
        if self._process is not None and self._process.is_alive():
            return self._process, self._pipe
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
        return process, self._pipe


def end(workers: Iterable[Worker], patience: float | None) -> None:
    """End several workers, as :meth:`Worker.close` does; a second Ctrl-C does not wait."""
    alive = [(worker, worker._process) for worker in workers if worker._process is not None]
    try:
        if patience != 0:
            for _, process in alive:
                process.terminate()  # SIGTERM: it writes what it knows, and ends
            for _, process in alive:
                process.join(patience)
    finally:
        for worker, _ in alive:
            worker.kill()
        for worker, process in alive:
            process.join()
            worker._process = None
            atexit.unregister(worker.kill)


# ---- in the process -------------------------------------------------------------------------------------------------

_asker: Any = None  # in a worker: who waits for the answer
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


def _serve(pipe: Any, prepare: Callable[[], object] | None, alone: bool) -> None:
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


def _answer(pipe: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        kind, told = "done", function(*arguments)
    except Exception as error:
        kind, told = "failed", error
    try:
        if kind == "failed":
            pickle.loads(pickle.dumps(told))  # some exceptions cannot be rebuilt from their message
        pipe.send((kind, told))
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        pipe.send(("failed", WorkerError(f"{told!r:.300} cannot be sent ({error})")))
