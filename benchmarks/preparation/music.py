"""MUSIC: solos and duets of 11 instruments, every video cut into clips of 10 s (§4.1, PROTOCOLS §8).

Columns of the prepared data set, one row a clip: ``video``, ``kind`` ("solo" or "duet"), ``instruments``,
``n_sources``, ``split``, ``start`` (in the video, s). Of each instrument's solos, in the order of the list, the first
video is "validation", the second "test" and the rest "train"; duets are "train": they have no stems to be judged by.
So no video has clips in two splits. The id of a clip is that of its video and its number, "VIDEO/003".

A list of test mixtures, where there is one, is kept as ``options["mixtures"]``: pairs of videos.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.datasets.audioset import YOUTUBE_ID
from benchmarks.datasets.prepared import Lost, refusal
from benchmarks.preparation.item import Cut, Item, Plan, described
from registry.text_files import json_of, lines_of

NAME = "music"
SECONDS = 10.0


def plan(*, solo: Path | None, duet: Path | None, mixtures: Path | None, fps: float, quality: int) -> Plan:
    """The items of the lists, one a video.

    Raises ``FileNotFoundError`` or ``ValueError`` if a list is not given, not there or no such list, saying where to
    get it.
    """
    lists = {kind: path for kind, path in (("solo", solo), ("duet", duet)) if path}
    if not lists:
        raise ValueError("give --solo MUSIC_solo_videos.json, --duet MUSIC_duet_videos.json or both (docs/data.md)")
    items: dict[str, Item] = {}
    refused: list[Lost] = []
    for kind, path in lists.items():
        for instruments, number, video in _videos(path):
            where, played = f"{path.name}, {instruments!r:.60}, entry {number + 1}", instruments.split()
            split = ("validation", "test")[number] if kind == "solo" and number < 2 else "train"
            if why := _refused(video, items) or ("" if played else "it names no instrument"):
                n = len(played) or (1 if kind == "solo" else 2)
                refused.append(refusal(where, why, n_sources=n, split=split))
                continue
            known = {"kind": kind, "instruments": played, "n_sources": len(played), "split": split}
            cut = Cut(seconds=SECONDS, pieces=True, fps=fps, quality=quality)
            items[video] = Item(id=video, video=video, cut=cut, attributes={"video": video, **known})
    about: dict[str, Any] = {"lists": [described(path) for path in lists.values()]}
    if mixtures:
        about["mixtures"], bad = read_mixtures(mixtures, items.values())
        refused += bad
    settings = {"fps": fps, "quality": quality}
    return Plan(name=NAME, items=list(items.values()), refused=refused, settings=settings, about=about)


def _refused(video: Any, items: Mapping[str, Item]) -> str:
    """Why an entry is no item; nothing where it is one."""
    if not isinstance(video, str) or not YOUTUBE_ID.fullmatch(video):
        return f"{video!r} is not a YouTube id (11 letters, digits, '-' or '_')"
    return f"{video} is listed a second time" if video in items else ""


def read_mixtures(path: Path, items: Collection[Item]) -> tuple[list[list[str]], list[Lost]]:
    """The pairs of test videos that a list names, one pair a line, and its lines that are none.

    Raises ``ValueError`` if no line is two solos of the test split, naming the first.
    """
    test = {item.id for item in items if item.attributes["split"] == "test"}
    pairs: list[list[str]] = []
    refused: list[Lost] = []
    for where, line in lines_of(path):
        pair = re.split(r"[\s,;]+", line)
        if len(pair) == 2 and pair[0] != pair[1] and test.issuperset(pair):
            pairs.append(pair)
        else:
            why = f"{line[:100]!r} is not two solos of the test split"
            refused.append(refusal(where, why, n_sources=1, split="test"))
    if not pairs:
        raise ValueError(
            f"{path} names no pair of videos" + (f" ({refused[0].id}: {refused[0].reason})" if refused else "")
        )
    return pairs, refused


def _videos(path: Path) -> Iterator[tuple[str, int, Any]]:
    """(instruments, position in their list, id or what stands there) of every video."""
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}: MUSIC's lists are in the GitHub repository roudimit/MUSIC_dataset (docs/data.md)"
        )
    content = json_of(path, "it is not one of MUSIC's lists: get it anew")
    try:
        videos = content["videos"]
        # What is no list costs its own instrument: an entry of each split is refused.
        listed = [
            (instruments, list(enumerate(ids if isinstance(ids, list) else [[ids]] * 3)))
            for instruments, ids in videos.items()
        ]
        if not any(isinstance(i, str) for _, ids in listed for _, i in ids):
            raise ValueError("its entries are no lists of ids")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is not one of MUSIC\'s lists, which read {{"videos": {{instrument: [ids]}}}}: get it anew'
        ) from error
    for instruments, ids in listed:
        for number, video in ids:
            yield instruments, number, video
