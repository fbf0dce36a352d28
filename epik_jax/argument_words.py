"""The command line as words, before any is understood: readable, overrides apart."""

from __future__ import annotations

import os
from collections.abc import Sequence

OVERRIDE = "--config."
"""What the name of a setting stands behind."""


def as_utf8(argv: Sequence[str]) -> list[str]:
    """Arguments read as UTF-8, also where the locale told Python otherwise."""
    words = []
    for number, word in enumerate(argv, 1):
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            try:
                word = os.fsencode(word).decode("utf-8")
            except UnicodeError:
                raise ValueError(f"argument {number}, {word!a}, is not UTF-8") from None
        words.append(word)
    return words


def split_overrides(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Takes `--config.key=value` and `--config.key value` out of a command line."""
    rest, overrides, words = [], [], iter(argv)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif not word.startswith(OVERRIDE):
            rest.append(word)
        elif "=" in word:
            overrides.append(word.removeprefix(OVERRIDE))
        else:
            value = next(words, None)
            if value is None or value.startswith("--"):
                raise ValueError(f"{word} has no value; write {word}=VALUE")
            overrides.append(f"{word.removeprefix(OVERRIDE)}={value}")
    return rest, overrides
