"""Material of scenes: the kinds of which there is enough, and which file is for training, validation or test.

No photograph and no recording is on two sides, nor are recordings cut from one upload. The side of a file follows from
the files alone, not from the seed of the scenes: another world is made of the same training material. Photographs that
show one thing several times (Caltech-101's faces are of few people) are different files, and may be on two sides.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets.composite import files as found
from benchmarks.datasets.composite import photograph, recording
from benchmarks.datasets.composite.files import File
from benchmarks.datasets.composite.pairs import SHIPPED, read_pairs
from benchmarks.datasets.scene import Coverage

#: How much of the files of each label is for what.
SHARES = {"train": 0.6, "validation": 0.15, "test": 0.25}

PHOTOGRAPHS = (
    "get Caltech-101 (data.caltech.edu/records/mzrjq-6wc02), or take any folder that holds a folder of photographs for "
    "each kind, and name it: data.photographs=DIR (the suite: --photographs DIR); or put it at $CAVL_DATA/caltech101"
)
RECORDINGS = (
    "get ESC-50 (github.com/karolpiczak/ESC-50), and for the instruments FSDKaggle2018 (zenodo.org/records/2552860), "
    "its clips moved into a folder for each label, or take any such folders, and name them: data.recordings=[DIR,...] "
    "(the suite: --recordings DIR,...); or put them at $CAVL_DATA/ESC-50 and $CAVL_DATA/instruments"
)


@dataclass(frozen=True, slots=True)
class FilePool:
    """The files of one side; kinds are numbers in the table of pairs."""

    photographs: Mapping[int, tuple[File, ...]]
    recordings: Mapping[int, tuple[File, ...]]
    silent: tuple[tuple[File, ...], ...]  # photographs of things that never sound: of each thing some
    digest: str  # of all that

    @classmethod
    def of(
        cls,
        photographs: Mapping[int, tuple[File, ...]],
        recordings: Mapping[int, tuple[File, ...]],
        silent: Sequence[tuple[File, ...]],
    ) -> FilePool:
        parts = (sorted(photographs.items()), sorted(recordings.items()), list(enumerate(silent)))
        contents = [[(number, [file.sha256 for file in files]) for number, files in part] for part in parts]
        return cls(photographs, recordings, tuple(silent), hashlib.sha256(json.dumps(contents).encode()).hexdigest())

    @property
    def kinds(self) -> tuple[int, ...]:
        return tuple(self.photographs)


@dataclass(frozen=True, slots=True)
class Material:
    names: tuple[str, ...]  # of all kinds in the table, by number
    pools: Mapping[str, FilePool]  # "train", "validation", "test"
    folds: Mapping[str, int]  # origin of a test recording -> its fold in the probe, 1 to ``folds``
    coverage: Coverage  # of photographs and recordings
    left_out: Mapping[str, str]  # kind -> why

    @property
    def kinds(self) -> tuple[int, ...]:
        return self.pools["train"].kinds


@functools.cache
def gather(
    photographs: Path,
    recordings: tuple[Path, ...],
    cache: Path,
    *,
    pairs: Path = SHIPPED,
    least: tuple[int, int, int] = (12, 3, 6),
    folds: int = 4,
) -> Material:
    """Everything in these folders that the table of pairs asks for.

    Files that ``cache`` does not know yet are read, which takes some seconds a thousand. A kind of which less than
    ``least`` photographs or recordings are for training, validation or test, or whose test recordings are from fewer
    origins than ``folds``, is left out. Raises ``FileNotFoundError`` if a folder or the table is missing, saying how to
    get it; ``ValueError`` if a table or list is not what it should be.
    """
    table = read_pairs(pairs)
    _require((photographs,), "photographs", PHOTOGRAPHS)
    _require(recordings, "recordings", RECORDINGS)
    pictures = [item for item in found.photographs(photographs, photograph.SUFFIXES) if item.label not in table.hidden]
    labels = {label for pair in table.kinds for label in pair.recordings}
    sounds = [
        item for root in recordings for item in found.recordings(root, recording.SUFFIXES) if item.label in labels
    ]
    seen = found.judged(pictures, photograph.check, cache, "reading photographs")
    heard = found.judged(sounds, recording.check, cache, "reading recordings")
    missing = {**seen.missing, **heard.missing}
    for pair in table.kinds:
        for label in set(pair.photographs) - {item.label for item in pictures}:
            missing[f"photographs of {label}"] = f"missing: no pictures in {photographs / label}"
        for label in set(pair.recordings) - {item.label for item in sounds}:
            missing[f"recordings of {label}"] = f"missing: none in {', '.join(map(str, recordings))}"

    looks = {number: _of(seen.files, pair.photographs) for number, pair in enumerate(table.kinds)}
    voices = {number: _of(heard.files, pair.recordings) for number, pair in enumerate(table.kinds)}
    side = {**deal(seen.files.values(), SHARES), **deal(heard.files.values(), SHARES)}
    needed = dict(zip(SHARES, least, strict=True))
    left_out: dict[str, str] = {}
    for number, pair in enumerate(table.kinds):
        why = _too_few(looks[number], side, needed, "photographs") or _too_few(
            voices[number], side, needed, "recordings"
        )
        origins = len({file.origin for file in voices[number] if side[file.origin] == "test"})
        if not why and origins < folds:
            why = f"its test recordings are cut from {origins} uploads, {folds} folds need as many"
        if why:
            left_out[pair.kind] = why
    kept = [number for number, pair in enumerate(table.kinds) if pair.kind not in left_out]
    shown = {label for number in kept for label in table.kinds[number].photographs}
    things = [seen.files[label] for label in sorted(seen.files) if label not in shown]

    def on(which: str, files: Iterable[File]) -> tuple[File, ...]:
        return tuple(file for file in files if side[file.origin] == which)

    pools = {
        which: FilePool.of(
            {number: on(which, looks[number]) for number in kept},
            {number: on(which, voices[number]) for number in kept},
            [some for thing in things if (some := on(which, thing))],
        )
        for which in SHARES
    }
    of_folds = deal(pools["test"].recordings.values(), {str(1 + fold): 1 / folds for fold in range(folds)})
    damaged = {**seen.damaged, **heard.damaged}
    return Material(
        names=tuple(pair.kind for pair in table.kinds),
        pools=pools,
        folds={origin: int(fold) for origin, fold in of_folds.items()},
        coverage=Coverage.of(
            sum(len(files) for files in (*seen.files.values(), *heard.files.values())), {**missing, **damaged}
        ),
        left_out=left_out,
    )


def deal(labels: Iterable[Sequence[File]], shares: Mapping[str, float]) -> dict[str, str]:
    """Origin of every file -> one of the sides, each of which gets about its share of the files of each label."""
    side: dict[str, str] = {}
    for files in labels:
        room = {which: share * len(files) for which, share in shares.items()}
        # The largest first, which a nearly full side could not take; among equals an order that nobody chose.
        for origin, size in sorted(
            Counter(f.origin for f in files).items(), key=lambda item: (-item[1], _any(item[0]))
        ):
            which = side.setdefault(origin, max(room, key=lambda w: room[w]))
            room[which] -= size
    return side


def _any(origin: str) -> str:
    return hashlib.blake2b(origin.encode(), digest_size=8).hexdigest()


def _of(files: Mapping[str, tuple[File, ...]], labels: Iterable[str]) -> tuple[File, ...]:
    return tuple(file for label in labels for file in files.get(label, ()))


def _too_few(files: Iterable[File], side: Mapping[str, str], needed: Mapping[str, int], what: str) -> str | None:
    there: defaultdict[str, int] = defaultdict(int, Counter(side[file.origin] for file in files))
    if all(there[which] >= least for which, least in needed.items()):
        return None
    counts = ", ".join(f"{there[which]} for {which} (needed: {least})" for which, least in needed.items())
    return f"too few {what}: {counts}"


def _require(folders: Iterable[Path], what: str, remedy: str) -> None:
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f"composite scenes: there is no folder {folder} of {what}; {remedy}")
