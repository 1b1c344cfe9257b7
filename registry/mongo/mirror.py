"""Mirror of a run in MongoDB while it trains: an observer that copies the growing record and cannot harm the run.

The record on disk is written first and whole; this copies it (:mod:`registry.mongo.sync`) from a thread of its own,
a few times a minute and once more at the end, less often where a copy takes long. A database that is away, refuses us
or dies meanwhile is worth one warning: the run goes on and ends as it would have, and the next copy, or ``cavl-bench
runs sync``, completes what is missing.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sacred.observers import RunObserver

from registry.files import MONGO
from registry.mongo.address import Address, MongoError, address, opened
from registry.mongo.sync import sync
from registry.record.serialization import redact

#: Seconds between two copies while a run goes on, and how long its end waits for the last one.
EVERY, AT_THE_END = 10.0, 60.0
#: Of a run's time, copies take one part in so many at most: with 600,000 points, there is one every half minute.
PART = 20
#: Below the file record's: its folder and its number are there when this observer is told of the run.
PRIORITY = 20


class Mirror(RunObserver):  # type: ignore[misc]
    """Copies the run it observes from ``home`` to the database at ``where``, as long as it goes on."""

    def __init__(self, where: Address, home: Path, every: float = EVERY) -> None:
        self.where, self.home, self.every = where, home, every
        self.priority = PRIORITY
        self._warned = False
        self._thinned: set[str] = set()  # metrics of which it has been told
        self._run: int | None = None
        self._wake = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def queued_event(self, *args: Any, _id: Any = None, **kwargs: Any) -> None:
        self._run = int(_id)
        self._copy()

    def started_event(self, *args: Any, _id: Any = None, **kwargs: Any) -> None:
        """Begin to copy the run numbered ``_id``, which the file record has opened."""
        self._run, self._over, self._warned, self._thinned = int(_id), False, False, set()
        self._wake.clear()
        self._thread = threading.Thread(target=self._follow, name="mirror", daemon=True)
        self._thread.start()

    def completed_event(self, *args: Any, **kwargs: Any) -> None:
        """Wait for the last copy: what the run has written by now."""
        if self._thread is None:  # the run ends because its start was refused
            return
        self._over = True
        self._wake.set()
        try:
            self._thread.join(AT_THE_END)
            if self._thread.is_alive():
                self._tell(f"{self.where.shown}: the last copy takes longer than {AT_THE_END:.0f} s")
        except KeyboardInterrupt:  # the run has ended already, and is on the disk
            self._tell(f"{self.where.shown}: the last copy was interrupted")
        self._thread = None

    interrupted_event = failed_event = completed_event

    def _follow(self) -> None:
        while True:
            over = self._over  # what was written before this moment is in the copy that now begins
            began = time.monotonic()
            self._copy()
            if over:
                return
            self._wake.wait(max(self.every, PART * (time.monotonic() - began)))
            self._wake.clear()

    def _copy(self) -> None:
        assert self._run is not None
        try:
            with opened(self.where) as store:
                tally = sync(self.home, store, runs=[self._run])
        except MongoError as error:
            self._tell(str(error))
        except Exception as error:  # whatever it is: the run has its record on disk, and goes on
            self._tell(redact(f"{type(error).__name__}: {error}"))
        else:
            self._tell_thinned(tally.thinned.get(self._run, []))
            for trouble in (
                *tally.failed.values(),
                *(f"{n} {how}" for d in tally.damaged.values() for n, how in d.items()),
            ):
                self._tell(trouble)

    def _tell(self, trouble: str) -> None:
        if not self._warned:  # once, not at every beat
            print(f"warning: run {self._run} is not copied to MongoDB: {trouble}", file=sys.stderr, flush=True)
        self._warned = True

    def _tell_thinned(self, metrics: list[str]) -> None:
        names = ", ".join(sorted(set(metrics) - self._thinned))
        if names:
            text = f"run {self._run}: {names} too long for one document of MongoDB; every k-th point there, all in"
            print(f"note: {text} cavl_metrics", file=sys.stderr, flush=True)
        self._thinned.update(metrics)


def mirrors(home: Path) -> list[Mirror]:
    """To the database in ``$CAVL_MONGO_URI``; none without.

    Raises MongoError when that is no address: a mistake to be told before hours of training.
    """
    text = os.environ.get(MONGO)
    return [Mirror(address(text), home)] if text else []
