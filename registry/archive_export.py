"""Export of runs as one file: all that is needed to repeat them, and to bring them into another registry.

An archive is a zip with these members, and no others::

    manifest.json                           format, runs, what was missing; size and sha256 of every other member
    runs/<id>/run.json, ...                 the record of a run and its artifacts
    _sources/<name>, _resources/<name>      copies that these records name
    checkpoints/<key>/weights*.safetensors  the weights that a run left

It holds the runs asked for and all that they descend from. The same runs give the same bytes.
:mod:`registry.archive_import` reads archives; what a run must be like to be in one is said here, for both.
"""

from __future__ import annotations

import functools
import graphlib
import hashlib
import json
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from registry import files
from registry.index import Registry
from registry.provenance.keys import is_key
from registry.provenance.lineage import forebears
from registry.record import run_record
from registry.record.journal import JOURNAL, is_metric_name
from registry.record.run_record import Record, RecordError, parsed, read_bytes, read_record
from registry.record.serialization import code_in, to_json

FORMAT, VERSION = "cavl-bench runs", 1
MANIFEST = "manifest.json"
#: Bytes that the text of what is read as a whole takes in memory (a line of the journal; of a run all that is kept of
#: it), values in it (each takes two hundred bytes), and lists and dictionaries in one another.
LARGEST, MOST, DEEPEST = 32 << 20, 500_000, 100
#: Bytes of such a text where one of its characters is no ASCII: all of them may then take four bytes.
WIDEST = LARGEST // 4
CHUNK = 1 << 20
_WEIGHTS = re.compile(r"weights(@[0-9]+)?\.safetensors")
_COPY = re.compile(r"_([0-9a-f]{32})(\.[^.]*)?$")  # the end of the name of a source's or resource's copy: its MD5
#: Suffixes of pickles, and how one begins.
PICKLES = (".pickle", ".pkl", ".p", ".dill", ".joblib", ".pt", ".pth", ".ckpt")
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
Progress = Callable[[int, int], None]  # (bytes done, of how many)


class ArchiveError(ValueError):
    """Runs that cannot be exported, or an archive that cannot be imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A run that may be in an archive, and the names there of all that belongs to it and is as the run left it."""

    record: Record
    damage: Mapping[str, str]  # name in its folder -> in what it is not
    files: tuple[str, ...]  # as the observer wrote them; some runs have not all
    artifacts: tuple[str, ...]
    stored: tuple[str, ...]  # sources and resources
    weights: Mapping[str, str]  # -> sha256 as the run recorded it; an unfinished run may have left others


def is_weights(name: str) -> bool:
    """Whether a file of a checkpoint's folder holds finished weights."""
    return bool(_WEIGHTS.fullmatch(name))


# ---- what may be in an archive --------------------------------------------------------------------------------------


def contents(folder: Path) -> Contents:
    """What belongs to the run in ``folder``, every word of it checked: it may come from anywhere.

    Raises RecordError when that is no run, or it names what is no key, no artifact's name, no copy of a source.
    """
    kept = ("run.json", "config.json", "pedigree.json")
    if sum((folder / name).stat().st_size for name in kept if (folder / name).exists()) > LARGEST:
        raise RecordError(f"damaged record: {folder} has more than {LARGEST:,} bytes in {', '.join(kept)}")
    stored = tuple(_stored(folder, _checked_json(folder / "run.json")))
    for name in kept[1:]:
        _checked_json(folder / name)
    record = read_record(folder)
    pedigree, id = record.pedigree, folder.name
    damage = record.damage(thorough=(*run_record.FILES, *record.artifacts))
    if record.status not in (*run_record.ENDED, "RUNNING", "QUEUED"):
        raise RecordError(f"damaged record: {folder} says that the run has {record.status!r}")
    for key in (pedigree.key, *pedigree.parents):
        if key and not is_key(key):
            raise RecordError(f"damaged record: {folder} names {key!r}, which is no run's key")
    for module in pedigree.code:
        if not all(part.isidentifier() for part in module.split(".")):
            raise RecordError(f"damaged record: {folder} names {module!r}, which is no module")
    for name in record.artifacts:
        if not run_record.is_artifact_name(name):
            raise RecordError(f"damaged record: {folder} names {name!r}, which is no name of an artifact")
    if JOURNAL not in damage:
        _check_journal(folder / JOURNAL)
    if "info.json" not in damage:
        _checked_json(folder / "info.json")
    return Contents(
        record=record,
        damage=damage,
        files=tuple(f"runs/{id}/{name}" for name in run_record.FILES if name not in damage),
        artifacts=tuple(f"runs/{id}/{name}" for name in record.artifacts if name not in damage),
        stored=stored,
        weights={f"checkpoints/{pedigree.key}/{n}": d for n, d in _weights(record.result)} if pedigree.key else {},
    )


def _checked_json(path: Path) -> Any:
    if not path.exists():
        return {}
    if path.stat().st_size > LARGEST:
        raise RecordError(f"damaged record: {path} has more than {LARGEST:,} bytes")
    content = read_bytes(path)
    if why := too_much(content):
        raise RecordError(f"damaged record: {path} {why}")
    whole = parsed(path, content)
    if not isinstance(whole, dict):
        raise RecordError(f"damaged record: {path} holds no dictionary")
    _check_plain(whole, path)
    return whole


def too_much(json: bytes) -> str:
    """Why a JSON text is not read: it would take too much memory; "" where it is."""
    if len(json) > WIDEST and (not json.isascii() or b"\\u" in json):
        return f"has more than {WIDEST:,} bytes, some of them no ASCII"
    many = json.count(b",") + json.count(b"[") + json.count(b"{") > MOST
    return f"holds more than {MOST:,} values" if many else ""


def _check_plain(whole: Any, path: Path) -> None:
    """Refuse what this project never writes and other readers fail on (lone surrogates, very deep nesting) or obey."""
    waiting = [(whole, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > DEEPEST:
            raise RecordError(f"damaged record: {path} nests lists or dictionaries more than {DEEPEST} deep")
        if isinstance(part, str) and not part.isascii() and re.search("[\ud800-\udfff]", part):
            raise RecordError(f"damaged record: {path} holds the text {part!r}, which is no Unicode")
        inner = [*part.keys(), *part.values()] if isinstance(part, dict) else part if isinstance(part, list) else ()
        waiting += [(each, depth + 1) for each in inner]
    if (key := code_in(whole)) is not None:
        raise RecordError(f"damaged record: {path} has the key {key!r}, for which Sacred would run code")


def _check_journal(path: Path) -> None:
    if not path.exists():
        return
    with files.open_regular(path) as file:
        for number, line in enumerate(iter(functools.partial(file.readline, LARGEST), b""), start=1):
            if not line.endswith(b"\n") and file.peek(1):
                raise RecordError(f"damaged record: line {number} of {path} has more than {LARGEST:,} bytes")
            if not line.endswith(b"\n"):  # torn by a kill
                return
            if why := too_much(line):
                raise RecordError(f"damaged record: line {number} of {path} {why}")
            if (names := _metrics(line)) is None:
                raise RecordError(f"damaged record: line {number} of {path} holds no metrics")
            for name in names:
                if not is_metric_name(name):
                    raise RecordError(
                        f"damaged record: line {number} of {path} names a metric {name!r}: that is markup"
                    )


def _metrics(line: bytes) -> list[str] | None:
    """The names in a line of a journal; None where it is none."""
    try:
        entry = json.loads(line)
        for metric in entry.values():
            columns = metric["steps"], metric["values"], metric["timestamps"]
            for step, value, time in zip(*columns, strict=True):
                if isinstance(step, bool) or not isinstance(step, int | float) or not isinstance(value, int | float):
                    return None
                float(value), datetime.fromisoformat(time)
    except (ValueError, OverflowError, AttributeError, KeyError, TypeError, RecursionError):
        return None
    return [*entry]


def _stored(folder: Path, run: Any) -> Iterator[str]:
    """The copies in the home that ``run.json`` names: pairs of a file's own name and the copy's."""
    try:
        named = {"_sources": run.get("experiment", {}).get("sources", []), "_resources": run.get("resources", [])}
        for place, pairs in named.items():
            for name, stored in pairs:
                own, _, file = stored.rpartition("/")
                if not isinstance(name, str) or own != place or not run_record.is_file_name(file):
                    raise RecordError(f"damaged record: {folder} names {stored!r}, which is no copy in {place}")
                yield stored
    except (AttributeError, TypeError, ValueError) as error:
        raise RecordError(f"damaged record: {folder} names its sources in no form of Sacred ({error!r})") from None


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle (of protocol 2 or later) or called as one: to read it may run anything."""
    with open(path, "rb") as file:
        return path.suffix.lower() in PICKLES or bool(_PICKLE.match(file.read(2)))


def is_intact(path: Path) -> bool:
    """Whether the copy of a source or resource has the content that its name says: runs share it by that name."""
    found = _COPY.search(path.name)
    with open(path, "rb") as file:
        return found is not None and found[1] == hashlib.file_digest(file, _md5).hexdigest()


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)  # Sacred's choice


def _weights(result: Any) -> Iterator[tuple[str, str]]:
    """File -> sha256, where a result has ``weights``, and ``kept`` (update -> digest)."""
    if isinstance(result, dict):
        kept = result.get("kept")
        steps = kept if isinstance(kept, dict) else {}
        named = {f"weights@{step}.safetensors": digest for step, digest in steps.items()}
        for name, digest in {"weights.safetensors": result.get("weights"), **named}.items():
            if isinstance(digest, str) and is_weights(name):
                yield name, digest


def parents_first(runs: Iterable[Contents]) -> list[Contents]:
    """In the order in which they can come into a registry, runs of one key by id.

    Raises ArchiveError when a run descends from itself.
    """
    runs = sorted(runs, key=lambda run: run.record.id)
    parents: dict[str, set[str]] = {}
    for run in runs:
        parents.setdefault(run.record.pedigree.key, set()).update(run.record.pedigree.parents)
    parents.pop("", None)  # no run descends from one without a key
    try:
        order = {key: place for place, key in enumerate(graphlib.TopologicalSorter(parents).static_order())}
    except graphlib.CycleError as error:
        raise ArchiveError(f"a run with the key {error.args[1][0]} descends from itself") from None
    return sorted(runs, key=lambda run: (order.get(run.record.pedigree.key, len(order)), run.record.id))


# ---- writing --------------------------------------------------------------------------------------------------------


def write_archive(
    registry: Registry, ids: Iterable[int], path: Path, *, weights: bool = True, progress: Progress | None = None
) -> dict[str, Any]:
    """Write the runs ``ids``, and all that they descend from, to the file ``path``; returns the manifest.

    What a run names and is not there, or is not what it left, is left out: the manifest's ``missing`` says so, one
    sentence each. Without
    ``weights``, so are these, by far the largest part. ``progress`` is called with (bytes done, of how many); every
    file is read twice.

    Raises KeyError when there is no such run; RecordError when its record, or that of a run it descends from, is
    damaged; ArchiveError when a run is going on, or something changes meanwhile. ``path`` is left as it was.
    """
    asked = sorted(set(ids))
    records = _ended(registry, asked)
    ancestry = forebears(registry, records)
    whole = {record.id: record for record in [*records, *ancestry.values()] if record is not None}
    runs = parents_first(contents(record.folder) for record in whole.values())
    missing = [
        f"run {run.record.id} descends from the key {key}, of which there is no finished run"
        for run in runs
        for key in run.record.pedigree.parents
        if ancestry.get(key) is None
    ]
    paths: dict[str, Path] = {}
    absent: dict[str, list[int]] = {}  # sentence -> runs: many share their sources
    for run in runs:
        paths |= _present(registry.home, run, weights, absent)
    meter = Meter(2 * sum(path.stat().st_size for path in paths.values()), progress)
    members = {name: _measured(paths[name], meter) for name in sorted(paths)}
    for run in runs:
        for name, digest in run.weights.items():
            if name in members and members[name]["sha256"] != digest:
                absent.setdefault(f"{name} is not the one that was recorded", []).append(run.record.id)
    missing += [f"{_runs(ids)}: {sentence}" for sentence, ids in absent.items()]
    recorded = {(name, digest) for run in runs for name, digest in run.weights.items()}
    named = {name for name, _ in recorded}
    members = {n: m for n, m in members.items() if n not in named or (n, m["sha256"]) in recorded}
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "runs": [
            {"id": r.id, "key": r.pedigree.key, "task": r.pedigree.task, "status": r.status, "asked": r.id in asked}
            for r in (run.record for run in runs)
        ],
        "members": members,
        "missing": missing,
    }
    with files.replacing(path) as aside, zipfile.ZipFile(aside, "w") as archive:
        archive.writestr(_info(MANIFEST), to_json(manifest))
        for name, member in members.items():
            info = _info(name)
            info.file_size = member["size"]  # says whether 32 bits are enough for it
            with archive.open(info, "w") as target:
                if _measured(paths[name], meter, target.write) != member:
                    raise ArchiveError(f"{paths[name]} changed while it was read; export again")
    return manifest


def _ended(registry: Registry, ids: list[int]) -> list[Record]:
    records = registry.records(id=ids)
    for id in set(ids) - {record.id for record in records}:
        registry.get(id)  # says what is wrong with it
    for record in records:
        if record.status == "RUNNING":
            raise ArchiveError(f"run {record.id} is going on; export it when it has ended")
    return records


def _present(home: Path, run: Contents, weights: bool, absent: dict[str, list[int]]) -> dict[str, Path]:
    """Member -> file of all that belongs to a run and is there."""
    record = run.record
    places = {name: record.folder / Path(name).name for name in (*run.files, *run.artifacts)}
    places |= {name: home / name for name in run.stored}
    if weights:
        places |= {name: home / name for name in run.weights}
        folder = home / "checkpoints" / record.pedigree.key
        if record.pedigree.key and folder.is_dir():
            places |= {f"checkpoints/{folder.name}/{p.name}": p for p in folder.iterdir() if is_weights(p.name)}
    for name, how in run.damage.items():
        absent.setdefault(f"{name} {how}", []).append(record.id)
    present = {}
    for name, path in places.items():
        if not path.is_file() or path.is_symlink():
            if name not in run.files:
                absent.setdefault(f"{name} is missing", []).append(record.id)
        elif name in run.stored and not is_intact(path):
            absent.setdefault(f"{name} is damaged", []).append(record.id)
        elif is_pickle(path):
            absent.setdefault(f"{name} is a pickle, which no import takes", []).append(record.id)
        else:
            present[name] = path
    return present


def _runs(ids: Sequence[int]) -> str:
    """``run 3``; of many, some."""
    if len(ids) == 1:
        return f"run {ids[0]}"
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return f"runs {', '.join(map(str, ids[:5]))}{more}"


def _measured(path: Path, meter: Meter, write: Callable[[bytes], Any] = len) -> dict[str, Any]:
    """Size and sha256 of a file as it is read, once, for ``write``."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            write(chunk)
            meter.add(len(chunk))
    return {"sha256": digest.hexdigest(), "size": size}


def _info(name: str) -> zipfile.ZipInfo:
    """A plain file of no particular time. Weights do not shrink, so they are not squeezed."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3  # Unix, wherever this runs
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
    return info


class Meter:
    """Tells how far a long reading has come."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def add(self, size: int) -> None:
        self.done += size
        if self.progress:
            self.progress(self.done, self.total)
