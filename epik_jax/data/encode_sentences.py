"""Sentences in, arrays of pieces out.

`cut_sentences` cuts what is too long for a network between words, `encode_sentences`
turns a corpus into flat arrays once, which cut fixed shapes out of themselves without a
loop over rows. Which rows make a batch is settled in `order`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from epik_jax.data.digests import row_digests, text_digests
from epik_jax.ragged import Ragged
from epik_jax.structs import Batch, Sentence
from epik_jax.text.wordpiece import FRAME_SIZE, WordPieces


@dataclasses.dataclass(frozen=True)
class EncodedSentences:
    """A corpus as arrays; row i of each belongs to sentence i.

    Attributes:
      keys: uint64 [N], first 8 bytes of sha256 of the example id, little endian.
      tokens: N rows of ids, framed.
      source_digest: uint64 [N], first 8 bytes of sha256 of the row's ids as
        little-endian int32; a signal made for other pieces is caught by it.
      firsts: bool, N rows like `tokens`, true where a piece begins a word.
      labels: N rows like `tokens`, the word's label where it begins, else 0.
      tagged: bool [N], whether somebody labelled the sentence or its words.
      whole: whether labels are of sentences; each then stands at the first piece of its
        row, which alone is marked in `firsts`.
      group: int32 [N], position in `groups`.
      groups: languages, sorted.
    """

    keys: np.ndarray
    tokens: Ragged
    source_digest: np.ndarray
    firsts: Ragged
    labels: Ragged
    tagged: np.ndarray
    group: np.ndarray
    groups: tuple[str, ...]
    whole: bool = False

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray) -> EncodedSentences:
        """The named sentences, in that order."""
        return dataclasses.replace(
            self,
            keys=self.keys[rows],
            tokens=self.tokens.take(rows),
            source_digest=self.source_digest[rows],
            firsts=self.firsts.take(rows),
            labels=self.labels.take(rows),
            tagged=self.tagged[rows],
            group=self.group[rows],
        )

    def batch(self, rows: np.ndarray, width_L: int, pad_id: int) -> Batch:
        """Cuts one batch out of the corpus.

        Args:
          rows: int [B].
          width_L: columns L.
          pad_id: fills rows up.

        Returns:
          tokens int32 [B, L], token_mask bool [B, L], word_mask bool [B, L], true where
          a word begins, labels int32 [B, L] and label_mask bool [B, L], true where a
          word begins that somebody tagged; the last three are [B, 1] where labels are
          those of sentences.

        Raises:
          ValueError: a row does not fit.
        """
        tokens, token_mask = self.tokens.padded(rows, width_L, pad_id)
        labels, _ = self.labels.padded(rows, width_L, 0)
        firsts, _ = self.firsts.padded(rows, width_L, False)
        kept = slice(1) if self.whole else slice(None)
        word_mask = firsts[:, kept]
        return {
            "tokens": tokens,
            "token_mask": token_mask,
            "word_mask": word_mask,
            "labels": labels[:, kept],
            "label_mask": word_mask & self.tagged[rows][:, None],
        }


def cut_sentences(
    sentences: Sequence[Sentence],
    pieces: WordPieces,
    max_length: int,
    *,
    whole: bool = False,
) -> list[Sentence]:
    """Sentences of which each fits a network, the words in the order that they had.

    Args:
      sentences: of any length.
      pieces: what cuts words.
      max_length: most pieces of a sentence, frame included; a word that alone is longer
        stands alone.
      whole: of each sentence keep the beginning alone, since it has one label.

    Raises:
      ValueError: there is no room for a piece.
    """
    room = _room(max_length)
    _, counts = pieces.encode([s.words for s in sentences])
    kept = Ragged(np.minimum(counts.values, room), counts.offsets)
    totals = np.diff(np.concatenate([[0], np.cumsum(kept.values)])[counts.offsets])
    found: list[Sentence] = []
    for row, sentence in enumerate(sentences):
        if totals[row] <= room:
            found.append(sentence)
            continue
        starts = _starts(kept.row(row), room)
        if whole:
            words, tags = sentence.words[: starts[1]], sentence.tags[: starts[1]]
            found.append(dataclasses.replace(sentence, words=words, tags=tags))
            continue
        for start, stop in zip(starts, [*starts[1:], None], strict=True):
            stretch = dataclasses.replace(
                sentence,
                example_id=f"{sentence.example_id}/{start}",
                words=sentence.words[start:stop],
                tags=sentence.tags[start:stop],
            )
            found.append(stretch)
    return found


def rejoined(
    answers: Sequence[Sequence[str]], sentences: Sequence[Sentence]
) -> list[tuple[str, ...]]:
    """Answers word by word to cut sentences, as answers to those that they were.

    Args:
      answers: to what `cut_sentences` made of `sentences`, in that order.
      sentences: whole.
    """
    flat = [tag for answer in answers for tag in answer]
    ends = np.cumsum([len(s.words) for s in sentences]).tolist()
    starts = [0, *ends][:-1]
    return [tuple(flat[a:b]) for a, b in zip(starts, ends, strict=True)]


def encode_sentences(
    sentences: Sequence[Sentence],
    pieces: WordPieces,
    labels: Sequence[str],
    max_length: int,
    *,
    whole: bool = False,
) -> EncodedSentences:
    """Encodes a corpus.

    Args:
      sentences: of at least one word each, none longer than `cut_sentences` leaves
        them; those without tags get label 0 throughout.
      pieces: what cuts words.
      labels: names of the labels, in order of their ids.
      max_length: most pieces of a sentence, frame included; of a word that alone is
        longer the first pieces are taken.
      whole: labels are those of sentences, not those of words.

    Raises:
      ValueError: a label that is none of `labels`, or a sentence that does not fit.
    """
    tokens, firsts = framed_pieces(sentences, pieces, max_length, whole=whole)
    labelled = np.zeros(len(tokens.values), np.int32)
    ids = _ids(sentences, labels) if whole else _label_ids(sentences, labels)
    labelled[firsts.values] = ids
    langs = tuple(sorted({s.lang for s in sentences}))
    return EncodedSentences(
        keys=text_digests(s.example_id for s in sentences),
        tokens=tokens,
        source_digest=row_digests(tokens),
        firsts=firsts,
        labels=Ragged(labelled, tokens.offsets),
        tagged=np.array([bool(s.label if whole else s.tags) for s in sentences], bool),
        group=np.array([langs.index(s.lang) for s in sentences], np.int32),
        groups=langs,
        whole=whole,
    )


def framed_pieces(
    sentences: Sequence[Sentence],
    pieces: WordPieces,
    max_length: int,
    *,
    whole: bool = False,
) -> tuple[Ragged, Ragged]:
    """What a network reads of sentences, and where its answers are to be looked for.

    Args:
      sentences: as for `encode_sentences`.
      pieces: what cuts words.
      max_length: most pieces of a sentence, frame included.
      whole: answers are of sentences.

    Returns:
      N framed rows of ids; and as long rows of bool, true where a word begins, or of
      whole sentences at the first piece of the row alone.

    Raises:
      ValueError: a sentence does not fit.
    """
    room = _room(max_length)
    cut, counts = pieces.encode([s.words for s in sentences])
    kept = np.minimum(counts.values, room)
    ends = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])
    rows = Ragged(_first_pieces(cut.values, counts.values, kept), ends[counts.offsets])
    if len(rows) and rows.lengths.max() > room:
        longest = sentences[int(rows.lengths.argmax())].example_id
        raise ValueError(
            f"sentence {longest} has {rows.lengths.max()} pieces, {room} fit"
        )
    begins = np.zeros(len(rows.values), bool)
    begins[ends[:-1]] = not whole
    frame = np.full(len(rows), whole)
    tokens = rows.framed(np.full(len(rows), pieces.first_id), pieces.last_id)
    return tokens, Ragged(begins, rows.offsets).framed(frame, False)


def _room(max_length: int) -> int:
    if max_length <= FRAME_SIZE:
        raise ValueError(f"max_length {max_length} leaves no room for a word")
    return max_length - FRAME_SIZE


def _starts(counts: np.ndarray, room: int) -> list[int]:
    """Words that stretches of at most `room` pieces begin with, each as long as may be.

    Args:
      counts: int [words], pieces of each word, at most `room`.
      room: pieces.
    """
    before = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    starts = [0]
    while before[-1] - before[starts[-1]] > room:
        reach = before[starts[-1]] + room
        starts.append(int(np.searchsorted(before, reach, side="right")) - 1)
    return starts


def _first_pieces(ids: np.ndarray, counts: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The first `kept` of the `counts` pieces of each word."""
    if (counts == kept).all():
        return ids
    starts = np.cumsum(counts) - counts
    within = np.arange(len(ids)) - np.repeat(starts, counts)
    return ids[within < np.repeat(kept, counts)]


def _ids(sentences: Sequence[Sentence], labels: Sequence[str]) -> np.ndarray:
    """int32 [N], of the sentences' own labels; 0 where there is none."""
    ids = {name: index for index, name in enumerate(labels)}
    for sentence in sentences:
        if sentence.label and sentence.label not in ids:
            raise ValueError(
                f"sentence {sentence.example_id}: label {sentence.label!r} is none of "
                f"{tuple(labels)}"
            )
    return np.array([ids.get(s.label, 0) for s in sentences], np.int32)


def _label_ids(sentences: Sequence[Sentence], labels: Sequence[str]) -> np.ndarray:
    """int32 [words of all sentences]."""
    ids = {name: index for index, name in enumerate(labels)}
    found: list[int] = []
    for sentence in sentences:
        if odd := set(sentence.tags) - ids.keys():
            raise ValueError(
                f"sentence {sentence.example_id}: tag {min(odd)!r} is none of "
                f"{tuple(labels)}"
            )
        tags = sentence.tags or (labels[0],) * len(sentence.words)
        found += [ids[tag] for tag in tags]
    return np.array(found, np.int32)
