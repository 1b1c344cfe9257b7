"""Requirement of Sacred on setuptools, checked before its import would end in a traceback."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path


class RequirementError(ImportError):
    """Sacred cannot be imported beside what is installed."""


def without_pkg_resources(setuptools: str) -> str | None:
    """What is wrong with this version, and the remedy, in a sentence; None where Sacred can be imported with it."""
    if int(setuptools.partition(".")[0]) < 82:
        return None
    return (
        f"sacred imports pkg_resources, which setuptools {setuptools} does not have any more. Install an older one: "
        "python -m pip install 'setuptools<82'"
    )


if sentence := without_pkg_resources(importlib.metadata.version("setuptools")):
    if Path("".join(sys.argv[:1])).name in ("-m", "cavl-bench"):  # "-m" while Python looks for the module
        print(f"error: {sentence}", file=sys.stderr)
        raise SystemExit(2)
    raise RequirementError(sentence)
