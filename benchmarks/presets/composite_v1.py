"""Composite scenes of the first generator: blurred grounds, one silent thing at most.

    tox -e benchmark -- --preset composite-v1 --photographs DIR --recordings DIR,DIR

Data and cost: those of the preset "composite".

Expected scores: docs/composite.md; cIoU@0.5 of c1 49, and of an edge-density map, which hears nothing, 59.
"""

from __future__ import annotations

from benchmarks.datasets.composite import CompositeData
from benchmarks.presets import composite as second
from benchmarks.presets import miniature as small

CAVL = {**second.CAVL, "visual_centres": "n+1", "clustering": small.CAVL["clustering"]}

PRESET = second.composed(CompositeData(), CAVL, (600, 240, 240, 240))
