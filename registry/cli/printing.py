"""Printing of the commands: plain columns, tables as wide as their content, JSON."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.files import is_standard_output
from registry.terminal import has_unicode, in_one_line

if TYPE_CHECKING:  # rich takes a tenth of a second, which `runs list` and every --help do without
    from rich.console import JustifyMethod
    from rich.progress import Progress
    from rich.table import Table

    from registry.console import Console
    from registry.record.run_record import Record

#: Runs that take about a second to read.
MANY = 2000
#: Characters of a column of plain text: one cell that is longer does not fill every line with blanks.
WIDEST = 100


def console() -> Console:
    """Piped output is as wide as its content: nothing is cut for a terminal that is not there."""
    from registry.console import Console

    width = None if sys.stdout.isatty() else 100_000
    return Console(width=width, markup=False, emoji=False, highlight=False)  # what runs say is shown as they said it


def bar() -> Progress:
    """A progress bar with an estimate, on a terminal; silent elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from registry.console import Console

    terminal = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal)


@contextlib.contextmanager
def counting(title: str, unit: int = 1) -> Iterator[Callable[[int, int], None]]:
    """Such a bar, to be called with (done, of how many); it counts in ``unit``."""
    with bar() as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done // unit, total=total // unit)


@contextlib.contextmanager
def reading() -> Iterator[Callable[[int, int], None]]:
    """For a :class:`~registry.index.Registry` to show its progress with: a bar while it reads very many runs."""
    counted: list[Callable[[int, int], None]] = []  # one, while there is a bar
    with contextlib.ExitStack() as stack:

        def progress(done: int, total: int) -> None:
            if total >= MANY and not counted:
                counted.append(stack.enter_context(counting("reading runs")))
            for count in counted:
                count(done, total)
            if done == total:
                counted.clear()
                stack.close()

        yield progress


def table(*columns: str, rows: Iterable[Sequence[str]] = ()) -> Table:
    """Without columns: facts, without a head."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD if columns else None, show_header=bool(columns), pad_edge=False)
    _with_columns(made, columns)
    for row in rows:
        made.add_row(*map(in_one_line, row))
    return made


def framed(*columns: str, numbers: Sequence[str] = (), title: str | None = None) -> Table:
    """A table in a frame; behind its other columns stand those of ``numbers``, to the right."""
    from rich.table import Table

    made = _with_columns(Table(title=title, title_justify="left"), columns)
    return _with_columns(made, numbers, justify="right")


def _with_columns(made: Table, columns: Sequence[str], justify: JustifyMethod = "left") -> Table:
    """What is too long for a narrow terminal goes on in the next line; it is never cut."""
    for column in columns:
        made.add_column(column, overflow="fold", justify=justify)
    return made


def said(value: Any) -> str:
    """A value as a table shows it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def title(record: Record) -> str:
    """What a run is, in a few words."""
    config = record.config
    words = [record.pedigree.task, *(str(config[c]) for c in ("method", "ordering", "preset") if c in config)]
    return in_one_line(" ".join([*words, f"seed {config['seed']}" if "seed" in config else ""]).strip())


@contextlib.contextmanager
def beside(out: Path) -> Iterator[None]:
    """Print to standard error what is said of a file that the user had written to standard output."""
    with contextlib.redirect_stdout(sys.stderr if is_standard_output(out) else sys.stdout):
        yield


def print_json(value: Any) -> None:
    """Whole and unrounded."""
    print(json.dumps(value, indent=2, ensure_ascii=not has_unicode()))


def print_aligned(rows: Sequence[Sequence[str]]) -> None:
    """Plain columns, whole at any width of a terminal, and 10,000 lines at once."""
    shown = [[in_one_line(cell) for cell in row] for row in rows]
    widths = [min(max(map(len, column)), WIDEST) for column in zip(*shown, strict=True)]
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
