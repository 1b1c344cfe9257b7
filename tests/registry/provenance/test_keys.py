"""Equal keys for equal intent, other keys for any change."""

import copy
import hashlib
import json
import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from registry.provenance.keys import run_key
from registry.record.serialization import NotPlainError

numbers = st.integers() | st.floats(allow_nan=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
configurations = st.dictionaries(st.text(), values, max_size=5)


def key(configuration: dict[str, object]) -> str:
    return run_key("pretrain", configuration, "fingerprint", ("parent",))


def shuffled(value: object, order: random.Random) -> object:
    if isinstance(value, dict):
        items = list(value.items())
        order.shuffle(items)
        return {k: shuffled(v, order) for k, v in items}
    return tuple(shuffled(v, order) for v in value) if isinstance(value, list) else value


@given(configurations, st.randoms())
def test_order_of_dictionaries_and_kind_of_sequence_do_not_count(configuration, order) -> None:
    assert key(shuffled(configuration, order)) == key(configuration)


@given(configurations)
def test_json_keeps_the_key(configuration) -> None:
    assert key(json.loads(json.dumps(configuration))) == key(configuration)


@given(numbers, numbers)
def test_keys_of_numbers_are_equal_as_the_numbers_are(a, b) -> None:
    assert (key({"x": a}) == key({"x": b})) == (a == b)


@settings(max_examples=50)
@given(configurations, configurations)
def test_unequal_configurations_have_unequal_keys(a, b) -> None:
    assume(repr(a) != repr(b) and a != b)
    assert key(a) != key(b)


@given(configurations, st.data())
def test_any_one_change_changes_the_key(configuration, data) -> None:
    assume(configuration)
    changed = copy.deepcopy(configuration)
    changed[data.draw(st.sampled_from(sorted(changed)))] = "a value that was not there"
    assert key(changed) != key(configuration)


def test_zeros_integers_and_booleans() -> None:
    assert key({"x": -0.0}) == key({"x": 0.0}) == key({"x": 0})
    assert key({"x": 1}) == key({"x": 1.0}) == key({"x": np.float32(1)})
    assert len({key({"x": True}), key({"x": 1}), key({"x": "1"}), key({"x": None}), key({"x": [1]})}) == 5
    assert key({"x": 0.1}) != key({"x": np.nextafter(0.1, 1)})


def test_everything_that_decides_counts() -> None:
    base = ("pretrain", {"lr": 0.1}, "data", ("p", "q"))
    others = [("other", *base[1:]), (base[0], base[1], "other", base[3]), (*base[:3], ("q", "p")), (*base[:3], ())]
    assert len({run_key(*arguments) for arguments in [base, *others]}) == 5
    assert run_key("t", {}, "", ["ab"]) != run_key("t", {}, "", ["a", "b"])


def test_nan_and_objects_are_refused() -> None:
    with pytest.raises(ValueError, match=r"configuration.*stages.*lr.*NaN"):
        key({"stages": [{"lr": float("nan")}]})
    with pytest.raises(NotPlainError, match=r"configuration\.w"):
        key({"w": np.zeros(2)})


def test_the_same_on_every_machine_and_for_ever() -> None:
    """A change of the canonical form makes every finished run of every user be trained again."""
    configuration = {"lr": 1e-3, "stages": [{"n": 1.0}], "name": "ä", "flag": True, "none": None}
    canonical = rb"""["pretrain",{"flag":true,"lr":0.001,"name":"\u00e4","none":null,"stages":[{"n":1}]},"f",["p"]]"""
    assert run_key("pretrain", configuration, "f", ["p"]) == hashlib.sha256(canonical).hexdigest()[:20]
