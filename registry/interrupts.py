"""Interrupts: SIGTERM is answered as Ctrl-C is, so whatever runs has time to write what it knows."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
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
