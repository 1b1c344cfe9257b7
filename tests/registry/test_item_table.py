"""The item table against the standard library and by hand."""

import csv
import math
from pathlib import Path

import pytest

from benchmarks.items import ItemTable
from benchmarks.orchestration.verification import verification
from registry.comparison import paired
from registry.index import Registry
from registry.item_table import condition, means, parsed, read_items, to_compare

HEADER = "item,condition,metric,value,excluded\n"


def test_what_is_written_is_read_to_the_last_bit(tmp_path: Path) -> None:
    table = ItemTable()
    where = condition({"row": "aligned", "rule": "threshold=0.5"}, other="a, b; c=100 %", n=3)
    values = [0.1 + 0.2, 1e-300, 5e-324, 1 / 3, math.inf, math.nan]
    for number, value in enumerate(values):
        table.add(f"clip, {number}\n", where, "ciou", value, "silent" * (number == 5))
    table.add(7, "", "hit", True)
    table.write(tmp_path / "items.csv")
    with open(tmp_path / "items.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == HEADER.strip().split(",")
    assert [float(row[3]).hex() for row in rows[1:7]] == [float(value).hex() for value in values]
    assert rows[1][1] == "row=aligned, rule=threshold=0.5; other=a%2C b%3B c=100 %25, n=3"
    read = read_items(tmp_path / "items.csv")
    assert [value.hex() for value in read["value"]] == [float(value).hex() for value in [*values, 1]]
    first, last = read.iloc[0], read.iloc[-1]
    assert (first["item"], first["rule"], first["other"], first["n"]) == (
        "clip, 0\n",
        "threshold=0.5",
        "a, b; c=100 %",
        "3",
    )
    assert (last["item"], last["condition"], last["rule"]) == ("7", "", None)
    assert list(read["excluded"]) == [*[""] * 5, "silent", ""]


def test_a_condition_is_compared_under_what_stands_before_the_semicolon() -> None:
    assert condition({"set": "easy", "matched": 1}) == "set=easy, matched=1"
    assert (condition({}, fold=3), parsed("; fold=3")) == ("; fold=3", {"fold": "3"})
    assert to_compare("set=easy; start=3") == "set=easy"
    assert (to_compare("; fold=3"), parsed("")) == ("", {})
    with pytest.raises(ValueError, match="cannot be named 'value'"):
        condition({"value": 1})
    with pytest.raises(ValueError, match="cannot be named 'n sources'"):
        condition({"n sources": 1})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read"),
        (
            "item,row,rule,ciou\na,aligned,t,0.5\n",
            "columns being item, row, rule, ciou; .*repeat it with --rerun stale",
        ),
        (f"{HEADER}a,,x,1,\nb,,x,none,\n", "row 2 of .* is damaged: b, , x, none"),
        (f"{HEADER}a,,x\n", "row 1 of .* is damaged"),
        (f"{HEADER}a,,x,1,,,\n", "no item table|cannot be read"),
        (f"{HEADER}a,,x,,\n", "row 1 of .* is damaged"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "items.csv").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_items(tmp_path / "items.csv")


def test_means_keep_nan() -> None:
    found = means("abab", [1, math.nan, 2, 3])
    assert found.pop("a") == 1.5
    assert math.isnan(found.pop("b"))
    assert not found


def test_items_of_an_older_version_are_not_called_different(tmp_path: Path, write_run) -> None:
    texts = ("item,row,ciou\na,aligned,0.5\n", f"{HEADER}a,row=aligned,ciou,0.5,\n")
    for id, text in enumerate(texts, start=1):
        (write_run(tmp_path, id, result={}, artifacts=["items.csv"]) / "items.csv").write_text(text)
    then, now = Registry(tmp_path).records()
    with pytest.raises(ValueError, match=r"the items of run 1 cannot be compared .*repeat it with --rerun stale"):
        verification(then, now)
    with pytest.raises(ValueError, match="--rerun stale"):
        paired(then, now)


def test_the_cluster_of_an_item_is_kept_behind_its_condition(tmp_path: Path) -> None:
    class Scenes:
        def clusters(self) -> dict[str, str]:
            return {"a": "upload 1, 2", "b": "upload 3"}

    table = ItemTable(Scenes())
    table.add("a", condition({"row": "aligned"}), "ciou", 1)
    table.add("b", condition({}, fold=1), "ciou", 1)
    table.add("c", "", "ciou", 1)
    table.write(tmp_path / "items.csv")
    found = read_items(tmp_path / "items.csv")
    assert list(found["cluster"]) == ["upload 1, 2", "upload 3", None]
    assert [to_compare(text) for text in found["condition"]] == ["row=aligned", "", ""]
    assert ItemTable(object()).clusters == {}
