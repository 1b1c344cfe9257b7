"""Default preset, and what a default job cannot pay for: separation trained for longer, and with the paper's masks.

    tox -e benchmark -- --preset full

Data: that of the default preset, whose other runs it shares.

Cost: that of the default preset and 18 CPU-minutes a seed.

Expected scores: those of the default preset; separation was measured on validation scenes only, one seed of c1 located
with the solo: competing masks 9.8 dB after 400 updates and 10.2 after 800, independent ones 8.4 after 800 and 10.3
after 2,500.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.presets import miniature

CAVL = miniature.PRESET.methods["cavl"]
SEPARATION = {
    **CAVL.variants["separation"],
    "c1": (*CAVL.variants["separation"]["c1"], {"network": {"masks": "independent"}}),
}

PRESET = replace(
    miniature.PRESET,
    methods={
        **miniature.PRESET.methods,
        "cavl": replace(CAVL, variants={**CAVL.variants, "separation": SEPARATION}),
    },
    evaluations={**miniature.PRESET.evaluations, "separation": replace(miniature.SEPARATION, updates=2500)},
)
