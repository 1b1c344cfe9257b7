"""Tag ``stale`` on runs in MongoDB, by this machine's sources and packages, as ``runs list`` says it."""

from __future__ import annotations

from pymongo import UpdateOne

from registry.index import Registry
from registry.mongo.address import Store
from registry.mongo.sync import identity

STALE = "stale"

#: Where Omniboard keeps the tags that users give a run.
FIELD = "omniboard.tags"


def tag_stale(registry: Registry, store: Store) -> int:
    """Put the tag on this registry's runs that are stale and take it off the others; other tags stay.

    Returns how many runs have changed.
    """
    stale = {run.id for run in registry.summaries(stale=True)}
    name = identity(registry.home)
    numbers = {c["run"]: int(c["_id"].rpartition("/")[2]) for c in store.copies.find({"registry": name})}
    tagged = {r["_id"] for r in store.runs.find({FIELD: STALE}, {"_id": 1})}
    changes = [
        UpdateOne({"_id": number}, {"$addToSet" if id in stale else "$pull": {FIELD: STALE}})
        for number, id in numbers.items()
        if (id in stale) != (number in tagged)
    ]
    if changes:
        store.runs.bulk_write(changes, ordered=False)
    return len(changes)
