"""Two homes of a few runs, written by hand: what is found to differ, and how often was compared."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.compare_homes import TRANSLATION, Wide, main

TABLE = "item,n_sources,rate\na,1,0.1\nb,2,nan\n"


def write(
    home: Path,
    number: int,
    key: str,
    *,
    status: str = "COMPLETED",
    score: float = 0.5,
    method: str = "cavl",
    files: dict[str, str] | None = None,
) -> None:
    files = {"items.csv": TABLE} if files is None else files
    parts: dict[str, Any] = {
        "run": {
            "status": status,
            "result": {"score": score, "none": float("nan"), "weights": "ab"},
            "artifacts": list(files),
            "start_time": f"day {number}",
        },
        "config": {
            "task": "counting",
            "preset": "smoke",
            "method": method,
            "ordering": "c1",
            "seed": 1,
            "evaluation": {"labels": "true"},
        },
        "pedigree": {"key": key, "parent_digests": ["cd"], "code": {"some": key}},
        "info": {"key": key, "device": "cpu"},
        "metrics": {"loss": {"steps": [1, 2], "values": [2.0, 1.0], "timestamps": [str(number), str(home)]}},
    }
    folder = home / str(number)
    folder.mkdir(parents=True)
    for name, content in parts.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    for name, text in files.items():
        (folder / name).write_text(text)
    (home / "checkpoints" / key).mkdir(parents=True, exist_ok=True)
    (home / "checkpoints" / key / "weights.safetensors").write_bytes(b"weights")


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    """The same three runs in both."""
    for home in ("before", "after"):
        write(tmp_path / home, 1, "k1")
        write(tmp_path / home, 2, "k2", method="l3", files={"a.npz": "bytes", "a.png": home})
    return tmp_path / "before", tmp_path / "after"


def compare(homes: tuple[Path, Path]) -> int:
    return main([str(home) for home in homes])


def test_the_same_runs(homes: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    write(homes[0], 3, "k3", status="FAILED", method="dmc")
    write(homes[1], 9, "k2", status="RUNNING", score=0.9)  # the newest finished run counts
    assert compare(homes) == 0
    # 9 of the record each (3 of the result, 1 parent, 1 info, 2 steps, 2 values), 6 cells of the table, the files.
    counted = f"{9 + 6 + 1 + 9 + 2 + 1} values, 5 files"
    summary = f"2 runs compared (0 by name): {counted}; 0 differ; only before: 0, only after: 0\n"
    assert capsys.readouterr().out == summary


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        text = (home / file).read_text()
        assert old in text
        (home / file).write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (edit("1/run.json", "0.5", "0.5000000000000001"), "result.score: 0.5 -> 0.5000000000000001"),
        (edit("1/run.json", '"ab"', '"ac"'), "result.weights: 'ab' -> 'ac'"),
        (edit("1/pedigree.json", '"cd"', '"ce"'), "parent_digests.0: 'cd' -> 'ce'"),
        (edit("1/metrics.json", "[2.0, 1.0]", "[2.0, -1.0]"), "metrics.loss.values.1: 1.0 -> -1.0"),
        (edit("1/metrics.json", "[1, 2]", "[1, 3]"), "metrics.loss.steps.1: 2 -> 3"),
        (edit("1/items.csv", "0.1", "0.10000000000000002"), "items.csv.0.rate: 0.1 -> 0.10000000000000002"),
        (edit("1/items.csv", "nan", "0"), "items.csv.1.rate: nan -> 0.0"),
        (edit("1/items.csv", "b,2,nan\n", ""), "items.csv.1.item: b -> absent"),
        (edit("2/a.npz", "bytes", "other"), "a.npz: "),
        (edit("checkpoints/k1/weights.safetensors", "weights", "Weights"), "weights.safetensors: "),
    ],
)
def test_a_change_is_found(
    homes: tuple[Path, Path], change: Callable[[Path], None], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(homes[1])
    assert compare(homes) == 1
    told = capsys.readouterr().out
    assert f"\n    {line}" in told
    assert "1 differ;" in told


def test_runs_in_one_home_only(homes: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(homes[1] / "2")
    write(homes[1], 5, "k5", method="dmc")
    assert compare(homes) == 1
    told = capsys.readouterr().out
    assert f"only in {homes[0]}: run 2: counting smoke l3 c1 1" in told
    assert f"only in {homes[1]}: run 5: counting smoke dmc c1 1" in told
    assert "only before: 1, only after: 1" in told
    write(homes[1], 6, "k2", method="l3", files={"a.npz": "bytes", "a.png": "drawn anew"})
    assert compare(homes) == 0  # more runs than before are no difference


def test_other_keys_are_paired_by_name(homes: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(homes[1] / "1")
    write(homes[1], 1, "new key", score=0.25)
    assert compare(homes) == 1
    told = capsys.readouterr().out
    assert "run 1, now 1 (by name): counting" in told
    assert "    result.score: 0.5 -> 0.25\n2 runs compared (1 by name)" in told
    write(homes[1], 7, "another key", score=0.5)  # the same names twice: which would it be?
    assert compare(homes) == 1
    assert "1 runs compared (0 by name)" in capsys.readouterr().out


def test_nothing_to_compare(tmp_path: Path) -> None:
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    assert compare((tmp_path / "before", tmp_path / "after")) == 1
    with pytest.raises(SystemExit) as stop:
        compare((tmp_path / "before", tmp_path / "nowhere"))
    assert stop.value.code == 2


TIDY = "item,condition,metric,value,excluded\na,n 1,rate,0.1,\na,n 1,one,1,\nb,n 2,rate,,\nb,n 2,one,0.0,\na,x,new,7,\n"


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("", "", []),
        ("0.1", "0.2", ["not in the tidy table: ('a', 'n 1', 'rate', '0.1', '')", "only in the tidy table: "]),
        ("b,n 2,rate,,", "b,n 2,rate,0,", ["not in the tidy table: ('b', 'n 2', 'rate', 'nan', '')"]),
        ("b,n 2,one,0.0,\n", "", ["not in the tidy table: ('b', 'n 2', 'one', '0.0', '')"]),
    ],
)
def test_wide_tables_are_found_in_the_tidy_one(
    homes: tuple[Path, Path],
    old: str,
    new: str,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wide = Wide("n {n_sources}", ("rate",), {"one": lambda row: row["n_sources"] == "1"})
    monkeypatch.setitem(TRANSLATION, ("counting", "items.csv"), wide)
    (homes[1] / "1" / "items.csv").write_text(TIDY.replace(old, new))
    assert compare(homes) == int(bool(lines))
    told = capsys.readouterr().out
    assert all(f"    {line}" in told for line in lines)


def test_a_column_or_table_without_translation_is_told(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TRANSLATION, ("counting", "items.csv"), Wide("", ("rate",)))
    (homes[1] / "1" / "items.csv").write_text(TIDY)
    assert compare(homes) == 1
    assert "items.csv: column n_sources has no translation" in capsys.readouterr().out
    monkeypatch.delitem(TRANSLATION, ("counting", "items.csv"))
    assert compare(homes) == 1
    assert "items.csv has no translation" in capsys.readouterr().out
