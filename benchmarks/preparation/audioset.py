"""AudioSet: the segments of Google's lists, graded by their number of sources (PROTOCOLS §2), with video.

Columns of the prepared data set: ``labels`` (Google's classes), ``sources`` (what grading leaves of them, by
:mod:`cavl.grading`'s defaults), ``n_sources``, ``split`` (the list: "balanced_train", "eval", "unbalanced_train"),
``start`` (of the segment in its video, s). A copy of the ontology lies beside, by which they may be graded otherwise.

``--subset instrument`` is AudioSet-Instrument (§6.5), in a folder of its own: the segments with one or more of 15
musical instruments; ``instruments`` names them and ``n_sources`` is their number. Of the unbalanced list they are
"train", those of the balanced list are "test" and "validation" by turns: the paper has halves, and does not say which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.datasets.audioset import Segment, read_ontology, segment_of
from benchmarks.datasets.prepared import Lost
from benchmarks.preparation.item import Cut, Item, Plan, described, refusal
from benchmarks.preparation.rows import rows_of
from cavl.grading import Ontology, sources

NAME = "audioset"
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


def plan(*, segments: Sequence[Path], ontology: Path, subset: str, fps: float | None, quality: int) -> Plan:
    """The items of the lists.

    Raises ``FileNotFoundError`` or ``ValueError`` if a file is not there or is not Google's, saying where to get it.
    """
    for path in (ontology, *segments):
        if not path.is_file():
            raise FileNotFoundError(
                f"there is no {path}: ontology.json is in the GitHub repository audioset/ontology, the segment lists "
                "are on AudioSet's download page (docs/data.md)"
            )
    graph = read_ontology(ontology)
    instrument = subset == "instrument"
    fps = fps if fps is not None else (1.0 if instrument else 25.0)
    items: list[Item] = []
    refused: list[Lost] = []
    for path in segments:
        listed, bad = read_list(path, graph)
        refused += bad
        split = path.stem.removesuffix("_segments")
        taken = _with_instruments(listed, split) if instrument else _graded(listed, split, graph)
        for segment, attributes in taken:
            cut = Cut(start=segment.start, seconds=segment.end - segment.start, fps=fps, quality=quality)
            items.append(Item(id=segment.id, video=segment.id, cut=cut, attributes=attributes))
    return Plan(
        name="audioset_instrument" if instrument else NAME,
        items=items,
        refused=refused,
        settings={"fps": fps, "quality": quality},
        about={"lists": [described(p) for p in segments], "ontology": described(ontology)},
        beside={"ontology.json": ontology},
    )


def read_list(path: Path, ontology: Ontology) -> tuple[list[Segment], list[Lost]]:
    """The segments of a list, and its rows that are none: refused one by one, so that the rest goes on.

    Raises ``ValueError`` if no row is a segment: it is another kind of file.
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
        yield (segment, {"labels": list(segment.labels), "sources": graded, "n_sources": len(graded), "split": split})


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
