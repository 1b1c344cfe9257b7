"""Seal of a record: digests by which damage shows, written when its run ends.

``run.json`` then has ``files``, name -> size, times and sha256 of every other file of the record, and ``sha256``, which
is its own: that of its text with zeros in this place; ``sealed`` says so, lest one whose seal is lost pass for one of
before there were seals. Runs of before have none of these, and are read as they are.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from registry.files import digest_file, unread
from registry.record.serialization import to_json

FILES, OWN, SEALED = "files", "sha256", "sealed"
_ZEROS = "0" * 64
#: At this depth no other key has this name, and within a text no line begins.
_OWN = re.compile(rb'\n  "sha256": "([0-9a-f]{64})"')


def digests(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What ``files`` says of those that are there."""
    return {name: _digests(folder / name) for name in names if (folder / name).is_file()}


def _digests(path: Path) -> dict[str, Any]:
    return {**_stamp(os.stat(path)), "sha256": digest_file(path)}


def _stamp(status: os.stat_result) -> dict[str, int]:
    """Size and times of a file. A time of writing can be set, that of a change cannot."""
    return {"size": status.st_size, "written": status.st_mtime_ns, "changed": status.st_ctime_ns}


def sealed(run: Mapping[str, Any]) -> str:
    """The text of ``run.json``, whose content has ``files``."""
    text = to_json({**run, SEALED: True, OWN: _ZEROS})
    return text.replace(f'\n  "{OWN}": "{_ZEROS}"', f'\n  "{OWN}": "{hashlib.sha256(text.encode()).hexdigest()}"')


def breach(content: bytes, run: Mapping[str, Any]) -> str:
    """In what the text ``content`` of ``run.json``, which says ``run``, differs from the one that was sealed, or ""."""
    if FILES not in run and OWN not in run:
        return "has lost the digests that the run left" if SEALED in run else ""
    found = _OWN.search(content)
    blank = content[: found.start(1)] + _ZEROS.encode() + content[found.end(1) :] if found else b""
    same = found is not None and hashlib.sha256(blank).hexdigest().encode() == found[1]
    return "" if same else "has another content than the run left"


def difference(path: Path, then: Mapping[str, Any], *, thorough: bool = True) -> str:
    """In what a file differs from what ``files`` says of it; "" where it does not.

    Not ``thorough``: where size and times are the same, so is the content.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return unread(error)
    now = _stamp(status)
    if now["size"] != then.get("size"):
        return f"has {now['size']:,} bytes, not the {then.get('size'):,} that the run left"
    if not thorough and now.items() <= then.items():
        return ""
    try:
        same = _digest(path, status.st_ino, *now.values()) == then.get("sha256")
    except OSError as error:
        return unread(error)
    return "" if same else "has another content than the run left"


def addition(path: Path) -> str:
    """What is said of a file that ``files`` does not name; "" where it is not there."""
    return "was not there when the run ended" if os.path.lexists(path) else ""


@functools.lru_cache(maxsize=10_000)
def _digest(path: Path, *_stamp: int) -> str:
    return digest_file(path)


def is_sound(entries: Any) -> bool:
    """Whether ``files`` has its form; it may come from anywhere."""
    return isinstance(entries, dict) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and all(isinstance(entry.get(name), int) for name in ("size", "written", "changed"))
        for entry in entries.values()
    )
