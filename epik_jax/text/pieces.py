"""A vocabulary of pieces that SentencePiece learnt from words.

Words go in and a model file comes out; the file goes in and ids come out, behind the
interface of `vocabulary.Vocabulary`. Text is expected normalised, as there.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epik_jax.ragged import Ragged
from epik_jax.text import scripts
from epik_jax.text.special_ids import SPECIALS, tag_of, until


class SentencePieceVocabulary:
    """A trained SentencePiece model behind the interface of `Vocabulary`."""

    pad_id, bos_id, eos_id, unk_id = range(len(SPECIALS))

    def __init__(self, model: bytes) -> None:
        """Opens a model that `train_sentencepiece` made.

        Args:
          model: what its file holds.

        Raises:
          ValueError: its special ids are not where this module puts them.
        """
        import sentencepiece

        self.model = model
        self._processor = sentencepiece.SentencePieceProcessor(
            model_proto=self.model, num_threads=1
        )
        self.size = self._processor.get_piece_size()
        tags = {f"<{lang}>": lang for lang in scripts.LANGUAGES}
        pieces = [self._processor.id_to_piece(i) for i in range(self.size)]
        if tuple(pieces[: len(SPECIALS)]) != SPECIALS:
            raise ValueError(f"first pieces are {pieces[:4]}, expected {SPECIALS}")
        self._tag_ids = {tags[p]: i for i, p in enumerate(pieces) if p in tags}
        self.languages = tuple(self._tag_ids)
        self._special_ids = {*range(len(SPECIALS)), *self._tag_ids.values()}
        self.fingerprint = hashlib.sha256(self.model).hexdigest()

    def tag_id(self, lang: str) -> int:
        """See `Vocabulary`."""
        return tag_of(self._tag_ids, lang)

    def encode(self, words: Sequence[str]) -> Ragged:
        """See `Vocabulary`."""
        return Ragged.of(self._processor.encode(list(words), num_threads=1))

    def decode(self, ids: Sequence[int]) -> str:
        """See `Vocabulary`."""
        kept = [i for i in until(ids, self.eos_id) if i not in self._special_ids]
        # Pieces are joined by hand: the processor's own decode eats a leading space.
        return "".join(self._processor.id_to_piece(i) for i in kept).replace("▁", " ")

    def save(self, path: str | os.PathLike[str]) -> None:
        """See `Vocabulary`."""
        Path(path).write_bytes(self.model)


def train_sentencepiece(
    words: Sequence[str],
    size: int,
    languages: Sequence[str],
) -> SentencePieceVocabulary:
    """Trains a unigram model on normalised words.

    The normaliser is the identity (SentencePiece's default turns a zero-width
    non-joiner into a space) and there is one thread, so that a run can be repeated.

    Args:
      words: normalised words, any mix of languages.
      size: number of ids, specials and tags among them.
      languages: languages that get a tag.

    Raises:
      ValueError: `size` does not fit the words; the message says which sizes would.
    """
    import sentencepiece

    special_pieces: dict[str, Any] = {}
    for index, piece in enumerate(SPECIALS):
        name = piece.strip("<>")
        special_pieces |= {f"{name}_id": index, f"{name}_piece": piece}
    # In memory: a model remembers the path that it was written to.
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
    return SentencePieceVocabulary(model.getvalue())
