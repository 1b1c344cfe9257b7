"""The journal: what was written is there, whatever moment the power went."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.datasets.prepared import Lost, Packed
from benchmarks.datasets.scene import DamagedError
from benchmarks.preparation.journal import Journal


def packed(name: str, offset: int = 0) -> Packed:
    return Packed(id=name, shard=0, offset=offset, size=9, sha256="f", samples=3, frames=1, attributes={"start": 2.5})


def test_entries_are_read_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert not journal.exists
    journal.begin({"fps": 25}, 4)
    journal.found("a", [packed("a/000"), packed("a/001", 9)])
    journal.lost(Lost(id="b", status="missing", reason="Private video"))
    journal.lost(Lost(id="c", status="damaged", reason="no “audio” track\n"))
    for read in (journal, Journal(tmp_path)):
        assert read.settings == {"fps": 25}
        assert read.expected == 4
        assert read.counts() == {"found": 1, "missing": 1, "damaged": 1}
        assert read.packed() == [packed("a/000"), packed("a/001", 9)]
        assert read.entries["c"].reason == "no “audio” track"
        assert read.reasons() == [("missing", "Private video", ["b"]), ("damaged", "no “audio” track", ["c"])]


def test_the_last_entry_of_an_item_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.lost(Lost(id="a", status="missing", reason="busy"))
    journal.found("a", [packed("a")])
    assert Journal(tmp_path).counts() == {"found": 1, "missing": 0, "damaged": 0}


@settings(max_examples=40)
@given(st.data())
def test_a_kill_tears_the_last_line_only(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("torn")
    journal = Journal(folder)
    sizes = []
    for n in range(4):
        journal.lost(Lost(id=str(n), status="missing", reason="x" * n))
        sizes.append(journal.path.stat().st_size)
    cut = data.draw(st.integers(0, sizes[-1]))
    with open(journal.path, "r+b") as file:
        file.truncate(cut)
    again = Journal(folder)
    whole = sum(size <= cut for size in sizes)
    assert list(again.entries) == [str(n) for n in range(whole)]
    again.lost(Lost(id="new", status="damaged", reason=""))
    assert list(Journal(folder).entries) == [*map(str, range(whole)), "new"]
    assert all(json.loads(line) for line in journal.path.read_text().splitlines())


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a", "status": "eaten"}', '{"status": "found"}', '{"run": {}}'])
def test_other_damage_is_named(tmp_path: Path, line: str) -> None:
    Journal(tmp_path).lost(Lost(id="a", status="missing", reason=""))
    with open(tmp_path / "account.jsonl", "a") as file:
        file.write(line + "\n")
    with pytest.raises(DamagedError, match=r"account.jsonl, line 2 is damaged .* remove the line"):
        Journal(tmp_path)


def test_many_lines_are_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("registry.files.os.fsync", synced.append)
    Journal(tmp_path).lost(*(Lost(id=str(n), status="damaged", reason="refused") for n in range(100)))
    assert len(synced) == 1
    assert list(Journal(tmp_path).entries) == [str(n) for n in range(100)]
    Journal(tmp_path).lost()
    assert len(synced) == 1


def test_reasons_cannot_command_a_terminal(tmp_path: Path) -> None:
    Journal(tmp_path).lost(Lost(id="a", status="missing", reason="\x1b[2Jgone\x07\n\udc80 für immer"))
    assert Journal(tmp_path).entries["a"].reason == "?[2Jgone? ? für immer"


def test_it_becomes_a_table(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.found("a", [packed("a")])
    journal.lost(Lost(id='b"', status="missing", reason="gone, says YouTube"))
    journal.write_csv(tmp_path / "items.csv")
    with open(tmp_path / "items.csv", newline="") as file:
        rows = [(r["id"], r["status"], r["reason"], r["clips"]) for r in csv.DictReader(file)]
    assert rows == [("a", "found", "", "1"), ('b"', "missing", "gone, says YouTube", "0")]
