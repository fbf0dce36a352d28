"""Text pairs in, arrays of pieces out: [CLS] a [SEP] b [SEP], as BERT reads two texts.

`encode_text_pairs` turns a corpus into flat arrays once, which cut fixed shapes out of
themselves. Which rows make a batch is settled in `order`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from epik_jax.data.digests import row_digests, text_digests
from epik_jax.ragged import Ragged
from epik_jax.structs import Batch, TextPair
from epik_jax.text.wordpiece import WordPieces

PAIR_FRAME_SIZE = 3
"""Pieces that a network reads beside those of both texts."""


@dataclasses.dataclass(frozen=True)
class EncodedTextPairs:
    """A corpus as arrays; row i of each belongs to pair i.

    Attributes:
      keys: uint64 [N], first 8 bytes of sha256 of the example id, little endian.
      tokens: N rows of ids, framed.
      types: int32, N rows like `tokens`, 0 up to the first text's end, then 1.
      source_digest: uint64 [N], first 8 bytes of sha256 of the row's ids as
        little-endian int32.
      labels: int32 [N], 0 where there is none.
      labelled: bool [N].
      cut: bool [N], where an end of a text was left out.
    """

    keys: np.ndarray
    tokens: Ragged
    types: Ragged
    source_digest: np.ndarray
    labels: np.ndarray
    labelled: np.ndarray
    cut: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray) -> EncodedTextPairs:
        """The named pairs, in that order."""
        return EncodedTextPairs(
            self.keys[rows],
            self.tokens.take(rows),
            self.types.take(rows),
            self.source_digest[rows],
            self.labels[rows],
            self.labelled[rows],
            self.cut[rows],
        )

    @property
    def group(self) -> np.ndarray:
        """int32 [N], all 0: there is one group."""
        return np.zeros(len(self), np.int32)

    def batch(self, rows: np.ndarray, width_L: int, pad_id: int) -> Batch:
        """Cuts one batch out of the corpus.

        Args:
          rows: int [B].
          width_L: columns L.
          pad_id: fills rows up.

        Returns:
          tokens int32 [B, L], token_mask bool [B, L], types int32 [B, L], labels int32
          [B] and label_mask bool [B].

        Raises:
          ValueError: a row does not fit.
        """
        tokens, token_mask = self.tokens.padded(rows, width_L, pad_id)
        types, _ = self.types.padded(rows, width_L, 0)
        return {
            "tokens": tokens,
            "token_mask": token_mask,
            "types": types,
            "labels": self.labels[rows],
            "label_mask": self.labelled[rows],
        }


def encode_text_pairs(
    pairs: Sequence[TextPair],
    pieces: WordPieces,
    labels: Sequence[str],
    max_length: int,
) -> EncodedTextPairs:
    """Encodes a corpus; of what is too long the longer text's end is left out.

    Args:
      pairs: with labels of `labels`, or without.
      pieces: what cuts words.
      labels: names of the classes, in order of their ids.
      max_length: most pieces of a row, frame included.

    Raises:
      ValueError: a label that is none of `labels`, or no room for a piece of each text.
    """
    room = max_length - PAIR_FRAME_SIZE
    if room < 2:
        raise ValueError(f"max_length {max_length} leaves no room for two texts")
    cut = [
        pieces.encode([text.split() for text in texts])[0]
        for texts in ([p.text_a for p in pairs], [p.text_b for p in pairs])
    ]
    lengths = fitting(cut[0].lengths, cut[1].lengths, room)
    texts = [_beginnings(rows, kept) for rows, kept in zip(cut, lengths, strict=True)]
    firsts = texts[0].framed(np.full(len(pairs), pieces.first_id), pieces.last_id)
    seconds = texts[1].framed(None, pieces.last_id)
    tokens = _side_by_side(firsts, seconds)
    zeros, ones = (
        Ragged(np.full(len(part.values), value, np.int32), part.offsets)
        for value, part in enumerate((firsts, seconds))
    )
    return EncodedTextPairs(
        keys=text_digests(p.example_id for p in pairs),
        tokens=tokens,
        types=_side_by_side(zeros, ones),
        source_digest=row_digests(tokens),
        labels=_ids(pairs, labels),
        labelled=np.array([bool(p.label) for p in pairs], bool),
        cut=cut[0].lengths + cut[1].lengths > room,
    )


def fitting(
    lengths_a: np.ndarray, lengths_b: np.ndarray, room: int
) -> tuple[np.ndarray, np.ndarray]:
    """How much of two texts is read: the longer one is cut, down to half the room.

    Args:
      lengths_a: int [N], pieces of the first texts.
      lengths_b: int [N], of the second.
      room: pieces of both together.
    """
    kept_a = np.minimum(lengths_a, np.maximum(room - lengths_b, (room + 1) // 2))
    return kept_a, np.minimum(lengths_b, room - kept_a)


def _beginnings(rows: Ragged, lengths: np.ndarray) -> Ragged:
    """The first values of each row."""
    within = np.arange(len(rows.values)) - np.repeat(rows.offsets[:-1], rows.lengths)
    kept = rows.values[within < np.repeat(lengths, rows.lengths)]
    return Ragged.from_lengths(kept, lengths)


def _side_by_side(left: Ragged, right: Ragged) -> Ragged:
    """Row by row what stands on the left, then what stands on the right."""
    lengths = left.lengths + right.lengths
    joined = Ragged.from_lengths(
        np.empty(int(lengths.sum()), left.values.dtype), lengths
    )
    for part, before in ((left, right.offsets), (right, left.offsets[1:])):
        moved = np.repeat(before[: len(part)], part.lengths)
        joined.values[np.arange(len(part.values)) + moved] = part.values
    return joined


def _ids(pairs: Sequence[TextPair], labels: Sequence[str]) -> np.ndarray:
    ids = {name: index for index, name in enumerate(labels)}
    for pair in pairs:
        if pair.label and pair.label not in ids:
            raise ValueError(
                f"pair {pair.example_id}: label {pair.label!r} is none of "
                f"{tuple(labels)}"
            )
    return np.array([ids.get(p.label, 0) for p in pairs], np.int32)
