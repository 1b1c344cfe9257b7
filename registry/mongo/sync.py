"""Synchronization of runs into MongoDB, as the documents that Sacred's MongoObserver would have written.

The folder leads: what it says, the database says after the next sync, and a run that has not changed is not touched. A
copy may be cut off anywhere and go on later: the run's document names its metrics and artifacts only once they are
there, and what is being sent is written down before, so that the next copy clears up what has no name. Several
processes may copy at once (a lock for each run, on the disk beside it). Runs go in groups, a command of MongoDB for all
writes of one kind, and one by one where one of a group fails; one group is sent while the next is read. Of an artifact,
the folder does not keep the ``metadata`` and ``content_type`` that a run may give: the first is left out here, the
second guessed from the name.

A run keeps its number where that is free in the database, and gets the next free one where it is not (another machine's
registry may be copied there as well): ``cavl_sync`` says which is which.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import mimetypes
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import gridfs
import pymongo
from bson import Binary, ObjectId
from bson.errors import BSONError
from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure
from sacred.observers import MongoObserver
from sacred.serializer import flatten as _flatten

from registry import files
from registry.index import run_ids
from registry.lock import Lock
from registry.mongo.address import Store, first_of
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
#: Runs that are copied together at most, and bytes of their folders, or of what waits to be sent.
GROUP, WEIGHT = 50, 16_000_000
#: Seconds that a group waits for other processes which copy runs of it; those that they still copy then come last.
PATIENCE = 5.0
#: Bytes of a file in one document, as of GridFS.
CHUNK = gridfs.DEFAULT_CHUNK_SIZE
#: MongoDB's codes: a key is taken; a document, or what an update makes of it, has more than 16 MB.
DUPLICATE, TOO_LARGE = 11000, {10334, 17419, 17420}
#: Why a run is not copied, and the others are.
FAILURES = (RecordError, journal.JournalError, OSError, BSONError, OverflowError, OperationFailure)
#: Of each run whether it was this process that has copied it, or why it was not.
Outcomes = list[tuple[Path, bool | str]]
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
    #: (folder, name in it, stored copy) -> file, as they come.
    sources: dict[tuple[str, str, str], ObjectId] = field(default_factory=dict)

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


def _copy_all(folders: Iterable[Path], task: _Task) -> Iterator[tuple[Path, bool | str]]:
    """Yields :data:`Outcomes`. The last group needs no thread: an end of a run waits for none that hangs."""
    late: list[Path] = []
    ahead: Callable[[], Outcomes] | None = None  # sends the group that has been read
    with contextlib.ExitStack() as locks, ThreadPoolExecutor(1, "sync") as sender:
        for group in _groups(folders):
            sending: Future[Outcomes] | None = sender.submit(ahead) if ahead else None
            own = locks.enter_context(contextlib.ExitStack())
            mine, others = own.enter_context(_locked(group, PATIENCE))
            late += others
            ahead = functools.partial(_unlocking, own, _begun(mine, task))
            if sending:
                yield from sending.result()
        if ahead:
            yield from ahead()
    for folder in late:
        with _locked([folder], 600) as (mine, others):
            outcomes = _begun(mine, task)()
        yield from outcomes or [(folder, others[folder])]


def _unlocking(locks: contextlib.ExitStack, rest: Callable[[], Outcomes]) -> Outcomes:
    with locks:
        return rest()


def _groups(folders: Iterable[Path]) -> Iterator[list[Path]]:
    """A run with much in its folder goes by itself: the others of its group would be held up with it."""
    group: list[Path] = []
    weight = 0
    for folder in folders:
        own = 0
        with contextlib.suppress(OSError):  # it is told when the run is read
            own = sum(entry.stat().st_size for entry in os.scandir(folder))
        if len(group) == GROUP or (group and weight + own > WEIGHT):
            yield group
            group, weight = [], 0
        group.append(folder)
        weight += own
    if group:
        yield group


@contextlib.contextmanager
def _locked(folders: Iterable[Path], patience: float) -> Iterator[tuple[list[Path], dict[Path, str]]]:
    """Those runs that no other process copies in this block, and why not the others.

    They come in the order of their numbers, so no two processes wait for each other.
    """
    mine, others, until = [], {}, time.monotonic() + patience
    with contextlib.ExitStack() as locks:
        for folder in folders:
            lock = Lock(folder.parent / ".sync" / folder.name)
            try:
                if lock.acquire(until - time.monotonic()):
                    locks.callback(lock.release)
                    mine.append(folder)
                else:
                    others[folder] = f"another process has been copying {folder} for {patience:.0f} s"
            except OSError as error:
                others[folder] = str(error)
        yield mine, others


def _begun(folders: Sequence[Path], task: _Task) -> Callable[[], Outcomes]:
    """Read these runs and let them have their numbers; what is returned sends them, perhaps in another thread."""
    try:
        batch = _read(folders, task)
    except FAILURES as error:
        outcomes = _one_by_one(folders, task, error)
        return lambda: outcomes
    return functools.partial(_ended, batch, task)


def _ended(batch: _Batch, task: _Task) -> Outcomes:
    try:
        _send(batch, task.store)
    except FAILURES as error:
        return _one_by_one(batch.folders, task, error)
    changed = {run.folder for run in batch.runs}
    return [(folder, folder in changed) for folder in batch.folders]


def _one_by_one(folders: Sequence[Path], task: _Task, error: Exception) -> Outcomes:
    """Where a group has failed, the others shall not suffer from one; of a single run, why it is not copied."""
    if len(folders) > 1:
        return [outcome for folder in folders for outcome in _begun([folder], task)()]
    if isinstance(error, OperationFailure) and (error := first_of(error)).code not in TOO_LARGE:
        raise error  # it is the database that fails
    if isinstance(error, BSONError | OverflowError | OperationFailure):
        return [(folders[0], f"{folders[0]} holds what no document of MongoDB can ({str(error)[:200]})")]
    return [(folders[0], str(error))]


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


# ---- a group of runs ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Run:
    """A run of a group, on its way."""

    folder: Path
    stamped: str  # what the database will know of the folder's state
    document: Document
    copy: dict[str, Any]  # what the database knows of it; nothing before the run has a number
    fresh: bool = False  # nothing of it is there but the run's first document
    artifacts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def entry(self) -> dict[str, Any]:
        return self.document.entry

    @property
    def id(self) -> int:
        return int(self.folder.name)


class _Writes:
    """What waits to be sent: files, each noted in its run's copy beforehand, and metrics."""

    def __init__(self, store: Store) -> None:
        self.store = store
        collections = (store.copies, store.database["fs.chunks"], store.database["fs.files"], store.metrics)
        self._waiting: list[tuple[Any, list[Any]]] = [(collection, []) for collection in collections]
        self._weight = 0

    def upload(self, path: Path, copy: str, **about: Any) -> ObjectId:
        """Send a file; the copy notes beforehand that it does."""
        (copies, notes), (_, chunks), (_, heads), _ = self._waiting
        file = ObjectId()
        note = UpdateOne({"_id": copy}, {"$push": {"uploads": file}, "$set": {"placed": True}})
        with open(path, "rb") as source:
            start = source.read(CHUNK + 1)
            if len(start) > CHUNK:
                copies.bulk_write([note])
                source.seek(0)
                self.store.files.put(source, _id=file, chunk_size=CHUNK, **about)
                return file
        # As GridFS does, but for looking each time whether there are indexes.
        notes.append(note)
        if start:
            chunks.append(InsertOne({"files_id": file, "n": 0, "data": Binary(start)}))
        about |= {"chunkSize": CHUNK, "length": len(start), "uploadDate": datetime.datetime.now(datetime.UTC)}
        heads.append(InsertOne({"_id": file, **about}))
        self._weigh(len(start))
        return file

    def metric(self, metric: ObjectId, whole: Mapping[str, Any]) -> None:
        """Write a metric's document."""
        self._waiting[-1][1].append(ReplaceOne({"_id": metric}, whole, upsert=True))
        self._weigh(44 * len(whole["steps"]))

    def _weigh(self, more: int) -> None:
        self._weight += more
        if self._weight > WEIGHT:
            self.flush()

    def flush(self) -> None:
        """All that waits is there when this returns."""
        for collection, writes in self._waiting:
            if writes:
                collection.bulk_write(writes)
                writes.clear()
        self._weight = 0


class _Batch(NamedTuple):
    """A group that has been read: those of the folders' runs that no other process has just copied, and their files."""

    folders: Sequence[Path]
    runs: list[_Run]
    writes: _Writes


def _read(folders: Sequence[Path], task: _Task) -> _Batch:
    """Give the runs of these folders numbers and say what is to be sent of them; some of it is there already.

    Each command ends before the next begins, here and in :func:`_send`: cut off between any two, the next copy finds
    what this one left.
    """
    store, writes = task.store, _Writes(task.store)
    copies = {c["_id"]: c for c in store.copies.find({"_id": {"$in": [task.name(folder) for folder in folders]}})}
    stamps = {folder: stamp(folder) for folder in folders}
    same = {f: copies[task.name(f)]["run"] for f in folders if _same(copies.get(task.name(f), {}), stamps[f])}
    there = _existing(store.runs, same.values())
    others = [folder for folder in folders if same.get(folder) not in there]
    group = [_Run(f, stamps[f], document(f), copies.get(task.name(f), {})) for f in others]
    for run in group:
        if run.document.damage:
            task.tally.damaged[run.id] = run.document.damage
            run.stamped = ""  # it is told every time
    _place(group, task)
    for run in group:
        run.entry["experiment"]["sources"] = _sources(run, writes, task)
    _send_artifacts(group, writes)
    _send_metrics(group, writes, task.tally)
    return _Batch(folders, group, writes)


def _send(batch: _Batch, store: Store) -> None:
    """Make the database say of these runs what their folders say."""
    if not batch.runs:
        return
    batch.writes.flush()
    store.runs.bulk_write([_whole(run) for run in batch.runs])
    _clear_up(batch.runs, store)
    store.copies.bulk_write([_state(run) for run in batch.runs])


def _whole(run: _Run) -> UpdateOne:
    """The run's document, replaced whole, but for what Omniboard's users have added there: tags and notes."""
    merged = {"$mergeObjects": [{"$literal": {"_id": run.copy["run"], **run.entry}}, {"omniboard": "$omniboard"}]}
    return UpdateOne({"_id": run.copy["run"]}, [{"$replaceWith": merged}], upsert=True)


def _state(run: _Run) -> UpdateOne:
    state = {"artifacts": run.artifacts, "uploads": [], "stamp": run.stamped, "placed": True}
    return UpdateOne({"_id": run.copy["_id"]}, {"$set": state})


def _clear_up(group: Iterable[_Run], store: Store) -> None:
    """Delete the files that were replaced, or left by a copy that was cut off."""
    old = {f for r in group for f in {*r.copy["uploads"], *_files(r.copy["artifacts"])} - _files(r.artifacts)}
    named = {source["file"] for source in store.sources.find({"file": {"$in": list(old)}})} if old else set()
    for file in old - named:
        _delete(file, store)


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


def _place(group: Iterable[_Run], task: _Task) -> None:
    """Let each run have a number, one after another a higher one, and be in the database under it.

    The number is reserved before, in ``cavl_sync``, and a copy that was cut off between goes on with the reserved one.
    """
    _place_together([run for run in group if not run.copy], task)
    for run in group:
        if not run.copy or not run.copy["placed"]:
            _place_alone(run, task)


def _place_together(runs: Sequence[_Run], task: _Task) -> None:
    """Place runs that the database does not know under their own numbers, up to the first whose number is taken."""
    copies, taken = task.store.copies, 0
    places = [_place_of(run, run.id, task) for run in runs]
    reserved = places[: _insert(copies, places)]
    try:
        firsts = [_first(run, place) for run, place in zip(runs, reserved, strict=False)]
        taken = _insert(task.store.runs, firsts)
    finally:
        if taken < len(reserved):  # what comes after shall have a higher number
            copies.delete_many({"_id": {"$in": [place["_id"] for place in reserved[taken:]]}})
    for run, place in zip(runs, reserved[:taken], strict=False):
        run.copy, run.fresh = {**place, "placed": True}, True  # the next that is written of the copy says so


def _insert(collection: Any, documents: Sequence[Mapping[str, Any]]) -> int:
    """How many could be inserted up to the first whose number is taken."""
    try:
        return len(collection.insert_many(documents).inserted_ids) if documents else 0
    except BulkWriteError as error:
        if first_of(error).code != DUPLICATE:
            raise
        return int(error.details["nInserted"])


def _place_of(run: _Run, number: int, task: _Task) -> dict[str, Any]:
    place = {"_id": task.name(run.folder), "registry": task.registry, "run": number, "placed": False}
    return {**place, "uploads": [], "artifacts": []}


def _first(run: _Run, place: Mapping[str, Any]) -> dict[str, Any]:
    """The run's document as long as nothing that it names is there."""
    empty = {"experiment": {**run.entry["experiment"], "sources": []}, "artifacts": []}
    return {"_id": place["run"], **run.entry, **empty, "cavl_sync": place["_id"]}


def _place_alone(run: _Run, task: _Task) -> None:
    store, number = task.store, run.copy["run"] if run.copy else run.id
    while True:
        place = _place_of(run, number, task)
        with contextlib.suppress(DuplicateKeyError):  # reserved by another registry's copy
            store.copies.replace_one({"_id": place["_id"]}, place, upsert=True)
            there, run.fresh = _inserted(run, place, store)
            if there is not None:
                run.copy = {
                    **place,
                    "placed": True,
                    "uploads": [artifact["file_id"] for artifact in there["artifacts"]],
                }
                if run.copy["uploads"]:  # else the next that is written of the copy says so
                    store.copies.replace_one({"_id": place["_id"]}, run.copy)
                return
        number = max(_highest(store.runs, "_id"), _highest(store.copies, "run"), number) + 1


def _inserted(run: _Run, place: Mapping[str, Any], store: Store) -> tuple[Mapping[str, Any] | None, bool]:
    """The run that now has the number (``None`` if it is another than this), and whether nothing of it was there.

    One that started where and when this did is the same, written by Sacred's own observer: this copy replaces it.
    """
    first = _first(run, place)
    try:
        store.runs.insert_one(first)
    except DuplicateKeyError:
        there: dict[str, Any] = store.runs.find_one({"_id": place["run"]})
        wanted = (run.entry.get("start_time"), run.entry["host"].get("hostname"))
        same = None not in wanted and wanted == (there.get("start_time"), there.get("host", {}).get("hostname"))
        return (there if same or there.get("cavl_sync") == place["_id"] else None), False
    return first, True


def _highest(collection: Any, field: str) -> int:
    newest = collection.find_one({field: {"$type": "number"}}, {field: 1}, sort=[(field, pymongo.DESCENDING)])
    return int(newest[field]) if newest else 0


# ---- sources, artifacts, metrics ------------------------------------------------------------------------------------


def _sources(run: _Run, writes: _Writes, task: _Task) -> list[list[Any]]:
    """[name, file] of each source, stored once for each path and content."""
    experiment = run.entry["experiment"]
    sources = [(experiment["base_dir"], name, stored) for name, stored in experiment["sources"]]
    unknown = [source for source in sources if source not in task.sources]
    if unknown:
        _send_sources(run, unknown, writes, task)
    return [[source[1], task.sources[source]] for source in sources]


def _send_sources(run: _Run, sources: Iterable[tuple[str, str, str]], writes: _Writes, task: _Task) -> None:
    """Let ``task.sources`` know where each of these lies in the database; what is not there yet is sent."""
    store, home, sent = task.store, run.folder.parent, {}
    keys = {(b, n, stored): f"{files.digest_file(home / stored)} {os.path.join(b, n)}" for b, n, stored in sources}
    known = {s["_id"]: s["file"] for s in store.sources.find({"_id": {"$in": list(keys.values())}})}
    there = _existing(store.database["fs.files"], known.values())
    for (base, name, stored), key in keys.items():
        if known.get(key) not in there and key not in sent:
            sent[key] = writes.upload(home / stored, run.copy["_id"], filename=os.path.join(base, name))
    writes.flush()
    for key, file in sent.items():
        try:
            store.sources.replace_one({"_id": key, "file": known.get(key)}, {"file": file}, upsert=True)
            known[key] = file
        except DuplicateKeyError:  # another process was faster
            _delete(file, store)
            known[key] = store.sources.find_one({"_id": key})["file"]
    task.sources.update({source: known[key] for source, key in keys.items()})


def _send_artifacts(group: Iterable[_Run], writes: _Writes) -> None:
    """Let each run name its artifacts; what is there already is not sent again.

    One that is damaged is left out, but where what the run left is there already.
    """
    files_there = writes.store.database["fs.files"]
    there = _existing(files_there, {file for run in group for file in _files(run.copy["artifacts"])})
    for run in group:
        known = {(a["name"], a["digest"]): a for a in run.copy["artifacts"] if a["file"] in there}
        for name in run.entry["artifacts"]:
            damaged, path = name in run.document.damage, run.folder / name
            digest = run.document.digests[name]["sha256"] if damaged else files.digest_file(path)
            if (name, digest) in known:
                run.artifacts.append(known[name, digest])
            elif not damaged:
                about = {"filename": f"artifact://runs/{run.copy['run']}/{name}", "metadata": None}
                file = writes.upload(path, run.copy["_id"], **about, contentType=mimetypes.guess_type(name)[0])
                run.artifacts.append({"name": name, "file": file, "digest": digest})
        run.entry["artifacts"] = [{"name": kept["name"], "file_id": kept["file"]} for kept in run.artifacts]


def _files(artifacts: Iterable[Mapping[str, Any]]) -> set[Any]:
    return {artifact["file"] for artifact in artifacts}


def _delete(file: ObjectId, store: Store) -> None:
    """Unlike GridFS's own, cut off anywhere it leaves nothing that a second try does not find."""
    store.database["fs.chunks"].delete_many({"files_id": file})
    store.database["fs.files"].delete_one({"_id": file})


def _existing(collection: Any, ids: Iterable[Any]) -> set[Any]:
    wanted = list(ids)
    return {found["_id"] for found in collection.find({"_id": {"$in": wanted}}, {"_id": 1})} if wanted else set()


def _send_metrics(group: Iterable[_Run], writes: _Writes, tally: Tally) -> None:
    """Write the metrics, and let each run's info name them as MongoObserver does, and those that were thinned."""
    known: dict[int, dict[str, ObjectId]] = {run.copy["run"]: {} for run in group}
    if old := [run.copy["run"] for run in group if not run.fresh]:
        for metric in writes.store.metrics.find({"run_id": {"$in": old}}, {"run_id": 1, "name": 1}):
            known[metric["run_id"]][metric["name"]] = metric["_id"]
    for run in group:
        named, thinned = _metrics(run, known[run.copy["run"]], writes)
        if named:
            run.entry["info"] = {**run.entry["info"], "metrics": [{"name": n, "id": str(m)} for n, m in named.items()]}
        if thinned:
            run.entry["info"] = {**run.entry["info"], "thinned": thinned}
            tally.thinned[run.id] = thinned


def _metrics(run: _Run, known: dict[str, ObjectId], writes: _Writes) -> tuple[dict[str, ObjectId], list[str]]:
    """The documents of a run's metrics by name, and which were thinned; of a damaged journal what is there stays."""
    named, thinned, number = {}, [], run.copy["run"]
    if journal.JOURNAL in run.document.damage:
        return known, []
    for own_name, points in journal.read_points(run.folder).items():
        shown, name = points, journal.plain_name(own_name)
        if (count := len(points.steps)) > LONGEST:
            shown = points.at(thin(count, LONGEST))
            thinned.append(name)
            for part, first in enumerate(range(0, count, LONGEST)):
                piece = points.at(range(first, min(first + LONGEST, count)))
                whole = {"run_id": number, "name": name, "part": part, **_columns(piece)}
                writes.store.long_metrics.replace_one(
                    {"run_id": number, "name": name, "part": part}, whole, upsert=True
                )
        # An id that follows from the names: a copy that is killed and the next one write the same document.
        own_id = ObjectId(hashlib.sha256(f"{run.copy['_id']} {name}".encode()).digest()[:12])
        named[name] = known.get(name) or own_id
        writes.metric(named[name], {"run_id": number, "name": name, **_columns(shown)})
    return named, thinned


def thin(count: int, most: int) -> list[int]:
    """At most ``most`` places of so many, evenly, with the first and the last."""
    return [i * (count - 1) // (most - 1) for i in range(most)]


def _columns(points: journal.Points) -> dict[str, list[Any]]:
    return {**points._asdict(), "timestamps": list(map(datetime.datetime.fromisoformat, points.timestamps))}
