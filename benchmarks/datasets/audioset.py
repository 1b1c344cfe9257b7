"""AudioSet's own files: the ontology and the segment lists, and the grading of clips by their number of sources.

``python -m benchmarks.datasets.audioset grade --ontology ontology.json --segments balanced_train_segments.csv``
prints how many clips have 1, 2, 3, 4 and 5 or more sources (:mod:`cavl.grading`). Only labels are read, no media.

Both files are Google's: ``ontology.json`` from the GitHub repository ``audioset/ontology``, the segment lists from
AudioSet's download page. A list starts with comment lines (``#``); each row is a YouTube id, the start and the end of
the segment in seconds, and the quoted, comma-separated classes, with a space after each comma outside the quotes::

    --PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from cavl.grading import Ontology, Parents, build_ontology, sources
from registry.cli.printing import console, framed

COLUMNS = ("YTID", "start_seconds", "end_seconds", "positive_labels")
YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")

#: Clips of this many sources and more are counted together.
MANY = 5


@dataclass(frozen=True, slots=True)
class Segment:
    """One row of a segment list: ``start`` and ``end`` in seconds, the classes in file order."""

    id: str
    start: float
    end: float
    labels: tuple[str, ...]


def read_ontology(path: str | Path, parents: Parents = "first") -> Ontology:
    """Read Google's ``ontology.json``: a list of objects with ``id`` and ``child_ids``.

    Raises
    ------
    ValueError
        If the file is no such list, naming the file and the entry.
    """
    path = Path(path)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); --ontology takes AudioSet's ontology.json") from error
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


def read_segments(path: str | Path, ontology: Ontology) -> list[Segment]:
    """Read a segment list, every label checked against the ontology.

    Raises
    ------
    ValueError
        For a row that is not a segment, naming the file and the line.
    """
    path = Path(path)
    segments = []
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.reader(file, skipinitialspace=True, strict=True)
            for row in rows:
                if row and not row[0].startswith("#"):
                    segments.append(segment_of(row, ontology, f"{path}, line {rows.line_num}"))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a segment list: {error}") from error
    if not segments:
        raise ValueError(f"{path} holds no segment; its rows should read {', '.join(COLUMNS)}")
    return segments


def segment_of(row: list[str], ontology: Ontology, where: str) -> Segment:
    """One row of a segment list; raises ``ValueError`` beginning with ``where`` if it is none."""
    if len(row) != len(COLUMNS):
        raise ValueError(f"{where}: {len(row)} columns, expected {len(COLUMNS)} ({', '.join(COLUMNS)}): {row}")
    name, start, end, listed = row
    if not YOUTUBE_ID.fullmatch(name):
        raise ValueError(f"{where}: {name!r} is not a YouTube id (11 letters, digits, '-' or '_')")
    try:
        begins, ends = float(start), float(end)
    except ValueError:
        raise ValueError(f"{where}: start {start!r} and end {end!r} must be seconds") from None
    if not 0 <= begins < ends < math.inf:
        raise ValueError(f"{where}: a segment from {start} to {end} seconds does not exist")
    labels = tuple(label.strip() for label in listed.split(","))
    for label in labels:
        if label not in ontology.levels:
            raise ValueError(f"{where}: label {label!r} is not a class of the ontology")
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


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.datasets.audioset", description="AudioSet's own label files."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    grading = commands.add_parser(
        "grade",
        help="clips per number of sound sources",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    grading.add_argument("--ontology", required=True, type=Path, metavar="FILE", help="AudioSet's ontology.json")
    grading.add_argument(
        "--segments",
        required=True,
        type=Path,
        metavar="FILE",
        help="a segment list, for example balanced_train_segments.csv",
    )
    grading.add_argument(
        "--drop-shallow",
        action="store_true",
        help="section 6.1 to the letter: labels of levels 1 and 2 never count; some clips have no source then",
    )
    grading.add_argument(
        "--parents",
        choices=get_args(Parents),
        default="first",
        help="which parents a class with several keeps: the first listed (default), the one nearest to a root, or all",
    )
    grading.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args(argv)

    try:
        ontology = read_ontology(args.ontology, args.parents)
        counted = grade(read_segments(args.segments, ontology), ontology, keep_shallow=not args.drop_shallow)
    except (OSError, ValueError) as error:
        parser.exit(2, f"error: {error}\n")
    options = {"parents": args.parents, "keep_shallow": not args.drop_shallow}
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


if __name__ == "__main__":
    main()
