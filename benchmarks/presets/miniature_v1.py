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
from benchmarks.presets import miniature as second
from benchmarks.presets import remodelled

PRESET = remodelled(replace(second.PRESET, data=MiniatureData()), cavl={"visual_centres": "n+1"})
