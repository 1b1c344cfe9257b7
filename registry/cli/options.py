"""Options that several commands have, and what words of a command line stand for.

What stands for nothing is refused in a sentence.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

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


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """One of ``names``, in any case."""
    known = {name.lower(): name for name in names}

    def chosen(text: str) -> str:
        if text.lower() not in known:
            raise typer.BadParameter(f"{text!r} is not there; {instead(text, known.values())}")
        return known[text.lower()]

    return chosen


def number(text: str) -> float:
    """A finite number, 0 or more."""
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(text)) and value >= 0:
            return value
    raise typer.BadParameter(f"{text!r} is no number, 0 or more")


def ids(incomplete: str) -> list[str]:
    """For the shell: the runs whose number begins like this."""
    return [str(id) for id in sorted(run_ids(home()), reverse=True) if str(id).startswith(incomplete)]


Home = Annotated[
    Path | None,
    typer.Option("--home", parser=folder, metavar="DIR", help="folder of the runs (default: $CAVL_HOME, or ./runs)"),
]
Json = Annotated[bool, typer.Option("--json", help="print JSON, complete and unrounded")]
Run = Annotated[int, typer.Argument(metavar="ID", help="the run", autocompletion=ids)]
Runs = Annotated[list[int], typer.Argument(metavar="ID...", help="a run", autocompletion=ids)]


@contextlib.contextmanager
def registry_in(place: Path | None) -> Iterator[Registry]:
    """The registry in the folder that the user named, or else the usual one; a bar shows how reading comes along.

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
