"""AudioSet: Google's ontology and segment lists, the grading of clips by their sources, and sets of prepared clips.

* The curricula (§4.1, §6.1; PROTOCOLS §2; ``prepare audioset``): segments of Google's lists; C_n has those of n
  sources, as their labels are graded (:mod:`cavl.grading`). Training and validation are of the list balanced_train,
  test is eval. The kinds of a scene are its sources; training never reads them.
* AudioSet-Instrument (§6.5.1; ``prepare audioset --subset instrument``): segments with one or more of 15 musical
  instruments, which are the scene's kinds; n is how many it has. Training clips are of unbalanced_train, validation and
  test halves of balanced_train.

``python -m benchmarks.datasets.audioset grade --ontology ontology.json --segments balanced_train_segments.csv``
prints how many clips have 1, 2, 3, 4 and 5 or more sources (:mod:`cavl.grading`). Only labels are read, no media.

Both files are Google's: ``ontology.json`` from the GitHub repository ``audioset/ontology``, the segment lists from
AudioSet's download page. A list starts with comment lines (``#``); each row is a YouTube id, the start and the end of
the segment in seconds, and the quoted, comma-separated classes, with a space after each comma outside the quotes::

    --PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from benchmarks.datasets.prepared import REFUSED, Lost, NotPreparedError, Prepared, refusal
from benchmarks.datasets.prepared_scenes import Collection, Member, PreparedItem, items_of
from cavl.grading import Ontology, Parents, build_ontology, sources
from registry.cli.printing import console, framed
from registry.text_files import json_of, rows_of, without_empty_end

COLUMNS = ("YTID", "start_seconds", "end_seconds", "positive_labels")
YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")

ONTOLOGY = "ontology.json"
#: Clips of this many sources and more are counted together.
MANY = 5
MOST_NAMED = 3  # rows that are refused, or repeated


@dataclass(frozen=True, slots=True)
class Segment:
    """One row of a segment list: ``start`` and ``end`` in seconds, the classes in file order."""

    id: str
    start: float
    end: float
    labels: tuple[str, ...]


def read_ontology(path: str | Path, parents: Parents = "first") -> Ontology:
    """Read Google's ``ontology.json``: a list of objects with ``id`` and ``child_ids``.

    Raises ``ValueError`` if the file is no such list, naming the file and the entry.
    """
    entries = json_of(path, "--ontology takes AudioSet's ontology.json")
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{path} is not a list of classes; --ontology takes AudioSet's ontology.json")
    children: dict[str, list[str]] = {}
    for number, entry in enumerate(entries, start=1):
        name = entry.get("id") if isinstance(entry, dict) else None
        below = entry.get("child_ids") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not isinstance(below, list) or not all(isinstance(c, str) for c in below):
            raise ValueError(f"{path}: entry {number} has no 'id' with a list of 'child_ids'")
        if name in children:
            raise ValueError(f"{path}: entry {number} defines class {name!r} a second time")
        children[name] = below
    try:
        return build_ontology(children, parents)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


@dataclass(frozen=True, slots=True)
class SegmentList:
    """What a segment list holds, in its order.

    ``entries`` are segments, and rows that are none, refused with their ``labels`` where these can be told from the
    rest; ``repeated`` are the ids of rows that say the same as one before, which are read once.
    """

    entries: tuple[Segment | Lost, ...]
    repeated: tuple[str, ...]

    @property
    def segments(self) -> list[Segment]:
        return [entry for entry in self.entries if isinstance(entry, Segment)]

    @property
    def refused(self) -> list[Lost]:
        return [entry for entry in self.entries if isinstance(entry, Lost)]

    def notes(self) -> list[str]:
        """What of the list is not read as it stands there, in sentences."""
        said = [f"{lost.id}: {lost.reason}" for lost in self.refused[:MOST_NAMED]]
        if (more := len(self.refused) - len(said)) > 0:
            said.append(f"rows that are refused besides: {more:,}")
        if self.repeated:
            named = ", ".join(self.repeated[:MOST_NAMED])
            said.append(f"rows that repeat others, read once: {len(self.repeated):,} ({named})")
        return said


def read_segments(path: str | Path, ontology: Ontology) -> SegmentList:
    """Read a segment list, every label checked against the ontology; rows that are no segments are refused one by one.

    Raises ``ValueError`` if no row is a segment: it is another kind of file.
    """
    entries: list[Segment | Lost] = []
    repeated: list[str] = []
    seen: dict[str, Segment] = {}
    for where, cells in rows_of(path):
        row = without_empty_end(cells, len(COLUMNS))
        if [cell.lstrip("# ").lower() for cell in row] == [name.lower() for name in COLUMNS]:
            continue  # their names, of a list that went through a spreadsheet
        try:
            segment = segment_of(row, ontology, where)
            if seen.get(segment.id) == segment:
                repeated.append(segment.id)
                continue
            if segment.id in seen:
                raise ValueError(f"{where}: {segment.id} is listed a second time")
            entries.append(seen.setdefault(segment.id, segment))
        except ValueError as error:
            labels = {"labels": _labels(row[3])} if len(row) == len(COLUMNS) else {}
            entries.append(refusal(where, str(error).removeprefix(f"{where}: "), **labels))
    found = SegmentList(tuple(entries), tuple(repeated))
    if not seen:
        first = f"{found.refused[0].id}: {found.refused[0].reason.removeprefix(REFUSED)}" if entries else ""
        why = first or "it holds no segment"
        raise ValueError(
            f"{path} is not one of Google's segment lists ({why}); its rows should read {', '.join(COLUMNS)}"
        )
    return found


def segment_of(row: list[str], ontology: Ontology, where: str) -> Segment:
    """One row of a segment list; raises ``ValueError`` beginning with ``where`` if it is none."""
    if len(row) != len(COLUMNS):
        raise ValueError(f"{where}: {len(row)} columns, expected {len(COLUMNS)} ({', '.join(COLUMNS)}): {row}")
    name, start, end, listed = row
    segment = checked_segment(name, start, end, tuple(_labels(listed)), where)
    for label in segment.labels:
        if label not in ontology.levels:
            raise ValueError(f"{where}: label {label!r} is not a class of the ontology")
    return segment


def _labels(listed: str) -> list[str]:
    return [label.strip() for label in listed.split(",")]


def checked_segment(name: str, start: str, end: str, labels: tuple[str, ...], where: str) -> Segment:
    """A segment as a list writes it; raises ``ValueError`` beginning with ``where`` if there can be none."""
    if not YOUTUBE_ID.fullmatch(name):
        raise ValueError(f"{where}: {name!r} is not a YouTube id (11 letters, digits, '-' or '_')")
    try:
        begins, ends = float(start), float(end)
    except ValueError:
        raise ValueError(f"{where}: start {start!r} and end {end!r} must be seconds") from None
    if not 0 <= begins < ends < math.inf:
        raise ValueError(f"{where}: a segment from {start} to {end} seconds does not exist")
    return Segment(name, begins, ends, labels)


def count(numbers: Iterable[int]) -> dict[str, int]:
    """How many clips have 0, 1, 2, 3, 4 and at least 5 of what was counted; the last key is ``"5+"``."""
    clips = Counter(min(n, MANY) for n in numbers)
    return {f"{n}+" if n == MANY else str(n): clips[n] for n in range(MANY + 1)}


def grade(segments: Sequence[Segment], ontology: Ontology, *, keep_shallow: bool = True) -> dict[str, Any]:
    """Clips per number of sources, beside the clips per number of raw labels."""
    return {
        "clips": len(segments),
        "sources": count(len(sources(s.labels, ontology, keep_shallow=keep_shallow)) for s in segments),
        "raw_labels": count(len(set(s.labels)) for s in segments),
    }


class AudioSet(Collection):
    """The curricula."""

    remedies: Mapping[str, str] = {
        "train": "the list balanced_train_segments.csv",
        "validation": "more of the list balanced_train_segments.csv",
        "test": "the list eval_segments.csv",
    }

    def __init__(
        self, prepared: Prepared, held_out: float, parents: Parents = "first", keep_shallow: bool = True
    ) -> None:
        super().__init__(prepared)
        grade = grader(prepared.folder, parents, keep_shallow)
        items = [(item, grade(item)) for item in items_of(prepared) if "labels" in item.attributes]
        self.kind_names = tuple(sorted({name for _, found in items for name in found}))
        number = {name: i for i, name in enumerate(self.kind_names)}
        training: dict[int, list[Member]] = {}
        for item, found in items:
            member = Member(item=item, kinds=tuple(sorted(number[name] for name in found)))
            if item.attributes["split"] == "eval":
                self.add("test", len(found), member)
            elif item.attributes["split"] == "balanced_train":
                training.setdefault(len(found), []).append(member)
        for n, members in training.items():
            self.add_training(n, members, held_out)
        self.add_refused({"eval": "test", "balanced_train": "train"})


def grader(folder: Path, parents: Parents, keep_shallow: bool) -> Callable[[PreparedItem], Sequence[str]]:
    """PreparedItem -> its sources: as they were graded when it was prepared, or anew where other choices are asked for.

    Raises :class:`NotPreparedError` if that needs the ontology, and the prepared folder does not hold it.
    """
    if parents == "first" and keep_shallow:
        return lambda item: item.attributes["sources"]
    path = folder / ONTOLOGY
    if not path.is_file():
        raise NotPreparedError(
            f"data.parents={parents!r}, data.keep_shallow={keep_shallow} grade anew, by AudioSet's ontology: copy "
            f"{ONTOLOGY} (GitHub repository audioset/ontology) to {path}"
        )
    ontology = read_ontology(path, parents)
    return lambda item: sorted(sources(item.attributes["labels"], ontology, keep_shallow=keep_shallow))


class AudioSetInstrument(Collection):
    """Clips with some of 15 instruments.

    The paper's numbers of clips speak for the 15 of Gao et al. 2018, whom it follows without naming them: as labels,
    without their descendants, 1,037 segments of balanced_train have one or more, of which the paper's 456 + 456 are
    88 %, as its 19,443 segments are of all 22,160; 93 % have one only, in the paper's training set 94 %. Of the 15 of
    Gao & Grauman 2019 there would be 1,206, with descendants 1,175 or 1,455 (measured).
    """

    remedies: Mapping[str, str] = {
        "train": "the list unbalanced_train_segments.csv",
        "validation": "the list balanced_train_segments.csv",
        "test": "the list balanced_train_segments.csv",
    }

    def __init__(self, prepared: Prepared) -> None:
        super().__init__(prepared)
        items = [item for item in items_of(prepared) if "instruments" in item.attributes]
        self.kind_names = tuple(sorted({name for item in items for name in item.attributes["instruments"]}))
        for item in items:
            kinds = tuple(sorted(self.kind_names.index(name) for name in item.attributes["instruments"]))
            self.add(item.attributes["split"], len(kinds), Member(item=item, kinds=kinds))
        self.add_refused()


HELP = """\
Count the sound sources of AudioSet clips from their labels (paper, sections 4.1 and 6.1).

Labels below the third level of the ontology become their third-level ancestor; a label of the first or second level is
dropped where one of its descendants is present too, and counts as a source of its own where none is. N sources put a
clip into curriculum N.
"""

EXAMPLES = """\
examples:
  python -m benchmarks.datasets.audioset grade --ontology ontology.json --segments balanced_train_segments.csv
  python -m benchmarks.datasets.audioset grade --ontology ontology.json --segments eval_segments.csv --json

ontology.json is in the GitHub repository audioset/ontology; the segment lists are on AudioSet's download page.
"""


def add_labels(parser: argparse.ArgumentParser, segments: str) -> None:
    """The options of every command that reads labels; ``segments`` says which list is meant."""
    shallow = "section 6.1 to the letter: labels of levels 1 and 2 never count; some clips have no source then"
    parser.add_argument("--ontology", required=True, type=Path, metavar="FILE", help="AudioSet's ontology.json")
    parser.add_argument("--segments", required=True, type=Path, metavar="FILE", help=segments)
    parser.add_argument("--drop-shallow", action="store_true", help=shallow)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    prog = "python -m benchmarks.datasets.audioset"
    parser = argparse.ArgumentParser(prog=prog, description="AudioSet's own label files.")
    commands = parser.add_subparsers(dest="command", required=True)
    about: dict[str, Any] = {"help": "clips per number of sound sources", "description": HELP, "epilog": EXAMPLES}
    grading = commands.add_parser("grade", **about, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_labels(grading, "a segment list, for example balanced_train_segments.csv")
    kept = "which parents a class with several keeps: the first listed (default), the one nearest to a root, or all"
    grading.add_argument("--parents", choices=get_args(Parents), default="first", help=kept)
    args = parser.parse_args(argv)

    try:
        ontology = read_ontology(args.ontology, args.parents)
        listed = read_segments(args.segments, ontology)
        counted = grade(listed.segments, ontology, keep_shallow=not args.drop_shallow)
    except (OSError, ValueError) as error:
        parser.exit(2, f"error: {error}\n")
    options = {"parents": args.parents, "keep_shallow": not args.drop_shallow, "notes": listed.notes()}
    if args.json:
        print(json.dumps(counted | options, indent=2))
    else:
        _print_table(counted, options)


def _print_table(counted: dict[str, Any], options: dict[str, Any]) -> None:
    title = f"{counted['clips']:,} clips by number of sources"
    table = framed("sources", numbers=("clips", "share", "by raw labels"), title=title)
    for number, clips in counted["sources"].items():
        raw = counted["raw_labels"][number]
        if clips or raw:
            table.add_row(number, str(clips), f"{clips / counted['clips']:.1%}", str(raw))
    shallow = "kept as sources" if options["keep_shallow"] else "dropped"
    console().print(table)
    print(f"labels of levels 1 and 2 without a descendant: {shallow}; parents: {options['parents']}")
    print("".join(f"{note}\n" for note in options["notes"]), end="")


if __name__ == "__main__":
    main()
