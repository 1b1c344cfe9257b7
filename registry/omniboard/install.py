"""Installation of Omniboard: once, from npm, in the versions of the lockfile beside this file, in the user's cache.

To renew the lockfile, in this folder: ``npm install --package-lock-only --omit-lockfile-registry-resolved=true``, then
delete its lines ``funding`` and ``deprecated``, so that it names no host. Overrides raise what Omniboard runs on, and
put a tiny package in place of each that only built it (docs/omniboard.md).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.errors import RefusedError
from registry.files import atomic_write, cache_folder, digest_file, user_home, writable
from registry.interrupts import ending_with_us
from registry.lock import Lock
from registry.omniboard.columns import layout

HERE = Path(__file__).parent
#: How folders begin that npm works in.
ASIDE = ".omniboard-"
PACKAGE, LOCKFILE, FIRST_VISIT = HERE / "package.json", HERE / "package-lock.json", HERE / "first_visit.js"
#: Node.js below lacks what Omniboard's packages need.
OLDEST = 16
#: In the script of the page: where it shows the names of metrics and runs as if they were HTML.
_NAMES_AS_HTML = re.compile(r"((?:metricName|runId)OptionsDomNode=t},[\w:!,]{,60},)enableHTML:!0")


class OmniboardError(RefusedError):
    """Omniboard cannot be installed or started, in a sentence with the remedy."""


def program(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Where ``node`` or ``npm`` is.

    Raises OmniboardError when it is not on the PATH, or Node.js is too old.
    """
    found = shutil.which(name, path=environment.get("PATH"))
    if found is None:
        raise OmniboardError(
            f"there is no {name} on the PATH: Omniboard needs Node.js {OLDEST} or newer, with npm (from the system's "
            "package manager)"
        )
    if name == "node":
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"v(\d+)\.", said)
        if version is None or int(version[1]) < OLDEST:
            said = said.strip() or "no Node.js"
            raise OmniboardError(f"{found} is {said}: Omniboard needs version {OLDEST} or newer")
    return found


def folder() -> Path:
    """Where this version of Omniboard is, or is to be."""
    return cache_folder() / f"omniboard-{digest_file(LOCKFILE)[:12]}"


def installed() -> bool:
    """Whether it is there already."""
    return start_file(folder()).is_file()


def start_file(place: Path) -> Path:
    """What Node.js runs."""
    return place / "node_modules" / "omniboard" / "dist" / "start.js"


def install() -> Path:
    """Make sure that Omniboard is there, and say where; about a minute and 80 MB, the first time.

    Raises OmniboardError when npm is missing or fails.
    """
    place = folder()
    program("node")
    lock = Lock(place.with_suffix(".lock"))
    if not lock.acquire(patience=600):
        raise OmniboardError(f"another process has been installing Omniboard in {place} for ten minutes")
    try:
        for left in place.parent.glob(f"{ASIDE}*"):  # of an installation that was killed; we have the lock
            shutil.rmtree(left, ignore_errors=True)
        if not installed():
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=ASIDE) as aside:
                _install(Path(aside))
                shutil.rmtree(place, ignore_errors=True)  # what a cleaner of caches may have left
                os.replace(aside, place)
                Path(aside).mkdir()  # which the block removes
        _lay_out(place)
    finally:
        lock.release()
    return place


def _install(place: Path) -> None:
    shutil.copy(PACKAGE, place)
    shutil.copy(LOCKFILE, place)
    # No scripts of packages are run: none is needed.
    command = [program("npm"), "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    user = user_home()
    environment = {**os.environ, "HOME": str(user if user and writable(user) else place)}  # where npm has a cache
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    done = subprocess.run(
        command, cwd=place, env=environment, check=False, preexec_fn=ending_with_us(signal.SIGKILL), **pipes
    )
    if done.returncode != 0 or not start_file(place).is_file():
        last = " ".join(done.stdout.split()[-60:])
        remedy = "is the network there? Start again to try again"
        raise OmniboardError(f"npm could not install Omniboard ({last}); {remedy}")
    # What its page was built with, two thirds of all, is of no more use.
    shutil.rmtree(_web(place) / "node_modules", ignore_errors=True)


def _lay_out(place: Path) -> None:
    """Have the page lay out its table as we want it at a browser's first visit, and show names as what they are."""
    build = _web(place) / "build"
    script = f"const COLUMNS = {json.dumps(layout())};\n{FIRST_VISIT.read_text(encoding='utf-8')}"
    atomic_write(build / FIRST_VISIT.name, script)
    for script_of_page in (build / "static" / "js").glob("main.*.js"):
        text = script_of_page.read_text(encoding="utf-8")
        if (plain := _NAMES_AS_HTML.sub(r"\1enableHTML:!1", text)) != text:
            atomic_write(script_of_page, plain)
    tag = f'<script src="/{FIRST_VISIT.name}"></script>'
    page = (build / "index.html").read_text(encoding="utf-8")
    if tag not in page:
        atomic_write(build / "index.html", page.replace("<body>", f"<body>{tag}", 1))


def _web(place: Path) -> Path:
    return place / "node_modules" / "omniboard" / "web"
