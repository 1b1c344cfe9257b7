"""A web server on loopback that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What is at an address: a medium, or an error."""

    content: bytes = b""
    answer: int = 200
    busy: list[int] = field(default_factory=list)  # answers to the first requests
    type: str = "video/mp4"
    pause: float = 0.0  # seconds after every 16 KiB


class Server(ThreadingHTTPServer):
    """Serves ``pages`` by the last part of the address; ``asked`` are the names, in order."""

    daemon_threads = True

    def __init__(self, pages: dict[str, Page]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages, self.asked, self.lock = pages, [], threading.Lock()
        self.asked: list[str]

    @property
    def template(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/watch/{{id}}"

    def __enter__(self) -> Server:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()

    def forget(self) -> None:
        with self.lock:
            self.asked.clear()

    def was_asked_for(self, names: Iterable[str]) -> set[str]:
        with self.lock:
            return set(names) & set(self.asked)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        page = self.server.pages.get(name, Page(answer=404))
        with self.server.lock:
            self.server.asked.append(name)
            answer = page.busy.pop(0) if page.busy else page.answer
        content = page.content if answer == 200 else b""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if content and wanted:
            first, last = int(wanted[1]), int(wanted[2] or len(content) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            content = content[first : last + 1]
        else:
            self.send_response(answer)
        if answer == 200:
            self.send_header("Content-Type", page.type)
            self.send_header("Accept-Ranges", "bytes")
        elif page.busy or answer in (429, 503):
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            for begin in range(0, len(content), 1 << 14):
                self.wfile.write(content[begin : begin + (1 << 14)])
                time.sleep(page.pause)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, format: str, *arguments: object) -> None: ...
