"""Kinetics-Sounds: clips of 34 kinds of human action that can be seen and heard, with their labels (PROTOCOLS §9).

L3-Net's supervised baselines learn on them (``prepare kinetics_sounds``). A clip has one kind; training, validation and
test are those of Kinetics' lists.

References
----------
Arandjelović & Zisserman, "Look, Listen and Learn", ICCV 2017 (arXiv 1705.08168, appendix A: the 34 kinds).
Kay et al., "The Kinetics Human Action Video Dataset", 2017.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.datasets.prepared import Prepared
from benchmarks.datasets.prepared_scenes import Collection, Member, items_of

#: As the paper names them: Kinetics was not out yet.
KINDS = (
    *("blowing nose", "bowling", "chopping wood", "ripping paper", "shuffling cards", "singing", "tapping pen"),
    *("typing", "blowing out", "dribbling ball", "laughing", "mowing the lawn by pushing lawnmower", "shoveling snow"),
    *("stomping", "tap dancing", "tapping guitar", "tickling", "fingerpicking", "patting", "playing accordion"),
    *("playing bagpipes", "playing bass guitar", "playing clarinet", "playing drums", "playing guitar"),
    *("playing harmonica", "playing keyboard", "playing organ", "playing piano", "playing saxophone"),
    *("playing trombone", "playing trumpet", "playing violin", "playing xylophone"),
)
#: What four of them are called in the lists that came out (Kinetics-400). Typing, fingerpicking and patting are not in
#: these: 31 kinds have clips.
RELEASED: Mapping[str, str] = {
    "blowing out candles": "blowing out",
    "dribbling basketball": "dribbling ball",
    "mowing lawn": "mowing the lawn by pushing lawnmower",
    "stomping grapes": "stomping",
}


def kind_of(label: str) -> str | None:
    """The kind that a label of Kinetics means; None: it is not one of the 34."""
    name = " ".join(label.lower().replace("_", " ").split())  # "Playing Violin", "playing_violin"
    name = RELEASED.get(name, name)
    return name if name in KINDS else None


class KineticsSounds(Collection):
    """Labelled clips. The number of a kind is its place among the 34, whatever is prepared."""

    kind_names = KINDS
    remedies: Mapping[str, str] = {
        "train": "Kinetics' training list",
        "validation": "Kinetics' validation list",
        "test": "Kinetics' test list",
    }

    def __init__(self, prepared: Prepared) -> None:
        super().__init__(prepared)
        for item in items_of(prepared):
            if "kind" in item.attributes:
                kinds = (KINDS.index(item.attributes["kind"]),)
                self.add(item.attributes["split"], 1, Member(item=item, kinds=kinds))
        self.add_refused()
