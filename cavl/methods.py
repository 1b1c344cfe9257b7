"""The methods there are, by name: built-in ones, listed here, and third parties', from the group ``cavl.methods``."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

GROUP = "cavl.methods"

BUILT_IN = {
    "cavl": "cavl.model:CAVL",
    "full-frame": "baselines.trivial:FullFrame",
    "centred-square": "baselines.trivial:CentredSquare",
    "mean-training-map": "baselines.trivial:MeanTrainingMap",
    "random-box": "baselines.trivial:RandomBox",
    "spectrogram-statistics": "baselines.trivial:SpectrogramStatistics",
}


class UnknownMethod(ValueError):
    """No method of that name."""


def available() -> dict[str, str]:
    """Method name -> "module:class"."""
    return {**{e.name: e.value for e in entry_points(group=GROUP)}, **BUILT_IN}


def method_class(name: str) -> Any:
    """The class of the method ``name``.

    Raises
    ------
    UnknownMethod
        Naming the methods there are.
    """
    there = available()
    if name not in there:
        raise UnknownMethod(f"unknown method {name!r}; there are: {', '.join(sorted(there))}")
    return named(there[name])


def named(where: str) -> Any:
    """What "module:name" names."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def module_of(name: str) -> str:
    """The module that holds the method: where its code digest starts."""
    return available()[name].partition(":")[0]
