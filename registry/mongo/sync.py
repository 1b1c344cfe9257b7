"""Synchronization of runs into MongoDB, as the documents that Sacred's MongoObserver would have written.

The folder leads: what it says, the database says after the next sync, and a run that has not changed is not touched. A
copy may be cut off anywhere and go on later: the run's document names its metrics and artifacts only once they are
there, and what is being sent is written down before, so that the next copy clears up what has no name. Several
processes may copy at once (a lock for each run, on the disk beside it). Of an artifact, the folder does not keep the
``metadata`` and ``content_type`` that a run may give: the first is left out here, the second guessed from the name.

A run keeps its number where that is free in the database, and gets the next free one where it is not (another machine's
registry may be copied there as well): ``cavl_sync`` says which is which.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import mimetypes
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import gridfs
import pymongo
from bson import Binary, ObjectId
from bson.errors import BSONError
from pymongo.errors import DuplicateKeyError
from sacred.observers import MongoObserver
from sacred.serializer import flatten as _flatten

from registry import files
from registry.index import run_ids
from registry.lock import Lock
from registry.mongo.address import Store
from registry.record import journal, seal
from registry.record.ids import gate
from registry.record.run_record import FILES, RecordError, damaged_files, read_json, read_run
from registry.record.serialization import code_in

#: Points of a metric in one document. BSON takes 44 bytes a point, and a document ends at 16 MB.
LONGEST = 200_000
#: Bytes of a run's output in its document. Of more, that has both ends, and the whole is stored as an artifact.
LONGEST_OUTPUT = 4_000_000
#: What of a run's folder its copy depends on, artifacts and resources apart (``run.json`` names those).
WATCHED = ("run.json", "config.json", "info.json", "cout.txt", journal.JOURNAL)
#: Runs that are copied at once.
LANES = 3
#: Bytes of a file in one document, as of GridFS.
CHUNK = gridfs.DEFAULT_CHUNK_SIZE
#: A file system may keep whole seconds only: a file this young may still change without its time changing.
YOUNG = 2.0


@dataclass(slots=True)
class Tally:
    """What a sync has done."""

    new: int = 0
    renewed: int = 0
    unchanged: int = 0
    failed: dict[int, str] = field(default_factory=dict)  # run -> why it was not copied
    thinned: dict[int, list[str]] = field(default_factory=dict)  # run -> metrics of which `metrics` shows every k-th
    damaged: dict[int, dict[str, str]] = field(default_factory=dict)  # run -> what of it was left out, and why

    def __str__(self) -> str:
        runs = self.new + self.renewed + self.unchanged + len(self.failed)
        text = f"{runs} runs: {self.new} new, {self.renewed} renewed, {self.unchanged} unchanged"
        text += f", {len(self.failed)} not copied" if self.failed else ""
        return text + (f", {len(self.damaged)} in parts" if self.damaged else "")


@dataclass(slots=True)
class _Task:
    """What all runs of one sync have in common."""

    registry: str  # its identity
    store: Store
    tally: Tally = field(default_factory=Tally)
    sources: dict[tuple[str, str], ObjectId] = field(default_factory=dict)  # (path, stored copy) -> file, as they come

    def name(self, folder: Path) -> str:
        """Of a run in ``cavl_sync``."""
        return f"{self.registry}/{folder.name}"


def sync(
    home: Path, store: Store, runs: Iterable[int] | None = None, progress: Callable[[int, int], None] | None = None
) -> Tally:
    """Bring the database up to what the folders in ``home`` say: of all runs, or of ``runs``.

    ``store`` is of :func:`registry.mongo.address.opened`; ``progress`` is called with (done, of how many).

    Raises MongoError or pymongo.errors.PyMongoError when the database fails. A run that cannot be read is counted, and
    the others go on.
    """
    task = _Task(identity(home), store)
    tally, ids = task.tally, sorted(run_ids(home) if runs is None else runs)
    names = [task.name(home / str(id)) for id in ids]
    copies = {c["_id"]: c for c in store.copies.find({"_id": {"$in": names}}, {"run": 1, "stamp": 1})}
    there = _existing(store.runs, [copy["run"] for copy in copies.values()])

    def is_there(id: int, name: str) -> bool:
        copy = copies.get(name)
        return copy is not None and copy["run"] in there and _same(copy, stamp(home / str(id)))

    changed = [home / str(id) for id, name in zip(ids, names, strict=True) if not is_there(id, name)]
    tally.unchanged = len(ids) - len(changed)
    if progress:
        progress(tally.unchanged, len(ids))
    for folder, outcome in _copy_all(changed, task):
        if isinstance(outcome, str):
            tally.failed[int(folder.name)] = outcome
        elif not outcome:
            tally.unchanged += 1  # another process was faster
        elif task.name(folder) in copies:
            tally.renewed += 1
        else:
            tally.new += 1
        if progress:
            progress(tally.unchanged + tally.renewed + tally.new + len(tally.failed), len(ids))
    return tally


def _copy_all(folders: Sequence[Path], task: _Task) -> Iterator[tuple[Path, bool | str]]:
    """Of each run whether it was this process that has copied it, or why it was not; while one waits, others go on."""
    if len(folders) <= 1:  # of a run that goes on: its thread ends with the program, as those of a pool do not
        yield from ((folder, _copied(folder, task, contextlib.nullcontext())) for folder in folders)
        return
    turns = [threading.Event() for _ in folders]

    def copied(number: int) -> bool | str:
        try:
            return _copied(folders[number], task, _turn(turns, number))
        finally:
            turns[number].set()

    pool = ThreadPoolExecutor(LANES)
    try:
        yield from zip(folders, pool.map(copied, range(len(folders))), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _turn(turns: Sequence[threading.Event], number: int) -> Iterator[None]:
    """What is done in this block is done in the order of the runs."""
    if number > 0:
        turns[number - 1].wait()
    yield
    turns[number].set()


def _copied(folder: Path, task: _Task, turn: AbstractContextManager[None]) -> bool | str:
    try:
        return _copy_alone(folder, task, turn)
    except (RecordError, journal.JournalError, OSError) as error:
        return str(error)
    except (BSONError, OverflowError) as error:
        return f"{folder} holds what no document of MongoDB can ({str(error)[:200]})"


def identity(home: Path) -> str:
    """The registry's own name, drawn once: by it, copies of several registries in one database are told apart."""
    path = home / "identity"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    with gate(home):
        if not path.exists():
            files.atomic_write(path, f"{uuid.uuid4()}\n")
        return path.read_text().strip()


def stamp(folder: Path) -> str:
    """What changes whenever a watched file of a run changes; "" while one is so young that it might not."""
    parts = []
    for name in WATCHED:
        try:
            status = os.stat(folder / name)
        except FileNotFoundError:
            continue
        if _now() - status.st_mtime < YOUNG:
            return ""
        parts.append(f"{name} {status.st_mtime_ns} {status.st_size}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _same(copy: Mapping[str, Any], stamped: str) -> bool:
    return bool(stamped) and copy.get("stamp") == stamped


def _now() -> float:
    return datetime.datetime.now().timestamp()


# ---- one run --------------------------------------------------------------------------------------------------------


def _copy_alone(folder: Path, task: _Task, turn: AbstractContextManager[None]) -> bool:
    """Copy a run unless another process has just done so; returns whether it was this one.

    In ``turn`` runs get numbers, so that one after another has a higher one, and sources are sent, once.
    """
    lock = Lock(folder.parent / ".sync" / folder.name)
    if not lock.acquire(patience=600):
        raise OSError(f"another process has been copying {folder} for ten minutes")
    try:
        copy = task.store.copies.find_one({"_id": task.name(folder)})
        before = stamp(folder)
        if copy and _same(copy, before) and _existing(task.store.runs, [copy["run"]]):
            return False
        thinned = _copy(folder, copy, before, task, turn)
        if thinned:
            task.tally.thinned[int(folder.name)] = thinned
        return True
    finally:
        lock.release()


def _copy(
    folder: Path, copy: dict[str, Any] | None, stamped: str, task: _Task, turn: AbstractContextManager[None]
) -> list[str]:
    """Make the database say of one run what its folder says; returns the metrics that had to be thinned.

    ``copy`` is what the database knew of it, ``stamped`` what it will know of the folder's state.
    """
    store, (entry, damage, digests) = task.store, document(folder)
    if damage:
        task.tally.damaged[int(folder.name)] = damage
        stamped = ""  # it is told every time
    with turn:
        if copy is None or not copy["placed"]:
            copy = _placed(entry, folder, copy, task)
        entry["experiment"]["sources"] = _sources(folder.parent, entry["experiment"], copy["_id"], task)
    names = {name: digests[name]["sha256"] if name in damage else "" for name in entry["artifacts"]}
    artifacts = _artifacts(folder, names, copy, store)
    entry["artifacts"] = [{"name": kept["name"], "file_id": kept["file"]} for kept in artifacts]
    entry["info"], thinned = _metrics(folder, journal.JOURNAL in damage, copy, entry["info"], store)
    # Replaced whole, but for what Omniboard's users have added there: tags and notes.
    merged = {"$mergeObjects": [{"$literal": {"_id": copy["run"], **entry}}, {"omniboard": "$omniboard"}]}
    store.runs.update_one({"_id": copy["run"]}, [{"$replaceWith": merged}], upsert=True)
    for file in {*copy["uploads"], *_files(copy["artifacts"])} - _files(artifacts):
        if not store.sources.find_one({"file": file}):
            _delete(file, store)  # replaced, or left by a copy that was cut off
    state = {"artifacts": artifacts, "uploads": [], "stamp": stamped, "placed": True}
    store.copies.update_one({"_id": copy["_id"]}, {"$set": state})
    return thinned


class Document(NamedTuple):
    """What a run's folder says: ``entry`` without what is no longer what the run left."""

    entry: dict[str, Any]
    damage: dict[str, str]  # file -> in what it differs
    digests: Mapping[str, Mapping[str, Any]]  # of all files, where the run had ended


def document(folder: Path) -> Document:
    """The run's document, but without its number and metrics, and with the names of its sources' and artifacts' files.

    Raises RecordError or OSError when the folder cannot be read.
    """
    run = read_run(folder)
    try:
        digests = run.get(seal.FILES, {})
        damage = damaged_files(folder, digests, [*FILES, *run.get("artifacts", ())])
        if "config.json" in damage:
            raise RecordError(f"damaged record: {folder / 'config.json'} {damage['config.json']}")
        host = {name: value for name, value in run["host"].items() if name != "pid"}
        experiment = {**run["experiment"], "sources": list(run["experiment"]["sources"])}
        info = read_json(folder / "info.json") if (folder / "info.json").exists() and "info.json" not in damage else {}
        if run.get("resumptions"):
            info = {**info, "resumptions": run["resumptions"]}
        entry = {"experiment": experiment, "command": run["command"], "host": host}
        entry |= {"config": flattened(read_json(folder / "config.json")), "meta": run["meta"], "status": run["status"]}
        if run["status"] == "QUEUED":
            return Document({**entry, "artifacts": [], "info": {}}, damage, digests)
        said, shortened = ("", False) if "cout.txt" in damage else _output(folder)
        entry |= {
            "format": MongoObserver.VERSION,
            "start_time": _time(run["start_time"]),
            # The MD5 is in the name of the copy: _resources/table_<md5>.csv.
            "resources": [(name, Path(copy).stem.rpartition("_")[2]) for name, copy in run.get("resources", ())],
            "artifacts": [*run.get("artifacts", ()), *(["cout.txt"] if shortened else [])],
            "captured_out": said,
            "info": flattened(info),
            "heartbeat": _time(run.get("heartbeat")),
        }
        if run.get("stop_time"):
            entry["stop_time"] = _time(run["stop_time"])
        for name in ("result", "fail_trace"):
            if name in run:
                entry[name] = flattened(run[name])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordError(f"damaged record: {folder} holds no run of Sacred ({error!r})") from None
    return Document(entry, damage, digests)


def _output(folder: Path) -> tuple[str, bool]:
    """What the run has said, and whether that leaves its middle out."""
    said = (folder / "cout.txt").read_bytes() if (folder / "cout.txt").exists() else b""
    if len(said) <= LONGEST_OUTPUT:
        return said.decode(errors="replace"), False
    head, tail = said[: LONGEST_OUTPUT // 2], said[-LONGEST_OUTPUT // 2 :]
    left_out = f"\n[... {len(said) - len(head) - len(tail):,} bytes are left out here; the artifact cout.txt has all]\n"
    return head.decode(errors="replace") + left_out + tail.decode(errors="replace"), True


def flattened(value: Any) -> Any:
    """As MongoObserver stores values.

    Raises ValueError for what readers of Sacred's records would run code for.
    """
    if (key := code_in(value)) is not None:
        raise ValueError(f"the key {key!r}, for which Sacred would run code")
    return _flatten(value)  # type: ignore[no-untyped-call]


def _time(text: str | None) -> datetime.datetime | None:
    """As MongoDB keeps times: in milliseconds, UTC without saying so, as Sacred's clock is."""
    if text is None:
        return None
    time = datetime.datetime.fromisoformat(text)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _placed(entry: Mapping[str, Any], folder: Path, copy: Mapping[str, Any] | None, task: _Task) -> dict[str, Any]:
    """Take a number for a run and insert the run under it; returns what the database knows of the copy from then on.

    The number is reserved before, in ``cavl_sync``, and a copy that was cut off between goes on with the reserved one.
    """
    store, name, number = task.store, task.name(folder), copy["run"] if copy else int(folder.name)
    while True:
        placed: dict[str, Any] = {"_id": name, "registry": task.registry, "run": number, "placed": False}
        placed |= {"uploads": [], "artifacts": []}
        with contextlib.suppress(DuplicateKeyError):  # reserved by another registry's copy
            store.copies.replace_one({"_id": name}, placed, upsert=True)
            there, fresh = _inserted(number, entry, name, store)
            if there is not None:
                placed |= {"placed": True, "uploads": [artifact["file_id"] for artifact in there["artifacts"]]}
                if placed["uploads"]:  # else the next that is written of the copy says so
                    store.copies.replace_one({"_id": name}, placed)
                return {**placed, "fresh": fresh}
        number = max(_highest(store.runs, "_id"), _highest(store.copies, "run"), number) + 1


def _inserted(number: int, entry: Mapping[str, Any], name: str, store: Store) -> tuple[Mapping[str, Any] | None, bool]:
    """The run that now has the number (``None`` if it is another than this), and whether nothing of it was there.

    One that started where and when this did is the same, written by Sacred's own observer: this copy replaces it.
    """
    first = {"_id": number, **entry, "experiment": {**entry["experiment"], "sources": []}, "artifacts": []}
    first["cavl_sync"] = name
    try:
        store.runs.insert_one(first)
    except DuplicateKeyError:
        there: dict[str, Any] = store.runs.find_one({"_id": number})
        wanted = (entry.get("start_time"), entry["host"].get("hostname"))
        same = None not in wanted and wanted == (there.get("start_time"), there.get("host", {}).get("hostname"))
        return (there if same or there.get("cavl_sync") == name else None), False
    return first, True


def _highest(collection: Any, field: str) -> int:
    newest = collection.find_one({field: {"$type": "number"}}, {field: 1}, sort=[(field, pymongo.DESCENDING)])
    return int(newest[field]) if newest else 0


# ---- sources, artifacts, metrics ------------------------------------------------------------------------------------


def _sources(home: Path, experiment: Mapping[str, Any], copy: str, task: _Task) -> list[list[Any]]:
    """[name, file] of each source, stored once for each path and content."""
    paths = {name: (os.path.join(experiment["base_dir"], name), stored) for name, stored in experiment["sources"]}
    unknown = [key for key in paths.values() if key not in task.sources]
    _send_sources(home, unknown, copy, task)
    return [[name, task.sources[paths[name]]] for name, _ in experiment["sources"]]


def _send_sources(home: Path, sources: Iterable[tuple[str, str]], copy: str, task: _Task) -> None:
    """Let ``task.sources`` know where each of these lies in the database; what is not there yet is sent."""
    store = task.store
    keys = {source: f"{files.digest_file(home / source[1])} {source[0]}" for source in sources}
    known = {s["_id"]: s["file"] for s in store.sources.find({"_id": {"$in": list(keys.values())}})} if keys else {}
    there = _existing(store.database["fs.files"], known.values())
    for (path, stored), key in keys.items():
        file: Any = known.get(key)
        if file not in there:
            before = {"_id": key, "file": file}
            file = _uploaded(home / stored, copy, store, filename=path)
            try:
                store.sources.replace_one(before, {"file": file}, upsert=True)
            except DuplicateKeyError:  # another process was faster
                _delete(file, store)
                file = store.sources.find_one({"_id": key})["file"]
        task.sources[path, stored] = file


def _artifacts(folder: Path, names: Mapping[str, str], copy: Mapping[str, Any], store: Store) -> list[dict[str, Any]]:
    """Name, file and digest of each artifact; what is there already is not sent again.

    Of one that is damaged ``names`` has the digest of then: it is left out where that is not there already.
    """
    there = _existing(store.database["fs.files"], _files(copy["artifacts"]))
    known = {(a["name"], a["digest"]): a for a in copy["artifacts"] if a["file"] in there}
    kept = []
    for name, then in names.items():
        digest = then or files.digest_file(folder / name)
        if (name, digest) in known:
            kept.append(known[name, digest])
        if then or (name, digest) in known:
            continue
        about = {"filename": f"artifact://runs/{copy['run']}/{name}", "metadata": None}
        file = _uploaded(folder / name, copy["_id"], store, **about, contentType=mimetypes.guess_type(name)[0])
        kept.append({"name": name, "file": file, "digest": digest})
    return kept


def _files(artifacts: Iterable[Mapping[str, Any]]) -> set[Any]:
    return {artifact["file"] for artifact in artifacts}


def _uploaded(path: Path, copy: str, store: Store, **about: Any) -> ObjectId:
    """Send a file; the copy notes beforehand that it does."""
    file = ObjectId()
    store.copies.update_one({"_id": copy}, {"$push": {"uploads": file}, "$set": {"placed": True}})
    with open(path, "rb") as source:
        start = source.read(CHUNK + 1)
        if len(start) > CHUNK:
            source.seek(0)
            store.files.put(source, _id=file, chunk_size=CHUNK, **about)
            return file
    # As GridFS does, but for looking each time whether there are indexes.
    if start:
        store.database["fs.chunks"].insert_one({"files_id": file, "n": 0, "data": Binary(start)})
    about |= {"chunkSize": CHUNK, "length": len(start), "uploadDate": datetime.datetime.now(datetime.UTC)}
    store.database["fs.files"].insert_one({"_id": file, **about})
    return file


def _delete(file: ObjectId, store: Store) -> None:
    """Unlike GridFS's own, cut off anywhere it leaves nothing that a second try does not find."""
    store.database["fs.chunks"].delete_many({"files_id": file})
    store.database["fs.files"].delete_one({"_id": file})


def _existing(collection: Any, ids: Iterable[Any]) -> set[Any]:
    wanted = list(ids)
    return {found["_id"] for found in collection.find({"_id": {"$in": wanted}}, {"_id": 1})} if wanted else set()


def _metrics(
    folder: Path, damaged: bool, copy: Mapping[str, Any], info: dict[str, Any], store: Store
) -> tuple[dict[str, Any], list[str]]:
    """Write the metrics; returns ``info`` as MongoObserver leaves it, naming them, and those that were thinned.

    Of a journal that is damaged there stays what is there.
    """
    written: list[Any] = []
    listed, thinned, number = [], [], copy["run"]
    there = () if copy.get("fresh") else store.metrics.find({"run_id": number}, {"name": 1})
    known = {metric["name"]: metric["_id"] for metric in there}
    if damaged:
        listed = [{"name": name, "id": str(metric)} for name, metric in known.items()]
    for own_name, points in ({} if damaged else journal.read_points(folder)).items():
        shown, name = points, journal.plain_name(own_name)
        if (count := len(points.steps)) > LONGEST:
            shown = points.at(thin(count, LONGEST))
            thinned.append(name)
            for part, first in enumerate(range(0, count, LONGEST)):
                piece = points.at(range(first, min(first + LONGEST, count)))
                whole = {"run_id": number, "name": name, "part": part, **_columns(piece)}
                store.long_metrics.replace_one({"run_id": number, "name": name, "part": part}, whole, upsert=True)
        # An id that follows from the names: a copy that is killed and the next one write the same document.
        metric = known.get(name) or ObjectId(hashlib.sha256(f"{copy['_id']} {name}".encode()).digest()[:12])
        whole = {"run_id": number, "name": name, **_columns(shown)}
        written.append(pymongo.ReplaceOne({"_id": metric}, whole, upsert=True))
        listed.append({"name": name, "id": str(metric)})
    if written:
        store.metrics.bulk_write(written)
    if listed:
        info = {**info, "metrics": listed}
    if thinned:
        info = {**info, "thinned": thinned}
    return info, thinned


def thin(count: int, most: int) -> list[int]:
    """At most ``most`` places of so many, evenly, with the first and the last."""
    return [i * (count - 1) // (most - 1) for i in range(most)]


def _columns(points: journal.Points) -> dict[str, list[Any]]:
    return {**points._asdict(), "timestamps": [datetime.datetime.fromisoformat(time) for time in points.timestamps]}
