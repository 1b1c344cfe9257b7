"""Nearest names to one that does not exist, for error messages, and all that do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def instead(name: object, names: Iterable[object], having: str = "there are") -> str:
    """ "did you mean 'c1-c2'? there are: c1, c1-c2, c3"; "there are none" where there is no name at all."""
    known = [str(one) for one in names]
    near = difflib.get_close_matches(str(name), known, n=1)
    said = f"did you mean {near[0]!r}? " if near else ""
    return f"{said}{having}: {', '.join(known)}" if known else f"{having} none"
