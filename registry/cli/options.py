"""Options that several commands have, and how their words are read.

What stands for nothing is refused in a sentence.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import typer

from registry.files import expanded, home
from registry.index import Registry, is_registry, run_ids
from registry.nearest import instead


def folder(text: str) -> Path:
    """A path as it is written, but for a "~"; "" (an unset variable of a shell) is refused, it would be any folder."""
    if not text.strip():
        raise typer.BadParameter("an empty name is no folder; is a variable unset?")
    if not text.startswith("~"):
        return Path(text)
    try:
        return expanded(text)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error)) from None


def one_of(names: Collection[str]) -> Callable[[str], str]:
    """One of ``names``, in any case."""
    known = {name.lower(): name for name in names}

    def chosen(text: str) -> str:
        if text.lower() not in known:
            raise typer.BadParameter(f"{text!r} is not there; {instead(text, known.values())}")
        return known[text.lower()]

    return chosen


def positive(text: str) -> int:
    try:
        whole = int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no whole number") from None
    if whole < 1:
        raise typer.BadParameter(f"{text} is less than 1")
    return whole


def number(text: str) -> float:
    """A finite number, 0 or more."""
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(text)) and value >= 0:
            return value
    raise typer.BadParameter(f"{text!r} is no number, 0 or more")


def ids(incomplete: str) -> list[str]:
    """For the shell: the runs whose number begins like this."""
    return [str(id) for id in sorted(run_ids(home()), reverse=True) if str(id).startswith(incomplete)]


def option(help: str, metavar: str | None = None, default: Any = None, **settings: Any) -> Any:
    """An option that may be left out; with the default ``...`` it may not."""
    return typer.Option(default, metavar=metavar, help=help, **settings)


def count(help: str, metavar: str = "N", default: int | None = None) -> Any:
    return option(help, metavar, default, parser=positive)


def flag(name: str, help: str) -> Any:
    return typer.Option(False, name, help=help)


def path(help: str, metavar: str = "DIR", default: Any = None, name: str | None = None) -> Any:
    return typer.Option(default, *([name] if name else ()), parser=folder, metavar=metavar, help=help)


def choice(help: str, names: Collection[str], default: str | None = None, metavar: str | None = None) -> Any:
    return option(help, metavar or "|".join(names), default, parser=one_of(names))


HOME = path("folder of the runs (default: $CAVL_HOME, or ./runs)")
JSON = flag("--json", "print JSON, complete and unrounded")
RUN = typer.Argument(metavar="ID", help="the run", autocompletion=ids)
RUNS = typer.Argument(metavar="ID...", help="a run", autocompletion=ids)


@contextlib.contextmanager
def registry_in(place: Path | None) -> Iterator[Registry]:
    """The registry in the folder that the user named, or else the usual one; a bar shows the progress of reading.

    Raises
    ------
    FileNotFoundError
        Where the folder that was named is no registry.
    """
    from registry.cli.printing import Reading

    if place is not None and not is_registry(place):
        there = "holds no runs" if place.is_dir() else "is no folder"
        raise FileNotFoundError(f"--home {place}: {place.absolute()} {there}; name the folder that the runs lie in")
    with Reading() as progress:
        yield Registry(place, progress=progress)
