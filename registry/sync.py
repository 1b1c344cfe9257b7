"""Copy runs from their folders into MongoDB, in the documents that Sacred's MongoObserver would have written.

The folder leads: what it says, the database says after the next sync, and a run that has not changed is not touched. A
copy may be cut off anywhere and go on later; the run's document names its metrics and artifacts only once they are
there. Several processes may copy at once (a lock for each run, on the disk beside it).

A run keeps its number where that is free in the database, and gets the next free one where it is not (another machine's
registry may be copied there as well): ``cavl_sync`` says which is which.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import mimetypes
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import DuplicateKeyError
from sacred.observers import MongoObserver
from sacred.serializer import flatten as _flatten

from registry import files, journal
from registry.index import run_ids
from registry.lock import Lock
from registry.mongo import Store
from registry.record import RecordError, read_json

#: Points of a metric in one document. BSON takes 44 bytes a point, and a document ends at 16 MB.
LONGEST = 200_000

#: What of a run's folder its copy depends on, artifacts and resources apart (``run.json`` names those).
WATCHED = ("run.json", "config.json", "info.json", "cout.txt", journal.JOURNAL)

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

    def __str__(self) -> str:
        runs = self.new + self.renewed + self.unchanged + len(self.failed)
        text = f"{runs} runs: {self.new} new, {self.renewed} renewed, {self.unchanged} unchanged"
        return text + (f", {len(self.failed)} not copied" if self.failed else "")


def sync(
    home: Path, store: Store, runs: Iterable[int] | None = None, progress: Callable[[int, int], None] | None = None
) -> Tally:
    """Bring the database up to what the folders in ``home`` say.

    Parameters
    ----------
    home
        Folder of the runs.
    store
        Of :func:`registry.mongo.opened`.
    runs
        Only these; default: all.
    progress
        Called with (done, of how many).

    Raises
    ------
    MongoError, pymongo.errors.PyMongoError
        When the database fails. A run that cannot be read is counted, and the others go on.
    """
    registry = identity(home)
    ids = sorted(run_ids(home) if runs is None else runs)
    copies = {c["_id"]: c for c in store.copies.find({"registry": registry})}
    there = {r["_id"] for r in store.runs.find({}, {"_id": 1})}
    tally = Tally()
    for number, id in enumerate(ids, start=1):
        copy = copies.get(_name(registry, id))
        try:
            if copy is not None and copy["run"] in there and _same(copy, stamp(home / str(id))):
                tally.unchanged += 1
            elif not _copy_alone(home / str(id), registry, store, tally):
                tally.unchanged += 1  # another process was faster
            elif copy is None:
                tally.new += 1
            else:
                tally.renewed += 1
        except (RecordError, journal.JournalError, OSError) as error:
            tally.failed[id] = str(error)
        if progress:
            progress(number, len(ids))
    return tally


def identity(home: Path) -> str:
    """The registry's own name, drawn once: by it, copies of several registries in one database are told apart."""
    path = home / "identity"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    gate = Lock(home / ".lock")
    if not gate.acquire(patience=60):
        raise TimeoutError(f"another process has held {gate.path} for a minute; is it stopped?")
    try:
        if not path.exists():
            files.atomic_write(path, f"{uuid.uuid4()}\n")
        return path.read_text().strip()
    finally:
        gate.release()


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


def _name(registry: str, id: int) -> str:
    return f"{registry}/{id}"


# ---- one run --------------------------------------------------------------------------------------------------------


def _copy_alone(folder: Path, registry: str, store: Store, tally: Tally) -> bool:
    """Copy a run unless another process has just done so; returns whether it was this one."""
    lock = Lock(folder.parent / ".sync" / folder.name)
    if not lock.acquire(patience=600):
        raise OSError(f"another process has been copying {folder} for ten minutes")
    try:
        copy = store.copies.find_one({"_id": _name(registry, int(folder.name))})
        before = stamp(folder)
        if copy and _same(copy, before) and store.runs.find_one({"_id": copy["run"]}, {"_id": 1}):
            return False
        thinned = copy_run(folder, registry, store)
        if thinned:
            tally.thinned[int(folder.name)] = thinned
        store.copies.update_one({"_id": _name(registry, int(folder.name))}, {"$set": {"stamp": before}})
        return True
    finally:
        lock.release()


def copy_run(folder: Path, registry: str, store: Store) -> list[str]:
    """Make the database say of one run what its folder says; returns the metrics that had to be thinned.

    Raises
    ------
    RecordError, JournalError, OSError
        When the folder cannot be read.
    """
    entry = document(folder, store)
    copy = _placed(entry, folder, registry, store)
    number = copy["run"]
    artifacts = _artifacts(folder, entry.pop("artifacts"), number, copy.get("artifacts", {}), store)
    entry["artifacts"] = [{"name": name, "file_id": kept["file"]} for name, kept in artifacts.items()]
    entry["info"], thinned = _metrics(folder, number, entry["info"], store)
    store.runs.replace_one({"_id": number}, {"_id": number, **entry}, upsert=True)
    store.copies.update_one({"_id": copy["_id"]}, {"$set": {"artifacts": artifacts}})
    kept_files = [kept["file"] for kept in artifacts.values()]
    for stray in store.database["fs.files"].find(
        {"filename": {"$regex": f"^artifact://runs/{number}/"}, "_id": {"$nin": kept_files}}, {"_id": 1}
    ):
        store.files.delete(stray["_id"])  # replaced, or left by a copy that was cut off
    return thinned


def document(folder: Path, store: Store) -> dict[str, Any]:
    """The run's document but for its number, metrics and artifacts (of which it has the names)."""
    run = read_json(folder / "run.json")
    try:
        host = {name: value for name, value in run["host"].items() if name != "pid"}
        experiment = {**run["experiment"], "sources": _sources(folder.parent, run["experiment"], store)}
        info = read_json(folder / "info.json") if (folder / "info.json").exists() else {}
        if run.get("resumptions"):
            info = {**info, "resumptions": run["resumptions"]}
        entry = {
            "experiment": experiment,
            "command": run["command"],
            "host": host,
            "config": flattened(read_json(folder / "config.json")),
            "meta": run["meta"],
            "status": run["status"],
        }
        if run["status"] == "QUEUED":
            return {**entry, "artifacts": [], "info": {}}
        said = (folder / "cout.txt").read_text(errors="replace") if (folder / "cout.txt").exists() else ""
        entry |= {
            "format": MongoObserver.VERSION,
            "start_time": _time(run["start_time"]),
            "resources": [tuple(resource) for resource in run.get("resources", ())],
            "artifacts": list(run.get("artifacts", ())),
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
    return entry


def flattened(value: Any) -> Any:
    """As MongoObserver stores values."""
    return _flatten(value)  # type: ignore[no-untyped-call]


def _time(text: str | None) -> datetime.datetime | None:
    """As MongoDB keeps times: in milliseconds, UTC without saying so, as Sacred's clock is."""
    if text is None:
        return None
    time = datetime.datetime.fromisoformat(text)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _placed(entry: Mapping[str, Any], folder: Path, registry: str, store: Store) -> dict[str, Any]:
    """What the database knows of this copy. At first a number is taken, and the run inserted under it."""
    name = _name(registry, int(folder.name))
    copy: dict[str, Any] | None = store.copies.find_one({"_id": name})
    if copy is not None:
        return copy
    number = int(folder.name)
    while True:
        try:
            store.copies.insert_one({"_id": name, "registry": registry, "run": number})
            if _inserted(number, entry, store):
                return {"_id": name, "registry": registry, "run": number}
            store.copies.delete_one({"_id": name})
        except DuplicateKeyError:  # reserved by another registry's copy
            pass
        number = max(_highest(store.runs, "_id"), _highest(store.copies, "run"), number) + 1


def _inserted(number: int, entry: Mapping[str, Any], store: Store) -> bool:
    """Whether the number is now this run's; one that started where and when it did is the same run, by Sacred's -m."""
    try:
        store.runs.insert_one({"_id": number, **entry, "artifacts": []})
    except DuplicateKeyError:
        there = store.runs.find_one({"_id": number}, {"start_time": 1, "host.hostname": 1})
        wanted = (entry.get("start_time"), entry["host"].get("hostname"))
        return None not in wanted and wanted == (there.get("start_time"), there.get("host", {}).get("hostname"))
    return True


def _highest(collection: Any, field: str) -> int:
    newest = collection.find_one({field: {"$type": "number"}}, {field: 1}, sort=[(field, pymongo.DESCENDING)])
    return int(newest[field]) if newest else 0


# ---- sources, artifacts, metrics ------------------------------------------------------------------------------------


def _sources(home: Path, experiment: Mapping[str, Any], store: Store) -> list[list[Any]]:
    """[name, file] of each source, stored once for each path and content."""
    found = []
    for name, stored in experiment["sources"]:
        path = os.path.join(experiment["base_dir"], name)
        key = f"{files.digest_file(home / stored)} {path}"
        known = store.sources.find_one({"_id": key})
        if known is None or not store.files.exists(known["file"]):
            with open(home / stored, "rb") as content:
                file = store.files.put(content, filename=path)
            known = {"_id": key, "file": file}
            store.sources.replace_one({"_id": key}, known, upsert=True)
        found.append([name, known["file"]])
    return found


def _artifacts(
    folder: Path, artifacts: Iterable[str], number: int, known: Mapping[str, Any], store: Store
) -> dict[str, dict[str, Any]]:
    """Name -> file and digest of each artifact; what is there already is not sent again."""
    kept: dict[str, dict[str, Any]] = {}
    for name in artifacts:
        digest = files.digest_file(folder / name)
        before = known.get(name)
        if before and before["digest"] == digest and store.files.exists(before["file"]):
            kept[name] = before
            continue
        with open(folder / name, "rb") as content:
            file = store.files.put(
                content,
                filename=f"artifact://runs/{number}/{name}",
                metadata=None,
                content_type=mimetypes.guess_type(name)[0],
            )
        kept[name] = {"file": file, "digest": digest}
    return kept


def _metrics(folder: Path, number: int, info: dict[str, Any], store: Store) -> tuple[dict[str, Any], list[str]]:
    """Write the metrics; returns ``info`` as MongoObserver leaves it, naming them, and those that were thinned."""
    listed, thinned = [], []
    known = {m["name"]: m["_id"] for m in store.metrics.find({"run_id": number}, {"name": 1})}
    for name, points in journal.read_points(folder).items():
        shown = points
        if len(points) > LONGEST:
            shown = thin(points, LONGEST)
            thinned.append(name)
            for part, piece in enumerate(_parts(points)):
                whole = {"run_id": number, "name": name, "part": part, **_columns(piece)}
                store.long_metrics.replace_one({"run_id": number, "name": name, "part": part}, whole, upsert=True)
        content = {"run_id": number, "name": name, **_columns(shown)}
        if name in known:
            store.metrics.replace_one({"_id": known[name]}, content)
            listed.append({"name": name, "id": str(known[name])})
        else:
            listed.append({"name": name, "id": str(store.metrics.insert_one(content).inserted_id)})
    if listed:
        info = {**info, "metrics": listed}
    if thinned:
        info = {**info, "thinned": thinned}
    return info, thinned


def thin(points: list[journal.Point], most: int) -> list[journal.Point]:
    """At most ``most`` of the points, evenly, with the first and the last."""
    last = len(points) - 1
    return [points[i * last // (most - 1)] for i in range(most)]


def _parts(points: list[journal.Point]) -> Iterator[list[journal.Point]]:
    for first in range(0, len(points), LONGEST):
        yield points[first : first + LONGEST]


def _columns(points: list[journal.Point]) -> dict[str, list[Any]]:
    return {
        "steps": [p[0] for p in points],
        "values": [p[1] for p in points],
        "timestamps": [_time(p[2]) for p in points],
    }
