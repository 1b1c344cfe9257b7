"""What of the paper's data is read, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from cavl.config import ConfigError
from cavl.grading import Parents

LEAST = 8  # scenes of each set of a rehearsal


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperData:
    """The choices of PROTOCOLS §2, and which data set a network is pre-trained on and separates."""

    source: str = "paper"
    #: §4.1, §4.5, §6.5: AudioSet-Balanced for everything but separation; MUSIC and AudioSet-Instrument for that.
    pretraining: Literal["audioset", "audioset_instrument", "music", "flickr_soundnet"] = "audioset"
    separation: Literal["music", "audioset_instrument"] = "music"
    parents: Parents = "first"  # of a class with several, the first in the ontology's file
    keep_shallow: bool = True  # a label of level 1 or 2 without a descendant is a source of its own
    #: Of AudioSet's and Flickr's training clips that are held out to measure along the way: ours, the paper had none.
    held_out: float = 0.05
    limit: int | None = None  # a rehearsal: at most so many scenes of each set

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise ValueError(f"data.held_out is a share of the training clips, between 0 and 1, not {self.held_out}")
        if self.limit is not None and self.limit < 2:
            raise ValueError(f"data.limit must be at least 2 scenes of each set, not {self.limit}")

    def limited(self, n: int) -> PaperData:
        """The same for a rehearsal.

        Raises
        ------
        ConfigError
            If so few scenes would let it fail after all the training.
        """
        if n < LEAST:
            raise ConfigError(
                f"a rehearsal of the paper's experiments needs {LEAST} scenes of each set (--limit {LEAST}) or more, "
                f"not {n}: fewer leave the probe without three folds, or nothing to mix"
            )
        return replace(self, limit=n)
