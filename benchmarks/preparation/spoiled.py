"""Packed clips that were spoiled after they had been packed: accounted as damaged, and prepared again unasked."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from benchmarks.datasets.prepared import Lost, shard_name
from benchmarks.preparation.journal import Account, Entry

GONE = "its packed content is gone"
CHANGED = "its packed content has changed"


def account_for_gone(folder: Path, account: Account) -> None:
    """Enter every item of which a clip ends beyond its file."""
    sizes = {clip.shard: 0 for clip in account.packed()}
    for shard in sizes:
        if (path := folder / shard_name(shard)).is_file():
            sizes[shard] = path.stat().st_size
    gone = [e for e in account.entries.values() if any(c.offset + c.size > sizes[c.shard] for c in e.clips)]
    account.lost(*(Lost(id=entry.id, status="damaged", reason=GONE) for entry in gone))


def account_for_changed(account: Account, clips: Collection[str]) -> None:
    """Enter the items of clips that are not what was packed."""
    changed = [e for e in account.entries.values() if any(clip.id in clips for clip in e.clips)]
    account.lost(*(Lost(id=entry.id, status="damaged", reason=CHANGED) for entry in changed))


def is_spoiled(entry: Entry) -> bool:
    """Whether it is damaged by what happened here, so that preparing it again helps."""
    return entry.status == "damaged" and entry.reason in (GONE, CHANGED)
