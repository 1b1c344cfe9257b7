"""Lists, annotations, tables and manifests with something changed, three hundred times each.

Whatever is read of them is what was there, or a sentence names the file, or what is lost, added or refused is told.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.datasets import action_videos
from benchmarks.datasets.composite.files import _uploads
from benchmarks.datasets.composite.pairs import read_pairs
from benchmarks.datasets.dcase import read_lists
from benchmarks.datasets.prepared import Lost, Prepared
from benchmarks.preparation import audioset as prepare_audioset
from benchmarks.preparation import esc50 as prepare_esc50
from benchmarks.preparation import flickr_soundnet as prepare_flickr
from benchmarks.preparation import kinetics_sounds, music
from benchmarks.preparation.item import Plan
from benchmarks.preparation.packing import Clip, write

MUTATIONS = 300


@dataclass(frozen=True)
class Read:
    """What a file says of the items of a data set, by name, and what the user is told beside."""

    items: dict[str, Any]
    told: list[str]


def of_plan(plan: Plan) -> Read:
    items = {item.id: item.attributes.get("split") for item in plan.items}
    return Read(items, [*plan.notes, *(f"{lost.id}: {lost.reason}" for lost in plan.refused)])


@dataclass(frozen=True)
class Kind:
    """A kind of file: how one is made in a folder, and how the folder is read."""

    make: Callable[[Path], Path]
    read: Callable[[Path], Read]


def text(name: str, content: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    return make


IMAGES = [str(2_432_219_254 + 7_919 * i) for i in range(40)]
BOXES = {id: [[10 + i, 20, 90, 100 + i], [1, 1, 256, 200]] for i, id in enumerate(IMAGES)}
ANNOTATIONS = json.dumps({"image_size": [256, 256], "box_format": "xmin,ymin,xmax,ymax", "boxes": BOXES})
XML = "<?xml version='1.0'?>\n<annotation><id>1</id>{}</annotation>\n"
BOX = "<bbox><i>1</i><a>10</a><b>20</b><c>90</c><d>100</d></bbox>\n"


def flickr(folder: Path) -> Read:
    annotations = folder / "xml" if (folder / "xml").is_dir() else folder / "boxes.json"
    listed = folder / ("test.json" if (folder / "test.json").is_file() else "test.txt")
    plan = prepare_flickr.plan(annotations=annotations, test=listed, everything=True)
    dropped = plan.about["dropped_boxes"]
    return Read(of_plan(plan).items, of_plan(plan).told + [f"{dropped} boxes are dropped"] * bool(dropped))


def with_flickr(make: Callable[[Path], Path], xml: bool = False) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        text("boxes.json", ANNOTATIONS)(folder)
        text("test.txt", "\n".join(IMAGES[:20]) + "\n")(folder)
        for id in IMAGES if xml else ():
            text(f"xml/{id}.xml", XML.format(BOX * 2))(folder)
        return make(folder)

    return made


ONTOLOGY = [{"id": "/m/a", "child_ids": ["/m/b", "/m/c"]}, *({"id": f"/m/{i}", "child_ids": []} for i in "bc")]
YOUTUBE = [f"-{i:02}_dQw4w9W" for i in range(30)]
SEGMENTS = "# Segments csv\n# YTID, start_seconds, end_seconds, positive_labels\n" + "".join(
    f'{id}, {i}.000, {i + 10}.000, "/m/b,/m/{"ac"[i % 2]}"\n' for i, id in enumerate(YOUTUBE)
)


def segments(folder: Path) -> Read:
    lists, ontology = [folder / "eval_segments.csv"], folder / "ontology.json"
    return of_plan(prepare_audioset.plan(segments=lists, ontology=ontology, subset="all", fps=None, quality=90))


def with_audioset(name: str) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        paths = {
            "ontology.json": text("ontology.json", json.dumps(ONTOLOGY))(folder),
            "eval_segments.csv": text("eval_segments.csv", SEGMENTS)(folder),
        }
        return paths[name]

    return made


KINETICS = "label,youtube_id,time_start,time_end,split,is_cc\n" + "".join(
    f"{('playing violin', 'bowling', 'abseiling')[i % 3]},{id},{i},{i + 10},{('train', 'val', 'test')[i % 3]},0\n"
    for i, id in enumerate(YOUTUBE)
)
SOLOS = json.dumps({"version": 1.0, "videos": {"flute": YOUTUBE[:15], "tuba": YOUTUBE[15:]}}, indent=1)


def solos(folder: Path) -> Read:
    plan = music.plan(solo=folder / "solo.json", duet=None, mixtures=folder / "pairs.txt", fps=1.0, quality=90)
    read = of_plan(plan)
    # Which videos are tested, the order of the list says: lines that are exchanged make another list.
    return Read(dict.fromkeys([*read.items, *map(" ".join, plan.about["mixtures"])], ""), read.told)


def with_music(name: str) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        paths = {
            "solo.json": text("solo.json", SOLOS)(folder),
            "pairs.txt": text("pairs.txt", f"{YOUTUBE[1]} {YOUTUBE[16]}\n{YOUTUBE[16]}, {YOUTUBE[1]}\n")(folder),
        }
        return paths[name]

    return made


META = "filename,fold,target,category,esc10,src_file,take\n" + "".join(
    f"{fold}-{100 + target}-A-{target}.wav,{fold},{target},kind {target},{target < 10},{100 + target},A\n"
    for fold in range(1, 6)
    for target in range(5, 15)
)


def recordings(folder: Path) -> Read:
    plan = prepare_esc50.plan(root=folder, own=[folder], archive=None, checksums=None)
    known = {item.id: tuple(item.attributes[key] for key in ("fold", "label", "esc10")) for item in plan.items}
    return Read(known, of_plan(plan).told)


def scenes(folder: Path) -> Read:
    return Read({r.path: (r.fold, r.category) for r in read_lists(folder)}, [])


def with_dcase(name: str) -> Callable[[Path], Path]:
    labels = {f"audio/{'ab'[i % 2]}{i:02}_0_30.wav": ("beach", "bus")[i % 2] for i in range(12)}

    def lines(names: list[str]) -> str:
        return "".join(f"{n}\t{labels[n]}\n" for n in names)

    def made(folder: Path) -> Path:
        paths = {"meta": text("meta.txt", lines(list(labels)))(folder)}
        for fold in (1, 2, 3):
            tested = [n for i, n in enumerate(labels) if i % 3 == fold - 1]
            text(f"evaluation_setup/fold{fold}_evaluate.txt", lines(tested))(folder)
            rest = lines([n for n in labels if n not in tested])
            paths["fold"] = text(f"evaluation_setup/fold{fold}_train.txt", rest)(folder)
        return paths[name]

    return made


def actions(data: Any) -> Callable[[Path], Read]:
    def read(folder: Path) -> Read:
        action_videos._read_manifest.cache_clear()
        manifest = action_videos.read_manifest(folder / "videos", folder / "lists", data, 1)
        names = (*manifest.lists["train"], *manifest.lists["test"])
        return Read(dict.fromkeys(names, ""), [f"{n}: {why}" for n, why in manifest.reasons.items()])

    return read


def with_actions(data: str) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        names = [f"{action}/v_{action}_g{g:02}_c01.avi" for action in ("Archery", "Bowling") for g in range(8)]
        for name in names:
            text(f"videos/{name}", name)(folder)
        if data == "ucf101":
            text("lists/testlist01.txt", "".join(f"{n}\n" for n in names[::4]))(folder)
            return text("lists/trainlist01.txt", "".join(f"{n} 1\n" for n in names if n not in names[::4]))(folder)
        for action in ("Bowling", "Archery"):
            own = [n.split("/")[1] for n in names if n.startswith(action)]
            listed = "".join(f"{n} {1 + (i % 4 == 0)} \n" for i, n in enumerate(own))
            path = text(f"lists/{action}_test_split1.txt", listed)(folder)
        return path

    return made


PAIRS = (
    "kind,photographs,recordings\n" + "".join(f"kind{i},look{i}|other{i},sound{i}\n" for i in range(9)) + "-,face,\n"
)
CLIPS = "file,freesound_id\n" + "".join(f"label{i % 3}/{i}.wav,{1000 + i}\n" for i in range(20))


def pairs(folder: Path) -> Read:
    table = read_pairs(folder / "pairs.csv")
    rows = {name: "" for pair in table.kinds for name in (*pair.photographs, *pair.recordings)}
    return Read({**rows, **dict.fromkeys(table.hidden, "hidden")}, [])


def uploads(folder: Path) -> Read:
    return Read({str(path): "" for path in _uploads(folder / "clips.csv")}, [])


def manifest(folder: Path) -> Read:
    there = Prepared(folder / "toy")
    known = zip(there.ids, there.column("n_sources"), map(there.digest, range(len(there))), strict=True)
    return Read({id: more for id, *more in known}, [str(there.coverage), json.dumps(there.options)])


def with_manifest(folder: Path) -> Path:
    clips = [Clip(id=f"clip{i}", waveform=np.full(9, i, np.int16), attributes={"n_sources": i % 3}) for i in range(9)]
    lost = Lost(id="gone", status="missing", reason="Private video", attributes={"n_sources": 1})
    write(folder / "toy", [*clips, lost], options={"settings": {"fps": 1.0}})
    return folder / "toy" / "manifest.json"


KINDS = {
    "test list": Kind(with_flickr(text("test.txt", "\n".join(IMAGES[:20]) + "\n")), flickr),
    "test list as published": Kind(with_flickr(text("test.txt", "".join(f"{i}.png\n" for i in IMAGES[:20]))), flickr),
    "test list, id and frame": Kind(with_flickr(text("test.txt", "".join(f"{i},7\n" for i in IMAGES[:20]))), flickr),
    "test list, JSON": Kind(with_flickr(text("test.json", json.dumps({"ids": IMAGES[:20]}))), flickr),
    "annotations, JSON": Kind(with_flickr(text("boxes.json", ANNOTATIONS)), flickr),
    "annotations, XML": Kind(with_flickr(text(f"xml/{IMAGES[3]}.xml", XML.format(BOX * 2)), xml=True), flickr),
    "segments": Kind(with_audioset("eval_segments.csv"), segments),
    "ontology": Kind(with_audioset("ontology.json"), segments),
    "Kinetics' list": Kind(
        text("list.csv", KINETICS), lambda f: of_plan(kinetics_sounds.plan(lists=[f / "list.csv"], fps=1.0, quality=90))
    ),
    "MUSIC's list": Kind(with_music("solo.json"), solos),
    "mixtures": Kind(with_music("pairs.txt"), solos),
    "meta of ESC-50": Kind(text("meta/esc50.csv", META), recordings),
    "meta of DCASE": Kind(with_dcase("meta"), scenes),
    "a fold of DCASE": Kind(with_dcase("fold"), scenes),
    "list of UCF-101": Kind(with_actions("ucf101"), actions("ucf101")),
    "list of HMDB-51": Kind(with_actions("hmdb51"), actions("hmdb51")),
    "pairs": Kind(text("pairs.csv", PAIRS), pairs),
    "uploads": Kind(text("clips.csv", CLIPS), uploads),
    "manifest": Kind(with_manifest, manifest),
}


def harmless(content: bytes) -> Iterator[bytes]:
    """The same as other editors save it."""
    yield b"\xef\xbb\xbf" + content
    yield content.decode().encode("utf-16")
    yield content.replace(b"\n", b"\r\n")
    yield content + b"\n\n"


def mutated(content: bytes, seed: int) -> bytes:
    """Something changed: bytes overwritten, put in or left out, a line repeated, or lines exchanged."""
    draw = random.Random(seed)
    at, kind = draw.randrange(len(content)), draw.randrange(7)
    noise = draw.choice([draw.randbytes(1), bytes([draw.choice(b'0123456789,;"/-_#abz \n\t{}[]<>&')])])
    if kind < 2:
        return content[:at] + noise + content[at + 1 :]
    if kind == 2:
        return content[:at] + noise + content[at:]
    if kind == 3:
        return content[:at] + content[at + 1 + draw.randrange(3) :]
    if kind == 4:
        return content[:at] + draw.randbytes(1 + draw.randrange(40)) + content[at:]
    lines = content.splitlines(keepends=True)
    first, second = draw.randrange(len(lines)), draw.randrange(len(lines))
    if kind == 5:
        lines.insert(second, lines[first])
    else:
        lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


@pytest.mark.parametrize("name", KINDS)
def test_what_editors_change_changes_nothing(name: str, tmp_path: Path) -> None:
    if name == "manifest":
        return  # nobody edits it
    kind = KINDS[name]
    path = kind.make(tmp_path)
    content, whole = path.read_bytes(), kind.read(tmp_path)
    for other in harmless(content):
        path.write_bytes(other)
        assert kind.read(tmp_path) == whole


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_lost_without_a_word(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    path = kind.make(tmp_path)
    content, whole = path.read_bytes(), kind.read(tmp_path)
    assert len(whole.items) >= 9
    for seed in range(MUTATIONS):
        path.write_bytes(mutated(content, seed))
        said = ""
        try:
            read = kind.read(tmp_path)
        except (ValueError, OSError) as error:
            said, read = str(error), whole
        assert not said or path.name in said or path.parent.name in said, f"seed {seed}: {said}"
        gone, new = whole.items.keys() - read.items.keys(), read.items.keys() - whole.items.keys()
        other = [id for id in whole.items.keys() & read.items.keys() if whole.items[id] != read.items[id]]
        # What is new is not to be found among the media, and is counted as missing then.
        assert not (gone or other) or new or read.told != whole.told, f"seed {seed}: {sorted(gone)} {other}"
