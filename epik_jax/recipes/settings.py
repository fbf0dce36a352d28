"""The door of configuration: a ConfigDict becomes frozen dataclasses.

Below this file there is no ConfigDict and no default that a dataclass does not state.
An unknown key is refused with the nearest known one.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import ml_collections

T = TypeVar("T")


def build(kind: type[T], values: Mapping[str, Any], where: str = "config") -> T:
    """Makes a dataclass, and those inside it, from nested mappings.

    Args:
      kind: a dataclass; its annotations say how to build what is nested.
      values: a ConfigDict or a dict with the fields' names as keys.
      where: path of `values`, for messages.

    Raises:
      ValueError: an unknown key, a missing one, or a value of the wrong type.
    """
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise ValueError(f"{where}.{key} is not known{nearest(key, list(fields))}")
    given = {k: _value(hints[k], values[k], f"{where}.{k}") for k in values}
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        )
        if required and name not in given:
            raise ValueError(f"{where}.{name} is missing")
    try:
        return kind(**given)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def nearest(word: str, known: list[str]) -> str:
    """A hint at the known word nearest to a mistaken one; "" where none is near."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {sorted(known)}"


def as_dict(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Plain nested dicts and lists, for digests and reports."""
    return typing.cast(dict[str, Any], _plain(config.to_dict()))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        hint = next(a for a in arguments if a is not types.NoneType)
        return _value(hint, value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, Mapping | ml_collections.ConfigDict):
            return build(hint, value, where)
        raise ValueError(f"{where} is {value!r}, expected a block of settings")
    if origin is typing.Literal:
        if value not in arguments:
            raise ValueError(f"{where} is {value!r}, expected one of {arguments}")
        return value
    if origin is tuple:
        return _items(arguments, value, where)
    return _scalar(hint, value, where)


def _items(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise ValueError(f"{where} is {value!r}, expected a sequence")
    inner = arguments[:-1] if arguments[-1] is Ellipsis else arguments
    hints = inner * len(value) if arguments[-1] is Ellipsis else inner
    if len(hints) != len(value):
        raise ValueError(f"{where} has {len(value)} items, expected {len(hints)}")
    return tuple(
        _value(hint, item, f"{where}[{i}]")
        for i, (hint, item) in enumerate(zip(hints, value, strict=True))
    )


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in (int, float, str, bool) and type(value) is not hint:
        raise ValueError(f"{where} is {value!r}, expected {hint.__name__}")
    return value
