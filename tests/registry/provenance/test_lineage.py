"""Where a run comes from, as far back as it goes."""

import dataclasses
from pathlib import Path

from registry.index import Registry
from registry.provenance.lineage import ancestors, forebears
from registry.record.run_record import Record


def test_nearest_first_each_once_and_the_newest(tmp_path: Path, write_run) -> None:
    write_run(tmp_path, 1, key="a")
    write_run(tmp_path, 2, key="a")
    write_run(tmp_path, 3, key="a", status="FAILED")
    write_run(tmp_path, 4, key="b", parents=["a", "gone"])
    write_run(tmp_path, 5, key="c", parents=["b", "a"])
    write_run(tmp_path, 6, key="d", parents=["c", "e"])
    registry = Registry(tmp_path)
    found = ancestors(registry, registry.get(6))
    told = [(generation, key, parent.id if parent else None) for generation, key, parent in found]
    assert told == [(0, "c", 5), (1, "b", 4), (2, "a", 2), (2, "gone", None), (0, "e", None)]
    several = forebears(registry, [registry.get(4), registry.get(6)])
    assert {key: parent.id if parent else None for key, parent in several.items()} == {
        "a": 2,
        "b": 4,
        "c": 5,
        "e": None,
        "gone": None,
    }
    assert ancestors(registry, registry.get(1)) == []


def test_a_forged_circle_ends(tmp_path: Path, write_run) -> None:
    write_run(tmp_path, 1, key="a", parents=["b"])
    write_run(tmp_path, 2, key="b", parents=["a"])
    registry = Registry(tmp_path)
    assert [key for _, key, _ in ancestors(registry, registry.get(1))] == ["b", "a"]


def test_a_run_that_has_come_a_long_way(tmp_path: Path, write_run) -> None:
    """More generations than Python nests calls."""
    write_run(tmp_path, 1)
    one = Registry(tmp_path).get(1)
    generations = 1200

    class Long:
        def records(self, key: list[str], status: str) -> list[Record]:
            (number,) = map(int, key) if key else (generations,)
            parents = (str(number + 1),) if number < generations else ()
            pedigree = dataclasses.replace(one.pedigree, key=str(number), parents=parents)
            return [dataclasses.replace(one, id=number, pedigree=pedigree)] if key else []

    (first,) = Long().records(["0"], "COMPLETED")
    found = ancestors(Long(), first)  # type: ignore[arg-type]
    assert [(generation, parent.id) for generation, _, parent in found] == [
        (i - 1, i) for i in range(1, generations + 1)
    ]
