"""SoundNet-Flickr: images and sounds with human boxes (§4.4; PROTOCOLS §6).

test                the images of the published test list that have boxes: 249 of the 250; the truth is the consensus of
                    their annotators. One that is missing is never replaced by another.
train, validation   annotated images that are not listed (``prepare flickr_soundnet --all``), a share of them held out
                    by a hash of their ids, for whoever trains there: the paper's rows do not, "the
                    AudioSet-Balanced-Train dataset is adopted for training" (§4.4).

The mean training map needs no media: it is made of the boxes of all annotated images that are not listed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.datasets.flickr_soundnet import FRAME, Annotations, ConsensusMaps
from benchmarks.datasets.paper.config import PaperData
from benchmarks.datasets.paper.scenes import Collection, Member, PreparedScenes, items_of, spread_over
from benchmarks.datasets.prepared import Prepared


class FlickrSoundNet(Collection):
    """Images and sounds; all have one source, of unknown kind."""

    remedies: Mapping[str, str] = {
        "train": "all annotated images (--all)",
        "validation": "all annotated images (--all)",
        "test": "the images of the test list",
    }

    def __init__(self, prepared: Prepared, config: PaperData) -> None:
        super().__init__(prepared)
        items = [item for item in items_of(prepared) if "boxes" in item.attributes]
        others = []
        for item in items:
            if item.attributes["split"] == "test":
                self.add("test", 1, Member(item=item))
            else:
                others.append(Member(item=item))
        self.add_training(1, others, config.held_out)
        self.truth = judged({item.id: item.attributes["boxes"] for item in items})
        self.training_boxes = prepared.options.get("training_boxes", {})
        training = judged(self.training_boxes)
        self.maps = ConsensusMaps(training, list(training.boxes))

    def open(self, split: str, n: int, limit: int | None) -> PreparedScenes:
        return PreparedScenes(
            self.prepared,
            split,
            n,
            self.sets.get((split, n), []),
            choose=spread_over(limit),
            beside=json.dumps(self.training_boxes) if split == "train" else "",
            consensus=self.truth.consensus,
            maps=self.maps if split == "train" else (),
        )


def judged(boxes: Mapping[str, Any]) -> Annotations:
    """Boxes that were read, and judged, when the data set was prepared."""
    arrays = {image: np.array(listed, dtype=np.int64) for image, listed in boxes.items()}
    return Annotations(size=FRAME, boxes=arrays, dropped={})
