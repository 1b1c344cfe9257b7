"""AudioSet's curricula (§4.1, §6.1; PROTOCOLS §2), and AudioSet-Instrument (§6.5.1).

AudioSet (``prepare audioset``): segments of Google's lists; the curriculum C_n has those of n sources, as their labels
are graded (:mod:`cavl.grading`). Training and validation are of the list balanced_train, test is eval. The kinds of a
scene are its sources; training never reads them.

AudioSet-Instrument (``prepare audioset --subset instrument``): segments with one or more of 15 musical instruments,
which are the scene's kinds; n is how many it has. Training clips are of unbalanced_train, validation and test halves of
balanced_train.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.datasets.audioset import read_ontology
from benchmarks.datasets.paper.config import PaperData
from benchmarks.datasets.paper.scenes import Collection, Item, Member, items_of
from benchmarks.datasets.prepared import NotPreparedError, Prepared
from cavl.grading import Parents, sources

ONTOLOGY = "ontology.json"


class AudioSet(Collection):
    """The curricula."""

    remedies: Mapping[str, str] = {
        "train": "the list balanced_train_segments.csv",
        "validation": "more of the list balanced_train_segments.csv",
        "test": "the list eval_segments.csv",
    }

    def __init__(self, prepared: Prepared, config: PaperData) -> None:
        super().__init__(prepared)
        grade = grader(prepared.folder, config.parents, config.keep_shallow)
        items = [(item, grade(item)) for item in items_of(prepared) if "labels" in item.attributes]
        self.kind_names = tuple(sorted({name for _, found in items for name in found}))
        number = {name: i for i, name in enumerate(self.kind_names)}
        training: dict[int, list[Member]] = {}
        for item, found in items:
            member = Member(item=item, kinds=tuple(sorted(number[name] for name in found)))
            if item.attributes["split"] == "eval":
                self.add("test", len(found), member)
            elif item.attributes["split"] == "balanced_train":
                training.setdefault(len(found), []).append(member)
        for n, members in training.items():
            self.add_training(n, members, config.held_out)


def grader(folder: Path, parents: Parents, keep_shallow: bool) -> Callable[[Item], Sequence[str]]:
    """Item -> its sources: as they were graded when it was prepared, or anew where other choices are asked for.

    Raises
    ------
    NotPreparedError
        If that needs the ontology, and the prepared folder does not hold it.
    """
    if parents == "first" and keep_shallow:
        return lambda item: item.attributes["sources"]
    path = folder / ONTOLOGY
    if not path.is_file():
        raise NotPreparedError(
            f"data.parents={parents!r}, data.keep_shallow={keep_shallow} grade anew, by AudioSet's ontology: copy "
            f"{ONTOLOGY} (GitHub repository audioset/ontology) to {path}"
        )
    ontology = read_ontology(path, parents)
    return lambda item: sorted(sources(item.attributes["labels"], ontology, keep_shallow=keep_shallow))


class AudioSetInstrument(Collection):
    """Clips with some of 15 instruments.

    The paper's numbers of clips speak for the 15 of Gao et al. 2018, whom it follows without naming them: as labels,
    without their descendants, 1,037 segments of balanced_train have one or more, of which the paper's 456 + 456 are
    88 %, as its 19,443 segments are of all 22,160; 93 % have one only, in the paper's training set 94 %. Of the 15 of
    Gao & Grauman 2019 there would be 1,206, with descendants 1,175 or 1,455 (measured).
    """

    remedies: Mapping[str, str] = {
        "train": "the list unbalanced_train_segments.csv",
        "validation": "the list balanced_train_segments.csv",
        "test": "the list balanced_train_segments.csv",
    }

    def __init__(self, prepared: Prepared) -> None:
        super().__init__(prepared)
        items = [item for item in items_of(prepared) if "instruments" in item.attributes]
        self.kind_names = tuple(sorted({name for item in items for name in item.attributes["instruments"]}))
        for item in items:
            kinds = tuple(sorted(self.kind_names.index(name) for name in item.attributes["instruments"]))
            self.add(item.attributes["split"], len(kinds), Member(item=item, kinds=kinds))
