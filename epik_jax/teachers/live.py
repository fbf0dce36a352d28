"""A teacher that answers for each batch, in the place of its cache.

Keys of examples go in, the same signals come out that a cache would have read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from epik_jax.data.encode import encode
from epik_jax.ragged import Ragged
from epik_jax.structs import Example
from epik_jax.teachers.signals import TransliterationTeacher


class LiveSignals:
    """Signals of known examples, asked for when they are needed."""

    def __init__(
        self, teacher: TransliterationTeacher, examples: Sequence[Example]
    ) -> None:
        """Knows the examples that it may be asked about.

        Args:
          teacher: what answers.
          examples: joined by key, as in the cache.
        """
        self._teacher = teacher
        keys = encode(examples, teacher.vocabulary).keys
        self._by_key = dict(zip(keys.tolist(), examples, strict=True))

    def join(
        self, keys: np.ndarray, digests: np.ndarray, fields: Sequence[str]
    ) -> Mapping[str, Ragged | np.ndarray]:
        """Signals of the named examples, in that order; see `TeacherCache.join`.

        Raises:
          ValueError: an example is not known, or was encoded otherwise.
        """
        if unknown := [k for k in keys.tolist() if k not in self._by_key]:
            raise ValueError(f"there is no example of key {unknown[0]:#018x}")
        block = self._teacher.block([self._by_key[k] for k in keys.tolist()])
        if (block.digests != digests).any():
            raise ValueError("the examples were encoded differently by their caller")
        return {name: block.arrays[name] for name in fields}
