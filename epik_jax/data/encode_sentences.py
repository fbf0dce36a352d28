"""Sentences in, arrays of pieces out.

`encode_sentences` turns a whole corpus into flat arrays once; `make_sentence_batch`
cuts fixed shapes out of them without a loop over rows. A sentence too long for the
network is cut between words, and every word keeps its place. Which rows make a batch is
settled in `order`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from epik_jax.data.digests import row_digests, text_digests
from epik_jax.ragged import Ragged
from epik_jax.structs import Batch, Sentence
from epik_jax.text.wordpiece import WordPieces

FRAME = 2
"""Pieces that a network reads beside those of the words."""


@dataclasses.dataclass(frozen=True)
class EncodedSentences:
    """A corpus as arrays; row i of each is one stretch of a sentence.

    Attributes:
      keys: uint64 [N], first 8 bytes of sha256 of "example id/first word".
      tokens: N rows of ids, framed.
      source_digest: uint64 [N], first 8 bytes of sha256 of the row's ids as
        little-endian int32; a signal made for other pieces is caught by it.
      firsts: N rows like `tokens`, 1 where a piece begins a word, else 0.
      labels: N rows like `tokens`, the word's label where it begins, else 0.
      sentence: int64 [N], the sentence that a row is a stretch of.
      group: int32 [N], position in `groups`.
      groups: languages, sorted.
    """

    keys: np.ndarray
    tokens: Ragged
    source_digest: np.ndarray
    firsts: Ragged
    labels: Ragged
    sentence: np.ndarray
    group: np.ndarray
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.keys)


def encode_sentences(
    sentences: Sequence[Sentence],
    pieces: WordPieces,
    labels: Sequence[str],
    max_length: int,
) -> EncodedSentences:
    """Encodes a corpus.

    Args:
      sentences: of at least one word each; those without tags get label 0 throughout.
      pieces: what cuts words.
      labels: names of the labels, in order of their ids.
      max_length: most pieces of a row, frame included. Of a word that alone is longer
        the first pieces are taken.

    Raises:
      ValueError: a tag that is none of `labels`, or no room for a piece.
    """
    if (room := max_length - FRAME) < 1:
        raise ValueError(f"max_length {max_length} leaves no room for a word")
    cut, counts = pieces.encode([s.words for s in sentences])
    kept = np.minimum(counts.values, room)
    stretches = _stretches(Ragged(kept, counts.offsets), room)
    words = Ragged(np.arange(len(kept)), stretches)
    ids = _first_pieces(cut.values, counts.values, kept)
    ends = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])
    rows = Ragged(ids, ends[stretches])
    begins = np.zeros(len(ids), np.int32)
    begins[ends[:-1]] = 1
    spread = np.zeros(len(ids), np.int32)
    spread[ends[:-1]] = _label_ids(sentences, labels)
    sentence = np.searchsorted(counts.offsets, stretches[:-1], side="right") - 1
    tokens = rows.framed(np.full(len(words), pieces.first_id), pieces.last_id)
    place = stretches[:-1] - counts.offsets[sentence]
    langs = tuple(sorted({s.lang for s in sentences}))
    group = np.array([langs.index(s.lang) for s in sentences], np.int32)
    return EncodedSentences(
        keys=text_digests(
            f"{sentences[i].example_id}/{n}"
            for i, n in zip(sentence.tolist(), place.tolist(), strict=True)
        ),
        tokens=tokens,
        source_digest=row_digests(tokens),
        firsts=Ragged(begins, rows.offsets).framed(np.zeros(len(words)), 0),
        labels=Ragged(spread, rows.offsets).framed(np.zeros(len(words)), 0),
        sentence=sentence,
        group=group[sentence],
        groups=langs,
    )


def make_sentence_batch(
    encoded: EncodedSentences, rows: np.ndarray, width_L: int, pad_id: int
) -> Batch:
    """Cuts one batch out of an encoded corpus.

    Args:
      encoded: the corpus.
      rows: int [B].
      width_L: columns L.
      pad_id: fills rows up.

    Returns:
      tokens int32 [B, L], token_mask bool [B, L], labels int32 [B, L] and label_mask
      bool [B, L], true where a word begins.

    Raises:
      ValueError: a row does not fit.
    """
    tokens, token_mask = encoded.tokens.padded(rows, width_L, pad_id)
    labels, _ = encoded.labels.padded(rows, width_L, 0)
    firsts, _ = encoded.firsts.padded(rows, width_L, 0)
    return {
        "tokens": tokens,
        "token_mask": token_mask,
        "labels": labels,
        "label_mask": firsts.astype(bool),
    }


def _stretches(counts: Ragged, room: int) -> np.ndarray:
    """Words that a row begins with, int64 [N + 1]; the last is the number of words."""
    starts = [counts.offsets]
    before = np.concatenate([[0], np.cumsum(counts.values, dtype=np.int64)])
    totals = np.diff(before[counts.offsets])
    for row in np.flatnonzero(totals > room):
        word, end = counts.offsets[row], counts.offsets[row + 1]
        while before[end] - before[word] > room:
            # The last word whose pieces still fit behind those since `word`.
            word = np.searchsorted(before, before[word] + room, side="right") - 1
            starts.append(np.array([word]))
    return np.sort(np.concatenate(starts))


def _first_pieces(ids: np.ndarray, counts: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The first `kept` of the `counts` pieces of each word."""
    if (counts == kept).all():
        return ids
    starts = np.cumsum(counts) - counts
    within = np.arange(len(ids)) - np.repeat(starts, counts)
    return ids[within < np.repeat(kept, counts)]


def _label_ids(sentences: Sequence[Sentence], labels: Sequence[str]) -> np.ndarray:
    """int32 [words of all sentences]."""
    ids = {name: index for index, name in enumerate(labels)}
    found = []
    for sentence in sentences:
        if sentence.tags and (odd := set(sentence.tags) - ids.keys()):
            raise ValueError(
                f"sentence {sentence.example_id}: tag {min(odd)!r} is none of "
                f"{tuple(labels)}"
            )
        tags = sentence.tags or (labels[0],) * len(sentence.words)
        found += [ids[tag] for tag in tags]
    return np.array(found, np.int32)
