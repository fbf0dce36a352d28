"""Digests of sentences: of what a stage is made of, and of what figures are of."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable

from epik_jax.data.digests import arrays_digest
from epik_jax.data.encode_sentences import EncodedSentences
from epik_jax.structs import Sentence


def content_digest(encoded: EncodedSentences) -> str:
    """sha256 over all that is trained on, in order."""
    return arrays_digest(
        (
            encoded.keys,
            encoded.source_digest,
            encoded.labels.values,
            encoded.firsts.values,
            encoded.tagged,
            encoded.group,
        )
    )


def sentences_digest(sentences: Iterable[Sentence]) -> str:
    """sha256 of words and labels: figures compare where it is equal."""
    state = hashlib.sha256()
    for sentence in sentences:
        state.update(repr(dataclasses.astuple(sentence)).encode())
    return state.hexdigest()
