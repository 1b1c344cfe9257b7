"""Lineage of a run: run keys name its parents, and the newest completed run with a key stands for it."""

from __future__ import annotations

from collections.abc import Iterable

from registry.index import Registry
from registry.record.run_record import Record


def ancestors(registry: Registry, record: Record) -> list[tuple[int, str, Record | None]]:
    """(generation, key, newest completed run with it) of all that ``record`` descends from, nearest first.

    A key of which there is no completed run stands there with ``None``, and its own parents are not known.
    """
    known = forebears(registry, [record])
    chain: dict[str, int] = {}  # key -> generation
    waiting = [(key, 0) for key in reversed(record.pedigree.parents)]
    while waiting:
        key, generation = waiting.pop()
        if key not in chain:
            chain[key] = generation
            parent = known[key]
            waiting += [(k, generation + 1) for k in reversed(parent.pedigree.parents)] if parent else []
    return [(generation, key, known[key]) for key, generation in chain.items()]


def forebears(registry: Registry, records: Iterable[Record]) -> dict[str, Record | None]:
    """Key -> newest completed run with it, for every key that ``records`` descend from; one question a generation."""
    known: dict[str, Record | None] = {}
    generation = list(records)
    while generation:
        keys = dict.fromkeys(key for record in generation for key in record.pedigree.parents if key not in known)
        known |= dict.fromkeys(keys)
        found = {record.pedigree.key: record for record in registry.records(key=list(keys), status="COMPLETED")}
        known |= found  # by id, so the newest stays
        generation = list(found.values())
    return known
