"""Options of the benchmark's own commands, and how their words are read; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import typer

from benchmarks import methods
from benchmarks.catalogue import PRESETS, TASKS
from registry.cli.options import option, positive


class Names(tuple[str, ...]):
    """Names that were given with commas between them."""


def comma_separated(text: str) -> Names:
    """ "cavl, dmc,": each name once, without spaces around it."""
    found = Names(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
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


def several(help: str, names: Callable[[], Iterable[str]] = tuple, metavar: str = "A,B,...") -> Any:
    return option(help, metavar, parser=comma_separated, autocompletion=_completing(names))


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
