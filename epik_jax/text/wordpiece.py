"""Words to pieces as BERT cuts them, and the pieces that texts need.

Lists of words go in; ids of their pieces come out, and how many each word has. Learning
and cutting are the `tokenizers` library's; which pieces are special is settled here.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import string
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, trainers

from epik_jax.ragged import Ragged

PAD, UNKNOWN, FIRST, LAST = SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
"""Padding, what has no piece, and the frame of a sentence."""

FRAME_SIZE = 2
"""Pieces that a network reads beside those of the words."""

KIND = "wordpieces"
_FORMAT = 1
_LONGEST_WORD = 100
_GENITIVES = ("'s", "\N{RIGHT SINGLE QUOTATION MARK}s")


class WordPieces:
    """A list of pieces, each known by its place in it.

    Attributes:
      pieces: in order of their ids; "##" marks those that go on a word.
      lowercase: whether case and accents are thrown away before cutting.
      size: number of ids.
      pad_id: fills rows up.
      unk_id: stands for a word that cannot be cut.
      first_id: begins a sentence.
      last_id: ends it.
      fingerprint: sha256 (hex) of the saved form; equal means interchangeable.
    """

    def __init__(self, pieces: Sequence[str], *, lowercase: bool = False) -> None:
        """Takes pieces as they are.

        Raises:
          ValueError: a special piece is missing, or a piece comes twice.
        """
        ids = {piece: index for index, piece in enumerate(pieces)}
        if missing := [piece for piece in SPECIALS if piece not in ids]:
            raise ValueError(f"there is no {missing[0]} among {len(pieces)} pieces")
        if len(ids) < len(pieces):
            twice = next(p for i, p in enumerate(pieces) if ids[p] != i)
            raise ValueError(f"piece {twice!r} comes twice")
        self.pieces, self.lowercase, self.size = tuple(pieces), lowercase, len(pieces)
        specials = [ids[piece] for piece in SPECIALS]
        self.pad_id, self.unk_id, self.first_id, self.last_id = specials
        model = models.WordPiece(
            ids, unk_token=UNKNOWN, max_input_chars_per_word=_LONGEST_WORD
        )
        self._tokenizer = _tokenizer(model, lowercase)
        self.fingerprint = hashlib.sha256(self.content).hexdigest()

    def encode(self, sentences: Sequence[Sequence[str]]) -> tuple[Ragged, Ragged]:
        """Cuts the words of sentences.

        A word of which nothing is left, such as one zero-width space, becomes
        `unk_id`: each word has one piece at least.

        Args:
          sentences: N lists of words.

        Returns:
          int32 ids of all pieces of a sentence, unframed; and how many pieces each of
          its words has. N rows each.
        """
        words = [word for words in sentences for word in words]
        # Each spelling once: a text has ten times as many words as spellings.
        place = {word: i for i, word in enumerate(dict.fromkeys(words))}
        cut = self._tokenizer.encode_batch_fast(list(place), add_special_tokens=False)
        spellings = Ragged.of([encoding.ids or [self.unk_id] for encoding in cut])
        chosen = np.fromiter((place[word] for word in words), np.int64, len(words))
        pieces = spellings.take(chosen)
        lengths = np.array([len(words) for words in sentences], np.int64)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        return (
            Ragged(pieces.values, pieces.offsets[ends]),
            Ragged.from_lengths(pieces.lengths.astype(np.int32), lengths),
        )

    def pruned(self, ids: Iterable[int]) -> WordPieces:
        """These pieces alone, and the special ones, in the order that they have.

        A word all of whose pieces are kept is cut as before: cutting takes the longest
        piece that fits, and no other got longer.
        """
        specials = {self.pad_id, self.unk_id, self.first_id, self.last_id}
        kept = sorted({*map(int, ids), *specials})
        return WordPieces([self.pieces[i] for i in kept], lowercase=self.lowercase)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes one file that `load_wordpieces` reads."""
        Path(path).write_bytes(self.content)

    @property
    def content(self) -> bytes:
        """The saved form."""
        record = {
            "kind": KIND,
            "format": _FORMAT,
            "lowercase": self.lowercase,
            "pieces": list(self.pieces),
        }
        text = json.dumps(record, indent=0, sort_keys=True, ensure_ascii=False)
        return (text + "\n").encode()


def load_wordpieces(path: str | os.PathLike[str]) -> WordPieces:
    """Opens what `save` wrote.

    Raises:
      ValueError: the file is something else.
    """
    try:
        record = json.loads(Path(path).read_bytes())
        found = record["kind"], record["format"]
        if found != (KIND, _FORMAT):
            raise ValueError(f"kind and format are {found}, not {(KIND, _FORMAT)}")
        return WordPieces(record["pieces"], lowercase=record["lowercase"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no word pieces: {error}") from error


def train_wordpieces(
    sentences: Iterable[Sequence[str]], size: int, *, lowercase: bool = False
) -> WordPieces:
    """Learns pieces from the words of sentences.

    Args:
      sentences: lists of words; how often a word occurs counts.
      size: number of ids at most, special ones among them.
      lowercase: whether case and accents are thrown away.

    Raises:
      ValueError: `size` is smaller than the number of letters; says how many.
    """
    words = [word for words in sentences for word in words]
    tokenizer = _tokenizer(models.WordPiece(unk_token=UNKNOWN), lowercase)
    # The library numbers what it meets in the order of a hash table, and breaks ties by
    # number: letters that are numbered before make the pieces the same in every run.
    letters = _letters(tokenizer, words)
    if len(SPECIALS) + len(letters) > size:
        raise ValueError(
            f"{size} pieces cannot hold {len(letters)} letters and signs, at the "
            f"beginning of a word or within: give {len(SPECIALS) + len(letters)} at "
            "least"
        )
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[*SPECIALS, *letters], show_progress=False
    )
    tokenizer.train_from_iterator(words, trainer)
    ids = tokenizer.get_vocab()
    return WordPieces(sorted(ids, key=ids.__getitem__), lowercase=lowercase)


def split_words(text: str) -> list[tuple[str, int, int]]:
    """Words of a running text, as sets of tagged sentences tell them apart.

    At spaces; signs before and behind a word are words of their own, and so is an
    English "'s"; those within ("Coca-Cola", "O'Neill") belong to it. Text without
    spaces, such as Chinese, must have been cut before.

    Returns:
      Each word, where it begins in the text and where it ends.
    """
    found = []
    for match in re.finditer(r"\S+", text):
        start, end = match.span()
        first, last = start, end
        while first < end and _is_sign(text[first]):
            first += 1
        while last > first and _is_sign(text[last - 1]):
            last -= 1
        cuts = {*range(start, first + 1), *range(last, end + 1)}
        if text[first:last].endswith(_GENITIVES):
            cuts.add(last - 2)
        found += [(text[a:b], a, b) for a, b in itertools.pairwise(sorted(cuts))]
    return found


def _is_sign(letter: str) -> bool:
    """Whether BERT cuts around it."""
    return letter in string.punctuation or unicodedata.category(letter)[0] == "P"


def _letters(tokenizer: tokenizers.Tokenizer, words: Sequence[str]) -> list[str]:
    """Pieces of one letter that the library wants: all, and with "##" those within."""
    found = set()
    for word in dict.fromkeys(words):
        clean = tokenizer.normalizer.normalize_str(word)
        for part, _ in tokenizer.pre_tokenizer.pre_tokenize_str(clean):
            found |= {*part, *(f"##{letter}" for letter in part[1:])}
    return sorted(found)


def _tokenizer(model: models.Model, lowercase: bool) -> tokenizers.Tokenizer:
    """Cleaning and cutting as BERT does both."""
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer
