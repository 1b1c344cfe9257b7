"""SoundNet-Flickr: human boxes and the published test list (Senocak et al. 2018; PROTOCOLS §6), and prepared scenes.

The annotations come in two forms, both read by :func:`read_annotations`:

* JSON: ``{"image_size": [256, 256], "box_format": "xmin,ymin,xmax,ymax ...", "boxes": {id: [[...], ...]}}``;
* the public release: a folder with one ``<id>.xml`` per image, whose ``<annotation>`` has ``<bbox>`` children; in each
  of them the elements after the first are xmin, ymin, xmax and ymax.

In both, boxes are 1-based **inclusive** pixels of the 256 x 256 frame. Boxes of zero area (xmax = xmin or ymax = ymin:
a click, not a box) are dropped and counted. An image of which a box, or the file, is none is refused and counted; the
others are read. Of the 250 published test ids one (3908875357) has no boxes: 249 are scored. It is a misprint of
3908875350, which has: that image is on no side, or with ``corrected`` the 250th that is scored.

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
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.prepared import Prepared
from benchmarks.datasets.prepared_scenes import Collection, Member, items_of
from benchmarks.metrics.localization import consensus
from registry.text_files import json_of, rows_of, text_of, without_empty_end

#: Frame of the public annotations, (H, W) in pixels.
FRAME = (256, 256)
BOX_FORMAT = "xmin,ymin,xmax,ymax"

#: Flickr's own ids, and what public copies make of them; names of files of theirs are read as their ids.
IMAGE_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
FILE_OF_ID = re.compile(r"(?:[^\n]*[/\\])?([\w-]{1,64})\.(?:png|jpe?g|webp|bmp|xml|wav|mp3|flac|mp4)", re.ASCII | re.I)
#: What may be an id in what is none: "./ID", "(ID)".
WORD = re.compile(r"[\w-]{1,64}", re.ASCII)
BESIDE = "it stands beside the ids that are read: write one a line"
#: What the first column of a table of ids may be called.
HEADS = ("id", "image", "image_id", "file", "filename", "name", "video")
#: Published test id -> the one that is meant: it has boxes, and the authors' own list has it right (PROTOCOLS §6).
MISPRINTS: Mapping[str, str] = {"3908875357": "3908875350"}

#: An annotation of a few boxes is 2 kB; what is a thousand times larger is something else.
MAX_XML_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """Human boxes of SoundNet-Flickr images."""

    size: tuple[int, int]  # (H, W) of the frame
    boxes: Mapping[str, npt.NDArray[np.int64]]  # image id -> (m, 4), m >= 1, 1-based inclusive pixels
    dropped: Mapping[str, int]  # image id -> number of its boxes that were dropped for having no area
    refused: Mapping[str, str] = field(default_factory=dict)  # image id (or what stands there) -> why it cannot be read

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedImages:
    """The ids of a test list, each once, in its order."""

    ids: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)  # what stands there, and where -> why it is no id
    repeated: tuple[str, ...] = ()  # ids that stand there more than once, and are read once
    # What else may be ids there: in further columns, and in what is refused.
    beside: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def notes(self) -> list[str]:
        """What of the list is not read as it stands there, in sentences."""
        named = ", ".join(self.repeated[:5])
        return [f"listed more than once, read once: {len(self.repeated)} ({named})"] if self.repeated else []

    def corrected(self) -> ListedImages:
        """With the ids that are meant in the place of misprints."""
        return replace(self, ids=tuple(dict.fromkeys(MISPRINTS.get(id, id) for id in self.ids)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Which annotated images are scored, and which train."""

    test: tuple[str, ...]
    train: tuple[str, ...]
    without_boxes: tuple[str, ...]  # test ids that cannot be scored
    unknown: tuple[str, ...]  # of these the ones of which the annotations know nothing, and which are no known misprint
    meant: tuple[str, ...]  # annotated images of which the test list has a misprint: on neither side
    beside: tuple[str, ...]  # annotated images that stand on the test list where no id is read: on neither side

    def notes(self) -> list[str]:
        return [
            f"{wrong} on the test list is a misprint of {right}: neither is scored nor trains (--corrected: {right} is)"
            for wrong, right in MISPRINTS.items()
            if wrong in self.without_boxes and right in self.meant
        ]


def sides(annotations: Annotations, listed: ListedImages) -> Sides:
    """The images on either side of a test list."""
    meant = {MISPRINTS[id] for id in listed.ids if id in MISPRINTS and id not in annotations.boxes}
    meant -= set(listed.ids)
    beside = tuple(id for id in annotations.boxes if id in listed.beside and id not in listed.ids)
    held = {*listed.ids, *meant, *beside}
    without = tuple(id for id in listed.ids if id not in annotations.boxes and id not in annotations.refused)
    return Sides(
        test=tuple(id for id in listed.ids if id in annotations.boxes),
        train=tuple(id for id in annotations.boxes if id not in held),
        without_boxes=without,
        unknown=tuple(id for id in without if id not in annotations.dropped and MISPRINTS.get(id) not in meant),
        meant=tuple(id for id in annotations.boxes if id in meant),
        beside=beside,
    )


def read_annotations(path: str | Path) -> Annotations:
    """Read the boxes from a JSON file or from a folder of XML files; images of which one is none are refused.

    XML with a document type or entities is refused, whatever it declares. Raises ``ValueError`` for a file that is not
    of its form, or all of whose images are refused, naming the file and the first of them; ``FileNotFoundError`` if
    there is neither a file nor a folder.
    """
    path = Path(path)
    refused: dict[str, str] = {}
    if path.is_dir():
        size, raw = FRAME, _read_xml_folder(path, refused)
    elif path.is_file():
        size, raw = _read_json(path, refused)
    else:
        raise FileNotFoundError(
            f"there are no annotations at {path}: name the JSON file, or the folder of XML files, one per image"
        )
    boxes: dict[str, npt.NDArray[np.int64]] = {}
    dropped: dict[str, int] = {}
    for image, listed in raw.items():
        try:
            kept = [box for box in listed if _has_area(box, size)]
        except ValueError as error:
            refused[image] = str(error)
            continue
        if len(kept) < len(listed):
            dropped[image] = len(listed) - len(kept)
        if kept:
            boxes[image] = np.array(kept, dtype=np.int64)
    if refused and not raw.keys() - refused.keys():
        image, why = next(iter(refused.items()))
        raise ValueError(f"{path}, image {image}: {why}")
    return Annotations(size=size, boxes=boxes, dropped=dropped, refused=refused)


def read_test_list(path: str | Path) -> ListedImages:
    """Read the test ids: JSON ``{"ids": [...]}``; or text with one id a line, or several with blanks between them, of
    which commas separate further columns. An id may have the ending of its file (``id.png``).

    Raises ``ValueError`` if the file holds no ids.
    """
    path = Path(path)
    refused: dict[str, str] = {}
    beside: set[str] = set()
    found = _json_ids(path) if path.suffix.lower() == ".json" else _text_ids(path, refused, beside)
    if found and str(found[0]).lower() in HEADS:
        del found[0]
    ids: Counter[str] = Counter()
    for written in found:
        id = image_id(written) if isinstance(written, str) else None
        if id is None:
            refused[f"{path.name}, {written!r:.80}"] = "it is not the id of an image"
            beside.update(WORD.findall(str(written)))
        else:
            ids[id] += 1
    if not ids:
        why = "".join(f"; {where}: {why}" for where, why in list(refused.items())[:1])
        raise ValueError(f"{path} lists no test image: one a line is expected, id or id.png{why}")
    repeated = tuple(id for id, times in ids.items() if times > 1)
    return ListedImages(ids=tuple(ids), refused=refused, repeated=repeated, beside=frozenset(beside))


def image_id(written: str) -> str | None:
    """The id of an image, of which the name of a file may be written; None where it is none."""
    if IMAGE_ID.fullmatch(written) and written.lower() not in HEADS:
        return written
    of_file = FILE_OF_ID.fullmatch(written)
    return of_file[1] if of_file and ".." not in re.split(r"[/\\]", written) else None


def _json_ids(path: Path) -> list[Any]:
    """What is written of every id; what is no text is none."""
    try:
        ids = json_of(path, "write it anew")["ids"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is not a test list: expected JSON of the form {{"ids": [...]}} ({error})') from error
    if not isinstance(ids, list) or (ids and not any(isinstance(id, str) for id in ids)):
        raise ValueError(f"{path}: 'ids' must be a list of strings")
    return [id.strip() if isinstance(id, str) else id for id in ids]


def _text_ids(path: Path, refused: dict[str, str], beside: set[str]) -> list[str]:
    """What is written of every id; of a line with further columns the first. One of more or fewer columns than most is
    refused: two lines may have become one. What may be ids in all the rest goes to ``beside``."""
    rows = [(where, without_empty_end(cells, 1)) for where, cells in rows_of(path)]
    usual = Counter(len(cells) for _, cells in rows).most_common(1)[0][0] if rows else 1
    written: list[str] = []
    for where, cells in rows:
        if len(cells) != usual:
            refused[where] = f"it has {len(cells)} columns, the others {usual}"
        else:
            written += cells[0].split() if usual == 1 else [cells[0]]
        beside.update(id for cell in cells[len(cells) == usual :] for id in WORD.findall(cell))
    return [id.strip("\"'") for id in written]


def _read_json(path: Path, refused: dict[str, str]) -> tuple[tuple[int, int], dict[str, list[list[int]]]]:
    try:
        content = json_of(path, "write it anew")
        (width, height), box_format, boxes = content["image_size"], content["box_format"], content["boxes"]
        images = list(boxes.items())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not an annotation file: expected JSON with image_size, box_format and boxes ({error})"
        ) from error
    if not str(box_format).startswith(BOX_FORMAT):
        raise ValueError(f"{path}: box_format is {box_format!r}, expected {BOX_FORMAT!r} in 1-based pixels")
    if not all(type(side) is int and side > 0 for side in (width, height)):
        raise ValueError(f"{path}: image_size must be two positive integers, not {[width, height]}")
    raw: dict[str, list[list[int]]] = {}
    for written, listed in images:
        image = image_id(written)
        if image is None:
            refused[written] = "it is not the id of an image"
        elif image in raw:
            refused[written] = f"{image} has boxes in two places"
        elif not isinstance(listed, list) or not all(_is_box(box) for box in listed):
            refused[image] = f"boxes must be lists of four integers, not {listed!r:.100}"
        else:
            raw[image] = listed
    return (height, width), raw


def _is_box(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(type(edge) is int for edge in box)


def _read_xml_folder(folder: Path, refused: dict[str, str]) -> dict[str, list[list[int]]]:
    there = (path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".xml")
    files = [path for path in there if not path.name.startswith(".") and path.is_file()]
    if not files:
        raise ValueError(f"{folder} holds no XML file: the public release has one per image, named by its id")
    raw: dict[str, list[list[int]]] = {}
    for file in files:
        try:
            if file.stem in raw:
                raise ValueError(f"{file.stem} has boxes in two files")
            if not IMAGE_ID.fullmatch(file.stem):
                raise ValueError("its name is not the id of an image")
            raw[file.stem] = _read_xml(file)
        except (OSError, ValueError) as error:
            refused[file.stem if file.stem not in raw else file.name] = f"{file.name}: {error}"
    return raw


def _read_xml(path: Path) -> list[list[int]]:
    """The boxes in a file; raises ``ValueError`` saying what is wrong with it."""
    if (size := path.stat().st_size) > MAX_XML_BYTES:
        raise ValueError(f"it has {size:,} bytes: that is no annotation of one image")
    # From text, not bytes: the encoding that the file declares is then ignored and cannot hide what follows.
    text = text_of(path).strip()
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("it declares a document type or entities: refused, annotations need none")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"it is not well-formed XML ({error})") from error
    if root.tag != "annotation":
        raise ValueError(f"the root element is <{root.tag}>, expected <annotation>")
    boxes = []
    for element in root.findall("bbox"):
        values = [(child.text or "").strip() for child in list(element)[1:]]
        try:
            box = [int(value) for value in values]
        except ValueError:
            box = []
        if len(box) != 4:
            raise ValueError(f"a <bbox> needs four integers after its first element, not {values}")
        boxes.append(box)
    return boxes


def _has_area(box: list[int], size: tuple[int, int]) -> bool:
    x0, y0, x1, y1 = box
    height, width = size
    if not (1 <= x0 <= x1 <= width and 1 <= y0 <= y1 <= height):
        raise ValueError(f"box {box} is not xmin, ymin, xmax, ymax in 1-based pixels of a {width} x {height} frame")
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
        # Folders that were prepared before the misprint was known: what it means trains nowhere.
        meant = {MISPRINTS.get(id) for id in prepared.options.get("without_boxes", ())}
        items = [item for item in items_of(prepared) if "boxes" in item.attributes and item.id not in meant]
        others = []
        for item in items:
            if item.attributes["split"] == "test":
                self.add("test", 1, Member(item=item))
            else:
                others.append(Member(item=item))
        self.add_training(1, others, held_out)
        self.add_refused()
        self.judged = judged({item.id: item.attributes["boxes"] for item in items})
        known = prepared.options.get("training_boxes", {})
        self.training_boxes = {id: boxes for id, boxes in known.items() if id not in meant}
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
