"""Terminals of any encoding: ISO-8859-1 lacks most of what runs and people say."""

from __future__ import annotations

import io
import sys


def say_all() -> None:
    """Write what the encoding lacks as ``\\u2026``: nothing that is said can end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def has_unicode() -> bool:
    """Whether standard output has every character."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
