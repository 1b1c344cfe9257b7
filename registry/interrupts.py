"""Interrupts: SIGTERM is answered as Ctrl-C is, so whatever runs has time to write what it knows."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. Like Ctrl-C it passes every ``except Exception``, Sacred's own around observers included."""


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
