"""Terminals of any encoding, which obey nothing that runs and people say.

ISO-8859-1 lacks most of what is said; and a terminal takes some characters for orders: to clear itself, to rename its
window, to write backwards.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO

#: Control characters but for tab and line feed, and those that turn the direction of writing or end a line unseen.
_ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


def say_all() -> None:
    """Write what the encoding lacks, and what a terminal would obey, as ``\\u2026``.

    Nothing that is said can end a command, or give one. Where an output is closed, it goes nowhere.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # >&-
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
            setattr(sys, name, Visible(stream))


def visible(text: str) -> str:
    """``text`` with each order to a terminal as the letters ``\\u001b``, which JSON reads as the same."""
    if text.isprintable():
        return text
    return _ORDERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def in_one_line(text: str) -> str:
    """:func:`visible`, line feeds and tabs too."""
    return text if text.isprintable() else visible(text).replace("\n", "\\n").replace("\t", "\\t")


def print_coloured(text: str) -> None:
    """Print ``text`` with the colours in it; whatever else it would have the terminal do is shown as letters."""
    stream = getattr(sys.stdout, "rich_proxied_file", sys.stdout)
    stream.write("".join(part if _COLOUR.fullmatch(part) else visible(part) for part in _COLOUR.split(f"{text}\n")))


class Visible:
    """A stream of text that writes what is :func:`visible`; else it is ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream  # what rich writes to instead: its own orders pass, see registry.console

    def write(self, text: str) -> int:
        begin = text.startswith("\r")  # by which a progress bar that others print goes back to the start of its line
        self.rich_proxied_file.write("\r" * begin + visible(text[begin:]))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


def has_unicode() -> bool:
    """Whether standard output has every character."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
