"""The paper's own data, as prepared: AudioSet's curricula, AudioSet-Instrument, MUSIC, SoundNet-Flickr, ESC-50.

``cavl-bench prepare ...`` makes the folders that are read here, below ``$CAVL_DATA`` or else the
platform's cache folder (:mod:`benchmarks.datasets.prepared`; docs/data.md)::

    audioset/               Google's segments, graded               prepare audioset
    audioset_instrument/    those with some of 15 instruments       prepare audioset --subset instrument
    music/                  solos and duets, in clips of 10 s       prepare music
    flickr_soundnet/        images and sounds with human boxes      prepare flickr_soundnet
    esc50/                  recordings in five folds                prepare esc50

What a task reads of them says :mod:`benchmarks.datasets.paper.source`; where a clip belongs, the module of its data
set. Whatever is missing, the message says which command prepares it.
"""

from benchmarks.datasets.paper.config import PaperData
from benchmarks.datasets.paper.source import PaperSource

__all__ = ["PaperData", "PaperSource"]
