"""Address of a MongoDB to which runs are copied: its name, connection and layout. No password is ever printed.

The collections ``runs``, ``metrics``, ``fs.files`` and ``fs.chunks`` are those of Sacred's MongoObserver, which
Omniboard reads. Beside them lie ours: ``cavl_sync`` (which run of which registry is which, and how far it has been
copied), ``cavl_sources`` (sources by content), ``cavl_metrics`` (metrics that are too long for one document) and
``cavl_settings`` (what has been set up there).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import gridfs
import pymongo
from pymongo.database import Database
from pymongo.errors import BulkWriteError, ConfigurationError, InvalidURI, OperationFailure, PyMongoError, WriteError
from pymongo.uri_parser import parse_uri

from registry.errors import RefusedError
from registry.record.serialization import redact

DATABASE = "sacred"  # where neither the address nor anybody else says
#: Seconds: a database that is away must not hold a run up.
PATIENCE = 3.0
#: ``[host:port:]database``, as Sacred's option -m has it.
_SACRED = re.compile(r"(?:(?P<host>[\w.-]+):(?P<port>\d{1,5})(?::|$))?(?P<database>[A-Za-z_][\w-]{0,62})?")
#: What MongoDB takes on every system, and we do not mistake for something else.
_DATABASE = re.compile(r"[^\s/\\.\"$*<>:|?@\x00-\x1f]+")
#: MongoDB's own: its users, the state of a cluster, what a machine keeps to itself.
_OWN = ("admin", "config", "local")


class MongoError(RefusedError):
    """What MongoDB refused or could not be asked, in a sentence without credentials, with the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a database is. ``uri`` may hold a password; ``shown`` does not."""

    uri: str
    database: str

    @property
    def whole(self) -> str:
        """The URI with the database in it, for programs that look for it there; the password, too."""
        scheme, user, hosts, path, query = _parts(self.uri)
        # Naming a database would have the user looked for there, and not where users are made as a rule.
        if user and not path and not re.search("(?i)authsource|authmechanism", query):
            query = f"{query}&authSource=admin" if query else "authSource=admin"
        return f"{scheme}://{user}{hosts}/{quote(self.database, safe='')}{'?' if query else ''}{query}"

    @property
    def shown(self) -> str:
        scheme, user, hosts, *_ = _parts(self.uri)
        return f"{scheme}://{'***@' if user else ''}{unquote(hosts)}, database {self.database}"


def _parts(uri: str) -> tuple[str, str, str, str, str]:
    """Scheme, ``user:password@``, hosts, path and query of a valid URI."""
    scheme, _, rest = uri.partition("://")
    place, _, query = rest.partition("?")
    authority, _, path = place.partition("/")
    user, at, hosts = authority.rpartition("@")
    return scheme, user + at, hosts, path, query


def _percent_encoded(uri: str) -> str:
    """With user and password in the one form that all drivers read alike: they differ on ``+``, ``#`` and ``[``."""
    scheme, user, hosts, path, query = _parts(uri)
    if user:
        words = (quote(unquote(word), safe="") for word in user.removesuffix("@").split(":", 1))
        user = f"{':'.join(words)}@"
    return f"{scheme}://{user}{hosts}{'/' if path or query else ''}{path}{'?' if query else ''}{query}"


def address(text: str) -> Address:
    """``mongodb://[user:password@]host[:port][/database][?options]``, or Sacred's ``[host:port:]database``.

    Nothing is looked up: what cannot be reached is told by :func:`opened`.

    Raises MongoError when it is neither.
    """
    if "://" in text:
        scheme, _, rest = text.partition("://")
        plain = f"mongodb://{rest}" if scheme == "mongodb+srv" else text  # the other one asks the name server
        try:
            start, user, hosts, path, query = _parts(plain)
            if re.search(r"\s", user + hosts + query):
                raise ValueError
            # The path is ours to check: pymongo would take what is behind a dot in it for a collection.
            parse_uri(f"{start}://{user}{hosts}/{'?' if query else ''}{query}", validate=False)
        except (InvalidURI, ConfigurationError, ValueError):  # what they say may hold the password
            raise MongoError(
                f"{_without_secrets(text)} is no address of a MongoDB; write mongodb://HOST:PORT/DATABASE, with "
                "special characters of a user or password percent-encoded"
            ) from None
        name = unquote(path)
        if "@" in path:
            raise MongoError(
                f"{_without_secrets(text)} has an @ behind its /: percent-encode the special characters of a user or "
                "password (/ as %2F, @ as %40, ? as %3F)"
            )
        if name and not (_DATABASE.fullmatch(name) and len(name.encode()) <= 63):
            raise MongoError(f"{name!r} cannot be the name of a database of MongoDB: letters, digits, _ and - are safe")
        return Address(uri=_percent_encoded(text), database=_not_its_own(name or DATABASE))
    match = _SACRED.fullmatch(text)
    if match is None or not text or int(match["port"] or 0) > 65535:
        raise MongoError(
            f"{_without_secrets(text)!r} is no address of a MongoDB; write mongodb://HOST:PORT/DATABASE or "
            "HOST:PORT:DATABASE"
        )
    host, port = match["host"] or "localhost", match["port"] or "27017"
    return Address(uri=f"mongodb://{host}:{port}", database=_not_its_own(match["database"] or DATABASE))


def _not_its_own(database: str) -> str:
    if database.casefold() in _OWN:  # MongoDB takes no two names that differ in capitals only
        raise MongoError(
            f"the database {database!r} is MongoDB's own; name another behind HOST:PORT (?authSource={database} says "
            "where a user was made)"
        )
    return database


def _without_secrets(text: str) -> str:
    """What is no address, without what might be a password in it."""
    before, at, after = text.rpartition("@")
    scheme, mark, _ = before.partition("://")
    if at:
        return f"{scheme if mark else ''}{mark}***@{after.partition('?')[0]}"
    return re.sub(r"((?:^|//)[^:/]*):(?!//|\d{1,5}(?:[:/,]|$)).*", r"\1:***", text.partition("?")[0], flags=re.DOTALL)


class Store:
    """An open database and its collections. Close it by leaving :func:`opened`."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self.database = database
        self.runs: Any = database["runs"]
        self.metrics: Any = database["metrics"]
        self.long_metrics: Any = database["cavl_metrics"]
        self.copies: Any = database["cavl_sync"]
        self.sources: Any = database["cavl_sources"]
        self.settings: Any = database["cavl_settings"]

    @property
    def files(self) -> gridfs.GridFS:
        return gridfs.GridFS(self.database)


@contextlib.contextmanager
def opened(where: Address, *, indexes: bool = True) -> Iterator[Store]:
    """The database at ``where``, with its indexes; without ``indexes`` for users who may only read.

    Raises MongoError when it cannot be reached or does not let us in, now or anywhere in the block.
    """
    with mongo_errors(where):
        client = _client(where)
        try:
            store = Store(client[where.database])
            if indexes:
                _make_indexes(store)
            yield store
        finally:
            client.close()


def _client(where: Address) -> pymongo.MongoClient[dict[str, Any]]:
    try:
        return pymongo.MongoClient(
            where.uri,
            serverSelectionTimeoutMS=round(PATIENCE * 1000),
            connectTimeoutMS=round(PATIENCE * 1000),
            socketTimeoutMS=60_000,
            appname="cavl-bench",
        )
    except (OSError, ValueError, TypeError) as error:  # an option's value, a file that an option names
        raise MongoError(f"{where.shown}: an option of its address is wrong ({redact(str(error))})") from None


def _make_indexes(store: Store) -> None:
    """What lookups need; asked for on what there is already, nothing happens."""
    store.metrics.create_index([("run_id", 1), ("name", 1)], name="run_id_name")
    store.long_metrics.create_index([("run_id", 1), ("name", 1), ("part", 1)], unique=True)
    store.copies.create_index("run", unique=True)
    store.database["fs.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)  # as GridFS asks for
    store.database["fs.files"].create_index([("filename", 1), ("uploadDate", 1)])


@contextlib.contextmanager
def mongo_errors(where: Address) -> Iterator[None]:
    """Turn what pymongo raises into a :class:`MongoError` that says what to do."""
    try:
        yield
    except PyMongoError as error:
        raise MongoError(f"{where.shown}: {_explained(error)}") from None


def first_of(error: OperationFailure) -> OperationFailure:
    """The first write that failed, where several were sent together: their error says neither which nor why."""
    if isinstance(error, BulkWriteError) and error.details["writeErrors"]:
        first = error.details["writeErrors"][0]
        return WriteError(first["errmsg"], first["code"])
    return error


def _explained(error: PyMongoError) -> str:
    error = first_of(error) if isinstance(error, OperationFailure) else error
    said = redact(str(error)).split(", Timeout:")[0].split(", full error:")[0]
    if isinstance(error, OperationFailure):
        if error.code == 18:  # AuthenticationFailed
            return (
                "the user or the password is wrong; mend the address (?authSource=DATABASE names where the user was "
                "made, often admin), then sync"
            )
        if error.code == 13:  # Unauthorized
            refused = said.split(" to execute command")[0]
            return f"the user may not write here ({refused}); it needs the role readWrite there: grant it, then sync"
        if error.code in (14031, 12501) or "No space left" in said:  # OutOfDiskSpace
            return f"its disk is full ({said}); free space there, then sync again"
    return f"it cannot be reached or failed ({said}); runs are safe on this disk: sync again when it is back"
