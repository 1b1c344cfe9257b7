"""Scenes of a prepared data set: which of its items belong to which set, and sets of their clips.

A data set's own module (``audioset``, ``music``, ...) sorts its items into the sets of a :class:`Collection`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.prepared import Prepared
from benchmarks.datasets.scene import Coverage, Scene, checked
from cavl.config import ConfigError

Map = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedItem:
    """What the lists of a data set name, there or not: one clip, or the several that a video was cut into."""

    id: str
    attributes: Mapping[str, Any]
    clips: tuple[int, ...] = ()  # their places in the data set; none: it is missing or damaged
    reason: str = ""  # "missing: ...", "damaged: ..."; none and no clips: it was left out, to rehearse


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An item as a member of a set."""

    item: PreparedItem
    kinds: tuple[int, ...] = ()  # of its sources; () where unknown
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A clip of a member."""

    clip: int
    member: Member


#: Which clips of a set are shown.
Choose = Callable[[Sequence[Place]], Sequence[Place]]


def items_of(prepared: Prepared, by: str | None = None) -> list[PreparedItem]:
    """All items that a data set was prepared from, those that are there first.

    ``by``: the column that names the item of a clip, where items were cut into several.
    """
    columns = {name: prepared.column(name) for name in prepared.columns}
    clips: dict[str, list[int]] = {}
    for place, id in enumerate(columns.get(by, prepared.ids) if by else prepared.ids):
        clips.setdefault(id, []).append(place)
    found = [
        PreparedItem(
            id=id, attributes={name: values[places[0]] for name, values in columns.items()}, clips=tuple(places)
        )
        for id, places in clips.items()
    ]
    lost = [PreparedItem(id=i.id, attributes=i.attributes, reason=f"{i.status}: {i.reason}") for i in prepared.lost]
    left_out = [PreparedItem(id=i.id, attributes=i.attributes) for i in prepared.left_out]
    return found + lost + left_out


def hashed(text: str) -> float:
    """A number in [0, 1) that depends on the text alone, as if drawn."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def held_out(members: Iterable[Member], share: float, least: int = 2) -> set[str]:
    """Ids of a share of the members, by a hash of their id: whoever else is among them decides nothing.

    But of those that are there at least ``least``, the ones with the smallest hashes (half of them, where that is
    less): a set as small as a rehearsal's may have no other.
    """
    members = list(members)
    there = sorted((hashed(m.item.id), m.item.id) for m in members if m.item.clips)
    smallest = there[: min(least, len(there) // 2)]
    return {m.item.id for m in members if hashed(m.item.id) < share} | {id for _, id in smallest}


class Collection:
    """The sets of a prepared data set: which of its items belong to which, by split and number of sources."""

    kind_names: tuple[str, ...] = ()
    splits: tuple[str, ...] = ("train", "validation", "test")
    #: Split -> what to prepare where one of its sets is empty.
    remedies: Mapping[str, str] = {}

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.sets: dict[tuple[str, int], list[Member]] = {}
        self.of_any_number: dict[str, list[Member]] = {}  # split -> entries of its list of which nothing more is known

    def add(self, split: str, n: int, member: Member) -> None:
        self.sets.setdefault((split, n), []).append(member)

    def add_training(self, n: int, members: Sequence[Member], share: float) -> None:
        """Training items, of which a share is held out for validation."""
        aside = held_out(members, share)
        for member in members:
            self.add("validation" if member.item.id in aside else "train", n, member)

    def add_refused(self, sides: Mapping[str, str] | None = None) -> None:
        """Entries of the lists that are no items: they stay in the coverage of the split that they were listed for.

        ``sides``: what the list calls a split -> what it is called here, where that differs.
        """
        for lost in self.prepared.refused:
            listed = str(lost.attributes.get("split"))
            split = (sides or {}).get(listed, listed)
            item = PreparedItem(id=lost.id, attributes=lost.attributes, reason=f"{lost.status}: {lost.reason}")
            n = lost.attributes.get("n_sources")
            if n is not None:
                if (split, n) in self.sets:  # else there is no score of so many
                    self.add(split, n, Member(item=item))
            else:
                self.of_any_number.setdefault(split, []).append(Member(item=item))

    def counts(self, split: str) -> list[int]:
        """The numbers of sources for which there is a set.

        Clips of none, or of more than :data:`cavl.counting.MAX_COUNT`, are only counted: where no such clip is there,
        nothing is missing.
        """
        from cavl.counting import MAX_COUNT  # torch is slow to import, and the lists are read without it

        return sorted(
            n
            for (s, n), members in self.sets.items()
            if s == split and (1 <= n <= MAX_COUNT or any(member.item.clips for member in members))
        )

    def open(self, name: str, limit: int | None = None) -> PreparedScenes:
        """The set of a name; of a rehearsal only ``limit`` scenes. Raises :class:`ConfigError` if there is none."""
        split, _, which = name.partition(" ")
        if split not in self.splits:
            raise ConfigError(f"{self.prepared.name} has no set {name!r}")
        return self._opened(split, which, limit)

    def _opened(self, split: str, which: str, limit: int | None) -> PreparedScenes:
        return PreparedScenes(
            self.prepared,
            split,
            int(which),
            [*self.sets.get((split, int(which)), []), *self.of_any_number.get(split, [])],
            choose=spread_over(limit),
            kind_names=self.kind_names,
            beside=self.beside(split),
            **self.truth(split),
        )

    def truth(self, split: str) -> dict[str, Any]:
        """What :class:`PreparedScenes` is told of where people agree that an image sounds."""
        return {}

    def beside(self, split: str) -> str:
        """What besides the clips decides the results on a split."""
        return ""


class PreparedScenes:
    """A set of scenes (a ``Dataset``): every clip of its members that are there.

    A scene's image is the frame in the middle of its clip, :meth:`with_frame` has any other.

    Parameters
    ----------
    choose
        Which of the members' clips are shown.
    consensus, annotators
        Id of an item -> where people agree that it sounds, and the box that each of them has drawn.
    maps
        Consensus maps of the images that people have annotated, also of those that are not there.
    beside
        What besides the clips decides the results: it is in the fingerprint.

    Attributes
    ----------
    coverage
        Of the members, in items: how many clips a video that is missing would have had, nobody knows.
    """

    def __init__(
        self,
        prepared: Prepared,
        split: str,
        n_sources: int,
        members: Sequence[Member],
        *,
        choose: Choose,
        kind_names: Sequence[str] = (),
        consensus: Callable[[str], Map] | None = None,
        annotators: Callable[[str], npt.NDArray[np.int32]] | None = None,
        maps: Sequence[Map] = (),
        beside: str = "",
    ) -> None:
        self.prepared, self.split, self.n_sources = prepared, split, n_sources
        self.sample_rate = prepared.sample_rate
        self.kind_names, self.maps = tuple(kind_names), maps
        self._places = choose([Place(clip, member) for member in members for clip in member.item.clips])
        self._consensus, self._annotators = consensus, annotators
        self.coverage = coverage_of(members, self._places)
        self.fingerprint = self._fingerprint(beside)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Scene:
        return self._scene(index, self._frames(index) // 2)

    def with_frame(self, index: int, number: int) -> Scene:
        """A scene with the one of its frames that a ``number``, drawn from many more, comes to."""
        return self._scene(index, number % max(1, self._frames(index)))

    def clip(self, index: int, start_s: float, n_frames: int, fps: float) -> npt.NDArray[np.uint8]:
        """What is on the screen ``start_s``, ``start_s`` + 1/``fps``, ... seconds after the beginning.

        Returns frames (n_frames, 256, 256, 3). Raises ``ValueError`` if it was prepared with fewer frames a second than
        that, or without any.
        """
        clip = self._place(index).clip
        name, folder = self.prepared.ids[clip], self.prepared.folder
        times = self.prepared.frame_times(clip)
        rate = float(self.prepared.options.get("settings", {}).get("fps", 0))
        if not len(times):
            raise ValueError(f"{name} in {folder} has no frames: it cannot be watched")
        if n_frames > 1 and rate < fps:
            raise ValueError(
                f"{folder} was prepared with {rate:g} frames a second, and {fps:g} are asked for: prepare it anew with "
                f"--fps {fps:g}, or leave methods that watch clips out (--methods)"
            )
        wanted = start_s + np.arange(n_frames) / fps
        shown = np.searchsorted(times, wanted + 1e-4, side="right") - 1  # the last frame that has appeared
        return self.prepared.frames(clip, shown.clip(0).tolist())

    def number_of(self, item: str) -> int | None:
        """The number of the first scene of an item; None if it has none here."""
        return next((i for i, place in enumerate(self._places) if place.member.item.id == item), None)

    def _fingerprint(self, beside: str) -> str:
        """Of the content of the clips and of what is known of each."""
        lines = [f"{self.split} {self.n_sources}"]
        for place in self._places:
            kinds = [self.kind_names[kind] for kind in place.member.kinds]  # numbers depend on what else is prepared
            line: list[Any] = [self.prepared.digest(place.clip), self.prepared.ids[place.clip], kinds]
            line += [place.member.fold, place.member.item.attributes.get("boxes")]
            lines.append(json.dumps(line))
        lines.append(beside)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _scene(self, index: int, frame: int) -> Scene:
        place = self._place(index)
        clip, member = place.clip, place.member
        g = None if self._consensus is None else self._consensus(member.item.id)
        return Scene(
            id=self.prepared.ids[clip],
            waveform=self.prepared.waveform(clip),
            n_sources=self.n_sources,
            image=self.prepared.frame(clip, frame) if self._frames(index) else None,
            kinds=member.kinds,
            consensus=g,
            boxes=None if g is None else agreed_box(g)[None],
            annotators=None if self._annotators is None else self._annotators(member.item.id),
            fold=member.fold,
            split=self.split,
        )

    def _frames(self, index: int) -> int:
        return self.prepared.frame_count(self._place(index).clip)

    def _place(self, index: int) -> Place:
        return self._places[checked(index, len(self))]


def spread_over(n: int | None) -> Choose:
    """``n`` clips from first to last (neighbours may be of one video, or of one kind); None: all."""

    def choose(places: Sequence[Place]) -> Sequence[Place]:
        some = len(places) if n is None else min(n, len(places))
        return [places[i * len(places) // some] for i in range(some)]

    return choose


def coverage_of(members: Sequence[Member], shown: Sequence[Place]) -> Coverage:
    lost = {m.item.id: m.item.reason for m in members if m.item.reason}
    found = len({place.member.item.id for place in shown})
    return Coverage.of(found, lost, left_out=len(members) - len(lost) - found)


def agreed_box(g: Map) -> npt.NDArray[np.int32]:
    """x0, y0, x1, y1 (0-based, half-open) around the pixels that people agree on, or any has marked if they do not."""
    rows, columns = np.nonzero(g == g.max())
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return np.array(box, dtype=np.int32)
