"""Folders that a user names on a command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from registry.files import expanded


def folder(text: str) -> Path:
    """A path as it is written, but for a "~"; "" (an unset variable of a shell) is refused, it would be any folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty name is no folder; is a variable unset?")
    if not text.startswith("~"):
        return Path(text)
    try:
        return expanded(text)
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
