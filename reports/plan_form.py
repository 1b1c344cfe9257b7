"""Form of the plans that reports read: a file on a disk, which may hold anything once it is damaged."""

from __future__ import annotations

import math
from typing import Any

#: A dictionary has the keys it names and may have others, those that end in "?" may be missing; ``{str: form}`` is one
#: of any keys. A list has so formed members, and of several types a value has one.
_ROW = {"task": str, "method": str, "ordering": str}
_TRIED: dict[str, Any] = {
    **dict.fromkeys(("ordering", "measure"), str),
    **dict.fromkeys(("scenes", "updates", "seed"), int),
    "scores": {str: (int, float, str, type(None))},
    "choice": (int, float),
}
_FORM: dict[str, Any] = {
    "nodes": [{**_ROW, "name": str, "key": str, "seed": int, "variant?": (str, type(None)), "parents?": [str]}],
    "same?": [{**_ROW, "seed": int, "as": [str]}],
    "selected?": {str: [str]},
    "not_selected?": [_ROW],
    "learning_rates?": {str: {str: _TRIED}},
    "preset_seeds?": int,
    "limit?": (int, type(None)),
    "created?": str,
    "command?": str,
}


def require_form(plan: Any) -> None:
    """Raises ValueError, naming the place, where ``plan`` is none that a report can be made of."""
    _require(plan, _FORM, "the plan")
    for number, row in enumerate(plan.get("same", ())):
        if len(row["as"]) != 2:
            raise ValueError(f"the plan.same[{number}].as does not have a method and an ordering")
    for tried in plan.get("learning_rates", {}).values():
        for entry in tried.values():
            if not all(map(_is_rate, entry["scores"])):
                raise ValueError("the plan.learning_rates has scores of what is no learning rate")


def _require(value: Any, form: Any, place: str) -> None:
    kind: Any = type(form) if isinstance(form, dict | list) else form
    if not isinstance(value, kind) or isinstance(value, bool):
        kinds = " or ".join(_NAMES[each] for each in _alternatives(kind))
        raise ValueError(f"{place} is no {kinds}")
    if isinstance(value, str):
        value.encode()  # a lone surrogate cannot be looked for, or be printed
    if isinstance(form, list):
        for number, member in enumerate(value):
            _require(member, form[0], f"{place}[{number}]")
    elif isinstance(form, dict) and str in form:
        for name, member in value.items():
            _require(name, str, f"a key of {place}")
            _require(member, form[str], f"{place}.{name}")
    elif isinstance(form, dict):
        for name, inner in form.items():
            key = name.removesuffix("?")
            if key in value:
                _require(value[key], inner, f"{place}.{key}")
            elif key == name:
                raise ValueError(f"{place} has no {key!r}")


def _alternatives(form: Any) -> tuple[Any, ...]:
    return form if isinstance(form, tuple) else (form,)


def _is_rate(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


_NAMES = {dict: "dictionary", list: "list", str: "text", int: "whole number", float: "number", type(None): "null"}
