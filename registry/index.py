"""Index to find runs by, beside them: it holds nothing that they do not, so it may be deleted at any time.

``index.sqlite`` keeps what a run's files say in one row, with the time and size of its ``run.json``; before every
answer the rows of runs that are new, changed or gone are renewed. Several processes may do so at once. Where the index
cannot be used (locked, read-only, no room), the same answer comes from the files through an index in memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import platform
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, TypeVar, Unpack

from registry import files
from registry.lock import held
from registry.provenance.code_digest import changes, module_digest
from registry.provenance.environment import complete, differences, versions
from registry.record.run_record import IMPORTED, LOCK, Pedigree, Record, RecordError, read_json, read_record
from registry.record.serialization import plain, to_json

#: Raised when the tables change; an index of another version is built anew.
VERSION = 2
#: Seconds to wait for another process that is writing the index.
PATIENCE = 10.0
#: Seconds after which a run of another machine that gives no sign of life (every ten seconds it does) has died.
SILENCE = 60.0
INDEX = "index.sqlite"
#: What only a folder of runs has, also one whose runs have all been deleted.
MARKS = (INDEX, "plans", "checkpoints", "_sources")
#: Of an id, at most: SQLite's whole numbers have 64 bits.
DIGITS = 18
#: What of a configuration has a column of its own, to select by.
COLUMNS = ("task", "method", "ordering", "preset", "seed")

_TABLES = (
    "DROP TABLE IF EXISTS runs",
    "DROP TABLE IF EXISTS shared",
    """CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    stamp TEXT NOT NULL,  -- of run.json: changed means read it again
    damage TEXT,          -- why the record cannot be read; then all that follows is NULL
    status TEXT, key TEXT, task, method, ordering, preset, seed, score, started, seconds, imported TEXT,
    lineage TEXT,         -- what the staleness of its descendants depends on
    code TEXT, environment TEXT,  -- in `shared`: many runs have the same
    document TEXT,        -- the rest of the record
    seal TEXT             -- digests of all of the row before the document, and of the document
)""",
    "CREATE INDEX runs_key ON runs (key)",
    "CREATE TABLE shared (digest TEXT PRIMARY KEY, content TEXT NOT NULL)",
    f"PRAGMA user_version = {VERSION}",
)

T = TypeVar("T")


class Filters(TypedDict, total=False):
    """By what runs are chosen: one value, or several of which one must fit; ``None`` is no filter."""

    id: int | Collection[int] | None
    key: str | Collection[str] | None
    task: str | Collection[str] | None
    method: str | Collection[str] | None
    ordering: str | Collection[str] | None
    preset: str | Collection[str] | None
    seed: int | Collection[int] | None
    status: str | Collection[str] | None
    stale: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a list shows of a run: fields of :class:`~registry.record.run_record.Record` and of its configuration."""

    id: int
    status: str
    task: str
    method: str | None
    ordering: str | None
    preset: str | None
    seed: int | None
    score: float | None  # result["score"]
    started: str
    seconds: float | None  # from the first start to the end, or to the last sign of life
    imported: str | None  # the archive that it came in
    key: str
    stale: tuple[str, ...]


class Descent(NamedTuple):
    """A run, its key, and the keys of those that it started from."""

    id: int
    status: str
    key: str
    parents: tuple[str, ...]


Found = TypeVar("Found", Record, Summary)


class Registry:
    """The runs in ``home`` (default :func:`registry.files.home`).

    ``environment`` is what a run of today would record as such (:func:`registry.provenance.environment.environment`).
    Left out, only versions are compared, and precision, threads and world size are taken as each run had them.
    ``progress`` is called with (done, of how many) while the index reads runs that it does not know yet.

    A record's ``status`` is Sacred's, but for one: a run that says RUNNING while no process holds its lock has DIED.
    """

    def __init__(
        self,
        home: Path | str | None = None,
        environment: Mapping[str, Any] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.home = Path(home) if home is not None else files.home()
        self._environment = environment
        self._progress = progress
        self._whole = ""  # stamp of the index when its rows were last looked at

    # ---- runs -------------------------------------------------------------------------------------------------------

    def records(self, **filters: Unpack[Filters]) -> list[Record]:
        """The runs that fit all filters, by id."""

        def whole(db: sqlite3.Connection, where: str, values: list[Any]) -> list[Record]:
            family = _Family(db, self._environment)
            query = f"SELECT id, code, environment, document, seal FROM runs WHERE {where} ORDER BY id"
            return [self._record(family, *row) for row in db.execute(query, values)]

        return self._select(filters, whole)

    def summaries(self, **filters: Unpack[Filters]) -> list[Summary]:
        """What a list shows of the runs that fit all filters, by id; much faster than :meth:`records`."""
        names = [f.name for f in dataclasses.fields(Summary) if f.name != "stale"]
        query = f"SELECT {', '.join(names)} FROM runs WHERE "

        def short(db: sqlite3.Connection, where: str, values: list[Any]) -> list[Summary]:
            family = _Family(db, self._environment)
            rows = [dict(zip(names, row, strict=True)) for row in db.execute(query + where + " ORDER BY id", values)]
            return [Summary(**{**row, "status": self._status(**row)}, stale=family.stale(row["id"])) for row in rows]

        return self._select(filters, short)

    def descents(self) -> list[Descent]:
        """Of every run, by id, what decides which runs and checkpoints are needed; much faster than :meth:`records`."""

        def question(db: sqlite3.Connection) -> list[Descent]:
            query = "SELECT id, status, key, lineage FROM runs WHERE damage IS NULL ORDER BY id"
            return [
                Descent(
                    id, self._status(id, status), key, tuple(parent for parent, _ in json.loads(lineage)["parents"])
                )
                for id, status, key, lineage in db.execute(query)
            ]

        return self._answer(question)

    def values(self, column: str, **filters: Unpack[Filters]) -> list[Any]:
        """What the runs that fit have in one of :data:`COLUMNS`, each value once, sorted; by such columns only."""
        if unknown := {column, *filters} - {*COLUMNS}:
            raise TypeError(f"no column {', '.join(sorted(unknown))}; there are {', '.join(COLUMNS)}")
        where, values = _where({name: _several(value) for name, value in filters.items() if value is not None})
        query = f"SELECT DISTINCT {column} FROM runs WHERE {where} AND {column} IS NOT NULL ORDER BY {column}"
        return self._answer(lambda db: [value for (value,) in db.execute(query, values)])

    def get(self, id: int) -> Record:
        """The run ``id``.

        Raises KeyError when there is none; RecordError when its record is damaged.
        """
        found = self.records(id=id)
        if not found:
            damage = self.damaged().get(id)
            if damage is not None:
                raise RecordError(damage)
            raise KeyError(f"there is no run {id} in {self.home}")
        return found[0]

    def find(self, key: str) -> Record | None:
        """The newest COMPLETED run with this key."""
        return next(reversed(self.records(key=key, status="COMPLETED")), None)

    def unfinished(self, key: str) -> Record | None:
        """The run that a new one with this key would continue, or (RUNNING) would be in the way of.

        Only runs newer than the last COMPLETED one count: what came before it has been done.
        """
        since: list[Record] = []
        for record in self.records(key=key) if key else []:
            since = [] if record.status == "COMPLETED" else [*since, record]
        running = [record for record in since if record.status == "RUNNING"]
        return next(reversed(running or since), None)

    def damaged(self) -> dict[int, str]:
        """Run id -> why its record cannot be read; such runs are in no other answer."""
        query = "SELECT id, damage FROM runs WHERE damage IS NOT NULL ORDER BY id"
        return self._answer(lambda db: dict(db.execute(query)))

    # ---- plans ------------------------------------------------------------------------------------------------------

    def plan(self, preset: str) -> dict[str, Any]:
        """What the suite last set out to run for ``preset``.

        Raises FileNotFoundError when it never did.
        """
        path = self.plan_path(preset)
        if not path.exists():
            remedy = "run the suite with that preset first"
            raise FileNotFoundError(f"no plan of preset {preset!r} in {self.home}: {remedy}")
        plan: dict[str, Any] = read_json(path)
        return plan

    def plans(self) -> list[str]:
        """The presets of which there is a plan."""
        return sorted(path.stem for path in (self.home / "plans").glob("*.json"))

    def save_plan(self, preset: str, plan: Mapping[str, Any]) -> Path:
        """Keep ``plan`` (plain values) for :meth:`plan`, and say where."""
        path = self.plan_path(preset)
        files.atomic_write(path, to_json(plain(plan, "plan")))
        return path

    def plan_path(self, preset: str) -> Path:
        """Where the plan of ``preset`` is kept; raises ValueError where no preset can be named so."""
        if not preset or preset != os.path.basename(preset) or preset.startswith("."):
            raise ValueError(f"a preset cannot be named {preset!r}")
        return self.home / "plans" / f"{preset}.json"

    # ---- the index --------------------------------------------------------------------------------------------------

    def _select(
        self, filters: Filters, question: Callable[[sqlite3.Connection, str, list[Any]], list[Found]]
    ) -> list[Found]:
        unknown = filters.keys() - Filters.__annotations__.keys()
        if unknown:
            known = ", ".join(Filters.__annotations__)
            raise TypeError(f"no filter {', '.join(sorted(unknown))}; there are {known}")
        given = {name: _several(value) for name, value in filters.items() if value is not None}
        status, stale = given.pop("status", None), given.pop("stale", None)
        where, values = _where(given)
        found = self._answer(lambda db: question(db, where, values))
        found = [one for one in found if status is None or one.status in status]
        return [one for one in found if stale is None or bool(one.stale) in stale]

    def _record(self, family: _Family, id: int, code: str, environment: str, document: str, seal: str) -> Record:
        if seal.partition(" ")[2] != _digest(str(document)):
            raise sqlite3.DatabaseError(f"the document of run {id} has been altered")
        values = json.loads(document)
        shared = {"code": family.shared[code], "environment": family.shared[environment]}
        values["pedigree"] = Pedigree.from_dict({**values["pedigree"], **shared})
        values["status"] = self._status(id, values["status"])
        for name in ("artifacts", "fail_trace", "resumptions"):
            values[name] = tuple(values[name])
        return Record(id=id, folder=self.home / str(id), stale=family.stale(id), **values)

    def _status(self, id: int, status: str, **_: Any) -> str:
        return "DIED" if status == "RUNNING" and has_died(self.home / str(id)) else status

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Ask an index that is up to date: the one on disk as it is, else built anew, else one in memory."""
        path = self.home / INDEX
        if is_registry(self.home):  # a folder that was named by mistake stays as it is
            for last in (False, True):
                try:
                    return self._ask(path, question)
                except sqlite3.OperationalError:  # locked for long, read-only, no room
                    break
                except sqlite3.DatabaseError:  # no database, or a damaged one
                    if not last:
                        with contextlib.suppress(OSError):
                            path.unlink()
        return self._ask(":memory:", question)

    def _ask(self, path: Path | str, question: Callable[[sqlite3.Connection], T]) -> T:
        with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as db:
            if _version(db) != VERSION:
                db.execute("BEGIN IMMEDIATE")
                if _version(db) != VERSION:  # no other process has been faster
                    for statement in _TABLES:
                        db.execute(statement)
                db.execute("COMMIT")
            if path == ":memory:" or _stamp(str(path)) != self._whole:
                _check(db)
            self._renew(db)
            self._whole = _stamp(str(path))
            db.execute("BEGIN")  # one state for all of an answer
            return question(db)

    def _renew(self, db: sqlite3.Connection) -> None:
        known = dict(db.execute("SELECT id, CASE WHEN damage IS NULL THEN stamp END FROM runs"))
        there = {id: _stamp(f"{self.home}/{id}/run.json") for id in run_ids(self.home)}
        gone = known.keys() - there.keys()
        changed = [id for id, stamp in there.items() if known.get(id) != stamp]
        rows = []
        for number, id in enumerate(changed, start=1):
            rows.append(_row(self.home / str(id), there[id]))
            if self._progress:
                self._progress(number, len(changed))
        if not gone and not rows:
            return
        db.execute("BEGIN IMMEDIATE")
        db.executemany("DELETE FROM runs WHERE id = ?", [(id,) for id in gone])
        for row, shared in rows:
            db.executemany("INSERT OR IGNORE INTO shared VALUES (?, ?)", shared.items())
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            db.execute(f"INSERT OR REPLACE INTO runs ({names}) VALUES ({marks})", [*row.values()])
        for id in changed:  # as SQLite has kept them: NaN, for one, as NULL
            *sealed, document = db.execute(f"SELECT {_SEALED}, document FROM runs WHERE id = ?", (id,)).fetchone()
            seal = f"{_digest(repr(sealed))} {_digest(document or '')}"
            db.execute("UPDATE runs SET seal = ? WHERE id = ?", (seal, id))
        db.execute("COMMIT")


def run_ids(home: Path) -> list[int]:
    """Ids of the run folders in ``home``, damaged ones included, in no order."""
    with contextlib.suppress(FileNotFoundError), os.scandir(home) as entries:
        numbers = [e.name for e in entries if e.name.isascii() and e.name.isdigit() and len(e.name) <= DIGITS]
        return [int(name) for name in numbers if name == str(int(name))]
    return []


def has_ended(folder: Path) -> bool:
    """Whether no process is at the run any more."""
    try:
        return bool(read_json(folder / "run.json")["status"] != "RUNNING") or has_died(folder)
    except RecordError:
        return not held(folder / LOCK)


def has_died(folder: Path) -> bool:
    """Whether a run that said RUNNING still says so, while no process is at it.

    Some shared disks do not show here what processes of other machines lock: there, a run gives a sign of life every
    ten seconds (its ``run.json`` is written anew), and has died when that is :data:`SILENCE` old.
    """
    if held(folder / LOCK):
        return False
    # A run that ends writes its status and then frees its lock: only who finds them in the other order saw it die.
    try:
        run = read_json(folder / "run.json")
        if run["status"] != "RUNNING":
            return False
        elsewhere = run["host"].get("hostname") not in (None, platform.node()) and not (folder / IMPORTED).exists()
        return not (elsewhere and abs(files.age(folder / "run.json")) < SILENCE)
    except (RecordError, OSError):  # gone, or another user's by now
        return True


def is_registry(home: Path) -> bool:
    """Whether there are runs in a folder, or there have been."""
    return home.is_dir() and (any((home / name).exists() for name in MARKS) or bool(run_ids(home)))


class _Family:
    """Which runs are stale, themselves or by descent, seen from the sources and the environment of now."""

    def __init__(self, db: sqlite3.Connection, now: Mapping[str, Any] | None) -> None:
        contents = db.execute("SELECT digest, content FROM shared")
        self.shared: dict[str, Any] = {digest: json.loads(content) for digest, content in contents}
        self._now = functools.cache(lambda: versions() if now is None else now)
        self._runs: dict[int, tuple[str, str, str]] = {}
        self._newest: dict[str, int] = {}  # key -> the newest completed run
        query = "SELECT id, key, status, code, environment, lineage FROM runs WHERE damage IS NULL ORDER BY id"
        for id, key, status, code, environment, lineage in db.execute(query):
            self._runs[id] = (code, environment, lineage)
            if status == "COMPLETED" and key:
                self._newest[key] = id
        self._own = functools.cache(self._own_reasons)
        self._digest = functools.cache(module_digest)
        self._known: dict[int, tuple[str, ...]] = {}

    def stale(self, id: int) -> tuple[str, ...]:
        """Reasons why run ``id`` might not be repeated today as it was, in plain words."""
        waiting, families = [id], dict[int, Any]()
        while waiting:  # not by recursion: a lineage may be longer than Python nests calls
            run = waiting.pop()
            if run in families:  # its parents are known by now
                self._known[run] = self._reasons(run, families[run])
            elif run not in self._known:
                self._known[run] = ()  # ends a circle, which only a forged record can have
                families[run] = json.loads(self._runs[run][2])
                parents = (self._newest.get(key) for key, _ in families[run]["parents"])
                waiting += [run, *(parent for parent in parents if parent is not None and parent not in self._known)]
        return self._known[id]

    def _reasons(self, id: int, family: Mapping[str, Any]) -> tuple[str, ...]:
        reasons = [*self._own(*self._runs[id][:2]), *(f"resumed after a change ({what})" for what in family["changed"])]
        for parent, digest in family["parents"]:
            reasons += self._descent(self._newest.get(parent), digest)
        return tuple(reasons)

    def _own_reasons(self, code: str, environment: str) -> tuple[str, ...]:
        modules, then = self.shared[code], complete(self.shared[environment])
        now = {**then, **self._now()}
        current = {module: self._digest(module) for module in modules}
        return (*changes(modules, current), *differences(then, {name: now[name] for name in then}))

    def _descent(self, parent: int | None, digest: str) -> Iterator[str]:
        if parent is None:  # deleted: nothing can be said against it
            return
        if self._known[parent]:
            yield f"it started from run {parent}, which is stale"
        weights = json.loads(self._runs[parent][2])["weights"]
        if digest and weights and digest not in weights:
            yield f"its parent was trained anew, as run {parent}, to other weights"


def _where(given: Mapping[str, Collection[Any]]) -> tuple[str, list[Any]]:
    """A condition on columns, and the values that it leaves open."""
    where = " AND ".join(["damage IS NULL", *(f"{c} IN ({','.join('?' * len(v))})" for c, v in given.items())])
    return where, [value for several in given.values() for value in several]


def _version(db: sqlite3.Connection) -> Any:
    return db.execute("PRAGMA user_version").fetchone()[0]


def _stamp(path: str) -> str:
    """What changes whenever the file ``path`` is replaced."""
    try:
        stat = os.stat(path)
    except OSError:
        return "none"
    return f"{stat.st_mtime_ns} {stat.st_size} {stat.st_ino} {stat.st_ctime_ns}"


def _check(db: sqlite3.Connection) -> None:
    """Raises DatabaseError where something else than this has changed a row: the index is then built anew."""
    named: set[str | None] = {None}  # of damaged runs
    for seal, *sealed in db.execute(f"SELECT seal, {_SEALED} FROM runs"):
        if str(seal).partition(" ")[0] != _digest(repr(sealed)):
            raise sqlite3.DatabaseError(f"the row of run {sealed[0]} has been altered")
        named.update(sealed[-2:])  # code, environment
    shared = db.execute("SELECT digest, content FROM shared")
    if altered := named - {None, *(digest for digest, content in shared if digest == _digest(str(content)))}:
        raise sqlite3.DatabaseError(f"the content {altered} has been altered")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _row(folder: Path, stamp: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Columns of the run in ``folder``, and the shared contents that they name by digest."""
    row: dict[str, Any] = {"id": int(folder.name), "stamp": stamp, "damage": None}
    try:
        record = read_record(folder)
    except RecordError as error:
        return {**row, "damage": str(error)}, {}
    document = {f.name: getattr(record, f.name) for f in dataclasses.fields(record) if f.name not in _NOT_IN_DOCUMENT}
    pedigree = record.pedigree.to_dict()
    code, environment = _shared(pedigree.pop("code")), _shared(pedigree.pop("environment"))
    digests = (*record.pedigree.parent_digests, *[""] * len(record.pedigree.parents))  # "" where none was recorded
    lineage = {
        "parents": list(zip(record.pedigree.parents, digests, strict=False)),
        "weights": _weights(record.result),
        "changed": [what for resumption in record.resumptions for what in resumption.get("changed", ())],
    }
    row.update({name: _scalar(record.config.get(name)) for name in COLUMNS})
    row.update(
        status=record.status,
        key=record.pedigree.key,
        task=record.pedigree.task,
        score=_scalar(record.result.get("score")) if isinstance(record.result, dict) else None,
        started=record.start_time,
        seconds=record.seconds,
        imported=_scalar(record.imported),
        lineage=json.dumps(lineage),
        code=code[0],
        environment=environment[0],
        document=json.dumps({**document, "pedigree": pedigree}),
    )
    return row, dict([code, environment])


_NOT_IN_DOCUMENT = ("id", "folder", "pedigree", "stale")
#: The columns before the document.
_SEALED = (
    "id, stamp, damage, status, key, task, method, ordering, preset, seed, score, started, seconds, imported, lineage, "
    "code, environment"
)


def _shared(content: Mapping[str, Any]) -> tuple[str, str]:
    text = json.dumps(content, sort_keys=True)
    return _digest(text), text


def _weights(result: Any) -> list[str]:
    """Digests of the weights that a run left: ``result["weights"]``, and ``result["kept"]`` (update -> digest)."""
    if not isinstance(result, dict):
        return []
    kept = result.get("kept")
    several = [result.get("weights"), *(kept.values() if isinstance(kept, dict) else ())]
    return [digest for digest in several if isinstance(digest, str)]


def _scalar(value: Any) -> Any:
    """As a column keeps it: a whole number beyond SQLite's 64 bits as text, lone surrogates written out."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value if isinstance(value, str | int | float) else None


def _several(value: Any) -> list[Any]:
    return [_scalar(one) for one in ([value] if isinstance(value, str | int) else value)]
