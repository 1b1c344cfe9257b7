"""What verify calls identical, within tolerance and different."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.orchestration.verification import (
    DIFFERENT,
    IDENTICAL,
    VERDICTS,
    WITHIN,
    Verification,
    judge,
    verification,
    worst,
)
from registry.record.journal import append
from registry.record.run_record import Record, read_record

floats = st.floats(width=64)
numbers = st.one_of(floats, st.integers())
plain = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)


# ---- single values --------------------------------------------------------------------------------------------------


@given(plain)
def test_everything_is_identical_to_itself(value: Any) -> None:
    assert judge(value, json.loads(json.dumps(value)), 0.0) == (IDENTICAL, 0.0)


@given(numbers, numbers, st.floats(0, 10))
def test_the_verdict_is_that_of_its_definition_either_way(a: Any, b: Any, tolerance: float) -> None:
    verdict, size = judge(a, b, tolerance)
    assert judge(b, a, tolerance) == (verdict, size)
    if repr(a) == repr(b):  # NaN too
        assert verdict == IDENTICAL
    elif any(map(math.isnan, (a, b))) or any(map(math.isinf, (a, b))):
        assert (verdict, size) == (DIFFERENT, None)
    elif size is not None:
        assert verdict == (WITHIN if abs(b - a) / max(1, abs(a), abs(b)) <= tolerance else DIFFERENT)


@given(numbers, numbers, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_tolerance_is_never_stricter(a: Any, b: Any, one: float, other: float) -> None:
    strict, lenient = (judge(a, b, tolerance)[0] for tolerance in sorted((one, other)))
    assert VERDICTS.index(lenient) <= VERDICTS.index(strict)


@pytest.mark.parametrize(
    ("then", "now", "verdict"),
    [
        (0.5, 0.5, IDENTICAL),
        (math.nan, math.nan, IDENTICAL),
        (-math.inf, -math.inf, IDENTICAL),
        (0.5, math.nextafter(0.5, 1), WITHIN),
        (0.0, -0.0, WITHIN),  # equal, but other bits
        (1, 1.0, WITHIN),
        (0.5, 0.5001, WITHIN),
        (0.5, 0.5002, DIFFERENT),
        (5000.0, 5000.4, WITHIN),  # beyond 1 it is relative
        (5000.0, 5000.6, DIFFERENT),
        (1e-9, 9e-9, WITHIN),
        (math.nan, 0.5, DIFFERENT),
        (math.inf, -math.inf, DIFFERENT),
        (1e308, -1e308, DIFFERENT),
        (10**400, 0.5, DIFFERENT),
        (True, 1, DIFFERENT),
        ("24 of 24", "23 of 24", DIFFERENT),
        (None, 0.0, DIFFERENT),
    ],
)
def test_values(then: Any, now: Any, verdict: str) -> None:
    assert judge(then, now, 1.1e-4)[0] == verdict


@given(st.lists(st.sampled_from(VERDICTS)))
def test_the_worst_decides(verdicts: list[str]) -> None:
    expected = next((v for v in reversed(VERDICTS) if v in verdicts), IDENTICAL)
    assert worst(verdicts) == expected


# ---- records --------------------------------------------------------------------------------------------------------

ROWS = [("a", "aligned", 0.5), ("a", "random", 0.25), ("b", "aligned", 0.125), ("b", "random", math.nan)]
RESULT = {
    "score": 0.3125,
    "single": {"auc": [0.5, math.nan]},
    "coverage": "2 of 2",
    "weights": "aa",
    "kept": {"3": "b"},
}


@pytest.fixture
def pair(tmp_path: Path, write_run: Callable[..., Path]) -> Callable[..., Verification]:
    """Compare a run with one that has other rows, result, metrics, files or pedigree."""

    def write(home: Path, rows: Any = ROWS, result: Any = RESULT, losses: Any = (4.0, 2.0), **more: Any) -> Record:
        picture, device = more.pop("picture", b"a picture"), more.pop("device", "cpu")
        names = more.pop("artifacts", ["items.csv", "picture.png"])
        folder = write_run(home, 12, result=result, artifacts=names, **more)
        lines = ["item,row,ciou", *(",".join(map(str, row)) for row in rows)]
        for name, content in (("items.csv", "\n".join(lines).encode()), ("picture.png", picture)):
            if name in names:
                (folder / name).write_bytes(content)
        (folder / "info.json").write_text(json.dumps({"device": device}))
        times = [datetime.datetime(2025, 1, 1)] * len(losses)
        append(folder, {"loss": {"steps": [*range(len(losses))], "values": [*losses], "timestamps": times}})
        return read_record(folder)

    def compare(tolerance: float = 1e-4, then: Any = None, **now: Any) -> Verification:
        return verification(write(tmp_path / "then", **(then or {})), write(tmp_path / "now", **now), tolerance)

    return compare


def test_identical(pair: Any) -> None:
    found = pair()
    assert found.verdict == IDENTICAL
    assert str(found) == "run 12: identical: 2 items, 4 numbers, 2 metric points, 2 weights files"
    assert found.changed == ()
    assert [(p.noun, p.verdict, p.differences) for p in found.parts] == [
        (noun, IDENTICAL, ()) for noun in ("item", "number", "metric point", "weights file", "other file")
    ]


def test_an_item_that_differs_is_named(pair: Any) -> None:
    found = pair(rows=[*ROWS[:2], ("b", "aligned", 0.75), ROWS[3]])
    assert found.verdict == DIFFERENT
    assert str(found) == "run 12: different: 1 of 2 items (item b (aligned) ciou: 0.75, was 0.125)"
    (items,) = [p for p in found.parts if p.noun == "item"]
    assert dict(items.counts) == {IDENTICAL: 1, WITHIN: 0, DIFFERENT: 1}
    assert items.largest == 0.625


def test_an_item_is_as_bad_as_its_worst_row_and_the_worst_comes_first(pair: Any) -> None:
    found = pair(rows=[("a", "aligned", 0.50001), ("a", "random", 0.26), ("b", "aligned", 0.525), ROWS[3]])
    (items,) = [p for p in found.parts if p.noun == "item"]
    assert items.counts[DIFFERENT] == 2
    assert [d.name for d in items.differences] == ["item b (aligned) ciou", "item a (random) ciou"]
    assert items.largest == pytest.approx(0.4)


def test_within_tolerance(pair: Any) -> None:
    found = pair(rows=[("a", "aligned", 0.50001), *ROWS[1:]], losses=(4.0, 2.00002))
    assert found.verdict == WITHIN
    assert str(found) == (
        "run 12: within tolerance: 2 items, 4 numbers, 2 metric points, 2 weights files; "
        "the largest difference is 1.0e-05 (item a (aligned) ciou: 0.50001, was 0.5)"
    )


def test_the_tolerance_is_the_users(pair: Any) -> None:
    assert pair(tolerance=1e-6, rows=[("a", "aligned", 0.50001), *ROWS[1:]]).verdict == DIFFERENT


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"rows": ROWS[:2]}, "1 of 2 items (item b"),
        ({"rows": [*ROWS, ("c", "aligned", 1.0)]}, "1 of 3 items (item c"),
        ({"rows": [("a", "blind", 0.5), *ROWS[1:]]}, "1 of 2 items (item a (aligned) row: blind, was aligned)"),
        ({"rows": [*ROWS[:3], ("b", "random", 0.5)]}, "(item b (random) ciou: 0.5, was nan)"),
        ({"result": {**RESULT, "score": 0.5}}, "1 of 4 numbers (score: 0.5, was 0.3125)"),
        ({"result": {**RESULT, "single": {"auc": [0.5]}}}, "(single.auc.1: missing, was nan)"),
        ({"result": {**RESULT, "coverage": "1 of 2"}}, "(coverage: 1 of 2, was 2 of 2)"),
        ({"result": None}, "5 of 5 numbers, 2 of 2 weights files (score: missing, was 0.3125"),
        ({"losses": (4.0, 2.0, 1.0)}, "1 of 3 metric points (loss at step 2: 1, was missing)"),
        ({"losses": (4.0, math.inf)}, "(loss at step 1: inf, was 2)"),
        ({"artifacts": ["picture.png"]}, "2 of 2 items (item a (aligned)"),
        ({"result": {k: v for k, v in RESULT.items() if k != "weights"}}, "(weights: missing, was aa)"),
    ],
)
def test_differences_of_every_kind(pair: Any, now: dict[str, Any], told: str) -> None:
    found = pair(**now)
    assert found.verdict == DIFFERENT
    assert told in str(found)


def test_other_weights_are_within_tolerance_at_best(pair: Any) -> None:
    found = pair(result={**RESULT, "weights": "bb"})
    assert found.verdict == WITHIN
    assert str(found).endswith("only the weights are not the same to the last bit")


def test_pictures_are_named_and_decide_nothing(pair: Any) -> None:
    found = pair(picture=b"drawn anew")
    assert found.verdict == IDENTICAL
    (files,) = [p for p in found.parts if p.noun == "other file"]
    assert (files.verdict, files.decides, files.differences[0].name) == (DIFFERENT, False, "picture.png")


def test_tables_beside_the_items_count_by_row(tmp_path: Path, write_run: Any) -> None:
    records = []
    for name, first in (("then", "x"), ("now", "y")):
        folder = write_run(tmp_path / name, 1, result={}, artifacts=["pairs.csv"])
        (folder / "pairs.csv").write_text(f"pair,first\n0,{first}\n1,x\n")
        records.append(read_record(folder))
    assert "1 of 2 pairs.csv rows (row 1 (x) first: y, was x)" in str(verification(*records))


def test_a_damaged_table_is_named(pair: Any, tmp_path: Path) -> None:
    pair()
    (tmp_path / "now/12/items.csv").write_bytes(b"item,ciou\n\xff\n")
    with pytest.raises(ValueError, match=r"items\.csv cannot be read as a table"):
        verification(read_record(tmp_path / "then/12"), read_record(tmp_path / "now/12"))


def test_what_has_changed_since_is_named(pair: Any) -> None:
    then: dict[str, Any] = {
        "key": "k1",
        "dataset": "d1",
        "parents": ["p1", "p2"],
        "parent_digests": ["1" * 64, "2" * 64],
        "code": {"cavl.model": "1", "cavl.gone": "1", "cavl.same": "1"},
        "environment": {"torch": "2.10", "threads": 1, "numpy": "2"},
        "host": {"hostname": "here", "cpu": "fast", "pid": 1},
        "device": "cuda",
    }
    now = {
        **then,
        "key": "k2",
        "dataset": "d2",
        "parent_digests": ["1" * 64, "3" * 64],
        "code": {"cavl.model": "2", "cavl.same": "1", "cavl.new": "1"},
        "environment": {"torch": "2.11", "threads": 2, "numpy": "2"},
        "host": {"hostname": "there", "cpu": "fast", "pid": 2},
        "device": "cpu",
    }
    found = pair(then=then, **now)
    assert found.verdict == IDENTICAL, "whatever has changed, the numbers are the same"
    assert found.device == ("cuda", "cpu")
    assert str(found).endswith("2 weights files; its key is another now")
    assert found.changed == (
        "dataset fingerprint was d1, is d2",
        "key was k1, is k2, by the above",
        f"what it started from was trained anew: the weights of p2 were {'2' * 12}, are {'3' * 12}",
        "code gone: cavl.gone",
        "code changed: cavl.model",
        "code new: cavl.new",
        "threads was 1, is 2",
        "torch was 2.10, is 2.11",
        "device was cuda, is cpu",
        "machine was here, is there",
    )


def test_another_key_from_the_same_data_is_the_sources_doing(pair: Any) -> None:
    found = pair(then={"key": "k1"}, key="k2")
    assert found.changed == ("key was k1, is k2: its configuration means something else to the sources of now",)


def test_unknown_sizes_are_told_as_such(pair: Any) -> None:
    (part, *_) = pair(rows=[("a", "blind", 0.5), *ROWS[1:]]).parts
    assert part.largest is None
    assert replace(part, differences=()).largest == 0.0
