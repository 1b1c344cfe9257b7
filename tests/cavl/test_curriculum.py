"""Orderings as data."""

import pytest

from cavl.config import from_dict, to_dict
from cavl.curriculum import Stage, named_orderings, random_order, scene_orderings, stages_of

UPDATES, LRS = (400, 160, 160, 160), (1e-3, 1e-4, 1e-4, 1e-5)
ORDERINGS = named_orderings(UPDATES, LRS, seed=1, checkpoints=(160,))


@pytest.mark.parametrize("control", ["c3-matched", "mixed-matched", "hard-to-easy"])
def test_matched_orderings_have_the_same_updates_and_learning_rates(control):
    schedule, other = ([(s.updates, s.lr) for s in ORDERINGS[name]] for name in ("c1-c2-c3", control))
    assert schedule == other


def test_curricula_of_the_named_orderings():
    curricula = {name: [s.curricula for s in stages] for name, stages in ORDERINGS.items()}
    assert curricula["c1-c2-c3"] == [(1,), (2,), (3,)]
    assert curricula["hard-to-easy"] == [(3,), (2,), (1,)]
    assert curricula["original"] == [(1, 2, 3, 4)]
    assert curricula["mixed-matched"] == [(1, 2, 3)] * 3
    assert curricula["c1-c2-c3-c4"][-1] == (4,)
    assert curricula["untrained"] == []
    assert [s.options.get("alignment") for s in ORDERINGS["c1-c2scene"]] == [None, "scene"]
    assert ORDERINGS["c0"][0].options == {"alignment": "scene"}
    assert all(s.k == "counted" for s in ORDERINGS["mixed-counted"])


def test_orderings_that_begin_alike_share_stages():
    assert ORDERINGS["c1-c2-c3"][:2] == ORDERINGS["c1-c2"]
    assert ORDERINGS["c3-matched"][:1] == ORDERINGS["c3"] == ORDERINGS["hard-to-easy"][:1]


def test_the_last_stage_from_random_weights_is_the_curriculums():
    assert ORDERINGS["c3-late"] == ORDERINGS["c1-c2-c3"][2:]


def test_other_methods_have_the_scenes_and_the_updates_of_c1_c2():
    found = scene_orderings(UPDATES[:2], (1e-3, 1e-3), {"objective": "avc"})
    assert {name: [s.curricula for s in stages] for name, stages in found.items()} == {
        "untrained": [],
        "c1": [(1,)],
        "all": [(1, 2)] * 2,
        "c1-matched": [(1,)] * 2,
    }
    assert {s.curricula[0] for s in ORDERINGS["c1-c2"]} == set(found["all"][0].curricula)
    for name in ("all", "c1-matched"):
        assert [s.updates for s in found[name]] == [s.updates for s in ORDERINGS["c1-c2"]]
    assert found["c1-matched"][:1] == found["c1"]
    assert all(s.options == {"objective": "avc"} for stages in found.values() for s in stages)
    with pytest.raises(ValueError, match="two stages, not 1 updates"):
        scene_orderings((1,), (1e-3, 1e-3))


def test_random_order_is_neither_ascending_nor_descending_and_a_function_of_the_seed():
    orders = {random_order(seed) for seed in range(40)}
    assert orders == {(1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2)}
    assert random_order(7) == random_order(7)


def test_names_with_a_step():
    assert stages_of("c3@160", ORDERINGS) == (ORDERINGS["c3"], 160)
    assert stages_of("c3-from-c2", ORDERINGS) == (ORDERINGS["c1-c2-c3"], None)
    with pytest.raises(ValueError, match="keeps no checkpoint at '10'"):
        stages_of("c3@10", ORDERINGS)
    with pytest.raises(ValueError, match="unknown ordering 'c9'"):
        stages_of("c9", ORDERINGS)


@pytest.mark.parametrize(
    "bad",
    [{"curricula": ()}, {"curricula": (6,)}, {"updates": 0}, {"lr": 0.0}, {"checkpoints": (10,)}],
)
def test_impossible_stages_are_refused(bad):
    with pytest.raises(ValueError, match=r"stage|checkpoints"):
        Stage(**{"curricula": (1,), "updates": 10, "lr": 1e-3, **bad})


def test_stages_round_trip_through_plain_values():
    for stages in ORDERINGS.values():
        assert tuple(from_dict(Stage, to_dict(s)) for s in stages) == stages
