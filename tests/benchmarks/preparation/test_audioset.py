"""Google's lists as items: the counts of PROTOCOLS §2, columns, and rows that are none."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.datasets.data_module import open_data_module
from benchmarks.datasets.prepared import Lost
from benchmarks.datasets.scene import together
from benchmarks.preparation import audioset
from benchmarks.preparation.item import Plan
from benchmarks.preparation.packing import seal
from tests.command import planned

HEAD = "# Segments csv created\n# num_ytids=1\n# YTID, start_seconds, end_seconds, positive_labels\n"


def plan(*arguments: Any) -> Plan:
    return planned("audioset", *arguments)[0]


@pytest.fixture
def official(shared_data: Path) -> tuple[str, Path, str, Path]:
    folder = shared_data / "audioset"
    return "--ontology", folder / "ontology.json", "--segments", folder / "balanced_train_segments.csv"


def test_the_balanced_list(official: tuple[Any, ...]) -> None:
    made = plan(*official)
    assert (made.name, len(made.items), made.refused) == ("audioset", 22_160, [])
    counted = Counter(min(5, item.attributes["n_sources"]) for item in made.items)
    assert [counted[n] for n in range(1, 6)] == [10532, 8034, 3060, 466, 68]  # PROTOCOLS §2
    item = made.items[0]
    assert (item.id, item.video) == ("--PJHxphWEs", "--PJHxphWEs")
    assert (item.cut.segment, item.cut.fps, item.cut.pieces) == ((30.0, 40.0), 25.0, False)
    assert item.attributes["split"] == "balanced_train"
    assert item.attributes["labels"] == ["/m/09x0r", "/t/dd00088"]
    assert made.settings == {"fps": 25.0, "quality": 90}
    assert made.beside["ontology.json"] == official[1]


def test_audioset_instrument(official: tuple[Any, ...]) -> None:
    made = plan(*official, "--subset", "instrument")
    assert (made.name, made.settings["fps"]) == ("audioset_instrument", 1.0)
    assert len(made.items) == 1037
    assert Counter(item.attributes["split"] for item in made.items) == {"test": 519, "validation": 518}
    classes = {e["id"]: e["name"].lower() for e in json.loads(Path(official[1]).read_text())}
    for item in made.items:
        played = item.attributes["instruments"]
        assert played
        assert item.attributes["n_sources"] == len(played)
        names = [classes[label] for label in item.attributes["labels"]]
        assert all(any(name.split(",")[0] == kind for name in names) for kind in played)
    assert {kind for item in made.items for kind in item.attributes["instruments"]} == set(audioset.INSTRUMENTS)
    assert all(classes[label].split(",")[0] == kind for kind, label in audioset.INSTRUMENTS.items())


@pytest.fixture
def small(tmp_path: Path) -> tuple[str, Path, str]:
    ontology = tmp_path / "ontology.json"
    ontology.write_text(json.dumps([{"id": "/m/a", "child_ids": ["/m/b"]}, {"id": "/m/b", "child_ids": []}]))
    return "--ontology", ontology, "--segments"


def listed(tmp_path: Path, *rows: str, name: str = "eval_segments.csv") -> Path:
    path = tmp_path / name
    path.write_text(HEAD + "\n".join(rows) + "\n")
    return path


def test_rows_that_are_none_are_refused_and_the_rest_goes_on(small: tuple[Any, ...], tmp_path: Path) -> None:
    rows = [
        'good_w9WgXc, 30.000, 40.000, "/m/a,/m/b"',
        '../../x, 0.000, 10.000, "/m/b"',
        f'{"y" * 300}, 0.000, 10.000, "/m/b"',
        '-oX, 0.000, 10.000, "/m/b"',
        'two_columns, "/m/b"',
        'time_w9WgXc, ten, 20.000, "/m/b"',
        'back_w9WgXc, 20.000, 10.000, "/m/b"',
        'what_w9WgXc, 0.000, 10.000, "/m/unknown"',
        'good_w9WgXc, 50.000, 60.000, "/m/b"',
        '-good9WgXc-, 0.000, 7.000, "/m/b"',
    ]
    made = plan(*small, listed(tmp_path, *rows))
    assert [(item.id, item.cut.segment) for item in made.items] == [
        ("good_w9WgXc", (30.0, 40.0)),
        ("-good9WgXc-", (0.0, 7.0)),
    ]
    assert [lost.id for lost in made.refused] == [f"eval_segments.csv, line {n}" for n in range(5, 13)]
    said = [lost.reason for lost in made.refused]
    expected = ["YouTube id"] * 3 + [
        "2 columns, expected 4",
        "must be seconds",
        "does not exist",
        "not a class",
        "second",
    ]
    for reason, words in zip(said, expected, strict=True):
        assert words in reason
        assert len(reason) < 330


def test_refused_rows_stay_in_the_coverage_of_their_split(small: tuple[Any, ...], tmp_path: Path) -> None:
    """By the number of sources where their labels can be read; else they may be of any set of the split."""
    rows = [
        'good_w9WgXc, 30.000, 40.000, "/m/b"',
        '../../x, 0.000, 10.000, "/m/b"',
        'what_w9WgXc, 0.000, 10.000, "/m/unknown"',
        'good_w9WgXc, 30.000, 40.000, "/m/b"',
    ]
    train = listed(tmp_path, 'aaaa_w9WgXc, 0.000, 10.000, "/m/b"', name="balanced_train_segments.csv")
    made = plan(*small, listed(tmp_path, *rows), train)
    assert made.notes[-1] == "rows that repeat others, read once: 1 (good_w9WgXc)"
    lost = [Lost(id=i.id, status="missing", reason="gone", attributes=i.attributes) for i in made.items]
    seal(tmp_path / "audioset", [], lost, refused=made.refused, name="audioset")
    source = open_data_module({"source": "paper"}, cache=tmp_path).of("counting")
    test, training = source._set("test 1").coverage, source._set("train 1").coverage
    assert (str(test), str(training)) == ("0 of 3 (missing 1, damaged 2)", "0 of 1 (missing 1, damaged 0)")
    assert str(source._set("test 2").coverage) == "0 of 1 (missing 0, damaged 1)"
    assert str(together([source._set("test 1"), source._set("test 2")])) == "0 of 3 (missing 1, damaged 2)"


def test_two_lists_that_name_one_segment(small: tuple[Any, ...], tmp_path: Path) -> None:
    row = 'aaaa_w9WgXc, 0.000, 10.000, "/m/b"'
    first = listed(tmp_path, row, name="balanced_train_segments.csv")
    made = plan(*small, first, listed(tmp_path, row, 'bbbb_w9WgXc, 0.000, 10.000, "/m/b"'))
    assert [item.id for item in made.items] == ["aaaa_w9WgXc", "bbbb_w9WgXc"]
    assert "listed in balanced_train_segments.csv as well" in made.refused[0].reason


def test_a_row_that_is_none_costs_no_other(small: tuple[Any, ...], tmp_path: Path) -> None:
    rows = [
        'open_w9WgXc, 30.000, 40.000, "/m/a,/m/b',  # no quote at its end
        'good_w9WgXc, 30.000, 40.000, "/m/a,/m/b"',
        f'long_w9WgXc, 30.000, 40.000, "{"x" * 200_000}"',
        'more_w9WgXc, 30.000, 40.000, "/m/b"',
    ]
    path = listed(tmp_path, *rows)
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")  # as some editors save it
    made = plan(*small, path)
    assert [item.id for item in made.items] == ["good_w9WgXc", "more_w9WgXc"]
    assert [lost.id for lost in made.refused] == [f"eval_segments.csv, line {n}" for n in (4, 6)]


def test_another_kind_of_file_is_refused_whole(small: tuple[Any, ...], tmp_path: Path) -> None:
    for rows in (["id,label", "dQw4w9WgXcQ,dog"], ["dQw4w9WgXcQ,30,dog,train"], []):
        with pytest.raises(ValueError, match="is not one of Google's segment lists"):
            plan(*small, listed(tmp_path, *rows))
    (tmp_path / "eval_segments.csv").write_bytes(bytes(range(256)) * 10)
    with pytest.raises(ValueError, match="is not"):
        plan(*small, tmp_path / "eval_segments.csv")


def test_files_that_are_not_there_are_named(small: tuple[Any, ...], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no .*absent.csv: .* AudioSet's download page"):
        plan(*small, tmp_path / "absent.csv")


def test_lists_together(small: tuple[Any, ...], tmp_path: Path) -> None:
    first = listed(tmp_path, 'aaaa_w9WgXc, 0.000, 10.000, "/m/b"', name="balanced_train_segments.csv")
    second = listed(tmp_path, 'bbbb_w9WgXc, 0.000, 10.000, "/m/b"')
    made = plan(*small, first, second, "--fps", "2.5")
    assert [item.attributes["split"] for item in made.items] == ["balanced_train", "eval"]
    assert {item.cut.fps for item in made.items} == {2.5}
    with pytest.raises(ValueError, match=r"balanced_train_segments\.csv is given twice; give each list once"):
        plan(*small, first, second, first)


def test_a_list_that_went_through_a_spreadsheet(small: tuple[Any, ...], tmp_path: Path) -> None:
    """The names of its columns without a "#", commas at the ends of rows."""
    path = tmp_path / "eval_segments.csv"
    path.write_text('YTID,start_seconds,end_seconds,positive_labels,\n-good9WgXc-,0,7,"/m/a,/m/b",\n')
    made = plan(*small, path)
    assert ([item.id for item in made.items], made.refused) == (["-good9WgXc-"], [])


@pytest.mark.parametrize(
    ("name", "split", "told"),
    [
        ("balanced_train_segments (1).csv", "balanced_train", False),
        ("Eval_Segments.CSV", "eval", False),
        ("unbalanced_train.csv", "unbalanced_train", False),
        ("mine_segments.csv", "mine", True),
    ],
)
def test_the_split_is_known_by_the_name_of_the_list(
    small: tuple[Any, ...], tmp_path: Path, name: str, split: str, told: bool
) -> None:
    made = plan(*small, listed(tmp_path, '-good9WgXc-, 0.000, 7.000, "/m/b"', name=name))
    assert made.items[0].attributes["split"] == split
    assert any("nothing trains or is tested on it" in note for note in made.notes) == told
