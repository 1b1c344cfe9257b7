"""Environment of a run: what it stood on besides its own sources, recorded beside the key, never in it."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping
from typing import Any

#: The packages whose arithmetic reaches a score.
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn")
#: Version of the definitions in docs/protocols.md, which says what exactly every number is. Increase it, here and
#: there, whenever the definition of a recorded number changes: runs of another version are marked stale, not lost.
PROTOCOL = 2
#: What runs had before it was recorded: the version of the definitions by which they were measured.
UNRECORDED: Mapping[str, Any] = {"protocol": 1}
#: What runs had recorded that reaches no score.
FORMER = ("mir_eval",)


def versions() -> dict[str, Any]:
    """Versions of the protocol, of Python (minor) and of :data:`PACKAGES`, ``None`` for one that is absent.

    Nothing is imported.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"protocol": PROTOCOL, "python": python, **{package: _version(package) for package in PACKAGES}}


def environment(precision: str, threads: int, world_size: int = 1) -> dict[str, Any]:
    """Versions and the settings that may colour a result: precision ("float32", ...), threads, number of processes."""
    return {**versions(), "precision": precision, "threads": threads, "world_size": world_size}


def complete(environment: Mapping[str, Any]) -> Mapping[str, Any]:
    """An environment as it would be recorded today; where none was recorded (plain Sacred), none."""
    return {**UNRECORDED, **{n: v for n, v in environment.items() if n not in FORMER}} if environment else {}


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs, one plain sentence each: ``torch was 2.10.0, is 2.11.0``."""
    then, now = complete(then), complete(now)
    return tuple(
        f"{name} was {_said(then.get(name))}, is {_said(now.get(name))}"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _said(value: Any) -> str:
    return "absent" if value is None else str(value)
