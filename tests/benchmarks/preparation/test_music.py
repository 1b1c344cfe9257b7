"""MUSIC's lists as items."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.preparation.item import Plan
from tests.command import planned


def plan(*arguments: Any) -> Plan:
    return planned("music", *arguments)[0]


def test_the_official_lists(shared_data: Path) -> None:
    lists = {kind: shared_data / "music" / f"MUSIC_{kind}_videos.json" for kind in ("solo", "duet")}
    made = plan("--solo", lists["solo"], "--duet", lists["duet"])
    assert Counter(item.attributes["kind"] for item in made.items) == {"solo": 536, "duet": 149}
    solos = [item.attributes for item in made.items if item.attributes["kind"] == "solo"]
    assert Counter(a["split"] for a in solos) == {"validation": 11, "test": 11, "train": 514}
    official = json.loads(lists["solo"].read_text())["videos"]
    for split, number in (("validation", 0), ("test", 1)):
        chosen = {a["instruments"][0]: a["video"] for a in solos if a["split"] == split}
        assert chosen == {instrument: ids[number] for instrument, ids in official.items()}
    duets = [item.attributes for item in made.items if item.attributes["kind"] == "duet"]
    assert {a["split"] for a in duets} == {"train"}
    assert {a["n_sources"] for a in duets} == {2}
    assert all(item.cut.pieces and item.cut.seconds == 10 for item in made.items)


@pytest.fixture
def solo(tmp_path: Path) -> Path:
    path = tmp_path / "solo.json"
    videos = {"flute": [f"flute_{n:05}" for n in range(4)], "tuba": [f"tuba__{n:05}" for n in range(3)]}
    videos["tuba"] += ["../../etc/passwd", 7, "flute_00000"]  # type: ignore[list-item]
    path.write_text(json.dumps({"version": 1.0, "videos": videos}))
    return path


def test_ids_that_are_none_are_refused_and_the_rest_goes_on(solo: Path) -> None:
    made = plan("--solo", solo)
    assert len(made.items) == 7
    refused = made.refused
    assert [lost.id for lost in refused] == [f"solo.json, 'tuba', entry {n}" for n in (4, 5, 6)]
    assert "'../../etc/passwd' is not a YouTube id" in refused[0].reason
    assert "7 is not a YouTube id" in refused[1].reason
    assert "flute_00000 is listed a second time" in refused[2].reason
    assert {lost.attributes["split"] for lost in refused} == {"train"}


def test_what_is_no_list_of_ids_costs_its_instrument_only(tmp_path: Path) -> None:
    videos = {"flute": ["flute_00000"], "tuba": None, "harp": "harp__00000", " ": ["nobody_0000"]}
    (tmp_path / "solo.json").write_text(json.dumps({"videos": videos}))
    made = plan("--solo", tmp_path / "solo.json")
    assert [item.id for item in made.items] == ["flute_00000"]
    each = [(lost.id.split("'")[1], lost.attributes["split"], lost.attributes["n_sources"]) for lost in made.refused]
    splits = ("validation", "test", "train")
    assert each == [*((name, s, 1) for name in ("tuba", "harp") for s in splits), (" ", "validation", 1)]
    assert "names no instrument" in made.refused[-1].reason


def test_a_published_list_of_mixtures(solo: Path, tmp_path: Path) -> None:
    mixtures = tmp_path / "pairs.txt"
    mixtures.write_text("flute_00001 tuba__00001\n\ntuba__00001, flute_00001\n")
    made = plan("--solo", solo, "--mixtures", mixtures)
    assert made.about["mixtures"] == [["flute_00001", "tuba__00001"], ["tuba__00001", "flute_00001"]]
    assert "mixtures" not in plan("--solo", solo).about
    for wrong in ("flute_00001 tuba__00002", "flute_00001", "flute_00001 flute_00001", "a b c"):
        mixtures.write_text(f"flute_00001 tuba__00001\n{wrong}\n")
        made = plan("--solo", solo, "--mixtures", mixtures)
        assert made.about["mixtures"] == [["flute_00001", "tuba__00001"]]
        assert made.refused[-1].id == "pairs.txt, line 2"
        assert "is not two solos of the test split" in made.refused[-1].reason
        mixtures.write_text(wrong)
        with pytest.raises(ValueError, match=r"line 1: .* is not two solos of the test split"):
            plan("--solo", solo, "--mixtures", mixtures)
    mixtures.write_text("\n")
    with pytest.raises(ValueError, match="names no pair"):
        plan("--solo", solo, "--mixtures", mixtures)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"videos": []}', '{"videos": {"flute": "abc"}}', '{"videos": {"a": [1]}}']
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="is not one of MUSIC's lists"):
        plan("--solo", path)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give --solo"):
        plan()
    with pytest.raises(FileNotFoundError, match="roudimit/MUSIC_dataset"):
        plan("--solo", tmp_path / "absent.json")
