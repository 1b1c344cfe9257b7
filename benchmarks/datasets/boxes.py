"""Boxes of localization test sets, in every published form, on the grid of the published scorers (PROTOCOLS §6).

Three forms, told apart by what a file holds:

* ``flickr``: SoundNet-Flickr's (:mod:`benchmarks.datasets.flickr_soundnet`): 256 x 256, the consensus of annotators;
* ``vggss``: ``[{"file", "class", "bbox": [[x0, y0, x1, y1], ...]}]``, normalised; the union of the boxes on 224 x 224;
* ``pixels``: ``[{"image", "audio", "gt_box": [x0, y0, x1, y1]}]``, pixels of 224 x 224, one source an entry. Where each
  image has a sound of its own name, images that agree up to the last "_" of their names hold the sources of one picture
  (a *group*); where several share a sound, they are frames of one video.

Here every box is half-open, x0, y0, x1, y1 in pixels of the grid: corners are cut down to whole pixels and clipped to
the grid. A box that is empty then, or holds NaN, is dropped and counted; an item left without boxes is not scored. What
is no item is refused and counted; the others are read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.flickr_soundnet import Annotations, read_annotations
from registry.text_files import json_of

#: Side of the grid of all forms but SoundNet-Flickr's.
GRID = 224
Form = Literal["flickr", "vggss", "pixels"]
Box = tuple[int, int, int, int]
REMEDY = "name the file with the boxes, as it was published"
#: VGGSound's clips as some lists name them, begin and end in milliseconds: video, begin, end.
ENDING = re.compile(r"\.(png|jpe?g|webp|bmp|wav|mp3|flac|mp4|ogg)$", re.IGNORECASE)
MILLISECONDS = re.compile(r"(.{11})_(\d+)_(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One sound whose maker is to be found in one image."""

    id: str  # of its own
    prediction: str  # what the file with its map is called
    boxes: tuple[Box, ...]  # half-open pixels of the grid; none: nothing visible sounds
    group: str = ""  # of the sources of one picture
    cluster: str = ""  # the video that it is a frame of, or the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """The items of a file, and what of it is not read as it stands there."""

    form: Form
    size: tuple[int, int]  # (H, W) of the grid
    items: tuple[Item, ...]  # with boxes
    without_boxes: tuple[str, ...] = ()  # items all of whose boxes were dropped
    dropped: Mapping[str, int] = field(default_factory=dict)  # item -> number of its boxes that are empty, or NaN
    clipped: Mapping[str, int] = field(default_factory=dict)  # item -> number of its boxes that left the frame
    refused: Mapping[str, str] = field(default_factory=dict)  # item, or place in the file -> why it is none
    notes: tuple[str, ...] = ()
    annotations: Annotations | None = None  # of the form ``flickr``

    @property
    def consensus(self) -> str:
        """How several boxes become one truth."""
        return "min(boxes / 2, 1)" if self.form == "flickr" else "union"

    def truth(self, item: Item) -> npt.NDArray[np.float64]:
        """(H, W) in [0, 1]: where people say that it sounds."""
        count = np.zeros(self.size)
        for x0, y0, x1, y1 in item.boxes:
            count[y0:y1, x0:x1] += 1
        return np.minimum(count / 2 if self.form == "flickr" else count, 1.0)


def read_boxes(path: str | Path) -> Marked:
    """Read a file of any form, or SoundNet-Flickr's folder of XML files.

    Raises ``ValueError`` for what is of no known form, naming it; ``FileNotFoundError`` where there is nothing.
    """
    path = Path(path)
    if path.is_dir():
        return _flickr(path)
    if not path.is_file():
        raise FileNotFoundError(f"there are no annotations at {path}: {REMEDY}")
    content = json_of(path, REMEDY)
    if isinstance(content, dict) and "boxes" in content:
        return _flickr(path)
    if isinstance(content, list):
        for key, read in READERS.items():
            if any(isinstance(entry, dict) and key in entry for entry in content):
                return read(content, path)
    raise ValueError(
        f"{path} holds boxes in no known form: known are SoundNet-Flickr's (boxes by id), VGG-SS's (a list with file "
        "and bbox) and that of IS3, VPO and AVSBench (a list with image and gt_box)"
    )


def clip_id(id: str) -> str:
    """The id of a clip of VGGSound, VIDEO_000030, also where a list has milliseconds: VIDEO_30000_40000."""
    found = MILLISECONDS.fullmatch(id)
    if found is None or int(found[3]) - int(found[2]) != 10_000:
        return id
    return f"{found[1]}_{int(found[2]) // 1000:06d}"


def stem(name: str) -> str:
    """A file's name without its folders (of any system) and the ending of a picture or sound."""
    return ENDING.sub("", re.split(r"[/\\]", name)[-1])


# --- the forms -----------------------------------------------------------------------------------------------------


def _flickr(path: Path) -> Marked:
    read = read_annotations(path)
    boxes = {id: tuple(map(tuple, read.half_open(id).tolist())) for id in read.boxes}
    return Marked(
        form="flickr",
        size=read.size,
        items=tuple(Item(id=id, prediction=id, boxes=some, cluster=id) for id, some in boxes.items()),
        without_boxes=tuple(id for id in read.dropped if id not in boxes),
        dropped=read.dropped,
        refused=read.refused,
        annotations=read,
    )


class _Reading:
    """The entries of a list, one after another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.items: list[Item] = []
        self.without: list[str] = []
        self.dropped: Counter[str] = Counter()
        self.clipped: Counter[str] = Counter()
        self.refused: dict[str, str] = {}
        self.known: dict[str, Any] = {}  # id -> its entry
        self.repeated: list[str] = []

    def entry(self, number: int, entry: Any, name: str, boxes: str) -> tuple[str, list[Any]] | None:
        """The item's name and boxes in an entry; None, and a reason, where it has none, or stands there before."""
        place = f"{self.path.name}, entry {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get(name), str) or not stem(entry[name]):
            self.refused[place] = f"it has no {name}"
            return None
        id = clip_id(stem(entry[name]))
        if id in self.known:
            if self.known[id] == entry:
                self.repeated.append(id)
            else:
                self.refused[f"{place}, {id}"] = "it stands there before, with other boxes"
            return None
        listed = entry.get(boxes)
        if isinstance(listed, list) and len(listed) == 4 and all(map(_is_number, listed)):
            listed = [listed]
        if not isinstance(listed, list) or not all(map(_is_box, listed)):
            self.refused[f"{place}, {id}"] = f"{boxes} must be lists of four numbers, not {listed!r:.100}"
            return None
        self.known[id] = entry
        return id, listed

    def add(self, id: str, corners: Sequence[Sequence[float]], **more: str) -> None:
        """An item by the corners of its boxes, in pixels that may be broken or off the grid."""
        kept: list[Box] = []
        for x0, y0, x1, y1 in corners:
            numbers = (x0, y0, x1, y1)
            self.clipped[id] += any(not 0 <= number <= GRID for number in numbers)
            if any(number != number for number in numbers):  # NaN
                self.dropped[id] += 1
                continue
            left, top, right, bottom = (int(min(max(number, 0), GRID)) for number in numbers)
            if left < right and top < bottom:
                kept.append((left, top, right, bottom))
            else:
                self.dropped[id] += 1
        if kept:
            self.items.append(Item(id=id, prediction=id, boxes=tuple(kept), **more))
        else:
            self.without.append(id)

    def read(self, form: Form) -> Marked:
        if not self.items:
            why = "".join(f"; {where}: {why}" for where, why in list(self.refused.items())[:1])
            raise ValueError(f"{self.path} holds no item with a box{why}")
        named = ", ".join(self.repeated[:5])
        return Marked(
            form=form,
            size=(GRID, GRID),
            items=tuple(self.items),
            without_boxes=tuple(self.without),
            dropped=+self.dropped,
            clipped=+self.clipped,
            refused=self.refused,
            notes=(f"entries that stand there twice, read once: {len(self.repeated)} ({named})",) * bool(self.repeated),
        )


def _normalised(content: Sequence[Any], path: Path) -> Marked:
    reading = _Reading(path)
    for number, entry in enumerate(content, start=1):
        if found := reading.entry(number, entry, "file", "bbox"):
            id, boxes = found
            reading.add(id, [[GRID * corner for corner in box] for box in boxes], cluster=id)
    return reading.read("vggss")


def _pixels(content: Sequence[Any], path: Path) -> Marked:
    reading = _Reading(path)
    of_own = _sounds_of_their_own(content)
    for number, entry in enumerate(content, start=1):
        if found := reading.entry(number, entry, "image", "gt_box"):
            id, boxes = found
            sound = stem(str(entry.get("audio", "")))
            picture = id.rpartition("_")[0] if of_own else ""
            reading.add(id, boxes, group=picture, cluster=picture or sound or id)
    return reading.read("pixels")


def _sounds_of_their_own(content: Sequence[Any]) -> bool:
    """Whether entries name a sound like their image, as those of IS3 and VPO do; AVSBench's name that of a video."""
    named = [entry for entry in content if isinstance(entry, dict) and isinstance(entry.get("audio"), str)]
    return bool(named) and sum(stem(str(e.get("image"))) == stem(e["audio"]) for e in named) * 2 > len(named)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_box(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))


#: What tells a list's form: a name in its entries -> how it is read.
READERS: Mapping[str, Callable[[Sequence[Any], Path], Marked]] = {"bbox": _normalised, "gt_box": _pixels}
