"""Options of the benchmark's own commands, and how their words are read; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import typer

from benchmarks import methods
from benchmarks.catalogue import PRESETS, TASKS
from registry.cli.options import option, positive
from registry.files import expanded


class Names(tuple[str, ...]):
    """Names that were given with commas between them."""


def comma_separated(text: str) -> Names:
    """ "cavl, dmc,": each name once, without spaces around it."""
    return _each_once(text.split(","), text)


def folders(text: str) -> Names:
    """Folders with commas between them; a comma that is part of the name of a folder that is there divides nothing."""
    parts, found = text.split(","), []
    while parts:
        sizes = range(len(parts), 0, -1)
        size = next((n for n in sizes if expanded(",".join(parts[:n]).strip()).is_dir()), 1)
        found.append(",".join(parts[:size]))
        del parts[:size]
    return _each_once(found, text)


def _each_once(parts: Iterable[str], text: str) -> Names:
    found = Names(dict.fromkeys(name for part in parts if (name := part.strip())))
    if not found:
        raise typer.BadParameter(f"{text!r} names nothing; leave the option out where all are meant")
    return found


def number_of_seeds(text: str) -> int:
    try:
        return positive(text)
    except typer.BadParameter as error:
        raise typer.BadParameter(f"{error}; it takes how many: 3 means the seeds 1, 2 and 3") from None


def _completing(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """For the shell: what may stand for the last of several names with commas between them."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names() if name.startswith(last)]

    return complete


def several(
    help: str,
    names: Callable[[], Iterable[str]] = tuple,
    metavar: str = "A,B,...",
    parser: Callable[[str], Names] = comma_separated,
) -> Any:
    return option(help, metavar, parser=parser, autocompletion=_completing(names))


def all_tasks() -> tuple[str, ...]:
    return tuple(TASKS.available)


def all_methods() -> tuple[str, ...]:
    return tuple(methods.available())


PRESET = option(
    f"one of: {', '.join(PRESETS.available)}; or a file",
    "PRESET",
    "miniature",
    autocompletion=_completing(lambda: PRESETS.available),
)
