"""MUSIC: solos and duets of 11 instruments, every video cut into clips of 10 s (§4.1, PROTOCOLS §8).

Columns of the prepared data set, one row a clip: ``video``, ``kind`` ("solo" or "duet"), ``instruments``,
``n_sources``, ``split``, ``start`` (in the video, s). Of each instrument's solos, in the order of the list, the first
video is "validation", the second "test" and the rest "train"; duets are "train": they have no stems to be judged by.
So no video has clips in two splits. The id of a clip is that of its video and its number, "VIDEO/003".

A list of test mixtures, where there is one, is kept as ``options["mixtures"]``: pairs of videos.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.datasets.audioset import YOUTUBE_ID
from benchmarks.datasets.prepared import Lost
from benchmarks.preparation.item import Cut, Item, Plan, refusal
from benchmarks.preparation.options import add_fetching, add_own_media, described

NAME = "music"
HELP = "YouTube videos of solos and duets, cut into clips of 10 s"
DESCRIPTION = """\
MUSIC: every video of the lists cut into clips of 10 s (mono, 11,025 Hz) with frames (256 x 256).

The lists name whole videos, and all that can be cut out of them is kept, in the order of the video: "all the videos are
randomly splitted into 10s clips" (section 4.1) leaves open how. What is left at the end is dropped. One frame a second
is enough here, since nothing that learns on MUSIC watches motion.
"""
EPILOG = """\
examples:
  python -m benchmarks.datasets prepare music --solo MUSIC_solo_videos.json --duet MUSIC_duet_videos.json
  ... --from /data/music --no-fetch             videos that you have already, nothing is fetched
  ... --mixtures test_mixtures.txt              a published list of test mixtures, kept beside the clips

files in --from are known by their names, whole videos: ID.mp4, "Title [ID].webm", in any subfolder.

The lists are in the GitHub repository roudimit/MUSIC_dataset. Killed or interrupted, the same command goes on.
"""

SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--solo", type=Path, metavar="FILE", help="MUSIC_solo_videos.json")
    parser.add_argument("--duet", type=Path, metavar="FILE", help="MUSIC_duet_videos.json")
    parser.add_argument(
        "--mixtures",
        type=Path,
        metavar="FILE",
        help="test mixtures: two ids of videos a line; without it pairs are drawn from the seed",
    )
    parser.add_argument("--fps", type=float, default=1.0, metavar="F", help="frames kept a second (default: 1)")
    parser.add_argument("--quality", type=int, default=90, metavar="Q", help="of the JPEG frames (default: 90)")
    add_own_media(parser, False, "folders of videos that you have: they are used where they hold one of the list")
    add_fetching(parser)


def plan(arguments: argparse.Namespace) -> Plan:
    """The items of the lists, one a video.

    Raises
    ------
    FileNotFoundError, ValueError
        If a list is not given, not there or no such list, saying where to get it.
    """
    lists = {kind: path for kind in ("solo", "duet") if (path := getattr(arguments, kind))}
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
                    cut=Cut(seconds=SECONDS, pieces=True, fps=arguments.fps, quality=arguments.quality),
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
    if arguments.mixtures:
        about["mixtures"] = read_mixtures(arguments.mixtures, items)
    return Plan(
        name=NAME,
        items=items,
        refused=refused,
        settings={"fps": arguments.fps, "quality": arguments.quality},
        about=about,
    )


def read_mixtures(path: Path, items: Sequence[Item]) -> list[list[str]]:
    """The pairs of test videos that a list names, one pair a line.

    Raises
    ------
    ValueError
        For a line that is not two solos of the test split, naming it, or if there is none.
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
