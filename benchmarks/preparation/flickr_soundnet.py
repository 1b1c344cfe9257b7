"""SoundNet-Flickr with its human boxes: a picture and its sound each (PROTOCOLS §6).

Columns of the prepared data set: ``boxes`` ([[xmin, ymin, xmax, ymax], ...], 1-based inclusive pixels of the 256 x 256
frame, those without area left out), ``split`` ("test", or "train" for what is not on the test list). The boxes of all
annotated images that are not on it, wherever their media are, are kept as ``options["training_boxes"]``: the mean
training map is made of them.

Of the 250 published test ids one has no boxes: it cannot be scored and is left out, so that a whole preparation says
"249 of 249".
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.preparation.item import Cut, Item, Plan, described, refusal

NAME = "flickr_soundnet"
#: Flickr's own ids, and what public copies make of them.
IMAGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def plan(*, annotations: Path, test: Path, everything: bool) -> Plan:
    """The items of the test list, or of all annotations.

    Raises ``FileNotFoundError`` or ``ValueError`` if a file is not there or not of its form.
    """
    from benchmarks.datasets.flickr_soundnet import read_annotations, read_test_list  # slow to import

    if not test.is_file():
        raise FileNotFoundError(
            f"there is no test list {test}: a file with the 250 published ids, one a line (docs/data.md)"
        )
    boxed = read_annotations(annotations)
    ids = read_test_list(test)
    listed = set(ids)
    others = [image for image in boxed.boxes if image not in listed]
    items, refused, without = [], [], []
    for image in [*ids, *(others if everything else ())]:
        if not IMAGE_ID.fullmatch(image):
            refused.append(refusal(f"{test.name}, {image!r:.80}", "it is not the id of an image"))
        elif image not in boxed.boxes:
            without.append(image)
        else:
            boxes, split = boxed.boxes[image].tolist(), "test" if image in listed else "train"
            attributes = {"boxes": boxes, "n_sources": 1, "split": split}
            items.append(Item(id=image, cut=Cut(seconds=None, image=True), attributes=attributes))
    return Plan(
        name=NAME,
        items=items,
        refused=refused,
        settings={},
        about={
            "test": described(test),
            "without_boxes": without,
            # Of all that are on no test list, media or not: what the mean training map is made of.
            "dropped_boxes": sum(boxed.dropped.get(item.id, 0) for item in items),
            "training_boxes": {image: boxed.boxes[image].tolist() for image in others},
        },
    )
