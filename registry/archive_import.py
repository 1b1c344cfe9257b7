"""Import of runs from an archive (:mod:`registry.archive_export`), which may come from anywhere.

All of it is checked before anything of it shows: it is unpacked into a folder aside, where every member must have the
size and digest that the manifest says and belong to a run that is one. Then each run is put in its place by renaming,
its sources and weights before it and its parents before those, so a kill at any moment leaves whole runs only, and
doing it again does the rest. Nothing in an archive is executed or unpickled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import struct
import uuid
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from registry import archive_export, files
from registry.archive_export import LARGEST, MANIFEST, ArchiveError, Contents, Meter, Progress, contents, parents_first
from registry.index import DIGITS, Registry
from registry.lock import Lock
from registry.provenance.keys import is_key
from registry.record.ids import gate, keep_id, next_id
from registry.record.run_record import (
    FILES,
    IMPORTED,
    LOCK,
    Pedigree,
    RecordError,
    is_artifact_name,
    is_file_name,
    read_json,
)
from registry.record.serialization import redact, to_json

#: Bytes that an archive may unpack to, unless the user says otherwise.
LIMIT = 20 * 10**9
#: Members of an archive, and bytes of the zip's own list of them.
MEMBERS, DIRECTORY = 100_000, 32 << 20
_ID = re.compile(rf"0|[1-9][0-9]{{0,{DIGITS - 1}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a run of an archive came in, or why not."""

    id: int  # in the archive
    here: int
    new: bool  # or it was here already


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """Size and hash of a member, by the manifest."""

    size: int
    sha256: str


def read_archive(
    registry: Registry, path: Path, *, limit: int = LIMIT, progress: Progress | None = None
) -> tuple[list[Arrival], list[str]]:
    """Bring the runs of the archive ``path`` into ``registry``, each under the next free id.

    A run that is here already stays as it is; weights and sources of it that are missing here come in. ``limit`` is how
    many bytes the archive may unpack to; ``progress`` is called with (bytes done, of how many). Returns the arrivals,
    parents first, and what the archive lacks, as its manifest says, one sentence each.

    Raises ArchiveError when it is no such archive, or damaged, or not to be trusted, or would replace weights here
    (nothing comes in); DiskFullError when there is no room (runs that have come in are whole).
    """
    with contextlib.ExitStack() as stack:
        with _reading(path):
            file = stack.enter_context(open(path, "rb"))
            archive = _Archive(path, file, limit)
        aside = registry.home / f".import.{uuid.uuid4().hex}.aside"
        stack.callback(shutil.rmtree, aside, ignore_errors=True)
        alive = Lock(aside / LOCK)  # says to gc that this is no leftover
        stack.callback(alive.release)
        alive.acquire()
        with files.disk_errors(aside):
            archive.unpack(aside, progress)
            runs = archive.runs(aside, registry.home)
            with gate(registry.home):
                return _put(registry, archive, aside, runs), archive.missing


# ---- checking -------------------------------------------------------------------------------------------------------


class _Archive:
    """The zip in ``file``: its list of members and its manifest are checked, and nothing else of it has been read."""

    def __init__(self, path: Path, file: BufferedReader, limit: int) -> None:
        self.path = path
        self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if _directory_size(file) > DIRECTORY:
            raise self.refused(f"its list of members has more than {DIRECTORY:,} bytes")
        self._zip = zipfile.ZipFile(file)
        infos = self._zip.infolist()
        if len(infos) > MEMBERS:
            raise self.refused(f"it has more than {MEMBERS:,} members")
        for info in infos:
            self._check_entry(info)
        entries = {info.filename: info for info in infos}
        if len(entries) < len(infos):
            raise self.refused("several of its members have one name")
        if sum(info.file_size for info in infos) > limit:
            raise self.refused(f"it unpacks to more than {limit:,} bytes; --limit allows more")
        manifest = self._manifest(entries.pop(MANIFEST, None))
        try:
            self.members = {name: ArchiveMember(m["size"], m["sha256"]) for name, m in manifest["members"].items()}
            self.ids = sorted(run["id"] for run in manifest["runs"])
            self.missing = [str(sentence) for sentence in manifest["missing"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise self.refused(
                f"its manifest has not the form of version {archive_export.VERSION} ({error!r})"
            ) from None
        for name in self.members.keys() ^ entries.keys():
            raise self.refused(f"manifest and content disagree on whether there is a member {name!r}")
        for name, info in entries.items():
            if info.file_size != self.members[name].size:
                raise self.refused(f"manifest and content disagree on the size of {name!r}")
        folders = {name.split("/")[1] for name in entries if name.startswith("runs/")}
        if folders != set(map(str, self.ids)) or not folders:
            raise self.refused("manifest and content disagree on the runs in it")

    def refused(self, why: str) -> ArchiveError:
        return ArchiveError(f"{self.path} is refused: {why}")

    def _check_entry(self, info: zipfile.ZipInfo) -> None:
        name = info.orig_filename
        if name != info.filename or not all(map(is_file_name, name.split("/"))):
            raise self.refused(f"its member {name!r} might land outside of the registry")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG) or info.external_attr & 0x10:
            raise self.refused(f"its member {name!r} is no file, but a link, a folder or a device")
        if info.flag_bits & 0x41:
            raise self.refused(f"its member {name!r} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self.refused(f"its member {name!r} is compressed in another way than by deflation")
        if not _is_member(name):
            raise self.refused(f"its member {name!r} is nothing that belongs to a run")

    def _manifest(self, info: zipfile.ZipInfo | None) -> Mapping[str, Any]:
        if info is None:
            raise self.refused(f"it has no {MANIFEST}; cavl-bench runs export writes archives")
        if info.file_size > LARGEST:
            raise self.refused(f"its manifest has more than {LARGEST:,} bytes")
        try:
            content = self._zip.read(info)
            if why := archive_export.too_much(content):
                raise self.refused(f"its manifest {why}")
            manifest = json.loads(content)
        except ArchiveError:
            raise
        except (ValueError, RecursionError) as error:
            raise self.refused(f"its manifest is no JSON ({error})") from None
        if not isinstance(manifest, dict) or manifest.get("format") != archive_export.FORMAT:
            raise self.refused("its manifest is of something else than runs of this benchmark")
        if manifest.get("version") != archive_export.VERSION:
            version = manifest.get("version")
            raise self.refused(f"it has version {version!r} of the format; this program reads {archive_export.VERSION}")
        return manifest

    def unpack(self, aside: Path, progress: Progress | None) -> None:
        """Write every member into the folder ``aside``; each has the size and digest that the manifest says."""
        meter = Meter(sum(member.size for member in self.members.values()), progress)
        for name, member in self.members.items():
            target, digest, size = aside / name, hashlib.sha256(), 0
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "xb") as file:
                for chunk in self._chunks(name):
                    size += len(chunk)
                    if size > member.size:  # whatever the zip said
                        break
                    digest.update(chunk)
                    file.write(chunk)
                    meter.add(len(chunk))
                file.flush()
                os.fsync(file.fileno())
            if (size, digest.hexdigest()) != (member.size, member.sha256):
                raise self.refused(f"its member {name!r} is not the one of which the manifest tells")

    def _chunks(self, name: str) -> Iterator[bytes]:
        with _reading(self.path), self._zip.open(name) as file:
            while chunk := file.read(archive_export.CHUNK):
                yield chunk

    def runs(self, aside: Path, home: Path) -> list[Contents]:
        """The unpacked runs, parents first: each is one, and every member belongs to one."""
        try:
            runs = parents_first(self._slim(contents(aside / "runs" / str(id)), home) for id in self.ids)
        except (RecordError, ArchiveError) as error:
            raise self.refused(str(error).replace(f"{aside}/", "")) from None
        keys = {run.record.pedigree.key for run in runs}
        named = {name for run in runs for name in (*run.files, *run.artifacts, *run.stored)}
        recorded: defaultdict[str, set[str]] = defaultdict(set)
        for run in runs:
            for name, digest in run.weights.items():
                recorded[name].add(digest)
        for name, member in self.members.items():
            place, *_ = parts = name.split("/")
            if place == "checkpoints" and parts[1] in keys:
                if name in recorded and member.sha256 not in recorded[name]:
                    raise self.refused(f"its member {name!r} is not what a run with that key recorded")
            elif name not in named:
                raise self.refused(f"its member {name!r} belongs to no run in it")
            elif place != "runs" and not archive_export.is_intact(aside / name):
                raise self.refused(f"its member {name!r} has another content than its name says")
            if place != "checkpoints" and archive_export.is_pickle(aside / name):
                raise self.refused(f"its member {name!r} is a pickle: to read it may run anything")
        return runs

    def _slim(self, run: Contents, home: Path) -> Contents:
        """What is still asked for when all runs are known: together they may say more than fits into the memory."""
        pedigree = Pedigree(key=run.record.pedigree.key, task="", parents=tuple({*run.record.pedigree.parents}))
        nothing: dict[str, Any] = {"config": {}, "result": None, "host": {}, "artifacts": (), "digests": {}}
        nothing |= {"start_time": "", "fail_trace": (), "resumptions": ()}
        here = {name: tuple(n for n in getattr(run, name) if n in self.members) for name in _NAMES}
        weights = {n: digest for n, digest in run.weights.items() if n in self.members or (home / n).exists()}
        record = dataclasses.replace(run.record, pedigree=pedigree, **nothing)
        return dataclasses.replace(run, record=record, damage={}, weights=weights, **here)


#: Of :class:`Contents`: what belongs to the run.
_NAMES = ("files", "artifacts", "stored")


def _is_member(name: str) -> bool:
    """Whether a member of an archive may have this name; all its parts are names of files."""
    match name.split("/"):
        case ["runs", id, file]:
            return bool(_ID.fullmatch(id)) and (file in FILES or is_artifact_name(file))
        case ["checkpoints", key, file]:
            return is_key(key) and archive_export.is_weights(file)
        case ["_sources" | "_resources", _]:
            return True
        case _:
            return name == MANIFEST


def _directory_size(file: BufferedReader) -> int:
    """Bytes of a zip's list of members, by the 22 bytes that end it, or the 56 of a large one before 20 between.

    The module zipfile reads so many bytes at once, and the whole file is searched for these 22 where they are not last.
    """
    file.seek(max(0, file.seek(0, os.SEEK_END) - 98))
    tail = file.read()
    end = tail[-22:]
    if len(end) < 22 or not end.startswith(b"PK\5\6") or not end.endswith(b"\0\0"):
        raise zipfile.BadZipFile("it does not end as a zip does: it is cut off, or something else")
    if tail[-42:].startswith(b"PK\6\7") and tail.startswith(b"PK\6\6") and len(tail) == 98:
        return int(struct.unpack_from("<Q", tail, 40)[0])
    return int(struct.unpack_from("<L", end, 12)[0])


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever reading a damaged zip raises, in one sentence."""
    try:
        yield
    except ArchiveError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error) as error:
        raise ArchiveError(f"{path} cannot be read as an archive of runs: {error}") from None


# ---- taking in ------------------------------------------------------------------------------------------------------


def _put(registry: Registry, archive: _Archive, aside: Path, runs: Sequence[Contents]) -> list[Arrival]:
    home = registry.home
    here = _here(registry, runs)
    digests = {run.record.id: archive.members[f"runs/{run.record.id}/run.json"].sha256 for run in runs}
    weights: defaultdict[str, list[str]] = defaultdict(list)  # key -> members
    for name in archive.members:
        if name.startswith("checkpoints/"):
            weights[name.split("/")[1]].append(name)
    _check_weights(registry, archive, [run for run in runs if digests[run.record.id] not in here], weights)
    arrivals = []
    for run in runs:
        id, digest = run.record.id, digests[run.record.id]
        for name in (*run.stored, *weights[run.record.pedigree.key]):
            if (aside / name).exists() and not (home / name).exists():
                _move(aside / name, home / name)
        new = digest not in here
        if new:
            folder = aside / "runs" / str(id)
            time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            origin = {"id": id, "archive": redact(archive.path.name), "sha256": archive.sha256, "time": time}
            files.atomic_write(folder / IMPORTED, to_json({**origin, "run.json": digest}))
            here[digest] = next_id(home)
            keep_id(home, here[digest])
            os.rename(folder, home / str(here[digest]))
        arrivals.append(Arrival(id=id, here=here[digest], new=new))
    return arrivals


def _here(registry: Registry, runs: Sequence[Contents]) -> dict[str, int]:
    """Sha256 of ``run.json`` -> id of the runs here with the same keys; for imported ones also what it was then."""
    found: dict[str, int] = {}
    for summary in registry.summaries(key=list({run.record.pedigree.key for run in runs})):
        folder = registry.home / str(summary.id)
        if (folder / IMPORTED).exists():
            found[str(read_json(folder / IMPORTED).get("run.json"))] = summary.id
        found[files.digest_file(folder / "run.json")] = summary.id
    return found


def _check_weights(
    registry: Registry, archive: _Archive, new: Sequence[Contents], weights: Mapping[str, Sequence[str]]
) -> None:
    """Refuse runs whose weights are others than those that lie here under their key, or soon will."""
    newest = {run.record.pedigree.key: run for run in new}  # of each key
    wanted = {
        key: {**run.weights, **{name: archive.members[name].sha256 for name in weights.get(key, ())}}
        for key, run in newest.items()
    }
    for summary in registry.summaries(key=[key for key in wanted if wanted[key]], status="RUNNING"):
        raise archive.refused(
            f"run {summary.id} here is going on and will leave weights for the key {summary.key}; "
            "import when it has ended"
        )
    for key, digests in wanted.items():
        for name, digest in digests.items():
            path = registry.home / name
            if path.exists() and files.digest_file(path) != digest:
                raise archive.refused(
                    f"{path} holds other weights than its run {newest[key].record.id}, and runs here rely on them; "
                    "import it into a registry of its own (--home DIR)"
                )


def _move(aside: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(aside, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        files.atomic_copy(aside, path)  # checkpoints may be kept on a disk of their own
