"""Unknown keys and wrong values are refused by name."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from cavl.config import ConfigError, decisive_part, from_dict, later, to_dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    beta: float = 1.0
    mode: Literal["a", "b"] = "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[int, int] = (0, 1)
    plan: tuple[int | str, ...] = (4, "M")
    name: str | None = None
    flag: bool = False
    table: dict[str, int] = field(default_factory=dict)
    anything: Any = None


def test_round_trip():
    config = Outer(inner=Inner(beta=2.5, mode="b"), sizes=(3,), name="x", table={"1": 2}, anything=[1, {"a": 2}])
    assert from_dict(Outer, to_dict(config)) == config
    assert to_dict(config)["sizes"] == [3]


def test_a_later_field_is_decisive_only_where_it_is_not_what_there_was_before():
    @dataclass(frozen=True)
    class Grown:
        sides: tuple[int, int] = (1, 2)
        colour: str = later("grey")

    assert decisive_part(Grown()) == {"sides": [1, 2]}
    assert decisive_part(Grown(colour="red")) == {"sides": [1, 2], "colour": "red"}
    assert to_dict(Grown()) == {"sides": [1, 2], "colour": "grey"}
    assert from_dict(Grown, {"sides": [3, 4]}) == Grown(sides=(3, 4))


def test_whole_numbers_are_floats_where_floats_are_meant():
    assert from_dict(Outer, {"inner": {"beta": 3}}).inner.beta == 3.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inner": {"betaa": 1.0}}, r"unknown configuration key inner\.betaa; did you mean 'beta'"),
        ({"zzz": 1}, "unknown configuration key zzz; known keys"),
        ({"inner": {"mode": "c"}}, "allowed: 'a', 'b'"),
        ({"inner": {"beta": "x"}}, r"inner\.beta must be float"),
        ({"inner": 3}, "inner must be a mapping"),
        ({"sizes": 3}, "sizes must be a list"),
        ({"sizes": [1, 2.5]}, r"sizes\[1\] must be int"),
        ({"pair": [1]}, "pair must have 2 items"),
        ({"plan": [1, 2.5]}, r"plan\[1\]=2.5 fits none"),
        ({"flag": 1}, "flag must be bool"),
        ({"sizes": [True]}, "must be int"),
        ({"table": {"a": "b"}}, r"table\.a must be int"),
    ],
)
def test_what_cannot_be_meant_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        from_dict(Outer, values)
