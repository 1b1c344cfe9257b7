"""SoundNet-Flickr with its human boxes: a picture and its sound each (PROTOCOLS §6).

Columns of the prepared data set: ``boxes`` ([[xmin, ymin, xmax, ymax], ...], 1-based inclusive pixels of the 256 x 256
frame, those without area left out), ``split`` ("test", or "train" for what is not on the test list). The boxes of all
annotated images that are not on it, wherever their media are, are kept as ``options["training_boxes"]``: the mean
training map is made of them.

Of the 250 published test ids one has no boxes: it cannot be scored and is left out, so that a whole preparation says
"249 of 249"; with ``--corrected`` the image of which it is a misprint is prepared, and it says "250 of 250".
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.datasets.prepared import Lost, refusal
from benchmarks.preparation.item import Cut, Item, Plan, described

NAME = "flickr_soundnet"


def plan(*, annotations: Path, test: Path, everything: bool, corrected: bool = False) -> Plan:
    """The items of the test list, or of all annotations; ``corrected``: with the ids that its misprints mean.

    Raises ``FileNotFoundError`` or ``ValueError`` if a file is not there or not of its form.
    """
    from benchmarks.datasets.flickr_soundnet import (  # slow to import
        BESIDE,
        FRAME,
        read_annotations,
        read_test_list,
        sides,
    )

    if not test.is_file():
        raise FileNotFoundError(
            f"there is no test list {test}: a file with the 250 published ids, one a line (docs/data.md)"
        )
    boxed, listed = read_annotations(annotations), read_test_list(test)
    if boxed.size != FRAME:
        raise ValueError(
            f"{annotations}: its boxes are meant in {boxed.size[1]} x {boxed.size[0]} pixels; here frames have "
            f"{FRAME[1]} x {FRAME[0]}: scale the boxes, and set image_size"
        )
    listed = listed.corrected() if corrected else listed
    parts = sides(boxed, listed)
    items = []
    for image in (*parts.test, *(parts.train if everything else ())):
        boxes, split = boxed.boxes[image].tolist(), "test" if image in parts.test else "train"
        attributes = {"boxes": boxes, "n_sources": 1, "split": split}
        items.append(Item(id=image, cut=Cut(seconds=None, image=True), attributes=attributes))
    refused = [refusal(where, why, split="test", n_sources=1) for where, why in listed.refused.items()]
    for image in parts.beside:
        refused.append(refusal(f"{test.name}, {image!r}", BESIDE, split="test", n_sources=1))
    for image in parts.unknown:
        why, about = f"it has no boxes in {annotations.name}", {"split": "test", "n_sources": 1}
        refused.append(Lost(id=f"{test.name}, {image!r}", status="missing", reason=why, attributes=about))
    for image, why in boxed.refused.items():
        split = "test" if image in listed.ids else "train"
        refused.append(refusal(f"{annotations.name}, {image:.80}", why, split=split, n_sources=1))
    return Plan(
        name=NAME,
        items=items,
        refused=refused,
        settings={},
        about={
            "test": described(test),
            "annotations": described(annotations) if annotations.is_file() else {"file": annotations.name},
            "without_boxes": list(parts.without_boxes),
            # Of all that are on no test list, media or not: what the mean training map is made of.
            "dropped_boxes": sum(boxed.dropped.get(item.id, 0) for item in items),
            "training_boxes": {image: boxed.boxes[image].tolist() for image in parts.train},
        },
        notes=[*parts.notes(), *listed.notes()],
    )
