"""Items, what is to be prepared: each with the medium it comes from and what to cut out of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.datasets.prepared import Lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What is taken of a medium; seconds are counted from its beginning."""

    start: float = 0.0
    seconds: float | None = 10.0  # None: the whole sound, up to decode.MOST_SECONDS
    pieces: bool = False  # one clip after another to the end, each of ``seconds``; what is left over is dropped
    fps: float = 0.0  # frames a second; 0: none
    image: bool = False  # one of the files is a picture, the clip's one frame
    quality: int = 90  # of the JPEG files

    def __post_init__(self) -> None:
        if self.start < 0 or (self.seconds is not None and self.seconds <= 0):
            raise ValueError(f"a segment from {self.start} s on that lasts {self.seconds} s does not exist")
        if not 0 <= self.fps <= 120 or not 1 <= self.quality <= 95:
            raise ValueError(f"fps={self.fps} must lie in [0, 120] and quality={self.quality} in [1, 95]")
        if self.seconds is None and (self.pieces or self.fps):
            raise ValueError("pieces and frames need a length: set seconds")

    @property
    def segment(self) -> tuple[float, float] | None:
        """Beginning and end of what is taken, s; ``None`` for all."""
        return None if self.seconds is None or self.pieces else (self.start, self.start + self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of a data set's lists.

    Its media are ``files``, or are looked for under ``video`` in the user's folders, or are fetched from there.
    ``damage`` says that they are known to be none, and why.
    """

    id: str
    cut: Cut
    video: str | None = None
    files: Sequence[Path] = ()
    damage: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)  # columns of the prepared data set


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All items of a preparation, in the order of the data set.

    ``refused`` are entries of the lists that are none; ``left_out`` are the ids of items that are not asked for now (a
    rehearsal): those that are there stay, the others are counted as left out. ``settings`` must be the same when a
    preparation goes on; ``about`` is kept in the manifest beside them; ``beside`` are files (or folders of files) of
    which a copy is kept beside the clips, by the name it gets; ``notes`` are sentences for the user.
    """

    name: str
    items: Sequence[Item]
    refused: Sequence[Lost] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    left_out: Collection[str] = frozenset()
    about: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Path] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.items:
            said = [f"{lost.id}: {lost.reason}" for lost in self.refused[:3]] + [*self.notes[:3]]
            raise ValueError("; ".join([f"{self.name}: the lists name no item to prepare", *said]))
        for id, times in Counter(item.id for item in self.items).items():
            if times > 1:
                raise ValueError(f"{self.name}: the lists name {id!r} twice; give each list once")


def limited(plan: Plan, limit: int | None) -> Plan:
    """``limit`` items of a plan, evenly over its lists; the others are left out."""
    if not limit or limit >= len(plan.items):
        return plan
    asked = {plan.items[i * len(plan.items) // limit].id for i in range(limit)}
    return replace(plan, left_out={item.id for item in plan.items} - asked)


def described(path: Path) -> dict[str, str]:
    """A list's file name and content hash, for the manifest."""
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
