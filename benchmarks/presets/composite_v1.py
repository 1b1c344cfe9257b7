"""Composite scenes of the first generator: blurred grounds, one silent thing at most.

    tox -e benchmark -- --preset composite-v1 --photographs DIR --recordings DIR,DIR

Data and cost: those of the preset "composite".

Expected scores: docs/composite.md; cIoU@0.5 of c1 49, and of an edge-density map, which hears nothing, 59.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.datasets.composite import CompositeData
from benchmarks.presets import asked_otherwise
from benchmarks.presets import composite as second
from benchmarks.presets import miniature as small

VISUAL_TRUNK = (16, "M", 32, "M", 64, "M", 64)
CAVL = {
    **second.CAVL,
    "visual_trunk": VISUAL_TRUNK,
    "visual_centres": "n+1",
    "clustering": small.CAVL["clustering"],
}
BASE = second.composed(CompositeData(), CAVL, (600, 240, 240, 240), small.LRS, 32, VISUAL_TRUNK)
#: Beside CAVL that is told the number of objects: as many centres in every image as the fullest scene needs.
FIXED = {"cavl:fixed-k": asked_otherwise(BASE.methods["cavl"], small.CURRICULUM, visual_centres=6)}

PRESET = replace(BASE, methods={**BASE.methods, **FIXED})
