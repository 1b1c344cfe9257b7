"""Default preset with its separation networks trained for longer than a default job can pay for.

    tox -e benchmark -- --preset full

Data: that of the default preset, whose other runs it shares.

Cost: UNKNOWN

Expected scores: UNKNOWN
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.presets import miniature

PRESET = replace(
    miniature.PRESET,
    evaluations={**miniature.PRESET.evaluations, "separation": replace(miniature.SEPARATION, updates=2500)},
)
