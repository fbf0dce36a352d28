"""A teacher that is asked for the large signals of each batch, instead of a cache.

Keys of examples go in, the same signals come out that a cache would have read. Which
spellings they follow was settled before, with the small signals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from epik_jax.data.encode import encode
from epik_jax.ragged import Ragged
from epik_jax.structs import Example
from epik_jax.teacher_cache.schema import Nested
from epik_jax.teachers.signals import TransliterationTeacher


class LiveSignals:
    """Signals of known examples, asked for when they are needed."""

    def __init__(
        self,
        teacher: TransliterationTeacher,
        examples: Sequence[Example],
        answers: Mapping[str, Any],
    ) -> None:
        """Knows the examples that it may be asked about.

        Args:
          teacher: what answers.
          examples: joined by key, as in the cache.
          answers: their small signals, in the same order; distributions follow the
            best of these spellings, which students have as their targets.
        """
        self._teacher, self._examples = teacher, examples
        keys = encode(examples, teacher.vocabulary).keys
        self._places = {key: place for place, key in enumerate(keys.tolist())}
        known = Nested(answers["tokens"], answers["token_lengths"])
        best = known.sequences.take(known.firsts)
        self._best = Ragged(best.values.astype(np.int32), best.offsets)

    def join(
        self, keys: np.ndarray, digests: np.ndarray, fields: Sequence[str]
    ) -> Mapping[str, Ragged | np.ndarray]:
        """Large signals of the named examples, in that order; see `TeacherCache.join`.

        Raises:
          ValueError: an example is not known, or was encoded otherwise.
        """
        if unknown := [k for k in keys.tolist() if k not in self._places]:
            raise ValueError(f"there is no example of key {unknown[0]:#018x}")
        places = np.array([self._places[k] for k in keys.tolist()], np.int64)
        asked = [self._examples[place] for place in places]
        block = self._teacher.along(asked, self._best.take(places))
        if (block.digests != digests).any():
            raise ValueError("the examples were encoded differently by their caller")
        return {name: block.arrays[name] for name in fields}
