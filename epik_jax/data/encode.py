"""Examples in, arrays out.

`encode` turns a whole corpus into flat arrays once; `make_batch` cuts fixed shapes out
of them without a loop over rows. Which rows make a batch is settled in `order`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from epik_jax.data.digests import row_digests, text_digests
from epik_jax.ragged import Ragged
from epik_jax.structs import Batch, Example
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import Vocabulary, encode_sources, encode_targets


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A corpus as arrays; row i of each belongs to example i.

    Attributes:
      keys: uint64 [N], first 8 bytes of sha256 of the example id, little endian.
      source: N rows of tag, tokens, end token.
      target: N rows of the first target's tokens and end token; empty without target.
      source_digest: uint64 [N], first 8 bytes of sha256 of the source row as
        little-endian int32; a signal made for other tokens is caught by it.
      target_lang: int32 [N], position in `LANGUAGES`.
      group: int32 [N], position in `groups`.
      groups: language pairs such as "hi>en", sorted.
      weight: float32 [N].
    """

    keys: np.ndarray
    source: Ragged
    target: Ragged
    source_digest: np.ndarray
    target_lang: np.ndarray
    group: np.ndarray
    groups: tuple[str, ...]
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)


def encode(examples: Sequence[Example], vocab: Vocabulary) -> Encoded:
    """Encodes a corpus.

    Args:
      examples: N examples, normalised.
      vocab: what turns words into tokens.

    Returns:
      Their arrays, in the same order.

    Raises:
      ValueError: a language that the project does not know.
    """
    target_langs = [e.target_lang for e in examples]
    source = encode_sources(vocab, [e.source for e in examples], target_langs)
    pairs = [(e.source_lang, e.target_lang) for e in examples]
    distinct = sorted(set(pairs))
    _check_languages(distinct)
    place = {pair: index for index, pair in enumerate(distinct)}
    langs = {lang: index for index, lang in enumerate(LANGUAGES)}
    count = len(examples)
    return Encoded(
        keys=text_digests(e.example_id for e in examples),
        source=source,
        target=_encode_first_targets(examples, vocab),
        source_digest=row_digests(source),
        target_lang=np.fromiter((langs[t] for t in target_langs), np.int32, count),
        group=np.fromiter((place[pair] for pair in pairs), np.int32, count),
        groups=tuple(f"{source}>{target}" for source, target in distinct),
        weight=np.fromiter((e.weight for e in examples), np.float32, count),
    )


def make_batch(
    encoded: Encoded, rows: np.ndarray, width_S: int, width_T: int, vocab: Vocabulary
) -> Batch:
    """Cuts one batch out of an encoded corpus.

    Args:
      encoded: the corpus.
      rows: int [B].
      width_S: source columns S.
      width_T: target columns T.
      vocab: names the padding and begin tokens.

    Returns:
      source int32 [B, S], source_mask bool [B, S], target_in int32 [B, T] (begin token,
      then the labels one place later), labels int32 [B, T], label_mask bool [B, T],
      target_lang int32 [B] and weight float32 [B].

    Raises:
      ValueError: a row does not fit.
    """
    source, source_mask = encoded.source.padded(rows, width_S, vocab.pad_id)
    labels, label_mask = encoded.target.padded(rows, width_T, vocab.pad_id)
    target_in = np.full_like(labels, vocab.pad_id)
    target_in[:, 1:] = np.where(label_mask[:, 1:], labels[:, :-1], vocab.pad_id)
    # Also where there is no target: a decoder needs one real position in every row.
    target_in[:, 0] = vocab.bos_id
    return {
        "source": source,
        "source_mask": source_mask,
        "target_in": target_in,
        "labels": labels,
        "label_mask": label_mask,
        "target_lang": encoded.target_lang[rows],
        "weight": encoded.weight[rows],
    }


def _encode_first_targets(examples: Sequence[Example], vocab: Vocabulary) -> Ragged:
    """Rows of tokens and end token; examples without target get an empty row."""
    has_target = np.fromiter((bool(e.targets) for e in examples), bool, len(examples))
    packed = encode_targets(vocab, [e.targets[0] for e in examples if e.targets])
    lengths = np.zeros(len(examples), np.int64)
    lengths[has_target] = packed.lengths
    return Ragged.from_lengths(packed.values, lengths)


def _check_languages(pairs: Iterable[tuple[str, str]]) -> None:
    unknown = sorted({lang for pair in pairs for lang in pair} - set(LANGUAGES))
    if unknown:
        raise ValueError(f"unknown languages {unknown}; known are {LANGUAGES}")
