"""Default preset, and what a default job cannot pay for.

Separation trained for longer, and with the paper's masks; C3 alone for as long as the curriculum; the baselines that
learn from scenes, each on all curricula and on C1 for as long as CAVL's c1-c2.

    tox -e benchmark -- --preset full

Data: that of the default preset, whose other runs it shares.

Cost: that of the default preset and about 27 CPU-minutes a seed.

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

MORE_RUNS = {
    "l3": ("all", "c1-matched"),
    "dmc": ("c1-matched",),
    "attention": ("c1-matched",),
    "attention:repaired": ("all", "c1-matched"),
}
BASELINES = {name: miniature.PRESET.methods[name] for name in MORE_RUNS}

PRESET = replace(
    miniature.PRESET,
    methods={
        **miniature.PRESET.methods,
        "cavl": replace(CAVL, runs=(*CAVL.runs, "c3-matched"), variants={**CAVL.variants, "separation": SEPARATION}),
        **{name: replace(part, runs=(*part.runs, *MORE_RUNS[name])) for name, part in BASELINES.items()},
    },
    evaluations={**miniature.PRESET.evaluations, "separation": replace(miniature.SEPARATION, updates=2500)},
)
