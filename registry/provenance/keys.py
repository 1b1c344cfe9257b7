"""Keys of runs: equal keys mean "the same number by intent".

Keys form a chain (PROTOCOLS §R): the key of a run is a digest of its configuration, of its dataset's
fingerprint and of the keys of the runs it started from, so runs that begin alike share their beginning and a change
upstream changes everything below. What cannot change the result by intent (paths, device, worker counts, logging) is
left out of the configuration by the caller.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from registry.record.serialization import plain

#: Hexadecimal digits of a key: 80 bits, so that a million runs collide with a chance below 1e-12.
LENGTH = 20


def run_key(task: str, configuration: Mapping[str, Any], dataset_fingerprint: str, parents: Sequence[str]) -> str:
    """Key of the run of ``task`` with ``configuration`` on a dataset, started from the runs with the keys ``parents``.

    Values that are equal in Python have equal keys: the order of dictionary keys does not count, tuples are lists,
    ``1`` is ``1.0`` (a command line's ``lr=1`` means the float) and ``-0.0`` is ``0.0``. Booleans are not numbers here:
    ``True`` is not ``1``. The order of lists and of ``parents`` counts.

    Returns
    -------
    str
        20 lower-case hexadecimal digits.

    Raises
    ------
    registry.record.serialization.NotPlainError
        For a value without a JSON form.
    ValueError
        For NaN, which equals nothing, not even itself.
    """
    content = [task, plain(configuration, "configuration"), dataset_fingerprint, list(parents)]
    text = json.dumps(_canonical(content, "configuration"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def is_key(text: str) -> bool:
    """Whether ``text`` is what :func:`run_key` returns: checkpoints lie in a folder of that name."""
    return bool(re.fullmatch(f"[0-9a-f]{{{LENGTH}}}", text))


def _canonical(value: Any, where: str) -> Any:
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError(f"{where} holds NaN, which equals nothing, so a run with it could never be found again")
        return int(value) if value.is_integer() else value  # json writes other floats by repr, the shortest exact form
    if isinstance(value, dict):
        return {k: _canonical(v, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list):
        return [_canonical(v, where) for v in value]
    return value
