"""The whole way in seconds: every method, task and ordering, on networks and sets too small to learn anything.

    python -m benchmarks --preset smoke

Data: none. Cost: under 90 s on 2 cores. Expected scores: those of chance. Its use is to see that all parts work.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.datasets.miniature import MiniatureConfig
from benchmarks.datasets.source import MiniatureData
from benchmarks.presets import CountingConfig, LocalizationConfig, MethodPreset, SeparationConfig
from benchmarks.presets import miniature as full
from benchmarks.training import TrainingConfig
from cavl.curriculum import named_orderings

TINY = (4, "M", 8, "M", 8)
#: Without the checkpoint, which another schedule keeps, and c1-c2-c3-counted: after four updates the counter hears no
#: curriculum of three sources. "mixed-counted" stands for it.
DEFAULT = [name for name in full.PRESET.methods["cavl"].runs if "@" not in name and name != "c1-c2-c3-counted"]
CAVL = {**full.CAVL, "audio_trunk": TINY, "visual_trunk": TINY}

PRESET = replace(
    full.PRESET,
    seeds=1,
    data=MiniatureData(
        world=MiniatureConfig(seconds=2.0),
        train={"1": 32, "2": 16, "3": 16, "4": 16, "5": 16},
        validation=16,
        test={"1": 24, "2": 8, "3": 8, "4": 8, "5": 8},
        probe_folds=3,
        probe_clips=1,
    ),
    training=TrainingConfig(batch=8, monitor_every=4, monitor_early=(0,), checkpoint_every=2),
    methods={
        **full.PRESET.methods,
        "cavl": MethodPreset(
            model=CAVL,
            orderings=lambda seed: named_orderings((6, 3, 3, 3), full.LRS, seed, checkpoints=(3,)),
            runs=(*DEFAULT, "c3@3", "c1-c2-c3-c4", "mixed-counted", "random"),
            variants={
                **full.PRESET.methods["cavl"].variants,
                "separation": {
                    "untrained": ({},),
                    "c1": ({}, {"network": {"conditioning": "center"}}, {"network": {"loss": "plain"}}),
                },
            },
        ),
    },
    localization=LocalizationConfig(examples=2, batch=8),
    counting=CountingConfig(updates=4),
    separation=SeparationConfig(
        network=replace(full.SEPARATOR, channels=(4, 4, 8, 8, 8, 8)), updates=4, pairs=4, examples=2, batch=4
    ),
)
