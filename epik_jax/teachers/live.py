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
from epik_jax.teachers.known import KnownExamples
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
        encoded = encode(examples, teacher.vocabulary)
        self._known = KnownExamples(encoded.keys, encoded.source_digest)
        nested = Nested(answers["tokens"], answers["token_lengths"])
        best = nested.sequences.take(nested.firsts)
        self._best = Ragged(best.values.astype(np.int32), best.offsets)

    def join(
        self, keys: np.ndarray, digests: np.ndarray, fields: Sequence[str]
    ) -> Mapping[str, Ragged | np.ndarray]:
        """Large signals of the named examples, in that order; see `TeacherCache.join`.

        Raises:
          ValueError: an example is not known, or was encoded otherwise.
        """
        places = self._known.find(keys, digests)
        asked = [self._examples[place] for place in places]
        block = self._teacher.along(asked, self._best.take(places))
        return {name: block.arrays[name] for name in fields}
