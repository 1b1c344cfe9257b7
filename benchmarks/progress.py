"""Progress bar for what takes longer than a moment."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from registry.console import Console

Report = Callable[[int, int], None]  # (done, total)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Report]:
    """A bar with an estimate on the terminal; nothing where the output is no terminal."""
    # sys.__stderr__: Sacred captures sys.stderr, and a bar's control codes do not belong in the record.
    console = Console(file=sys.__stderr__)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
