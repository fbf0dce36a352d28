"""Digests by which rows are known to a teacher cache, and sentences to all."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable

import numpy as np

from epik_jax.ragged import Ragged


class SentenceNames:
    """Names of sentences by their content, which so outlive any reordering.

    Where a content comes again, its turn is added.
    """

    def __init__(self, lang: str) -> None:
        """Begins to name what is of a language."""
        self._lang = lang
        self._seen: dict[str, int] = {}

    def next(self, content: str) -> str:
        """The name of one sentence, unlike all before it."""
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        turn = self._seen.get(digest, 0)
        self._seen[digest] = turn + 1
        return f"{self._lang}:{digest}" + (f"#{turn}" if turn else "")


def text_digests(texts: Iterable[str]) -> np.ndarray:
    """uint64 [N], the first 8 bytes of sha256 of each text, little endian."""
    return _digests(text.encode() for text in texts)


def row_digests(rows: Ragged) -> np.ndarray:
    """uint64 [N], the same of each row of integers as little-endian int32."""
    content = memoryview(rows.values.astype("<i4").tobytes())
    ends = (rows.offsets * 4).tolist()
    return _digests(content[a:b] for a, b in itertools.pairwise(ends))


def arrays_digest(arrays: Iterable[np.ndarray]) -> str:
    """sha256 (hex) over the bytes of arrays, one after the other."""
    state = hashlib.sha256()
    for array in arrays:
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def _digests(contents: Iterable[bytes | memoryview]) -> np.ndarray:
    sha256 = hashlib.sha256
    joined = b"".join([sha256(content).digest()[:8] for content in contents])
    return np.frombuffer(joined, "<u8").astype(np.uint64)
