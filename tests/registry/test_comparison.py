"""Differences between runs, against scipy and by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from registry.comparison import differing, flat, paired
from registry.index import Registry


def test_flat() -> None:
    assert flat({"a": {"b": [1, {"c": 2}]}, "d": {}, "e": [], "f": None}) == {
        "a.b.0": 1,
        "a.b.1.c": 2,
        "d": {},
        "e": [],
        "f": None,
    }


def test_only_differences_are_told() -> None:
    values = [{"lr": 0.1, "n": {"a": 1, "b": 2}}, {"lr": 0.1, "n": {"a": 1, "b": 3}}, {"n": {"a": 1, "b": 2}}]
    assert differing(values) == {"lr": [0.1, 0.1, "-"], "n.b": [2, 3, 2]}
    assert differing([values[0], dict(values[0])]) == {}
    assert differing([{"x": math.nan}, {"x": math.nan}]).keys() == {"x"}


HEADER = "item,condition,metric,value,excluded\n"


def write(folder: Path, text: str) -> None:
    (folder / "items.csv").write_text(HEADER + text)


def test_paired_interval_is_that_of_the_paired_t_test(tmp_path: Path, write_run) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=30)
    b = a + rng.normal(0.3, 0.5, size=30)
    for id, scores, shift in ((1, a, 0), (2, b, 5)):  # run 1 has items 0 to 29, run 2 items 5 to 34
        rows = [f"item{i + shift},row=aligned,ciou,{float(scores[(i + shift) % 30])!r}," for i in range(30)]
        rows += ["item7,row=only,ciou,1,"] if id == 1 else []
        write(write_run(tmp_path, id, artifacts=["items.csv"]), "\n".join(rows) + "\n")
    (p,) = paired(Registry(tmp_path).get(1), Registry(tmp_path).get(2))
    truth = stats.ttest_rel(b[5:], a[5:]).confidence_interval(0.95)
    assert (p.first, p.second, p.condition, p.metric, p.items, p.only_first, p.only_second) == (
        1,
        2,
        "row=aligned",
        "ciou",
        25,
        5,
        5,
    )
    assert p.mean_first == pytest.approx(a[5:].mean())
    assert p.mean_second == pytest.approx(b[5:].mean())
    assert (p.difference - p.half_width, p.difference + p.half_width) == pytest.approx((truth.low, truth.high))


def test_one_item_and_none(tmp_path: Path, write_run) -> None:
    for id, items in ((1, "a,,x,1,\nb,,x,2,\n"), (2, "b,,x,3,\nc,,x,4,\n"), (3, "z,,x,1,\n")):
        write(write_run(tmp_path, id, artifacts=["items.csv"]), items)
    one, two, three = Registry(tmp_path).records()
    (p,) = paired(one, two)
    assert (p.items, p.difference) == (1, 1.0)
    assert math.isnan(p.half_width)
    (p,) = paired(one, three)
    assert p.items == 0
    assert math.isnan(p.difference)


def test_no_items(tmp_path: Path, write_run) -> None:
    write_run(tmp_path, 1)
    write_run(tmp_path, 2)
    with pytest.raises(FileNotFoundError, match=r"run 1 has no artifact 'items\.csv'"):
        paired(*Registry(tmp_path).records())


def test_what_stands_behind_the_semicolon_is_averaged_and_what_is_excluded_left_out(tmp_path: Path, write_run) -> None:
    tables = (
        "a,n=3; source=0,hit,1,\na,n=3; source=1,hit,0,\na,n=3,other,1,\nb,n=3; source=0,hit,1,silent\n",
        "a,n=3; source=9,hit,1,\nb,n=3; source=0,hit,1,\na,n=2,hit,0,\n",
    )
    for id, text in enumerate(tables, start=1):
        write(write_run(tmp_path, id, artifacts=["items.csv"]), text)
    (p,) = paired(*Registry(tmp_path).records())
    assert (p.condition, p.metric, p.items, p.only_second, p.difference) == ("n=3", "hit", 1, 1, 0.5)
