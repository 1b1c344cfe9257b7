"""The profile of preparing accounts for the whole of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.datasets.prepared import Prepared
from tools.perf import preparing


def test_a_clip_is_prepared_and_its_parts_are_timed(tmp_path: Path) -> None:
    parts = preparing.parts(tmp_path, np.random.default_rng(0), 5.0)
    assert list(parts) == ["decoding", "scaling", "JPEG", "resampling", "our own", "packing"]
    assert all(milliseconds > 0 for name, milliseconds in parts.items() if name != "our own")
    packed = Prepared(tmp_path / "packed")
    assert (len(packed), packed.frame_count(0), len(packed.waveform(0))) == (1, 50, 110_250)
