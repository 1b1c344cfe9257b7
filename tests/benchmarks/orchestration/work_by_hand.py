"""What workers do instead of runs, in a module that is quick to import."""

import os
import signal
import time
from pathlib import Path
from typing import Any


def do(config: Any, known: int, progress: Any) -> None:
    """In a worker, instead of a run."""
    progress(1, 4)
    if config.does == "fail":
        raise ValueError("no such thing")
    if config.does == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if config.does:
        folder = Path(config.does)
        (folder / "begun").touch()
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            (folder / "interrupted").touch()
            raise
