"""MUSIC: solos and duets of 11 instruments, every video cut into clips of 10 s (§4.1, PROTOCOLS §8).

Columns of the prepared data set, one row a clip: ``video``, ``kind`` ("solo" or "duet"), ``instruments``,
``n_sources``, ``split``, ``start`` (in the video, s). Of each instrument's solos, in the order of the list, the first
video is "validation", the second "test" and the rest "train"; duets are "train": they have no stems to be judged by.
So no video has clips in two splits. The id of a clip is that of its video and its number, "VIDEO/003".

A list of test mixtures, where there is one, is kept as ``options["mixtures"]``: pairs of videos.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.datasets.audioset import YOUTUBE_ID
from benchmarks.datasets.prepared import Lost
from benchmarks.preparation.item import Cut, Item, Plan, described, refusal

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
    items: list[Item] = []
    refused: list[Lost] = []
    for kind, path in lists.items():
        for instruments, number, video in _videos(path):
            if not YOUTUBE_ID.fullmatch(video):
                where = f"{path.name}, {instruments!r:.60}, entry {number + 1}"
                refused.append(refusal(where, f"{video!r} is not a YouTube id (11 letters, digits, '-' or '_')"))
                continue
            played = instruments.split()
            items.append(
                Item(
                    id=video,
                    video=video,
                    cut=Cut(seconds=SECONDS, pieces=True, fps=fps, quality=quality),
                    attributes={
                        "video": video,
                        "kind": kind,
                        "instruments": played,
                        "n_sources": len(played),
                        "split": ("validation", "test")[number] if kind == "solo" and number < 2 else "train",
                    },
                )
            )
    about: dict[str, Any] = {"lists": [described(path) for path in lists.values()]}
    if mixtures:
        about["mixtures"] = read_mixtures(mixtures, items)
    return Plan(name=NAME, items=items, refused=refused, settings={"fps": fps, "quality": quality}, about=about)


def read_mixtures(path: Path, items: Sequence[Item]) -> list[list[str]]:
    """The pairs of test videos that a list names, one pair a line.

    Raises ``ValueError`` for a line that is not two solos of the test split, naming it, or if there is none.
    """
    test = {item.id for item in items if item.attributes["split"] == "test"}
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        pair = line.replace(",", " ").split()
        if not pair:
            continue
        if len(pair) != 2 or pair[0] == pair[1] or not test.issuperset(pair):
            raise ValueError(f"{path}, line {number}: {line[:100]!r} is not two solos of the test split")
        pairs.append(pair)
    if not pairs:
        raise ValueError(f"{path} names no pair of videos")
    return pairs


def _videos(path: Path) -> Iterator[tuple[str, int, str]]:
    """(instruments, position in their list, id) of every video."""
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}: MUSIC's lists are in the GitHub repository roudimit/MUSIC_dataset (docs/data.md)"
        )
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        listed = [(instruments, list(enumerate(ids))) for instruments, ids in videos.items() if isinstance(ids, list)]
        if len(listed) != len(videos) or not all(isinstance(i, str) for _, ids in listed for _, i in ids):
            raise ValueError("its entries are no lists of ids")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is not one of MUSIC\'s lists, {{"videos": {{instrument: [ids]}}}} ({error!r})'
        ) from error
    for instruments, ids in listed:
        for number, video in ids:
            yield instruments, number, video
