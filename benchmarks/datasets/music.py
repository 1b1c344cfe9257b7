"""MUSIC: solos and duets of eleven instruments, in clips of 10 s (§4.1; PROTOCOLS §8).

Solos have one source: "the first and second video of each instrument category is selected for validating and testing",
the rest trains. Duets have two, and train; of their videos a share is held out to measure along the way, by a hash of
their ids (ours: the paper has no such videos).

Test mixtures are of a published list where the folder was prepared with one (``--mixtures``): pairs of videos, of which
the first clips are mixed (ours: which clips it means, no list says).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from benchmarks.datasets.prepared import Prepared
from benchmarks.datasets.prepared_scenes import Collection, Member, PreparedScenes, items_of


class Music(Collection):
    """Solos and duets."""

    remedies: Mapping[str, str] = {"train": "more videos", "validation": "more videos", "test": "more videos"}

    def __init__(self, prepared: Prepared, held_out: float) -> None:
        super().__init__(prepared)
        items = [item for item in items_of(prepared, by="video") if "instruments" in item.attributes]
        self.kind_names = tuple(sorted({name for item in items for name in item.attributes["instruments"]}))
        duets = []
        for item in items:
            member = Member(item=item, kinds=tuple(map(self.kind_names.index, item.attributes["instruments"])))
            if len(member.kinds) == 1:
                self.add(item.attributes["split"], 1, member)
            else:
                duets.append(member)
        self.add_training(2, duets, held_out)
        self.add_refused()

    def beside(self, split: str) -> str:
        return json.dumps(self.prepared.options.get("mixtures")) if split == "test" else ""


def listed_pairs(prepared: Prepared, solos: PreparedScenes) -> list[tuple[int, int]] | None:
    """The published test mixtures, as numbers of test scenes, but those of which a video is missing; None: no list."""
    listed = prepared.options.get("mixtures")
    if listed is None:
        return None
    places = [(solos.number_of(first), solos.number_of(second)) for first, second in listed]
    return [(a, b) for a, b in places if a is not None and b is not None]
