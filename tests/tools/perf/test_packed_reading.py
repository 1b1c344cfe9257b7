"""The reading benchmark compares like with like: every form holds the same clips."""

from __future__ import annotations

import importlib.util
import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.perf import packed_reading


def test_all_forms_hold_the_same_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_reading, "PICTURES", 10)
    monkeypatch.setattr(packed_reading, "DISTINCT", 1)
    packed_reading.make(tmp_path, 1, None)
    seen = {}
    for form in packed_reading.FORMS:
        if "datasets" in form and importlib.util.find_spec("datasets") is None:
            continue
        waveform, image = packed_reading.opened(tmp_path, form)(0, np.random.default_rng(3))
        assert (waveform.dtype, waveform.shape, image.shape) == (np.int16, (110_250,), (256, 256, 3))
        seen[form] = waveform.astype(int), image.astype(int)
    sound, picture = seen["packed"]
    for form, (waveform, image) in seen.items():
        assert np.abs(waveform - sound).max() <= 1, form
        if form != "published, video":  # which is between two of the pictures
            assert np.abs(image - picture).mean() < 4, form
        assert image.std() > 5


def test_a_measurement_counts_what_was_read(tmp_path: Path) -> None:
    class Out:
        result: tuple[int, float, float]

        def put(self, result: tuple[int, float, float]) -> None:
            self.result = result

    packed_reading.write(
        tmp_path / "packed",
        [
            packed_reading.Clip(
                id=str(n),
                waveform=np.zeros(110_250, np.int16),
                frames=[jpeg()] * packed_reading.SECONDS,
                times=range(packed_reading.SECONDS),
            )
            for n in range(2)
        ],
    )
    began: list[float] = []

    class Ready:
        """Another process is slow to start: it is waited for, and the time is not counted."""

        def wait(self) -> None:
            time.sleep(0.5)
            began.append(time.perf_counter())

    packed_reading.measure(tmp_path, "packed", 2, 0.2, 0, out := Out(), Ready())
    done, cpu, wall = out.result
    assert wall <= time.perf_counter() - began[0]
    assert done > 5
    assert 0 < cpu <= wall * 1.5
    assert 0.2 <= wall < 5


def test_too_few_photographs_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg())
    with pytest.raises(SystemExit, match=r"holds 1 files \*\.jpg, 50 are needed"):
        packed_reading.make(tmp_path / "out", 1, tmp_path)


def jpeg() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (256, 256)).save(content, "JPEG")
    return content.getvalue()
