"""Test sets of sound localization by name: where each is from, how it is read, how much of it there is (PROTOCOLS §6).

A set is a file of boxes (:mod:`benchmarks.datasets.boxes`) and, where only a part of it is scored, a published list of
ids; an extended set also has a list of *negatives*, pairs of an image and a sound in which nothing visible sounds. None
of them is part of this repository: lists are looked for beside the boxes, under the names that they were published by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.datasets.boxes import Form, Item, Marked, clip_id, read_boxes
from benchmarks.datasets.flickr_soundnet import ListedImages, Sides, read_test_list, sides
from registry.files import digest_file
from registry.nearest import instead
from registry.text_files import table_of

FLICKR_SOURCE = "github shvdiwnkozbw/Multi-Source-Sound-Localization (boxes of Senocak et al., CVPR 2018)"
VGGSS_SOURCE = "github hche11/Localizing-Visual-Sounds-the-Hard-Way (Chen et al., CVPR 2021)"
SLAVC_SOURCE = "github stoneMo/SLAVC (Mo & Morgado, NeurIPS 2022)"
ALIGNMENT_SOURCE = "github kaistmm/SSLalignment (Senocak et al., 2024)"
RESEARCH = "annotations for research"
#: What a label of a list of negatives may be.
NEGATIVE = ("non-sounding", "silent", "negative", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSet:
    """A named set."""

    __test__ = False  # it is no test, whatever its name begins with

    name: str
    title: str
    source: str
    licence: str
    form: Form
    items: int  # listed
    list: str = ""  # published name of the list of ids; "": all of the file are listed
    negatives: str = ""  # published name of the list of negatives
    negative_items: int = 0
    groups: bool = False  # pictures of several sources: IIoU
    note: str = ""


def _extended(base: TestSet, name: str, title: str, negatives: str, n: int) -> TestSet:
    source, licence = f"{base.source}; {SLAVC_SOURCE}", f"{base.licence}; the list Apache-2.0"
    return replace(base, name=name, title=title, source=source, licence=licence, negatives=negatives, negative_items=n)


FLICKR = TestSet(
    name="flickr",
    title="SoundNet-Flickr",
    source=FLICKR_SOURCE,
    licence="research only",
    form="flickr",
    items=250,
    list="test_250.json",
    note="one id of the list, a misprint, has no boxes: 249 are scored",
)
VGGSS = TestSet(name="vggss", title="VGG-SS", source=VGGSS_SOURCE, licence=RESEARCH, form="vggss", items=5158)
IS3 = TestSet(
    name="is3",
    title="IS3",
    source=ALIGNMENT_SOURCE,
    licence=RESEARCH,
    form="pixels",
    items=6480,
    groups=True,
    note="3,240 generated pictures of two sources each",
)

#: Name -> set.
SETS: Mapping[str, TestSet] = {
    one.name: one
    for one in (
        FLICKR,
        _extended(FLICKR, "flickr-extended", "extended SoundNet-Flickr", "flickr_test_plus_silent.csv", 250),
        VGGSS,
        replace(VGGSS, name="vggss-heard", title="VGG-SS, heard", items=2564, list="vggss_heard_test.csv"),
        replace(VGGSS, name="vggss-unheard", title="VGG-SS, unheard", items=2575, list="vggss_unheard_test.csv"),
        replace(
            VGGSS,
            name="vggss-4654",
            title="VGG-SS, the part of later papers",
            items=4655,
            list="vggss_4654.txt",
            note="the list has 4,655 ids, of which the last line is not ended; papers say 4,654",
        ),
        _extended(VGGSS, "vggss-extended", "extended VGG-SS", "vggss_test_plus_silent.csv", 5158),
        IS3,
        replace(IS3, name="vpo-ss", title="VPO-SS", items=890, groups=False, note=""),
        replace(IS3, name="vpo-ms", title="VPO-MS", items=2157, note="pictures of one source or several"),
        replace(
            IS3,
            name="avsbench-s4",
            title="AVSBench-S4",
            items=3700,
            groups=False,
            note="five frames a video, which are one cluster",
        ),
        replace(
            IS3,
            name="avsbench-ms3",
            title="AVSBench-MS3",
            items=320,
            groups=False,
            note="five frames a video, which are one cluster; frames in which nothing sounds have no box",
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A set that was read, or a file of boxes without a set's name."""

    set: TestSet | None
    marked: Marked
    listed: int  # items that should be scored
    items: tuple[Item, ...]  # those that are: listed, with boxes
    without_boxes: tuple[str, ...]  # listed, but without boxes
    negatives: tuple[Item, ...]
    refused: Mapping[str, str]
    notes: tuple[str, ...]
    digests: Mapping[str, str]  # name of a file -> its sha256
    sides: Sides | None = None  # of SoundNet-Flickr, whose other images make the mean training map

    @property
    def title(self) -> str:
        return self.set.title if self.set else f"boxes of the form {self.marked.form}"

    @property
    def grouped(self) -> bool:
        """Whether pictures of several sources are told apart from other names that agree."""
        return self.set is None or self.set.groups


def open_set(
    name: str | None,
    annotations: str | Path,
    listing: Path | None = None,
    negatives: Path | None = None,
    corrected: bool = False,
) -> Opened:
    """Read a set's boxes and lists; without a name, whatever the file holds.

    ``listing`` and ``negatives`` are looked for beside the boxes where they are not given. ``corrected``: of
    SoundNet-Flickr's list, the id that is meant instead of its misprint.

    Raises ``ValueError`` for an unknown name, a file of another form, or lists that do not belong to the boxes;
    ``FileNotFoundError`` for one that is not there.
    """
    if name is not None and name not in SETS:
        raise ValueError(f"{name!r} is no test set; {instead(name, SETS)}")
    chosen = SETS[name] if name else None
    annotations = Path(annotations)
    marked = read_boxes(annotations)
    if chosen and chosen.form != marked.form:
        raise ValueError(f"{annotations} has the form {marked.form}, but the set {chosen.name} the form {chosen.form}")
    if chosen:
        listing = _there(listing, chosen.list, annotations, "--list")
        negatives = _there(negatives, chosen.negatives, annotations, "--negatives")
    listed = read_test_list(listing) if listing else None
    if listed and corrected:
        listed = listed.corrected()
    opened = _of_list(chosen, marked, listed)
    found, refused = _negatives(negatives) if negatives else ((), {})
    notes = [*opened.notes, *_counts(chosen, opened.listed, len(found))]
    paths = [path for path in (annotations, listing, negatives) if path and path.is_file()]
    return replace(
        opened,
        negatives=found,
        refused={**opened.refused, **refused},
        notes=tuple(notes),
        digests={path.name: digest_file(path) for path in paths},
    )


def _there(given: Path | None, name: str, annotations: Path, option: str) -> Path | None:
    """The file that was given, or the one of the published name beside the boxes; None where the set needs none."""
    if given is None and name:
        given = annotations.parent / name
        if not given.is_file():
            raise FileNotFoundError(f"the set's {name} is not beside {annotations}: say where it is by {option}")
    return given


def _of_list(chosen: TestSet | None, marked: Marked, listed: ListedImages | None) -> Opened:
    parts = sides(marked.annotations, listed) if marked.annotations and listed else None
    with_boxes = {item.id: item for item in marked.items}
    ids = [clip_id(id) for id in listed.ids] if listed else [*with_boxes, *marked.without_boxes]
    ids = list(dict.fromkeys(ids))
    known = {*with_boxes, *marked.without_boxes}
    if listed and not known.intersection(ids):
        raise ValueError(f"the list and the boxes do not belong together: the boxes know none of {len(ids)} listed ids")
    unknown = [id for id in ids if id not in known] if parts is None else [*parts.unknown]
    notes = [*marked.notes, *(listed.notes() if listed else ()), *(parts.notes() if parts else ())]
    if unknown:
        notes.append(f"listed, but not among the boxes: {len(unknown)} ({', '.join(unknown[:5])})")
    return Opened(
        set=chosen,
        marked=marked,
        listed=len(ids) + (len(listed.refused) if listed else len(marked.refused)),
        items=tuple(with_boxes[id] for id in ids if id in with_boxes),
        without_boxes=tuple(id for id in ids if id not in with_boxes and id not in marked.refused),
        negatives=(),
        refused={**marked.refused, **(listed.refused if listed else {})},
        notes=tuple(notes),
        digests={},
        sides=parts,
    )


def _negatives(path: Path) -> tuple[tuple[Item, ...], dict[str, str]]:
    """Pairs in which nothing visible sounds, ``IMAGE+SOUND`` by name; rows that are none, with the reason."""
    found: dict[str, Item] = {}
    refused: dict[str, str] = {}
    for place, row in table_of(path, ("video", "audio", "label"), "a list of negatives"):
        if not row or not (row["video"] and row["audio"]):
            refused[place] = "it is no video, audio and label"
        elif row["label"].lower() not in NEGATIVE:
            refused[place] = f"its label is {row['label']!r}, not {NEGATIVE[0]!r}: sounding pairs are the set's boxes"
        else:
            image, sound = clip_id(row["video"]), clip_id(row["audio"])
            id = f"{image}+{sound}"
            found[id] = Item(id=id, prediction=id, boxes=(), cluster=image)
    if not found:
        raise ValueError(f"{path} lists no pair in which nothing sounds")
    return tuple(found.values()), refused


def _counts(chosen: TestSet | None, listed: int, negatives: int) -> list[str]:
    if chosen is None:
        return []
    pairs = {"items": (chosen.items, listed), "negatives": (chosen.negative_items, negatives)}
    return [f"{what} expected: {due:,}, listed here: {here:,}" for what, (due, here) in pairs.items() if due != here]
