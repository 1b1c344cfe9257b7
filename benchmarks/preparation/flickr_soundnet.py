"""SoundNet-Flickr with its human boxes: a picture and its sound each (PROTOCOLS §6).

Columns of the prepared data set: ``boxes`` ([[xmin, ymin, xmax, ymax], ...], 1-based inclusive pixels of the 256 x 256
frame, those without area left out), ``split`` ("test", or "train" for what is not on the test list). The boxes of all
annotated images that are not on it, wherever their media are, are kept as ``options["training_boxes"]``: the mean
training map is made of them.

Of the 250 published test ids one has no boxes: it cannot be scored and is left out, so that a whole preparation says
"249 of 249".
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from benchmarks.preparation.item import Cut, Item, Plan, refusal
from benchmarks.preparation.options import add_own_media, described

NAME = "flickr_soundnet"
HELP = "pictures and sounds with human boxes, from a folder"
DESCRIPTION = """\
SoundNet-Flickr: the picture (256 x 256) and the sound (mono, 11,025 Hz, up to 30 s) of every test image with boxes.
"""
EPILOG = """\
examples:
  python -m benchmarks.datasets prepare flickr_soundnet --from /data/flickr \\
      --annotations annotations.json --test test_250.json
  ... --all                       all annotated images, to train on them as well

layout of --from: <id>.jpg (or .png) and <id>.wav (or .mp3, .flac, .mp4), in any subfolders. --annotations is the public
release's folder of one <id>.xml per image, or a JSON file of the same boxes. Pictures and sounds are those of Aytar et
al. 2016 (SoundNet), the boxes those of Senocak et al. 2018; both are given out for research by their authors.
"""

#: Flickr's own ids, and what public copies make of them.
IMAGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_own_media(parser, True, "folders with the pictures and sounds")
    parser.add_argument(
        "--annotations", type=Path, required=True, metavar="PATH", help="JSON file, or folder of XML files"
    )
    parser.add_argument("--test", type=Path, required=True, metavar="FILE", help="test ids: JSON, or one a line")
    parser.add_argument("--all", action="store_true", help="all images with boxes, not the test list alone")


def plan(arguments: argparse.Namespace) -> Plan:
    """The items of the test list, or of all annotations.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is not there or not of its form.
    """
    from benchmarks.datasets.flickr_soundnet import read_annotations, read_test_list  # slow to import

    if not arguments.test.is_file():
        raise FileNotFoundError(
            f"there is no test list {arguments.test}: a file with the 250 published ids, one a line (docs/data.md)"
        )
    annotations = read_annotations(arguments.annotations)
    test = read_test_list(arguments.test)
    listed = set(test)
    others = [image for image in annotations.boxes if image not in listed]
    items, refused, without = [], [], []
    for image in [*test, *(others if arguments.all else ())]:
        if not IMAGE_ID.fullmatch(image):
            refused.append(refusal(f"{arguments.test.name}, {image!r:.80}", "it is not the id of an image"))
        elif image not in annotations.boxes:
            without.append(image)
        else:
            boxes, split = annotations.boxes[image].tolist(), "test" if image in listed else "train"
            attributes = {"boxes": boxes, "n_sources": 1, "split": split}
            items.append(Item(id=image, cut=Cut(seconds=None, image=True), attributes=attributes))
    return Plan(
        name=NAME,
        items=items,
        refused=refused,
        settings={},
        about={
            "test": described(arguments.test),
            "without_boxes": without,
            # Of all that are on no test list, media or not: what the mean training map is made of.
            "dropped_boxes": sum(annotations.dropped.get(item.id, 0) for item in items),
            "training_boxes": {image: annotations.boxes[image].tolist() for image in others},
        },
    )
