"""Interrupts: SIGTERM is answered as Ctrl-C is, so whatever runs has time to write what it knows."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

#: Modules that are started by ``python -m`` and come to :func:`sigterm_as_interrupt`.
_PROGRAMS = re.compile(r"registry|reports|benchmarks(\.cli|\.tasks\.\w+)?")


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. Like Ctrl-C it passes every ``except Exception``, Sacred's own around observers included."""


def _quiet_while_starting() -> None:
    """Let Ctrl-C end a program of ours by a line, not a traceback, until it comes to :func:`sigterm_as_interrupt`.

    What it imports until then (torch, for seconds) has written nothing yet. Nothing happens where ours is not the
    program that was started, or the starter has Ctrl-C ignored.
    """
    words, name = sys.orig_argv, os.path.basename("".join(sys.argv[:1]))
    # "-m" while Python looks for the module
    ours = name == "cavl-bench" or (name == "-m" and _PROGRAMS.fullmatch(words[words.index("-m") + 1]))
    if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_at_once)


def _end_at_once(number: int, frame: Any) -> None:
    os.write(2, b"interrupted; nothing had begun yet\n")
    os._exit(130)


@contextlib.contextmanager
def sigterm_as_interrupt(*more: signal.Signals) -> Iterator[None]:
    """While the block lasts, SIGTERM (and ``more`` signals) end it by :class:`Terminated`.

    Further ones are ignored until the block is left, so that the record can be finished. Outside the main thread, where
    Python allows no signal handlers, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        for other in previous:
            signal.signal(other, signal.SIG_IGN)
        raise Terminated(signal.Signals(number).name)

    if signal.getsignal(signal.SIGINT) is _end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, *more)}
    try:
        for number in previous:
            signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def ending_with_us(how: signal.Signals) -> Callable[[], None] | None:
    """For ``subprocess``'s ``preexec_fn``: the child gets this signal even where we are killed (Linux)."""
    if sys.platform != "linux":
        return None
    us, prctl = os.getpid(), ctypes.CDLL(None).prctl  # looked up here: between fork and exec, as little as can be

    def prepare() -> None:
        prctl(1, how)  # PR_SET_PDEATHSIG
        if os.getppid() != us:
            os._exit(1)  # we are gone already

    return prepare


_quiet_while_starting()
