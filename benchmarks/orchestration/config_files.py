"""Configuration files of Sacred's command line (``with runs/1/config.json``), read as data.

Sacred itself makes the objects that a JSON file asks for in jsonpickle's keys, and unpickles ``.pickle`` files: a file
from elsewhere could run anything. (YAML it reads as data.)
"""

from __future__ import annotations

import json
from typing import IO, Any

from sacred.config.config_files import HANDLER_BY_EXT
from sacred.utils import SacredError

from registry.record.serialization import code_in


def read_as_data() -> None:
    """From now on, Sacred reads configuration files as data, and refuses what is more."""
    HANDLER_BY_EXT[".json"].load = _json
    HANDLER_BY_EXT[".pickle"].load = _pickle


def _json(file: IO[str]) -> dict[str, Any]:
    try:
        value = json.load(file)
    except (ValueError, RecursionError) as error:
        raise _refused(file, f"it is no JSON ({error})") from None
    if not isinstance(value, dict):
        raise _refused(file, "it holds no dictionary of settings")
    if (key := code_in(value)) is not None:
        raise _refused(file, f"its key {key!r} would run code")
    return value


def _pickle(file: IO[bytes]) -> dict[str, Any]:
    raise _refused(file, "what is pickled may run anything; write JSON")


def _refused(file: IO[Any], why: str) -> SacredError:
    return SacredError(f"{file.name} is refused: {why}", print_traceback=False)
