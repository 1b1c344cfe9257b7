"""Curriculum grading (§4.1, §6.1): how many sound sources do the labels of an AudioSet clip stand for?

AudioSet's ontology is hierarchical and a clip carries labels of several of its levels: one bark may be annotated as
Animal (level 1), Pets (2), Dog (3) and Bark (4). The paper counts third-level labels: the labels above one are removed,
those below one are replaced by it, and the number of labels left is the clip's number of sources. N sources put a clip
into the curriculum C_N.

Three things the paper leaves open are decided here, so that its published proportions are reproduced:

* A class may have several parents (38 of the 632 have). Each keeps one, the first class in the ontology's own order
  that lists it (``parents="first"``): the ontology becomes a tree, and levels and ancestors are meant in it.
* A label of level 1 or 2 is removed when one of its descendants is among the clip's labels. When none is, it is the
  only witness of its sound and **stays as a source of its own** (``keep_shallow=True``). §6.1 to the letter drops it.
* Any label deeper than level 3, not only one of level 4, becomes its third-level ancestor.

Everything here is a pure function of data; :mod:`benchmarks.datasets.audioset` reads the files.

References
----------
Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events", ICASSP 2017.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Parents = Literal["first", "shallowest", "all"]

#: The level at which sources are counted; the classes without a parent are level 1.
SOURCE_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Ontology:
    """The hierarchy of classes, reduced to the parents that count; built by :func:`build_ontology`."""

    levels: Mapping[str, int]  # class -> its level, roots being 1
    ancestors: Mapping[str, frozenset[str]]  # class -> every class above it


def build_ontology(children: Mapping[str, Sequence[str]], parents: Parents = "first") -> Ontology:
    """Turn lists of children into levels and ancestors.

    Parameters
    ----------
    children
        Class -> its child classes, in the order of the ontology's file (which decides who is a class's first parent).
    parents
        Which parents a class with several keeps: ``"first"`` the first in file order, ``"shallowest"`` the one nearest
        to a root (the first of equals), ``"all"`` every one: levels are then shortest distances from a root, and one
        deep label may stand for several third-level ones.

    Raises
    ------
    ValueError
        For an unknown option, a child that is no class, or a class that is its own ancestor.
    """
    if parents not in get_args(Parents):
        raise ValueError(f"parents={parents!r}; allowed: {', '.join(map(repr, get_args(Parents)))}")
    listed: dict[str, list[str]] = {name: [] for name in children}
    for name, below in children.items():
        for child in below:
            if child not in listed:
                raise ValueError(f"class {name!r} lists a child {child!r} that the ontology does not define")
            listed[child].append(name)

    distances = _levels(listed)
    kept: dict[str, list[str]]
    if parents == "first":
        kept = {name: above[:1] for name, above in listed.items()}
    elif parents == "shallowest":
        kept = {name: sorted(above, key=lambda p: distances[p])[:1] for name, above in listed.items()}
    else:
        kept = listed
    return Ontology(levels=_levels(kept), ancestors={name: _above(name, kept) for name in kept})


def sources(labels: Iterable[str], ontology: Ontology, *, keep_shallow: bool = True) -> frozenset[str]:
    """The distinct sound sources that a clip's labels stand for (§6.1); their number is the clip's curriculum.

    Parameters
    ----------
    labels
        The clip's classes; repeated ones count once.
    keep_shallow
        Whether a label of level 1 or 2 none of whose descendants is among the labels counts as a source. ``False`` is
        §6.1 to the letter ("only the labels in the third level") and leaves some clips without any source.

    Raises
    ------
    ValueError
        For a label that is not in the ontology.
    """
    present = frozenset(labels)
    for label in sorted(present):
        if label not in ontology.levels:
            raise ValueError(f"label {label!r} is not a class of the ontology")
    return frozenset(source for label in present for source in _stands_for(label, present, ontology, keep_shallow))


def _stands_for(label: str, present: frozenset[str], ontology: Ontology, keep_shallow: bool) -> Iterable[str]:
    level = ontology.levels[label]
    if level == SOURCE_LEVEL:
        return (label,)
    if level > SOURCE_LEVEL:
        return (above for above in ontology.ancestors[label] if ontology.levels[above] == SOURCE_LEVEL)
    explained = any(label in ontology.ancestors[other] for other in present)
    return (label,) if keep_shallow and not explained else ()


def _levels(parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Level of every class: 1 without parents, else one below its highest parent."""
    below: dict[str, list[str]] = {name: [] for name in parents}
    for name, above in parents.items():
        for parent in above:
            below[parent].append(name)
    levels: dict[str, int] = {}
    front = [name for name, above in parents.items() if not above]
    level = 1
    while front:
        levels.update(dict.fromkeys(front, level))
        front = [child for child in dict.fromkeys(c for name in front for c in below[name]) if child not in levels]
        level += 1
    lost = [name for name in parents if name not in levels]
    if lost:
        raise ValueError(f"the ontology has a cycle: no root leads to class {lost[0]!r}")
    return levels


def _above(name: str, parents: Mapping[str, Sequence[str]]) -> frozenset[str]:
    found: set[str] = set()
    front = list(parents[name])
    while front:
        above = front.pop()
        if above not in found:
            found.add(above)
            front.extend(parents[above])
    return frozenset(found)
