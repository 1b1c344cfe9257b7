"""AudioSet: the segments of Google's lists, graded by their number of sources (PROTOCOLS §2), with video.

Columns of the prepared data set: ``labels`` (Google's classes), ``sources`` (what grading leaves of them, by
:mod:`cavl.grading`'s defaults), ``n_sources``, ``split`` (the list: "balanced_train", "eval", "unbalanced_train"),
``start`` (of the segment in its video, s). A copy of the ontology lies beside, by which they may be graded otherwise.

``--subset instrument`` is AudioSet-Instrument (§6.5), in a folder of its own: the segments with one or more of 15
musical instruments; ``instruments`` names them and ``n_sources`` is their number. Of the unbalanced list they are
"train", those of the balanced list are "test" and "validation" by turns: the paper has halves, and does not say which.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.datasets.audioset import Segment, read_ontology, segment_of
from benchmarks.datasets.prepared import Lost
from benchmarks.preparation.item import Cut, Item, Plan, refusal
from benchmarks.preparation.local_media import FORMS
from benchmarks.preparation.options import add_fetching, add_own_media, described
from benchmarks.preparation.rows import rows_of
from cavl.grading import Ontology, sources

NAME = "audioset"
HELP = "segments of YouTube videos from Google's lists"
DESCRIPTION = """\
AudioSet: of every segment of the lists its sound (mono, 11,025 Hz) and frames (256 x 256).

Frames are kept at 25 a second, at which AVTS watches (25 frames for its second of sound); CAVL and the other methods
take any one of them. That is some 3.5 MB a clip, 70 GB for the balanced list; --fps 1, a tenth of that, will do where
nothing watches videos, and is the default of --subset instrument.
"""
EPILOG = f"""\
examples:
  python -m benchmarks.datasets prepare audioset --ontology ontology.json \\
      --segments balanced_train_segments.csv eval_segments.csv
  python -m benchmarks.datasets prepare audioset --subset instrument --ontology ontology.json \\
      --segments unbalanced_train_segments.csv balanced_train_segments.csv
  ... --from /data/audioset --no-fetch          media that you have already, nothing is fetched
  ... --limit 16                                a rehearsal
  ... --retry                                   what was missing last time

files in --from are known by their names:
{FORMS}

ontology.json is in the GitHub repository audioset/ontology; the lists are on AudioSet's download page
(research.google.com/audioset/download.html). Killed or interrupted, the same command goes on.
"""

#: AudioSet-Instrument: the 15 of Gao et al. 2018, whom §6.5 follows, as classes of the ontology.
INSTRUMENTS = {
    "accordion": "/m/0mkg",
    "acoustic guitar": "/m/042v_gx",
    "banjo": "/m/018j2",
    "cello": "/m/01xqw",
    "drum": "/m/026t6",
    "electric guitar": "/m/02sgy",
    "flute": "/m/0l14j_",
    "french horn": "/m/0319l",
    "harmonica": "/m/03qjg",
    "harp": "/m/03m5k",
    "marimba": "/m/0dwsp",
    "piano": "/m/05r5c",
    "saxophone": "/m/06ncr",
    "trombone": "/m/07c6l",
    "violin": "/m/07y_7",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--segments",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="Google's lists: balanced_train_segments.csv, eval_segments.csv, unbalanced_train_segments.csv",
    )
    parser.add_argument("--ontology", type=Path, required=True, metavar="FILE", help="Google's ontology.json")
    parser.add_argument(
        "--subset",
        choices=("all", "instrument"),
        default="all",
        help="instrument: segments with one of 15 musical instruments (AudioSet-Instrument), into audioset_instrument",
    )
    parser.add_argument(
        "--fps", type=float, metavar="F", help="frames kept a second (default: 25; of --subset instrument 1)"
    )
    parser.add_argument("--quality", type=int, default=90, metavar="Q", help="of the JPEG frames (default: 90)")
    add_own_media(parser, False, "folders of media that you have: they are used where they hold a clip")
    add_fetching(parser)


def plan(arguments: argparse.Namespace) -> Plan:
    """The items of the lists.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is not there or is not Google's, saying where to get it.
    """
    for path in (arguments.ontology, *arguments.segments):
        if not path.is_file():
            raise FileNotFoundError(
                f"there is no {path}: ontology.json is in the GitHub repository audioset/ontology, the segment lists "
                "are on AudioSet's download page (docs/data.md)"
            )
    ontology = read_ontology(arguments.ontology)
    instrument = arguments.subset == "instrument"
    fps = arguments.fps if arguments.fps is not None else (1.0 if instrument else 25.0)
    items: list[Item] = []
    refused: list[Lost] = []
    for path in arguments.segments:
        segments, bad = read_list(path, ontology)
        refused += bad
        split = path.stem.removesuffix("_segments")
        taken = _with_instruments(segments, split) if instrument else _graded(segments, split, ontology)
        for segment, attributes in taken:
            cut = Cut(start=segment.start, seconds=segment.end - segment.start, fps=fps, quality=arguments.quality)
            items.append(Item(id=segment.id, video=segment.id, cut=cut, attributes=attributes))
    return Plan(
        name="audioset_instrument" if instrument else NAME,
        items=items,
        refused=refused,
        settings={"fps": fps, "quality": arguments.quality},
        about={"lists": [described(p) for p in arguments.segments], "ontology": described(arguments.ontology)},
        beside={"ontology.json": arguments.ontology},
    )


def read_list(path: Path, ontology: Ontology) -> tuple[list[Segment], list[Lost]]:
    """The segments of a list, and its rows that are none: refused one by one, so that the rest goes on.

    Raises
    ------
    ValueError
        If no row is a segment: it is another kind of file.
    """
    segments: list[Segment] = []
    refused: list[Lost] = []
    seen: set[str] = set()
    for where, row in rows_of(path):
        if row[0].startswith("#"):
            continue
        try:
            segment = segment_of(row, ontology, where)
            if segment.id in seen:
                raise ValueError(f"{where}: {segment.id} is listed a second time")
            seen.add(segment.id)
            segments.append(segment)
        except ValueError as error:
            refused.append(refusal(where, str(error).removeprefix(f"{where}: ")))
    if not segments:
        first = refused[0].reason if refused else "it is empty"
        raise ValueError(f"{path} is not one of Google's segment lists ({first})")
    return segments, refused


def _graded(segments: Sequence[Segment], split: str, ontology: Ontology) -> Iterator[tuple[Segment, dict[str, Any]]]:
    """All segments, with their columns."""
    for segment in segments:
        graded = sorted(sources(segment.labels, ontology))
        yield (
            segment,
            {"labels": list(segment.labels), "sources": graded, "n_sources": len(graded), "split": split},
        )


def _with_instruments(segments: Sequence[Segment], split: str) -> Iterator[tuple[Segment, dict[str, Any]]]:
    """The segments of AudioSet-Instrument, with their columns."""
    taken = 0
    for segment in segments:
        played = [name for name, label in INSTRUMENTS.items() if label in segment.labels]
        if not played:
            continue
        parts = {"unbalanced_train": "train", "balanced_train": ("test", "validation")[taken % 2]}
        taken += 1
        yield (
            segment,
            {
                "labels": list(segment.labels),
                "instruments": played,
                "n_sources": len(played),
                "split": parts.get(split, split),
            },
        )
