"""SoundNet-Flickr: human boxes and the published test list (Senocak et al. 2018; PROTOCOLS §6), and prepared scenes.

The annotations come in two forms, both read by :func:`read_annotations`:

* JSON: ``{"image_size": [256, 256], "box_format": "xmin,ymin,xmax,ymax ...", "boxes": {id: [[...], ...]}}``;
* the public release: a folder with one ``<id>.xml`` per image, whose ``<annotation>`` has ``<bbox>`` children; in each
  of them the elements after the first are xmin, ymin, xmax and ymax.

In both, boxes are 1-based **inclusive** pixels of the 256 x 256 frame. Boxes of zero area (xmax = xmin or ymax = ymin:
a click, not a box) are dropped and counted. Of the 250 published test ids one (3908875357) has no boxes: 249 are
scored.

The annotations alone score every row that looks at no image. With media (``prepare flickr_soundnet``; §4.4):

test                the images of the published test list that have boxes: 249 of the 250; the truth is the consensus of
                    their annotators. One that is missing is never replaced by another.
train, validation   annotated images that are not listed (``prepare flickr_soundnet --all``), a share of them held out
                    by a hash of their ids, for whoever trains there: the paper's rows do not, "the
                    AudioSet-Balanced-Train dataset is adopted for training" (§4.4).

The mean training map needs no media: it is made of the boxes of all annotated images that are not listed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.prepared import Prepared
from benchmarks.datasets.prepared_scenes import Collection, Member, items_of
from benchmarks.metrics.localization import consensus

#: Frame of the public annotations, (H, W) in pixels.
FRAME = (256, 256)
BOX_FORMAT = "xmin,ymin,xmax,ymax"

#: An annotation of a few boxes is 2 kB; what is a thousand times larger is something else.
MAX_XML_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """Human boxes of SoundNet-Flickr images."""

    size: tuple[int, int]  # (H, W) of the frame
    boxes: Mapping[str, npt.NDArray[np.int64]]  # image id -> (m, 4), m >= 1, 1-based inclusive pixels
    dropped: Mapping[str, int]  # image id -> number of its boxes that were dropped for having no area

    def consensus(self, image: str) -> npt.NDArray[np.float64]:
        """The consensus map (H, W) of one image; raises ``KeyError`` for one without boxes."""
        return consensus(self.boxes[image], self.size)

    def half_open(self, image: str) -> npt.NDArray[np.int32]:
        """The boxes (m, 4) of one image as those of a scene: 0-based, half-open."""
        return (self.boxes[image] - [1, 1, 0, 0]).astype(np.int32)


class ConsensusMaps(Sequence[npt.NDArray[np.float64]]):
    """The consensus maps of some images, each computed when asked for: 2,537 of them would fill 1.3 GB."""

    def __init__(self, annotations: Annotations, images: Sequence[str]) -> None:
        self.annotations, self.images = annotations, images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> Any:
        return self.annotations.consensus(self.images[index])


def read_annotations(path: str | Path) -> Annotations:
    """Read the boxes from a JSON file or from a folder of XML files.

    Raises ``ValueError`` for a file that is not of its form, a box that leaves the frame, or XML with a document type
    or entities (refused, whatever they declare), naming the file and the image; ``FileNotFoundError`` if there is
    neither a file nor a folder.
    """
    path = Path(path)
    if path.is_dir():
        size, raw = FRAME, _read_xml_folder(path)
    elif path.is_file():
        size, raw = _read_json(path)
    else:
        raise FileNotFoundError(
            f"there are no annotations at {path}: name the JSON file, or the folder of XML files, one per image"
        )
    boxes: dict[str, npt.NDArray[np.int64]] = {}
    dropped: dict[str, int] = {}
    for image, listed in raw.items():
        kept = [box for box in listed if _has_area(box, size, f"{path}, image {image}")]
        if len(kept) < len(listed):
            dropped[image] = len(listed) - len(kept)
        if kept:
            boxes[image] = np.array(kept, dtype=np.int64)
    return Annotations(size=size, boxes=boxes, dropped=dropped)


def read_test_list(path: str | Path) -> tuple[str, ...]:
    """Read the test ids: JSON ``{"ids": [...]}``, or text with one id per line.

    Raises ``ValueError`` if the file holds no ids, or one of them twice.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        try:
            ids = json.loads(text)["ids"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{path} is not a test list: expected JSON of the form {{"ids": [...]}}') from error
        if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
            raise ValueError(f"{path}: 'ids' must be a list of strings")
    else:
        ids = text.split()
    if not ids:
        raise ValueError(f"{path} lists no test image")
    if len(set(ids)) != len(ids):
        raise ValueError(f"{path} lists a test image twice")
    return tuple(ids)


def _read_json(path: Path) -> tuple[tuple[int, int], dict[str, list[list[int]]]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        (width, height), box_format, boxes = content["image_size"], content["box_format"], content["boxes"]
        images = list(boxes.items())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not an annotation file: expected JSON with image_size, box_format and boxes"
        ) from error
    if not str(box_format).startswith(BOX_FORMAT):
        raise ValueError(f"{path}: box_format is {box_format!r}, expected {BOX_FORMAT!r} in 1-based pixels")
    if not all(type(side) is int and side > 0 for side in (width, height)):
        raise ValueError(f"{path}: image_size must be two positive integers, not {[width, height]}")
    for image, listed in images:
        if not isinstance(listed, list) or not all(_is_box(box) for box in listed):
            raise ValueError(f"{path}, image {image}: boxes must be lists of four integers, not {listed!r}")
    return (height, width), dict(images)


def _is_box(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(type(edge) is int for edge in box)


def _read_xml_folder(folder: Path) -> dict[str, list[list[int]]]:
    files = sorted(folder.glob("*.xml"))
    if not files:
        raise ValueError(f"{folder} holds no XML file: the public release has one per image, named by its id")
    return {file.stem: _read_xml(file) for file in files}


def _read_xml(path: Path) -> list[list[int]]:
    content = path.read_bytes()
    if len(content) > MAX_XML_BYTES:
        raise ValueError(f"{path} has {len(content):,} bytes: that is no annotation of one image")
    try:
        # From text, not bytes: the encoding that the file declares is then ignored and cannot hide what follows.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError(f"{path} declares a document type or entities: refused, annotations need none")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is not well-formed XML: {error}") from error
    if root.tag != "annotation":
        raise ValueError(f"{path}: the root element is <{root.tag}>, expected <annotation>")
    boxes = []
    for element in root.findall("bbox"):
        values = [(child.text or "").strip() for child in list(element)[1:]]
        try:
            box = [int(value) for value in values]
        except ValueError:
            box = []
        if len(box) != 4:
            raise ValueError(f"{path}: a <bbox> needs four integers after its first element, not {values}")
        boxes.append(box)
    return boxes


def _has_area(box: list[int], size: tuple[int, int], where: str) -> bool:
    x0, y0, x1, y1 = box
    height, width = size
    if not (1 <= x0 <= x1 <= width and 1 <= y0 <= y1 <= height):
        raise ValueError(
            f"{where}: box {box} is not xmin, ymin, xmax, ymax in 1-based pixels of a {width} x {height} frame"
        )
    return x0 < x1 and y0 < y1


class FlickrSoundNet(Collection):
    """Images and sounds; all have one source, of unknown kind."""

    remedies: Mapping[str, str] = {
        "train": "all annotated images (--all)",
        "validation": "all annotated images (--all)",
        "test": "the images of the test list",
    }

    def __init__(self, prepared: Prepared, held_out: float) -> None:
        super().__init__(prepared)
        items = [item for item in items_of(prepared) if "boxes" in item.attributes]
        others = []
        for item in items:
            if item.attributes["split"] == "test":
                self.add("test", 1, Member(item=item))
            else:
                others.append(Member(item=item))
        self.add_training(1, others, held_out)
        self.judged = judged({item.id: item.attributes["boxes"] for item in items})
        self.training_boxes = prepared.options.get("training_boxes", {})
        training = judged(self.training_boxes)
        self.maps = ConsensusMaps(training, list(training.boxes))

    def beside(self, split: str) -> str:
        return json.dumps(self.training_boxes) if split == "train" else ""

    def truth(self, split: str) -> dict[str, Any]:
        judged = {"consensus": self.judged.consensus, "annotators": self.judged.half_open}
        return {**judged, "maps": self.maps if split == "train" else ()}


def judged(boxes: Mapping[str, Any]) -> Annotations:
    """Boxes that were read, and judged, when the data set was prepared."""
    arrays = {image: np.array(listed, dtype=np.int64) for image, listed in boxes.items()}
    return Annotations(size=FRAME, boxes=arrays, dropped={})
