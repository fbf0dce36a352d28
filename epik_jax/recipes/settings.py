"""The door of configuration: a ConfigDict becomes frozen dataclasses.

Below this file there is no ConfigDict and no default that a dataclass does not state.
An unknown key is refused with the nearest known one.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import difflib
import importlib.util
import inspect
import os
import re
import traceback
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
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
            raise ValueError(
                f"{where}.{key} is not known{nearest(str(key), list(fields))}"
            )
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
    """A hint at the known word nearest to a mistaken one, or at all that are known."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {sorted(known)}"


def as_dict(config: ml_collections.ConfigDict | Mapping[str, Any]) -> dict[str, Any]:
    """Plain nested dicts and lists, for digests and reports."""
    if isinstance(config, ml_collections.ConfigDict):
        config = config.to_dict()
    return typing.cast(dict[str, Any], _plain(config))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value, key=str)}
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


def read_config(config_file: str, overrides: list[str]) -> dict[str, Any]:
    """Reads a configuration file and applies overrides.

    Args:
      config_file: "FILE", or "FILE:variant" where its `get_config` takes a variant.
      overrides: "path.to.key=value"; a list's items are "stages[0]". Blocks that the
        file leaves out are begun; whether there are such `build` knows.

    Returns:
      Plain nested dicts and lists.

    Raises:
      ValueError: no such file, no `get_config`, an unknown variant, or an override
        that leads nowhere.
    """
    path, _, variant = config_file.partition(":")
    if not Path(path).is_file():
        raise ValueError(f"--config: there is no file {path!r}")
    spec = importlib.util.spec_from_file_location("epik_jax_config", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"--config: {path!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    with _told(path):
        spec.loader.exec_module(module)
    if not hasattr(module, "get_config"):
        raise ValueError(f"--config: {path} defines no get_config")
    given = (variant,) if variant else ()
    try:
        inspect.signature(module.get_config).bind(*given)
    except TypeError as error:
        why = (
            f"has no variants, {variant!r} was asked for"
            if variant
            else f"needs a variant: {path}:VARIANT"
        )
        raise ValueError(f"--config: {path} {why}") from error
    try:
        with _told(path, (SyntaxError, KeyError)):
            made = module.get_config(*given)
    except KeyError as error:
        # A plain look-up fails with a part of the variant, which is known already.
        said = str(error.args[0]) if error.args else ""
        known = "" if said in variant else f"; {said}"
        raise ValueError(
            f"--config: {path} has no variant {variant!r}{known}"
        ) from error
    if not isinstance(made, ml_collections.ConfigDict | Mapping):
        kind = type(made).__name__
        raise ValueError(f"--config: {path}: get_config gave a {kind}, no ConfigDict")
    plain = as_dict(made)
    for override in overrides:
        _override(plain, override)
    return plain


@contextlib.contextmanager
def _told(
    path: str, known: tuple[type[Exception], ...] = (SyntaxError,)
) -> Iterator[None]:
    """Says of an error in the configuration file in which line it is."""
    try:
        yield
    except known:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        file = os.path.abspath(path)
        line = next((f.lineno for f in reversed(frames) if f.filename == file), "?")
        kind = type(error).__name__
        raise ValueError(f"--config: {path}:{line}: {kind}: {error}") from error


def _override(plain: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    keys = [int(k) if k.isdigit() else k for k in re.findall(r"[^.\[\]]+", path)]
    if not equals or not keys:
        wanted = f"{path}=VALUE" if keys else "KEY=VALUE"
        raise ValueError(f"--config.{override}: expected --config.{wanted}")
    node: Any = plain
    for key in keys[:-1]:
        node = _step(node, key, {}, path)
    value = _plain(_literal(text))
    _step(node, keys[-1], value, path)
    node[keys[-1]] = value


def _step(node: Any, key: str | int, missing: Any, path: str) -> Any:
    """What `node` holds under `key`; of a block `missing`, put there, if it is new."""
    if isinstance(node, dict):
        return node.setdefault(key, missing)
    if isinstance(node, list) and isinstance(key, int) and key < len(node):
        return node[key]
    below = "" if isinstance(node, list) else "; nothing lies below a plain value"
    raise ValueError(f"--config.{path}: there is no {key!r}{below}")


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False}.get(text.lower(), text)
