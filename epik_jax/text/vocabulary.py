"""Words to integer ids and back, letter by letter.

Characters are fixed by the script tables, never by data, so that two models of the same
languages always agree. Pieces, which are learnt, sit behind the same interface. Text is
expected normalised; nothing here normalises it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from epik_jax.ragged import Ragged
from epik_jax.text import scripts
from epik_jax.text.pieces import SentencePieceVocabulary
from epik_jax.text.special_ids import SPECIALS, tag_of, until

_FORMAT = 1

TAG_AND_END = 2
"""Tokens that an encoder reads beside those of a word."""


class Vocabulary(Protocol):
    """What models, decoders and data need to know about tokens.

    Attributes:
      size: number of ids.
      pad_id: fills rows up.
      bos_id: what a decoder starts from.
      eos_id: ends a word.
      unk_id: stands for what has no id.
      languages: languages that have a tag.
      fingerprint: sha256 (hex) of the saved form; equal means interchangeable.
    """

    size: int
    pad_id: int
    bos_id: int
    eos_id: int
    unk_id: int
    languages: tuple[str, ...]
    fingerprint: str

    def tag_id(self, lang: str) -> int:
        """Id of the tag that asks for `lang`; ValueError where there is none."""
        ...

    def encode(self, words: Sequence[str]) -> Ragged:
        """Ids of each word, int32, without any special id but `unk_id`."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text up to the first `eos_id`, special ids left out."""
        ...

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes one file that `load_vocabulary` reads."""
        ...


class CharacterVocabulary:
    """One id per letter of the scripts; see `Vocabulary` for the interface."""

    pad_id, bos_id, eos_id, unk_id = range(len(SPECIALS))

    def __init__(self, languages: Sequence[str], letters: str) -> None:
        """Lays out ids: specials, one tag per language, then the letters in order.

        Raises:
          ValueError: a language is unknown, or a language or letter comes twice.
        """
        unknown = [lang for lang in languages if lang not in scripts.SCRIPTS]
        if unknown:
            raise ValueError(f"unknown {unknown}, known: {scripts.LANGUAGES}")
        if len(set(languages)) != len(languages) or len(set(letters)) != len(letters):
            raise ValueError(f"repeated entry in {tuple(languages)} or {letters!r}")
        self.languages = tuple(languages)
        self.letters = letters
        tags = [f"<{lang}>" for lang in languages]
        self._texts = [""] * (len(SPECIALS) + len(tags)) + list(letters)
        self.size = len(self._texts)
        self._tag_ids = {lang: len(SPECIALS) + i for i, lang in enumerate(languages)}
        code_points = np.array([ord(c) for c in letters], np.int64)
        self._ids = np.full(code_points.max(initial=0) + 2, self.unk_id, np.int32)
        self._ids[code_points] = np.arange(self.size - len(letters), self.size)
        self.fingerprint = hashlib.sha256(self._canonical()).hexdigest()

    @classmethod
    def from_languages(cls, languages: Sequence[str]) -> CharacterVocabulary:
        """The vocabulary of these languages, in the fixed order of `LANGUAGES`."""
        ordered = [lang for lang in scripts.LANGUAGES if lang in languages]
        if len(ordered) != len(languages):
            raise ValueError(f"{languages} is not drawn from {scripts.LANGUAGES}")
        chosen = [scripts.SCRIPTS[lang] for lang in ordered]
        joiners = sorted({c for script in chosen for c in script.joiners})
        return cls(ordered, "".join(joiners + [s.letters for s in chosen]))

    def tag_id(self, lang: str) -> int:
        """See `Vocabulary`."""
        return tag_of(self._tag_ids, lang)

    def encode(self, words: Sequence[str]) -> Ragged:
        """See `Vocabulary`."""
        # One lookup over all code points; "surrogatepass" lets broken text become unk.
        joined = "".join(words).encode("utf-32-le", "surrogatepass")
        code_points = np.frombuffer(joined, np.uint32)
        # The table's last entry is unk and catches everything beyond the last letter.
        ids = self._ids[np.minimum(code_points, len(self._ids) - 1)]
        return Ragged.from_lengths(
            ids, np.fromiter(map(len, words), np.int64, len(words))
        )

    def decode(self, ids: Sequence[int]) -> str:
        """See `Vocabulary`."""
        return "".join(self._texts[i] for i in until(ids, self.eos_id))

    def save(self, path: str | os.PathLike[str]) -> None:
        """See `Vocabulary`."""
        Path(path).write_bytes(self._canonical())

    def _canonical(self) -> bytes:
        record = {
            "kind": "characters",
            "format": _FORMAT,
            "specials": list(SPECIALS),
            "languages": list(self.languages),
            "letters": self.letters,
        }
        return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()


def load_vocabulary(path: str | os.PathLike[str]) -> Vocabulary:
    """Opens what `save` wrote, of either kind.

    Raises:
      ValueError: the file is neither a character vocabulary of this version nor a
        SentencePiece model.
    """
    content = Path(path).read_bytes()
    try:
        if not content.startswith(b"{"):
            return SentencePieceVocabulary(content)
        record = json.loads(content)
        expected = ("characters", _FORMAT, list(SPECIALS))
        found = tuple(record.get(k) for k in ("kind", "format", "specials"))
        if found != expected:
            raise ValueError(f"kind, format, specials are {found}, not {expected}")
        return CharacterVocabulary(record["languages"], record["letters"])
    except (ValueError, RuntimeError, KeyError) as error:
        raise ValueError(f"{path} is no vocabulary: {error}") from error


def encode_sources(
    vocab: Vocabulary, words: Sequence[str], target_langs: Sequence[str]
) -> Ragged:
    """What an encoder reads: the tag of the wanted language, the word, the end.

    Args:
      vocab: any vocabulary.
      words: N normalised words.
      target_langs: N languages to write them in.
    """
    if len(words) != len(target_langs):
        raise ValueError(f"{len(words)} words, but {len(target_langs)} languages")
    tag_ids = {lang: vocab.tag_id(lang) for lang in set(target_langs)}
    tags = np.fromiter((tag_ids[t] for t in target_langs), np.int32, len(words))
    return vocab.encode(words).framed(tags, vocab.eos_id)


def encode_targets(vocab: Vocabulary, words: Sequence[str]) -> Ragged:
    """What a decoder writes: the word and the end."""
    return vocab.encode(words).framed(None, vocab.eos_id)
