"""Kinetics-Sounds: the clips of 34 kinds in Kinetics' lists, 10 s each, with video (PROTOCOLS §9).

Columns of the prepared data set: ``kind`` (of :data:`benchmarks.datasets.kinetics_sounds.KINDS`), ``n_sources`` (1),
``split`` ("train", "validation", "test"), ``start`` (of the clip in its video, s).

A list is Kinetics' CSV file; its first line names the columns, in any order, others being left alone::

    label,youtube_id,time_start,time_end,split
    playing violin,--PJHxphWEs,30,40,train
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.datasets.audioset import Segment, checked_segment
from benchmarks.datasets.kinetics_sounds import kind_of
from benchmarks.datasets.prepared import Lost, refusal
from benchmarks.preparation.item import Cut, Item, Plan, described
from registry.text_files import table_of

NAME = "kinetics_sounds"
COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
#: What Kinetics' lists call a split -> what it is called here.
SPLITS = {"train": "train", "val": "validation", "validate": "validation", "validation": "validation", "test": "test"}


def plan(*, lists: Sequence[Path], fps: float, quality: int) -> Plan:
    """The items of the lists that are of the 34 kinds; rows of other kinds are passed over.

    Raises ``FileNotFoundError`` or ``ValueError`` if a list is not there, is none of Kinetics', or all of them name no
    such clip.
    """
    items: dict[str, Item] = {}
    refused: list[Lost] = []
    notes: list[str] = []
    repeated = 0
    for path in lists:
        if not path.is_file():
            raise FileNotFoundError(f"there is no {path}: docs/data.md says where Kinetics' lists are")
        others: Counter[str] = Counter()
        for where, values in table_of(path, COLUMNS, "one of Kinetics' lists", short=True):
            kind = kind_of(values.get("label", ""))
            if values and kind is None:
                others[values["label"]] += 1
                continue
            try:
                segment, split = _clip(values, where)
                known = {"kind": kind, "n_sources": 1, "split": split, "start": segment.start}
                cut = Cut(start=segment.start, seconds=segment.end - segment.start, fps=fps, quality=quality)
                item = Item(id=segment.id, video=segment.id, cut=cut, attributes=known)
                if items.get(segment.id, item) != item:
                    raise ValueError(f"{where}: {segment.id} is listed a second time")
            except ValueError as error:
                about = {"n_sources": 1, "split": SPLITS.get(values.get("split", "").lower())}
                refused.append(refusal(where, str(error).removeprefix(f"{where}: "), **about))
                continue
            repeated += segment.id in items
            items[segment.id] = item
        if others:
            notes.append(f"{path.name}: {others.total():,} rows of {len(others):,} other kinds are passed over")
    if repeated:
        notes.append(f"rows that repeat others, read once: {repeated:,}")
    return Plan(
        name=NAME,
        items=list(items.values()),
        refused=refused,
        settings={"fps": fps, "quality": quality},
        about={"lists": [described(path) for path in lists]},
        notes=notes,
    )


def _clip(values: dict[str, str], where: str) -> tuple[Segment, str]:
    """Where a row's clip is, and in which split; raises ``ValueError`` beginning with ``where`` if it is none."""
    if not values:
        raise ValueError(f"{where}: it has more or fewer cells than the first line has columns")
    absent = [name for name in COLUMNS if name not in values]
    if absent:
        raise ValueError(f"{where}: it lacks {', '.join(absent)}")
    segment = checked_segment(values["youtube_id"], values["time_start"], values["time_end"], (), where)
    split = SPLITS.get(values["split"].lower())
    if split is None:
        raise ValueError(f"{where}: split {values['split']!r} is none of {', '.join(SPLITS)}")
    return segment, split
