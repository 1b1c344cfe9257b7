"""Learning rates of the presets, and how they were found: one grid for every trained method (PROTOCOLS §9).

The file is written by ``tools/learning_rates.py``, read here, and shown by reports. With another grid in it, presets
have its choices.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.methods import without_arm

FILE = Path(__file__).with_name("learning_rates.json")
GRID = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)

#: Preset -> method -> what was tried of it, and the choice.
Grids = Mapping[str, Mapping[str, Mapping[str, Any]]]


def read(file: Path = FILE) -> Grids:
    """What is in a file; nothing where there is none yet."""
    found: Grids = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def rate(preset: str, method: str, before: float) -> float:
    """The rate chosen for the method; for an arm that was not tried itself, its method's.

    ``before``: the rate of a preset of which nothing was tried yet, which its report then says.
    """
    tried = read().get(preset, {})
    entry = tried.get(method) or tried.get(without_arm(method))
    return before if entry is None else float(entry["choice"])
