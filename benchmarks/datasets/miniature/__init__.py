"""Miniature world: the embedded audiovisual dataset. Procedural, with everything known, and no download.

Twelve kinds of sound (``sounds``), each tied to a kind of object (``objects``, ``kinds``); a scene has one to five
sources of distinct kinds, mixed to one loudness (``synthetic.mixing``), among silent objects (``rendering``; in the
generator ``second`` seeing alone does not tell what sounds), as a still image or as video in which objects move with
their sounds. Boxes, object masks, kinds, stems and counts are exact.

Scene ``i`` is a pure function of (world, split, number of sources, i), **byte for byte on any machine**. To keep it so,
the path of a sample holds no distribution of NumPy's, no sine, exponential or power of the C library except in tables
rounded to a grid (``portable_math``), no FFT and no recursive filter; floating-point sums, whose result depends on
their order and so on the processor, are taken of whole numbers only, where they are exact; what remains is elementwise
arithmetic as IEEE 754 defines it. Golden digests in the tests pin it; ``recipe.VERSION`` must be raised with any change
of a byte.

    cavl-bench preview miniature --out FILE.png
"""

from benchmarks.datasets.miniature.data_module import MiniatureData, MiniatureDataModule
from benchmarks.datasets.miniature.dataset import Miniature
from benchmarks.datasets.miniature.kinds import KINDS, Kind
from benchmarks.datasets.miniature.world import SECOND, MiniatureConfig

__all__ = ["KINDS", "SECOND", "Kind", "Miniature", "MiniatureConfig", "MiniatureData", "MiniatureDataModule"]
