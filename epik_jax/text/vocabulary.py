"""Words to integer ids and back; the only place that knows the special ids.

Characters are fixed by the script tables, never by data, so that two models of the same
languages always agree. SentencePiece sits behind the same interface. Text is expected
normalised; nothing here normalises it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from epik_jax.ragged import Ragged
from epik_jax.text import scripts

_SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
_FORMAT = 1


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

    pad_id, bos_id, eos_id, unk_id = range(len(_SPECIALS))

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
        self._texts = [""] * (len(_SPECIALS) + len(tags)) + list(letters)
        self.size = len(self._texts)
        self._tag_ids = {lang: len(_SPECIALS) + i for i, lang in enumerate(languages)}
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
        return _tag_id(self._tag_ids, lang)

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
        return "".join(self._texts[i] for i in _until(ids, self.eos_id))

    def save(self, path: str | os.PathLike[str]) -> None:
        """See `Vocabulary`."""
        Path(path).write_bytes(self._canonical())

    def _canonical(self) -> bytes:
        record = {
            "kind": "characters",
            "format": _FORMAT,
            "specials": list(_SPECIALS),
            "languages": list(self.languages),
            "letters": self.letters,
        }
        return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()


class SentencePieceVocabulary:
    """A trained SentencePiece model behind the interface of `Vocabulary`."""

    pad_id, bos_id, eos_id, unk_id = range(len(_SPECIALS))

    def __init__(self, model: bytes | str | os.PathLike[str]) -> None:
        """Opens a model that `train_sentencepiece` wrote.

        Args:
          model: path of the model file, or what it holds.

        Raises:
          ValueError: its special ids are not where this module puts them.
        """
        import sentencepiece

        self._model = model if isinstance(model, bytes) else Path(model).read_bytes()
        self._processor = sentencepiece.SentencePieceProcessor(
            model_proto=self._model, num_threads=1
        )
        self.size = self._processor.get_piece_size()
        tags = {f"<{lang}>": lang for lang in scripts.LANGUAGES}
        pieces = [self._processor.id_to_piece(i) for i in range(self.size)]
        if tuple(pieces[: len(_SPECIALS)]) != _SPECIALS:
            raise ValueError(f"first pieces are {pieces[:4]}, expected {_SPECIALS}")
        self._tag_ids = {tags[p]: i for i, p in enumerate(pieces) if p in tags}
        self.languages = tuple(self._tag_ids)
        self._special_ids = {*range(len(_SPECIALS)), *self._tag_ids.values()}
        self.fingerprint = hashlib.sha256(self._model).hexdigest()

    def tag_id(self, lang: str) -> int:
        """See `Vocabulary`."""
        return _tag_id(self._tag_ids, lang)

    def encode(self, words: Sequence[str]) -> Ragged:
        """See `Vocabulary`."""
        return Ragged.of(self._processor.encode(list(words), num_threads=1))

    def decode(self, ids: Sequence[int]) -> str:
        """See `Vocabulary`."""
        kept = [i for i in _until(ids, self.eos_id) if i not in self._special_ids]
        # Pieces are joined by hand: the processor's own decode eats a leading space.
        return "".join(self._processor.id_to_piece(i) for i in kept).replace("▁", " ")

    def save(self, path: str | os.PathLike[str]) -> None:
        """See `Vocabulary`."""
        Path(path).write_bytes(self._model)


def train_sentencepiece(
    words: Sequence[str],
    path: str | os.PathLike[str],
    size: int,
    languages: Sequence[str],
) -> SentencePieceVocabulary:
    """Trains a unigram model on normalised words and writes it to `path`.

    The normaliser is the identity (SentencePiece's default turns a zero-width
    non-joiner into a space) and there is one thread, so that a run can be repeated.

    Args:
      words: normalised words, any mix of languages.
      path: where the model goes.
      size: number of ids, specials and tags among them.
      languages: languages that get a tag.

    Raises:
      ValueError: `size` does not fit the words; the message says which sizes would.
    """
    import sentencepiece

    special_pieces: dict[str, Any] = {}
    for index, piece in enumerate(_SPECIALS):
        name = piece.strip("<>")
        special_pieces |= {f"{name}_id": index, f"{name}_piece": piece}
    # Through memory: a model remembers the path that it was written to.
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(words),
            model_writer=model,
            vocab_size=size,
            model_type="unigram",
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            character_coverage=1.0,
            num_threads=1,
            minloglevel=2,
            control_symbols=[f"<{lang}>" for lang in languages],
            **special_pieces,
        )
    except RuntimeError as error:
        raise ValueError(f"no vocabulary of {size} pieces: {error}") from error
    Path(path).write_bytes(model.getvalue())
    return SentencePieceVocabulary(model.getvalue())


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
        expected = ("characters", _FORMAT, list(_SPECIALS))
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
    return _framed(vocab.encode(words), tags, vocab.eos_id)


def encode_targets(vocab: Vocabulary, words: Sequence[str]) -> Ragged:
    """What a decoder writes: the word and the end."""
    return _framed(vocab.encode(words), None, vocab.eos_id)


def _framed(rows: Ragged, firsts: np.ndarray | None, last: int) -> Ragged:
    lead = 0 if firsts is None else 1
    framed = Ragged.from_lengths(
        np.full(len(rows.values) + (lead + 1) * len(rows), last, np.int32),
        rows.lengths + lead + 1,
    )
    # Row i has been pushed right by the frames of the i rows before it.
    shift = np.repeat((lead + 1) * np.arange(len(rows)) + lead, rows.lengths)
    framed.values[np.arange(len(rows.values)) + shift] = rows.values
    if firsts is not None:
        framed.values[framed.offsets[:-1]] = firsts
    return framed


def _until(ids: Sequence[int], end: int) -> list[int]:
    cut = [int(i) for i in ids]
    return cut[: cut.index(end)] if end in cut else cut


def _tag_id(tag_ids: dict[str, int], lang: str) -> int:
    if lang not in tag_ids:
        raise ValueError(f"no tag for {lang!r}, only for {tuple(tag_ids)}")
    return tag_ids[lang]
