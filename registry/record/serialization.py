"""Serialization: what may be stored are plain JSON values, without credentials."""

from __future__ import annotations

import datetime
import json
import re
import sys
from collections.abc import Mapping
from typing import Any

#: ``://user:password@`` and ``://token@``. A password may hold any character but white space (people do not escape
#: them), so the last ``@`` of the word ends it; ``://host:8080/…@…`` is a port, not a password.
_CREDENTIALS = re.compile(r"://(?:[^\s/?#:]*:(?!\d+[/?#])\S*|[^\s/?#]*)@")


#: How keys begin by which jsonpickle makes objects: ``py/object``, ``py/reduce``, ...; ``json://`` is a coded key.
_CODE = ("py/", "json://")


class NotPlainError(TypeError):
    """A value that has no faithful JSON form."""


def plain(value: Any, where: str = "value") -> Any:
    """``value`` as dictionaries with string keys, lists, strings, numbers, booleans and ``None``.

    NumPy scalars become Python numbers, tuples lists, times ISO strings.

    Raises NotPlainError for anything else (an array, a tensor, a key that is no string), naming the place. Nothing is
    ever pickled.
    """
    numpy = sys.modules.get("numpy")  # no value is of its types before it is loaded, which takes a while
    if numpy is not None and isinstance(value, numpy.generic):
        value = value.item()
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()  # lone surrogates
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise NotPlainError(f"{where} has the key {key!r}; JSON keeps strings as keys: write {str(key)!r}")
        return {str(k): plain(v, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, f"{where}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise NotPlainError(
        f"{where} is a {kind}, which has no plain JSON form; "
        "store numbers, strings, lists and dictionaries, and anything larger as an artifact"
    )


def code_in(value: Any) -> str | None:
    """The first key in the JSON ``value``, at any depth, that Sacred's reader (jsonpickle) would run code for."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for key in part:
                if isinstance(key, str) and key.startswith(_CODE):
                    return key
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return None


def redact(text: str) -> str:
    """``text`` with every ``scheme://user:password@host`` (and ``scheme://token@host``) as ``scheme://***@host``."""
    return _CREDENTIALS.sub("://***@", text) if "://" in text else text


def redacted(value: Any) -> Any:
    """The plain ``value`` with :func:`redact` applied to every string in it, keys included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(k): redacted(v) for k, v in value.items()}
    if isinstance(value, list):
        return [redacted(v) for v in value]
    return value


def to_json(value: Any) -> str:
    """The one JSON form used on disk: sorted, so that equal content means equal bytes."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=True)
