"""Plug-ins, found by name: built-in ones from a list, third parties' from a group of entry points."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from registry.nearest import instead


@dataclass(frozen=True, eq=False)
class Plugins:
    """Objects by name, given as "module:object"; nothing is imported before it is asked for.

    Built-in names come first and win. Third parties' are those that were installed when a process first asked.
    """

    noun: str  # what one is called: "task"
    group: str  # of entry points: "cavl.tasks"
    built_in: Mapping[str, str]

    @functools.cached_property
    def available(self) -> dict[str, str]:
        """Name -> "module:object"."""
        return {**self.built_in, **{name: where for name, where in self._installed() if name not in self.built_in}}

    def load(self, name: str) -> Any:
        """The object behind ``name``.

        Raises
        ------
        ValueError
            For a name that does not exist, with the nearest that does.
        """
        if name not in self.available:
            raise ValueError(f"unknown {self.noun} {name!r}; {instead(name, list(self.available))}")
        return EntryPoint(name, self.available[name], self.group).load()

    def third_parties(self) -> Iterator[tuple[str, Any]]:
        """(name, object) of those that load. Whatever another's package may raise, it stops nobody else's."""
        for name in self.available:
            if name in self.built_in:
                continue
            try:
                yield name, self.load(name)
            except Exception as error:
                warnings.warn(f"{self.noun} {name!r} is left out, its package fails: {error!r}", stacklevel=2)

    def module_of(self, name: str) -> str:
        """The module that holds it: where its code digest starts."""
        return self.available[name].partition(":")[0]

    def _installed(self) -> Iterator[tuple[str, str]]:
        return ((entry.name, entry.value) for entry in entry_points(group=self.group))
