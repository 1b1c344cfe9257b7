"""Composite scenes: real photographs of objects pasted onto other photographs, with real recordings mixed.

From two folders of labelled files (``files``) and a table that pairs kinds of photographs with kinds of recordings
(``pairs.csv``); made for Caltech-101 with ESC-50 and FSDKaggle2018's instruments. One to five sources of distinct kinds
among silent things; boxes, object masks, kinds, stems and counts are known (``compose``). Files are for training, for
validation or for test (``material``), and what is damaged or missing is told by the sets' coverage.

Scene ``i`` is a pure function of (contents of the files, world, split, number of sources, i). Unlike the miniature's,
its bytes also depend on the decoders: Pillow's for JPEG, and torchaudio's filter for recordings of other rates.

Photographs do not move: there is no video, so nothing that watches clips (AVTS) can be trained here.

    cavl-bench prepare composite                  what there is of each kind
    cavl-bench preview composite --out FILE.png   example scenes
"""

from benchmarks.datasets.composite.compose import SECOND, CompositeConfig
from benchmarks.datasets.composite.data_module import CompositeData, CompositeDataModule

__all__ = ["SECOND", "CompositeConfig", "CompositeData", "CompositeDataModule"]
