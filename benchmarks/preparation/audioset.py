"""AudioSet: the segments of Google's lists, graded by their number of sources (PROTOCOLS §2), with video.

Columns of the prepared data set: ``labels`` (Google's classes), ``sources`` (what grading leaves of them, by
:mod:`cavl.grading`'s defaults), ``n_sources``, ``split`` (the list: "balanced_train", "eval", "unbalanced_train"),
``start`` (of the segment in its video, s). A copy of the ontology lies beside, by which they may be graded otherwise.

``--subset instrument`` is AudioSet-Instrument (§6.5), in a folder of its own: the segments with one or more of 15
musical instruments; ``instruments`` names them and ``n_sources`` is their number. Of the unbalanced list they are
"train", those of the balanced list are "test" and "validation" by turns: the paper has halves, and does not say which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.datasets.audioset import Segment, SegmentList, read_ontology, read_segments
from benchmarks.datasets.prepared import Lost, refusal
from benchmarks.preparation.item import Cut, Item, Plan, described
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


#: Names of Google's lists, also of a second copy: "eval_segments (1).csv".
LIST = re.compile(r"(unbalanced_train|balanced_train|eval)(?:_segments)?\b", re.IGNORECASE)


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
    taken: dict[str, str] = {}  # id -> the list that names it
    notes: list[str] = []
    lists = [described(path) for path in segments]
    for path, about in zip(segments, lists, strict=True):
        if lists.count(about) > 1:
            raise ValueError(f"{NAME}: the list {path} is given twice; give each list once")
        listed = read_segments(path, graph)
        notes += listed.notes()
        split = named[1].lower() if (named := LIST.match(path.stem)) else path.stem.removesuffix("_segments")
        if not named:
            notes.append(f"{path.name}: nothing trains or is tested on it; name Google's lists as Google does")
        known = _with_instruments(listed, split) if instrument else _graded(listed, split, graph)
        for entry, attributes in known:
            if isinstance(entry, Lost):
                refused.append(replace(entry, attributes=attributes))
            elif entry.id in taken:
                why = f"{entry.id} is listed in {taken[entry.id]} as well"
                refused.append(refusal(f"{path.name}, {entry.id}", why, **attributes))
            else:
                taken[entry.id] = path.name
                cut = Cut(start=entry.start, seconds=entry.end - entry.start, fps=fps, quality=quality)
                items.append(Item(id=entry.id, video=entry.id, cut=cut, attributes=attributes))
    return Plan(
        name="audioset_instrument" if instrument else NAME,
        items=items,
        refused=refused,
        settings={"fps": fps, "quality": quality},
        about={"lists": lists, "ontology": described(ontology)},
        beside={"ontology.json": ontology},
        notes=notes,
    )


def _graded(listed: SegmentList, split: str, ontology: Ontology) -> Iterator[tuple[Segment | Lost, dict[str, Any]]]:
    """All segments, with their columns, and what is known of the rows that are none."""
    for entry in listed.entries:
        labels = list(entry.labels if isinstance(entry, Segment) else entry.attributes.get("labels", ()))
        if isinstance(entry, Segment) or (labels and all(label in ontology.levels for label in labels)):
            graded = sorted(sources(labels, ontology))
            yield entry, {"labels": labels, "sources": graded, "n_sources": len(graded), "split": split}
        else:
            yield entry, {"split": split}


def _with_instruments(listed: SegmentList, split: str) -> Iterator[tuple[Segment | Lost, dict[str, Any]]]:
    """The segments of AudioSet-Instrument, with their columns, and what is known of the rows that are none."""
    taken = 0
    for entry in listed.entries:
        labels = list(entry.labels if isinstance(entry, Segment) else entry.attributes.get("labels", ()))
        played = [name for name, label in INSTRUMENTS.items() if label in labels]
        if not played and isinstance(entry, Segment):
            continue
        parts = {"unbalanced_train": "train", "balanced_train": ("test", "validation")[taken % 2]}
        taken += bool(played)  # a row that is none has its turn all the same: it costs no other
        columns = {"labels": labels, "instruments": played, "n_sources": len(played), "split": parts.get(split, split)}
        yield entry, columns if labels else {"split": split}
