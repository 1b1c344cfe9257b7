"""The default preset in the miniature world of the first generator, as its older records have it.

    cavl-bench run --preset miniature-v1

Data: none to download. Cost: that of the default preset.

Expected scores (mean of three seeds): cIoU@0.5 of single sources c1 33, c1-c2 62, c1-c2-c3 70, and of an edge-density
map, which hears nothing, 33: half of the scenes show no silent object that looks as if it sounded, and their grounds
are smoother than the objects. Pointing in scenes of three sources c1 65, c1-c2-c3 69.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.datasets.miniature import MiniatureData
from benchmarks.presets import asked_otherwise, remodelled
from benchmarks.presets import miniature as second
from benchmarks.training.loop import TrainingConfig

#: Beside CAVL that is told the number of objects: as many centres in every image as the fullest scene needs.
FIXED = {"cavl:fixed-k": asked_otherwise(second.CAVL_PRESET, second.CURRICULUM, visual_centres=6)}

PRESET = remodelled(
    replace(
        second.PRESET,
        data=MiniatureData(),
        training=TrainingConfig(batch=32),
        methods={**second.PRESET.methods, **FIXED},
    ),
    cavl={"visual_centres": "n+1"},
)
