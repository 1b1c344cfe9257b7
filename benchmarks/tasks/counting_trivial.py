"""Counting AudioSet's sources without listening, from the labels alone (PROTOCOLS §5, Table 2).

``python -m benchmarks.tasks.counting trivial --ontology F --segments F`` needs no sound and no network: it prints what
a uniform guess and constant predictions score on a segment list. A counter's score means something only beside these.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets.audioset import Segment, read_ontology, read_segments
from benchmarks.metrics import counting as metrics
from cavl.counting import MAX_COUNT
from cavl.grading import Ontology, sources
from registry.cli import program
from registry.cli.options import flag, path
from registry.cli.printing import console, framed


def numbers_of_sources(segments: Sequence[Segment], ontology: Ontology, *, keep_shallow: bool = True) -> list[int]:
    """Of each clip, 0 included (:mod:`cavl.grading`)."""
    return [len(sources(s.labels, ontology, keep_shallow=keep_shallow)) for s in segments]


def rows(numbers: Sequence[int], training: Sequence[int]) -> dict[str, Any]:
    """Score every row that does not listen on clips of ``numbers`` sources.

    Parameters
    ----------
    numbers, training
        Number of sources of each evaluated and each training clip; clips of none and of more than five are left out.

    Returns
    -------
    dict
        ``rows``: name -> ``accuracy``, ``mae``; beside it what they stand on: ``clips`` scored, how many of them have
        1 to 5 ``sources``, those ``excluded`` (key ``"0"`` and ``"6+"``), the ``training_clips``, and the ``majority``
        and ``median`` of these.

    Raises
    ------
    ValueError
        If no clip is left to score, or to train on.
    """
    scored, known = _counted(numbers, "evaluated"), _counted(training, "training")
    return {
        "rows": metrics.trivial(scored, known),
        "clips": len(scored),
        "sources": {str(n): int(np.sum(scored == n)) for n in metrics.COUNTS},
        "excluded": {"0": sum(n == 0 for n in numbers), f"{MAX_COUNT + 1}+": sum(n > MAX_COUNT for n in numbers)},
        "training_clips": len(known),
        "majority": metrics.majority(known),
        "median": metrics.median(known),
    }


def _counted(numbers: Sequence[int], what: str) -> metrics.Array:
    kept = np.array([n for n in numbers if 1 <= n <= MAX_COUNT], dtype=np.int64)
    if not len(kept):
        raise ValueError(f"none of the {len(numbers)} {what} clips has 1 to {MAX_COUNT} sources")
    return kept


EXAMPLE = program.examples("""\
example:
  python -m benchmarks.tasks.counting trivial --ontology ontology.json --segments eval_segments.csv \\
      --train-segments balanced_train_segments.csv

The rows: a uniform guess from 1 to 5 (its expectation, nothing is drawn); always 1; always 2; always the most frequent
number of the training clips; always their median. Clips without a source or of more than five are left out; the output
says how many.

ontology.json is in the GitHub repository audioset/ontology; the segment lists are on AudioSet's download page.
""")


def trivial(
    ontology: Path = path("AudioSet's ontology.json", "F", ...),
    segments: Path = path("the evaluated segment list, as eval_segments.csv", "F", ...),
    train_segments: Path | None = path(
        "the segment list that majority and median come from (default: the evaluated one itself)", "F"
    ),
    drop_shallow: bool = flag(
        "--drop-shallow",
        "section 6.1 to the letter: labels of levels 1 and 2 never count; some clips have no source then",
    ),
    as_json: bool = flag("--json", "print JSON instead of a table"),
) -> None:
    """How well AudioSet's sources are counted without listening, from its labels alone."""
    known = read_ontology(ontology)
    lists = {listed: read_segments(listed, known) for listed in (segments, train_segments or segments)}
    numbers, training = (
        numbers_of_sources(lists[listed].segments, known, keep_shallow=not drop_shallow)
        for listed in (segments, train_segments or segments)
    )
    result = rows(numbers, training) | {
        "own_training": train_segments is None,
        "keep_shallow": not drop_shallow,
        "notes": [note for listed in lists.values() for note in listed.notes()],
    }
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        _print_table(result)


def main(words: Sequence[str] | None = None) -> None:
    """The command line, after the word ``trivial``."""
    app = program.alone(trivial, epilog=EXAMPLE)
    if code := program.run(app, words, "python -m benchmarks.tasks.counting trivial"):
        sys.exit(code)


def _print_table(result: dict[str, Any]) -> None:
    title = f"AudioSet, {result['clips']:,} clips, none heard"
    table = framed("prediction", numbers=("accuracy, %", "MAE"), title=title)
    for name, score in result["rows"].items():
        known = f" ({result[name]})" if name in ("majority", "median") else ""
        table.add_row(f"{name}{known}", f"{100 * score['accuracy']:.2f}", f"{score['mae']:.3f}")
    console().print(table)
    print("clips by number of sources: " + ", ".join(f"{n}: {clips:,}" for n, clips in result["sources"].items()))
    print("left out: " + ", ".join(f"{n}: {clips:,}" for n, clips in result["excluded"].items()))
    own = " (the evaluated ones themselves)" if result["own_training"] else ""
    print(f"majority and median: of {result['training_clips']:,} training clips{own}")
    kept = "kept as sources" if result["keep_shallow"] else "dropped"
    print(f"labels of levels 1 and 2 without a descendant: {kept}")
    print("".join(f"{note}\n" for note in result["notes"]), end="")
