"""Rate limit: no more requests a second than agreed, and pauses that grow when a server asks for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LONGEST = 600.0  # seconds of a pause
MOST_ASKED = 3600.0  # seconds of one for which the server asks


class RateLimit:
    """Shared by all threads that fetch.

    Parameters
    ----------
    rate
        Requests a second, at most.
    first_pause
        Seconds to wait when a server is busy; twice as long each time until a request succeeds, at most ten minutes (an
        hour where the server asks for it).
    stopped
        Set to end all waiting.
    clock
        Seconds that never go back.
    """

    def __init__(
        self, rate: float, first_pause: float, stopped: threading.Event, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not rate > 0 or not first_pause >= 0:
            raise ValueError(f"rate={rate} must exceed 0 and the pause ({first_pause} s) must not be negative")
        self.rate, self.first_pause, self.stopped, self.clock = rate, first_pause, stopped, clock
        self._lock = threading.Lock()
        self._next = 0.0  # when the next request may begin
        self._paused = 0.0  # until then
        self._refused = 0  # times in a row

    def wait(self) -> bool:
        """Wait for one's turn; False when everything has been stopped."""
        while not self.stopped.is_set():
            with self._lock:
                now = self.clock()
                left = self._next - now
                if left <= 0:
                    self._next = now + 1 / self.rate
                    return True
            self.stopped.wait(min(left, 1.0))
        return False

    def refused(self, asked: float = 0.0) -> float:
        """The server is busy: nobody asks it for a while (``asked``: seconds it named). Returns the pause.

        Refusals of requests that were made before a pause began do not make it longer, unless the server asks for it.
        """
        with self._lock:
            now, asked = self.clock(), min(MOST_ASKED, asked)
            if now >= self._paused:
                asked = max(asked, min(LONGEST, self.first_pause * 2**self._refused))
                self._refused = min(self._refused + 1, 16)
            self._paused = max(self._paused, now + asked)
            self._next = max(self._next, self._paused)
            return self._paused - now

    def succeeded(self) -> None:
        with self._lock:
            self._refused = 0
