"""Localization of SoundNet-Flickr by methods that look at no image, from the human boxes alone (PROTOCOLS §6, Table 3).

``python -m benchmarks.tasks.localization trivial --annotations F --test-list F`` needs no image, no sound, no network:
it prints what the full frame, a centred square, the mean training map and a random box score on the published test
list. A model's score means something only beside these.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from baselines.trivial import CentredSquare, FullFrame, MeanTrainingMap, random_box
from benchmarks.datasets.flickr_soundnet import (
    BESIDE,
    Annotations,
    ConsensusMaps,
    ListedImages,
    read_annotations,
    read_test_list,
    sides,
)
from benchmarks.metrics.localization import ciou, degenerate, summarise
from registry.cli import program
from registry.cli.options import flag, option, path
from registry.cli.printing import console, framed
from registry.files import digest_file

CORRECTED = "score 3908875350, of which 3908875357 on the published test list is a misprint: 250 images instead of 249"
Mask = npt.NDArray[np.bool_]


def rows(annotations: Annotations, test_list: ListedImages, seed: int = 0) -> dict[str, Any]:
    """Score every image-independent row on the test images that have boxes.

    Returns
    -------
    dict
        ``rows``: name -> ``ciou@0.5``, ``auc``, ``mean_ciou``, ``degenerate``; beside it what they stand on: ``images``
        scored, ``listed`` test ids, those ``without_boxes``, what is ``refused`` and why, ``training_images`` (every
        annotated image that is not listed), ``dropped_boxes`` of zero area, by image, the ``mean_map_level`` kept, the
        ``seed``, and ``notes``: what of the list is not read as it stands there.

    Raises
    ------
    ValueError
        If no listed image, or every annotated one, is left to score or to train on.
    """
    parts = sides(annotations, test_list)
    scored, training = parts.test, parts.train
    if not scored or not training:
        raise ValueError(
            f"{len(scored)} test images with boxes and {len(training)} training images: the test list and the "
            "annotations do not belong together"
        )
    height, width = annotations.size
    full, square, mean = FullFrame(), CentredSquare(), MeanTrainingMap()
    mean.fit(ConsensusMaps(annotations, training))
    answers: dict[str, Callable[[str], Mask]] = {
        "full frame": lambda image: full.mask(height, width),
        "centred square": lambda image: square.mask(height, width),
        "mean training map": lambda image: mean.mask(height, width),
        "random box": lambda image: random_box(seed, image, 0, height, width),
    }
    return {
        "rows": {name: _score(answer, annotations, scored) for name, answer in answers.items()},
        "images": len(scored),
        "listed": len(test_list.ids) + len(test_list.refused),
        "without_boxes": list(parts.without_boxes),
        "refused": {**test_list.refused, **dict.fromkeys(parts.beside, BESIDE), **annotations.refused},
        "training_images": len(training),
        "dropped_boxes": dict(annotations.dropped),
        "mean_map_level": mean.level,
        "seed": seed,
        "notes": [*parts.notes(), *test_list.notes()],
    }


def _score(answer: Callable[[str], Mask], annotations: Annotations, images: Sequence[str]) -> dict[str, float]:
    masks = [answer(image) for image in images]
    cious = [ciou(mask, annotations.consensus(image)) for mask, image in zip(masks, images, strict=True)]
    return summarise(cious, [degenerate(mask) for mask in masks])


EXAMPLE = program.examples("""\
example:
  python -m benchmarks.tasks.localization trivial --annotations annotations.json --test-list test_250.json

The rows: the full frame; a centred square of half the area; the mean of the training annotations, cut at the level that
scores best on them; a random box, between two random pixels, drawn anew for each image.
""")


def trivial(
    annotations: Path = path("JSON file, or folder of XML files, with the boxes", "F", ...),
    test_list: Path = path("JSON, text or CSV file with the test ids; the rest trains", "F", ...),
    corrected: bool = flag("--corrected", CORRECTED),
    seed: int = option("seed of the random boxes", "N", 0),
    as_json: bool = flag("--json", "print JSON instead of a table"),
) -> None:
    """What SoundNet-Flickr's test set gives to methods that look at no image, from its boxes alone."""
    listed = read_test_list(test_list)
    result = rows(read_annotations(annotations), listed.corrected() if corrected else listed, seed)
    result["read"] = {path.name: digest_file(path) for path in (annotations, test_list) if path.is_file()}
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        _print_table(result)


def main(words: Sequence[str] | None = None) -> None:
    """The command line, after the word ``trivial``."""
    app = program.alone(trivial, epilog=EXAMPLE)
    if code := program.run(app, words, "python -m benchmarks.tasks.localization trivial"):
        sys.exit(code)


def _print_table(result: dict[str, Any]) -> None:
    title = f"SoundNet-Flickr, {result['images']} test images, no image looked at"
    table = framed("method", numbers=("cIoU@0.5", "AUC", "mean cIoU"), title=title)
    for name, score in result["rows"].items():
        table.add_row(name, *(f"{100 * score[key]:.2f}" for key in ("ciou@0.5", "auc", "mean_ciou")))
    console().print(table)
    print("in percent; the masks are not binarised")
    without = ", ".join(result["without_boxes"]) or "none"
    print(f"{result['listed']} listed; without boxes: {without}")
    if result["refused"]:
        image, why = next(iter(result["refused"].items()))
        print(f"refused, on either side: {len(result['refused']):,} (the first: {image}: {why})")
    print("".join(f"{note}\n" for note in result["notes"]), end="")
    print(f"boxes of zero area dropped: {sum(result['dropped_boxes'].values())}")
    level = result["mean_map_level"]
    print(f"mean map: {result['training_images']} training images, cut at {level} % of its maximum")
    print(f"random box: seed {result['seed']}")
    print("read: " + ", ".join(f"{name} (sha256 {digest[:12]})" for name, digest in result["read"].items()))
