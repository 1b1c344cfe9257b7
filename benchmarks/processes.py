"""How child processes behave: they leave Ctrl-C to their parent, and end with it, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

PATIENCE = 10  # seconds that a child has to finish its record after its parent is gone


def follow_parent() -> None:
    """Call first thing in a child: SIGINT is the parent's to answer; the parent's death (SIGKILL too) is a SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)  # a running job records INTERRUPTED
    time.sleep(PATIENCE)
    os._exit(1)
