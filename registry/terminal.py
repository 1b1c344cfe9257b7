"""Terminals of any encoding, or none: ISO-8859-1 lacks most of what runs and people say."""

from __future__ import annotations

import io
import os
import sys


def say_all() -> None:
    """Write what the encoding lacks as ``\\u2026``, and to nowhere where an output is closed (``>&-``): nothing that is
    said can end a command."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def has_unicode() -> bool:
    """Whether standard output has every character."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
