"""Grading by hand on a small ontology; the real files are graded in tests/benchmarks/datasets/test_audioset.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cavl.grading import build_ontology, sources

#: Level 1: animal, music, things. "bell" hangs below music > instrument, below things > metal, and directly below
#: things. "bark" is level 4, "yip" level 5. In file order the first parent of "bell" is "instrument".
CHILDREN = {
    "animal": ["pets", "wild"],
    "pets": ["dog", "cat"],
    "dog": ["bark"],
    "bark": ["yip"],
    "yip": [],
    "cat": [],
    "wild": [],
    "music": ["instrument"],
    "instrument": ["bell", "piano"],
    "bell": ["chime"],
    "chime": [],
    "piano": [],
    "things": ["metal", "bell"],
    "metal": ["bell"],
}
ONTOLOGY = build_ontology(CHILDREN)


def test_levels_and_ancestors_are_those_of_the_first_parents_tree() -> None:
    assert ONTOLOGY.levels == {
        "animal": 1, "pets": 2, "wild": 2, "dog": 3, "cat": 3, "bark": 4, "yip": 5,
        "music": 1, "instrument": 2, "bell": 3, "piano": 3, "chime": 4, "things": 1, "metal": 2,
    }  # fmt: skip
    assert ONTOLOGY.ancestors["yip"] == {"bark", "dog", "pets", "animal"}
    assert ONTOLOGY.ancestors["chime"] == {"bell", "instrument", "music"}, "things is not above bell in the first tree"
    assert ONTOLOGY.ancestors["animal"] == frozenset()


@pytest.mark.parametrize(
    ("labels", "kept", "dropped"),
    [
        (["animal", "pets", "dog", "bark"], {"dog"}, {"dog"}),  # the paper's own example: one source
        (["bark", "yip"], {"dog"}, {"dog"}),  # deeper than level 4 too
        (["dog", "cat", "pets"], {"dog", "cat"}, {"dog", "cat"}),
        (["animal"], {"animal"}, set()),  # its only witness
        (["animal", "pets"], {"pets"}, set()),  # pets explains animal; nothing explains pets
        (["animal", "wild", "pets"], {"wild", "pets"}, set()),
        (["animal", "piano"], {"animal", "piano"}, {"piano"}),
        (["pets", "chime", "music"], {"pets", "bell"}, {"bell"}),
        (["things", "bell"], {"things", "bell"}, {"bell"}),  # in the tree, bell is no descendant of things
        (["dog", "dog"], {"dog"}, {"dog"}),
        ([], set(), set()),
    ],
)
def test_sources(labels: list[str], kept: set[str], dropped: set[str]) -> None:
    assert sources(labels, ONTOLOGY) == kept
    assert sources(labels, ONTOLOGY, keep_shallow=False) == dropped


def test_the_other_parents() -> None:
    shallowest = build_ontology(CHILDREN, parents="shallowest")
    assert shallowest.levels["bell"] == 2, "directly below the root things"
    assert shallowest.levels["chime"] == 3
    assert sources(["things", "bell", "chime"], shallowest) == {"chime"}

    everyone = build_ontology(CHILDREN, parents="all")
    assert everyone.ancestors["chime"] == {"bell", "instrument", "music", "things", "metal"}
    assert sources(["things", "music", "bell"], everyone) == {"bell"}, "bell, of level 2 here, explains both roots"


def test_with_all_parents_a_deep_label_may_stand_for_several() -> None:
    children = {"a": ["b"], "b": ["c"], "c": ["deep"], "x": ["y"], "y": ["z"], "z": ["deep"], "deep": []}
    assert sources(["deep"], build_ontology(children, parents="all")) == {"c", "z"}
    assert sources(["deep"], build_ontology(children)) == {"c"}


@given(st.frozensets(st.sampled_from(sorted(CHILDREN)), min_size=1), st.sampled_from(["first", "shallowest", "all"]))
def test_properties_of_sources(labels: frozenset[str], parents: str) -> None:
    ontology = build_ontology(CHILDREN, parents)  # type: ignore[arg-type]
    kept = sources(labels, ontology)
    dropped = sources(labels, ontology, keep_shallow=False)
    assert kept, "with shallow labels kept, a labelled clip has a source"
    assert dropped == {s for s in kept if ontology.levels[s] == 3}, "the two readings differ in shallow labels only"
    for source in kept:
        assert source in labels or any(source in ontology.ancestors[label] for label in labels)
        assert not any(source in ontology.ancestors[other] for other in kept), "no source above another"
    assert sources(kept, ontology) == kept, "grading what was graded changes nothing"


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(ValueError, match="'unicorn' is not a class of the ontology"):
        sources(["dog", "unicorn"], ONTOLOGY)


@pytest.mark.parametrize(
    ("children", "message"),
    [
        ({"a": ["b"]}, "lists a child 'b' that the ontology does not define"),
        ({"a": ["b"], "b": ["a"]}, "cycle"),
        ({"root": [], "a": ["b"], "b": ["c"], "c": ["a"]}, "cycle"),
        ({"a": ["a"]}, "cycle"),
    ],
)
def test_an_ontology_that_is_none_is_refused(children: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_ontology(children)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="parents='last'; allowed: 'first', 'shallowest', 'all'"):
        build_ontology(CHILDREN, parents="last")  # type: ignore[arg-type]
