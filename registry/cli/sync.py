"""Command ``sync``: copy the runs into a MongoDB."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from registry.cli.options import HOME, JSON, number, option, registry_in
from registry.cli.printing import counting, print_json
from registry.files import MONGO
from registry.index import Registry

if TYPE_CHECKING:
    from registry.mongo.address import Address


MONGO_URI = option(
    f"mongodb://[USER:PASSWORD@]HOST[:PORT]/DATABASE or HOST:PORT:DATABASE (default: ${MONGO}, which does not show the "
    "password to other users of the machine)",
    "URI",
)


def sync_runs(
    mongo: str | None = MONGO_URI,
    watch: float | None = option(
        "go on until Ctrl-C, looking for changes every so many seconds, 10 if none are said; a database that goes away "
        "is waited for",
        "[SECONDS]",
        parser=number,
    ),
    home: Path | None = HOME,
    json: bool = JSON,
) -> int:
    """Copy the runs into a MongoDB.

    In the documents that Sacred's own observer writes there, which Omniboard shows. Runs that have not changed are not
    touched; what was cut off goes on; several may copy at once.
    """
    from registry.mongo.address import MongoError  # here: the other commands need not wait for pymongo and Sacred

    told, warned = "", set[str]()
    where = where_to(mongo)
    with registry_in(home) as registry:
        while True:
            try:
                failed = copy(registry, where, json=json, told=None if watch is None else warned)
                status, told = 1 if failed else 0, ""
            except MongoError as error:
                status = 2
                if told != error.args[0]:  # once, while it stays away
                    told = error.args[0]
                    print(f"error: {told}", file=sys.stderr)
            if watch is None:
                return status
            time.sleep(watch)


def where_to(mongo: str | None) -> Address:
    """The database that is meant."""
    from registry.mongo.address import address

    if not (text := mongo or os.environ.get(MONGO)):
        raise ValueError(f"which MongoDB? give --mongo mongodb://HOST:PORT/DATABASE, or set ${MONGO}")
    return address(text)


def copy(registry: Registry, where: Address, *, json: bool = False, told: set[str] | None = None) -> int:
    """Copy once and say what has been done; returns of how many runs not all was copied.

    For one of many looks, ``told`` keeps the warnings of the last: only what has been done since or is new is said.
    """
    from registry.mongo.address import opened
    from registry.mongo.sync import sync
    from registry.mongo.tags import tag_stale

    with counting("copying runs") as progress, opened(where) as store:
        tally = sync(registry.home, store, progress=progress)
        tag_stale(registry, store)
    warnings = []
    for id, metrics in tally.thinned.items():
        thinned = f"{', '.join(metrics)} too long for one document; every k-th point there, all in cavl_metrics"
        warnings.append(f"run {id}: {thinned}")
    for id, damage in tally.damaged.items():
        warnings += [
            f"run {id}: {registry.home / str(id) / name} {how}; it is left out" for name, how in damage.items()
        ]
    warnings += [f"run {id} not copied: {why}" for id, why in tally.failed.items()]
    fresh = [warning for warning in warnings if warning not in (told or ())]
    if json:
        print_json(asdict(tally))
    elif told is None or tally.new or tally.renewed or fresh:
        print(f"{tally}; {where.shown}", flush=True)
    for warning in fresh:
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    if told is not None:
        told.clear()
        told.update(warnings)
    return len(tally.failed) + len(tally.damaged)
