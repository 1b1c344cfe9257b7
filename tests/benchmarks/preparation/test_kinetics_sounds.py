"""Kinetics' lists as items of 34 kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.datasets.kinetics_sounds import KINDS, RELEASED, kind_of
from benchmarks.preparation.item import Plan
from tests.command import planned

LISTED = """\
label,youtube_id,time_start,time_end,split,is_cc
playing violin,violin00001,30,40,train,0
abseiling,abseil00001,0,10,train,0
dribbling basketball,ball0000001,5,15,train,1
"tap dancing",tapping0001,12,22,validate,0
singing,../../etc/x,0,10,train,0
singing,singing0001,20,10,train,0
singing,singing0001,20,30,tomorrow,0
singing,violin00001,20,30,train,0
singing,singing0001
"""


def plan(*arguments: Any) -> Plan:
    return planned("kinetics_sounds", *arguments)[0]


def listed(tmp_path: Path, text: str = LISTED, name: str = "train.csv") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_the_34_kinds_of_the_paper_by_either_name() -> None:
    assert len(KINDS) == len(set(KINDS)) == 34
    assert set(RELEASED.values()) < set(KINDS)
    assert not set(RELEASED) & set(KINDS)
    assert {kind_of(kind) for kind in KINDS} == set(KINDS)
    assert (kind_of("mowing lawn"), kind_of("abseiling")) == ("mowing the lawn by pushing lawnmower", None)


def test_clips_of_other_kinds_are_passed_over_and_rows_that_are_none_refused(tmp_path: Path) -> None:
    made = plan("--lists", listed(tmp_path))
    assert (made.name, made.settings) == ("kinetics_sounds", {"fps": 25.0, "quality": 90})
    found = [(i.id, i.cut.segment, i.attributes["kind"], i.attributes["split"]) for i in made.items]
    assert found == [
        ("violin00001", (30.0, 40.0), "playing violin", "train"),
        ("ball0000001", (5.0, 15.0), "dribbling ball", "train"),
        ("tapping0001", (12.0, 22.0), "tap dancing", "validation"),
    ]
    assert {i.attributes["n_sources"] for i in made.items} == {1}
    assert [lost.id for lost in made.refused] == [f"train.csv, line {n}" for n in range(6, 11)]
    words = ["not a YouTube id", "does not exist", "split 'tomorrow'", "a second time", "it lacks time_start"]
    assert all(word in lost.reason for word, lost in zip(words, made.refused, strict=True))


def test_columns_may_stand_in_any_order_and_lists_be_several(tmp_path: Path) -> None:
    other = listed(tmp_path, "youtube_id,time_start,time_end,split,label\nsinging0001,0,10,test,singing\n", "test.csv")
    made = plan("--lists", listed(tmp_path), other)
    assert (made.items[-1].id, made.items[-1].attributes["split"]) == ("singing0001", "test")
    assert [entry["file"] for entry in made.about["lists"]] == ["train.csv", "test.csv"]


def test_other_files_are_refused_whole(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"docs/data\.md says where Kinetics' lists are"):
        plan("--lists", tmp_path / "none.csv")
    with pytest.raises(ValueError, match=r"is not one of Kinetics' lists: .* it lacks label, split"):
        plan("--lists", listed(tmp_path, "youtube_id,time_start,time_end\nviolin00001,0,10\n"))
    with pytest.raises(ValueError, match="the lists name no item"):
        plan("--lists", listed(tmp_path, "\n".join([LISTED.splitlines()[0], "abseiling,abseil00001,0,10,train,0"])))


def test_names_in_other_cases_and_forms(tmp_path: Path) -> None:
    rows = ("Playing_Violin,violin00001,30.0,40.0,TRAIN", "Singing,sing0000001,1,2,Val,x")
    text = "\n".join(["Label,YouTube_ID,time_start,time_end,SPLIT", *rows])
    made = plan("--lists", listed(tmp_path, text))
    assert [(i.attributes["kind"], i.attributes["split"]) for i in made.items] == [("playing violin", "train")]
    assert "more or fewer cells" in made.refused[0].reason


def test_lists_of_which_nothing_is_wanted_say_what_they_hold(tmp_path: Path) -> None:
    text = LISTED.splitlines()[0] + "\nabseiling,abseil00001,0,10,train,0\nsinging,short,0,10,train,0\n"
    with pytest.raises(ValueError, match=r"no item to prepare; train\.csv, line 3: .*'short'.*; train\.csv: 1 rows"):
        plan("--lists", listed(tmp_path, text))
