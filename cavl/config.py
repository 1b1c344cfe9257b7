"""Typed configurations from plain dictionaries, unknown keys refused."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class ConfigError(ValueError):
    """A configuration that cannot be meant: an unknown key, or a value of the wrong type."""


def from_dict(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build the dataclass ``cls`` from ``values``, nested dataclasses and tuples of them included.

    Raises
    ------
    ConfigError
        For a key that ``cls`` has not (naming the nearest one that it has), or a value of the wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where or cls.__name__} must be a mapping, not {values!r}")
    hints = get_type_hints(cls)
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(known)}"
            raise ConfigError(f"unknown configuration key {where + '.' if where else ''}{key}{hint}")
    return cls(**{k: _convert(hints[k], v, f"{where}.{k}" if where else k) for k, v in values.items()})


def to_dict(config: Any) -> dict[str, Any]:
    """Plain dictionaries and lists, as JSON and Sacred keep them; the inverse of :func:`from_dict`."""
    plain = dataclasses.asdict(config)
    return typing.cast("dict[str, Any]", _listed(plain))


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _listed(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(v) for v in value]
    return value


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        for option in (a for a in args if a is not type(None)):
            try:
                return _convert(option, value, where)
            except ConfigError:
                continue
        raise ConfigError(f"{where}={value!r} fits none of {hint}")
    if origin is typing.Literal:
        if value not in args:
            raise ConfigError(f"{where}={value!r}; allowed: {', '.join(map(repr, args))}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where} must be a list, not {value!r}")
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_convert(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
        if len(args) != len(value):
            raise ConfigError(f"{where} must have {len(args)} items, not {len(value)}")
        return tuple(_convert(a, v, f"{where}[{i}]") for i, (a, v) in enumerate(zip(args, value, strict=True)))
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} must be a mapping, not {value!r}")
        return {str(k): _convert(args[1], v, f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else from_dict(hint, value, where)  # type: ignore[arg-type]
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{where} must be {hint.__name__}, not {value!r}")
    return value


def later(default: T) -> T:
    """A dataclass field that came when runs had been recorded: its default is what there was before.

    It is part of keys and fingerprints (:func:`decisive_part`) only where it differs, so those of older runs stay.
    """
    field: T = dataclasses.field(default=default, metadata={"later": True})
    return field


def file(default: str) -> str:
    """A dataclass field that may name a file whose name ends in a digest of its content.

    Keys hold the name without the folder, which is this machine's (:func:`decisive_part`).
    """
    field: str = dataclasses.field(default=default, metadata={"file": True})
    return field


def without_folders(config: Any) -> dict[str, Any]:
    """As :func:`to_dict`, with files by their name alone."""
    files = {f.name for f in dataclasses.fields(config) if f.metadata.get("file")}
    return {name: PurePath(value).name if name in files else value for name, value in to_dict(config).items()}


def decisive_part(config: Any) -> dict[str, Any]:
    """The entries of a dataclass that keys and fingerprints hold, as :func:`to_dict` gives them."""
    old = {
        f.name for f in dataclasses.fields(config) if f.metadata.get("later") and getattr(config, f.name) == f.default
    }
    return {name: value for name, value in without_folders(config).items() if name not in old}
