"""Metrics survive kills, full disks and resumptions."""

import datetime
import errno
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacred.metrics_logger import MetricsLogger, linearize_metrics

from registry import files
from registry.files import DiskFullError
from registry.record.journal import JOURNAL, JournalError, append, read_metrics, write_metrics_json

NOW = datetime.datetime(2025, 1, 1)


def points(steps: list[int], values: list[float]) -> dict[str, list[object]]:
    return {"steps": steps, "values": values, "timestamps": [NOW] * len(steps)}


def test_what_sacred_hands_over_comes_back(tmp_path: Path) -> None:
    logger = MetricsLogger()
    logger.log_scalar_metric("loss", np.float32(0.5), 3)
    logger.log_scalar_metric("accuracy", 1, 3)
    logger.log_scalar_metric("loss", 0.25)
    append(tmp_path, linearize_metrics(logger.get_last_metrics()))
    logger.log_scalar_metric("loss", 0.125)
    append(tmp_path, linearize_metrics(logger.get_last_metrics()))
    append(tmp_path, linearize_metrics(logger.get_last_metrics()))
    assert read_metrics(tmp_path) == {"loss": ([3, 4, 5], [0.5, 0.25, 0.125]), "accuracy": ([3], [1])}
    assert (tmp_path / JOURNAL).read_text().count("\n") == 2


def test_no_journal_is_no_metrics(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == {}
    write_metrics_json(tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == {}


def test_not_a_number_and_infinity(tmp_path: Path) -> None:
    append(tmp_path, {"loss": points([0, 1, 2], [math.nan, math.inf, -math.inf])})
    steps, values = read_metrics(tmp_path)["loss"]
    assert steps == [0, 1, 2]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]
    write_metrics_json(tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["loss"]["values"][1:] == [math.inf, -math.inf]


def test_of_a_repeated_step_the_last_counts_and_steps_are_sorted(tmp_path: Path) -> None:
    append(tmp_path, {"loss": points([0, 1, 2, 3], [0.0, 1.0, 2.0, 3.0])})
    append(tmp_path, {"loss": points([2, 3, 4], [20.0, 30.0, 40.0])})
    append(tmp_path, {"loss": points([-1], [9.0])})
    assert read_metrics(tmp_path) == {"loss": ([-1, 0, 1, 2, 3, 4], [9.0, 0.0, 1.0, 20.0, 30.0, 40.0])}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.floats(allow_nan=False)), min_size=1), min_size=1), st.data())
def test_a_journal_torn_anywhere_keeps_every_whole_line(tmp_path_factory, batches, data) -> None:
    """Against the plain meaning: a dictionary filled in order."""
    folder = tmp_path_factory.mktemp("run")
    ends = [0]
    for batch in batches:
        append(folder, {"m": points([s for s, _ in batch], [v for _, v in batch])})
        ends.append((folder / JOURNAL).stat().st_size)
    cut = data.draw(st.integers(0, ends[-1]))
    os.truncate(folder / JOURNAL, cut)
    whole = sum(end <= cut for end in ends) - 1
    truth = dict(pair for batch in batches[:whole] for pair in batch)
    expected = {"m": (sorted(truth), [truth[s] for s in sorted(truth)])} if truth else {}
    assert read_metrics(folder) == expected
    append(folder, {"m": points([100], [1.0])})
    assert (folder / JOURNAL).stat().st_size > ends[whole]
    assert read_metrics(folder)["m"] == ([*sorted(truth), 100], [*(truth[s] for s in sorted(truth)), 1.0])


def test_a_long_torn_line_is_cut(tmp_path: Path) -> None:
    append(tmp_path, {"m": points([0], [1.0])})
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole + b"\0" * 300_000)
    append(tmp_path, {"m": points([1], [2.0])})
    assert (tmp_path / JOURNAL).read_bytes().startswith(whole + b'{"m"')
    assert read_metrics(tmp_path) == {"m": ([0, 1], [1.0, 2.0])}


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    append(tmp_path, {"m": points([0], [1.0])})
    with open(tmp_path / JOURNAL, "a") as file:
        file.write('{"m": {"steps": [1], "values": []}}\n')
    with pytest.raises(JournalError, match=r"line 2 of .*metrics\.jsonl is damaged"):
        read_metrics(tmp_path)


def test_full_disk_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(tmp_path, {"m": points([0], [1.0])})
    real = os.pwrite

    def half(file: int, data: bytes, offset: int) -> int:
        if len(data) < 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data[: len(data) // 2], offset)

    monkeypatch.setattr(files.os, "pwrite", half)
    with pytest.raises(DiskFullError, match=r"metrics\.jsonl"):
        append(tmp_path, {"m": points([1], [2.0])})
    monkeypatch.undo()
    assert read_metrics(tmp_path) == {"m": ([0], [1.0])}
    append(tmp_path, {"m": points([1], [2.0])})
    assert read_metrics(tmp_path) == {"m": ([0, 1], [1.0, 2.0])}


def test_200_000_points(tmp_path: Path) -> None:
    for start in range(0, 200_000, 50_000):
        append(tmp_path, {"m": points(list(range(start, start + 50_000)), [0.5] * 50_000)})
    steps, values = read_metrics(tmp_path)["m"]
    assert steps == list(range(200_000))
    assert len(values) == 200_000
