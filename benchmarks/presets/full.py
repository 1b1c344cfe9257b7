"""Default preset, and what a default job cannot pay for: separation trained for longer, and with the paper's masks.

    tox -e benchmark -- --preset full

Data: that of the default preset, whose other runs it shares.

Cost: that of the default preset and 20 CPU-minutes a seed.

Expected scores: those of the default preset; of separation, see docs/protocols.md's choices: independent masks come to
8.4 dB (located with the solo) where competing ones come to 9.8, on validation scenes at equal effort.
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
