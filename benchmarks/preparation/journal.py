"""Journal of a preparation: how every item ended. It only grows, so a kill loses nothing that was finished.

``account.jsonl`` in the folder of a data set. A line is one JSON object, a *run* (a preparation that began: its
settings and how many items it was for) or an *item* that ended: found (with the places of its clips), missing or
damaged (with the reason). Of an item that has several lines the last counts. A line counts once its line feed is
written; what follows the last line feed was torn by a kill and is overwritten.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.datasets.prepared import Lost, Packed, shard_name
from benchmarks.datasets.scene import DamagedError
from registry.files import atomic_write, write_at

JOURNAL = "account.jsonl"
STATUSES = ("found", "missing", "damaged")
GONE, CHANGED = "its packed content is gone", "its packed content has changed"


@dataclass(frozen=True, slots=True)
class Entry:
    """How an item ended: its clips where it was found, the reason where it was not (or what is odd about them)."""

    id: str
    status: str
    reason: str = ""
    clips: tuple[Packed, ...] = ()
    when: str = ""

    @property
    def spoiled(self) -> bool:
        """Whether it is damaged by what happened here after it had been packed, so that preparing it again helps."""
        return self.status == "damaged" and self.reason in (GONE, CHANGED)


class Journal:
    """The journal in a folder, read once and then kept up to date; one process writes it.

    Raises :class:`DamagedError` if a line is none of a journal, naming the file and the line.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        self.runs: list[dict[str, Any]] = []
        self.entries: dict[str, Entry] = {}
        self._end = 0
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        lines = content.split(b"\n")
        self._end = len(content) - len(lines.pop())
        for number, line in enumerate(lines, start=1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise DamagedError(
                    f"{self.path}, line {number} is damaged ({error!r}); remove the line: its item is prepared again"
                ) from error

    @property
    def exists(self) -> bool:
        return bool(self._end)

    @property
    def settings(self) -> dict[str, Any]:
        """Of the last preparation; empty where there was none."""
        return dict(self.runs[-1]["settings"]) if self.runs else {}

    @property
    def expected(self) -> int:
        """How many items the last preparation was for."""
        return int(self.runs[-1]["items"]) if self.runs else 0

    def begin(self, settings: Mapping[str, Any], items: int) -> None:
        """Record that a preparation begins."""
        self._append([{"run": {"began": _now(), "settings": dict(settings), "items": items}}])

    def found(self, item: str, clips: Sequence[Packed], remark: str = "") -> None:
        """Record an item whose clips are on the disk, and what is odd about them."""
        packed = [dataclasses.asdict(clip) for clip in clips]
        said = {"reason": remark} if remark else {}
        self._append([{"id": item, "status": "found", **said, "clips": packed, "when": _now()}])

    def lost(self, *lost: Lost) -> None:
        """Record items that are missing or damaged, all at once."""
        when = _now()
        self._append([{"id": o.id, "status": o.status, "reason": _printable(o.reason), "when": when} for o in lost])

    def lose_gone(self) -> None:
        """Enter every item as damaged of which a clip ends beyond its file."""
        files = {clip.shard: self.path.with_name(shard_name(clip.shard)) for clip in self.packed()}
        sizes = {shard: path.stat().st_size if path.is_file() else 0 for shard, path in files.items()}
        self._lose(lambda clip: clip.offset + clip.size > sizes[clip.shard], GONE)

    def lose_changed(self, clips: Collection[str]) -> None:
        """Enter the items as damaged of which one of ``clips`` is not what was packed."""
        self._lose(lambda clip: clip.id in clips, CHANGED)

    def _lose(self, spoiled: Callable[[Packed], bool], reason: str) -> None:
        ids = [entry.id for entry in self.entries.values() if any(map(spoiled, entry.clips))]
        self.lost(*(Lost(id=id, status="damaged", reason=reason) for id in ids))

    def packed(self) -> list[Packed]:
        """All clips whose items were found."""
        return [clip for entry in self.entries.values() for clip in entry.clips]

    def counts(self) -> dict[str, int]:
        """Items by status."""
        counted = Counter(entry.status for entry in self.entries.values())
        return {status: counted[status] for status in STATUSES}

    def reasons(self) -> list[tuple[str, str, list[str]]]:
        """(status, reason, ids): what is odd about what was found, then why the rest was not, each by frequency."""
        found: dict[tuple[str, str], list[str]] = {}
        for entry in self.entries.values():
            if entry.reason or entry.status != "found":
                found.setdefault((entry.status, entry.reason), []).append(entry.id)
        ordered = sorted(found.items(), key=lambda one: (one[0][0] != "found", -len(one[1])))
        return [(status, reason, ids) for (status, reason), ids in ordered]

    def write_csv(self, path: Path) -> None:
        """One row for every item that ended: id, status, reason, clips, when."""
        text = io.StringIO(newline="")
        rows = csv.writer(text)
        rows.writerow(("id", "status", "reason", "clips", "when"))
        rows.writerows((e.id, e.status, e.reason, len(e.clips), e.when) for e in self.entries.values())
        atomic_write(path, text.getvalue())

    def _append(self, contents: Sequence[Mapping[str, Any]]) -> None:
        """Append lines and wait for the disk, once for all of them."""
        if not contents:
            return
        lines = [json.dumps(content, separators=(",", ":")).encode() + b"\n" for content in contents]
        write_at(self.path, self._end, b"".join(lines))
        self._end += sum(map(len, lines))
        for line in lines:
            self._take(json.loads(line))

    def _take(self, content: dict[str, Any]) -> None:
        if "run" in content:
            run = content["run"]
            self.runs.append({"settings": run["settings"], "items": int(run["items"]), **run})
            return
        if content["status"] not in STATUSES:
            raise ValueError(content["status"])
        self.entries[content["id"]] = Entry(
            content["id"],
            content["status"],
            content.get("reason", ""),
            tuple(Packed(**clip) for clip in content.get("clips", ())),
            content.get("when", ""),
        )


def _printable(text: str) -> str:
    """Reasons are quoted from servers and decoders: nothing in them may command a terminal or be no text at all."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
