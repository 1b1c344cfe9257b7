"""Server of Omniboard, a process of ours: on loopback, at the port that was asked for or none, gone when we are."""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

from registry.mongo.address import Address
from registry.omniboard.install import HERE, OmniboardError, program, start_file
from registry.record.serialization import redact

#: Where Omniboard has its one database.
PATH = "/sacred"
#: Seconds to wait for the first answer.
PATIENCE = 60.0


class Omniboard(contextlib.AbstractContextManager["Omniboard"]):
    """A running Omniboard for the database at ``where``; leave it by :meth:`stop`, or as a context.

    It is installed in ``place`` (:func:`registry.omniboard.install.install`). The address of the database reaches the
    process by its environment, which other users cannot read. ``port`` is one on loopback; ``user`` is the (name,
    password) that the page asks for, if any.

    Raises OmniboardError when the port is taken, or it does not answer within a minute.
    """

    def __init__(self, place: Path, where: Address, port: int, user: tuple[str, str] | None = None) -> None:
        self.port, self.user = port, user
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        require_free(port)
        environment = {**os.environ, "PORT": str(port), "MONGO_URI": where.whole}
        environment.pop("OMNIBOARD_CONFIG", None)
        environment.pop("OMNIBOARD_USER", None)
        if user is not None:
            environment["OMNIBOARD_USER"] = _option(user)
        self._process = subprocess.Popen(
            [program("node"), "--no-deprecation", "--require", str(HERE / "loopback.js"), str(start_file(place))],
            env=environment,
            stdin=subprocess.PIPE,  # it ends when this closes
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours to answer
        )
        try:
            self._wait(where)
        except BaseException:
            self.stop()
            raise

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def ask(self, path: str) -> Any:
        """What the REST interface answers to GET ``path``, as ``Runs/count``.

        Raises urllib.error.URLError or ValueError when it does not answer, or not with JSON.
        """
        request = urllib.request.Request(f"{self.address}/api/v1/{path}")
        if self.user is not None:
            token = base64.b64encode(":".join(self.user).encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is behind no proxy
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read())

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def said(self) -> str:
        """What it has printed last of errors, else at all; without credentials."""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - 20_000))
        lines = redact(self._log.read().decode(errors="replace")).strip().splitlines()
        return " ".join([line for line in lines if "Error" in line][-1:] or lines[-3:])

    def stop(self) -> None:
        """End it; nothing happens when it has ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def _wait(self, where: Address) -> None:
        """Until it answers with what is in the database."""
        deadline = time.monotonic() + PATIENCE
        trouble = "it says nothing"
        while time.monotonic() < deadline:
            if not self.alive:
                raise OmniboardError(f"Omniboard ended at once: {self.said()}")
            try:
                self.ask("Runs/count")
                return
            except (urllib.error.URLError, OSError, ValueError) as error:
                trouble = redact(str(error))
            time.sleep(0.2)
        raise OmniboardError(
            f"Omniboard does not show {where.shown} after {PATIENCE:.0f} s ({trouble}); it printed: {self.said()}"
        )


def require_free(port: int) -> None:
    """Raises :class:`OmniboardError` where there is no such port, or another program listens on it on this machine."""
    if not 0 < port < 1 << 16:
        raise OmniboardError(f"{port} is no such port as a page can have: --port takes 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Node.js does: a port just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = "only the system's own may" if error.errno == errno.EACCES else "another program uses it"
            raise OmniboardError(
                f"Omniboard cannot use port {port} ({why}; perhaps it runs already, at http://127.0.0.1:{port}); "
                "--port names another"
            ) from None


def _option(user: tuple[str, str]) -> str:
    """As Omniboard takes it: name:password:secret of its sessions."""
    for what, text in zip(("name", "password"), user, strict=True):
        if not text or ":" in text:
            raise OmniboardError(f"Omniboard takes no {what} that is empty or holds a colon")
    return ":".join([*user, secrets.token_hex(16)])
