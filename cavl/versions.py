"""Tested sets of torch and its companions, which must fit each other; no installer notices where they do not.

They declare lower bounds of each other, or nothing: torchaudio 2.11.1 beside torch 2.11.0 installs, and then does not
load. So this table decides, before any of them is imported; only the metadata of the installed packages are read.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

#: The first is locked (``tools/locks``): the results so far were made with it.
TESTED: tuple[Mapping[str, str], ...] = (
    {"torch": "2.11.0", "torchvision": "0.26.0", "torchaudio": "2.11.0", "torchcodec": "0.11.0"},
    {"torch": "2.14.1", "torchvision": "0.29.1", "torchaudio": "2.11.1", "torchcodec": "0.17.0"},
)
#: Set to 1, another set is tried all the same.
UNTESTED = "CAVL_UNTESTED"


class UntestedError(ImportError):
    """The installed versions were not tested together."""


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Package -> version, for those that are installed; builds ("2.11.0+cpu") are not told apart."""
    found = {}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package).partition("+")[0]
    return found


def untested(found: Mapping[str, str]) -> str | None:
    """What is wrong with these versions, and the remedy, in a sentence; None where they are of one tested set."""
    if any(all(tested[package] == version for package, version in found.items()) for tested in TESTED):
        return None
    tested = "; or ".join(" ".join(f"{package}=={version}" for package, version in each.items()) for each in TESTED)
    return (
        f"{', '.join(f'{package} {version}' for package, version in found.items())} were not tested together. Install "
        f"a set that was: python -m pip install {tested} (torchcodec only where it is used); or set {UNTESTED}=1 to "
        "try these"
    )


def refuse(sentence: str | None) -> None:
    """Nothing for None; else end a command with the sentence, and an import with an error.

    Raises
    ------
    UntestedError, SystemExit
    """
    if sentence is None:
        return
    if Path("".join(sys.argv[:1])).name in ("-m", "cavl-bench"):  # "-m" while Python looks for the module
        print(f"error: {sentence}", file=sys.stderr)
        raise SystemExit(2)
    raise UntestedError(sentence)


if os.environ.get(UNTESTED) != "1":
    refuse(untested(installed(TESTED[0])))
