"""A network that labels sentences: tags as text, or what a student may imitate.

Sentences go in, in any number and of any length; answers come out in the same order. A
sentence longer than the network reads is cut between words and put together again. It
trains nothing and stores nothing.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from epik_jax.data.encode_sentences import (
    EncodedSentences,
    cut_sentences,
    encode_sentences,
    rejoined,
)
from epik_jax.models.labeller import label
from epik_jax.models.labeller_config import LabellerConfig
from epik_jax.parallel import mesh as meshes
from epik_jax.ragged import Ragged
from epik_jax.structs import Array, Params, Sentence
from epik_jax.teachers.placed import Placed, fill
from epik_jax.text.wordpiece import WordPieces


@dataclasses.dataclass(frozen=True)
class LabellingNetwork:
    """A trained labeller with its pieces.

    Attributes:
      params: parameter tree.
      config: sizes and choices.
      pieces: what tokens mean.
      mesh: devices that it answers on; None for the first one alone.
    """

    params: Params
    config: LabellerConfig
    pieces: WordPieces
    mesh: Mesh | None = None

    def tags(
        self, sentences: Sequence[Sentence], batch_size: int = 128
    ) -> list[tuple[str, ...]]:
        """The likeliest tag of each word; its first piece speaks for it.

        Raises:
          ValueError: the network labels sentences, not words.
        """
        if self.config.pools:
            raise ValueError("the network labels whole sentences, and tags no words")
        cut = self.cut(sentences)
        bare = [dataclasses.replace(s, tags=()) for s in cut]
        encoded = self.encoded(bare)
        best = np.argmax(self.logits(encoded.tokens, batch_size).values, axis=-1)
        begins = encoded.firsts.values.astype(bool)
        names = np.array(self.config.labels)[best[begins]]
        ends = np.cumsum([len(s.words) for s in cut])[:-1]
        return rejoined([n.tolist() for n in np.split(names, ends)], sentences)

    def classes(
        self, sentences: Sequence[Sentence], batch_size: int = 128
    ) -> list[str]:
        """The likeliest label of each sentence; of a long one its beginning is read.

        Raises:
          ValueError: the network labels words, not sentences.
        """
        if not self.config.pools:
            raise ValueError("the network tags words, and labels no whole sentences")
        bare = [dataclasses.replace(s, label="") for s in self.cut(sentences)]
        logits = self.logits(self.encoded(bare).tokens, batch_size)
        best = np.argmax(logits.values, axis=-1)
        return [self.config.labels[i] for i in best.tolist()]

    def cut(self, sentences: Sequence[Sentence]) -> list[Sentence]:
        """Sentences as the network can read them."""
        return cut_sentences(
            sentences, self.pieces, self.config.max_length, whole=self.config.pools
        )

    def encoded(self, sentences: Sequence[Sentence]) -> EncodedSentences:
        """Sentences that fit, as rows of pieces."""
        return encode_sentences(
            sentences,
            self.pieces,
            self.config.labels,
            self.config.max_length,
            whole=self.config.pools,
        )

    def logits(self, tokens: Ragged, batch_size: int = 128) -> Ragged:
        """Raw logits of every piece, or one row a sentence: [sum of lengths, C]."""
        return self.signals(tokens, self.config.num_layers, batch_size)[0]

    def signals(
        self, tokens: Ragged, layer: int, batch_size: int = 128
    ) -> tuple[Ragged, Ragged]:
        """What a student may imitate.

        Args:
          tokens: N rows of framed pieces.
          layer: whose states are given; 0 for the embedding.
          batch_size: rows asked together.

        Returns:
          Logits [sum of lengths, C] and states [sum of lengths, D] of every piece,
          float32, N rows each; of the first piece alone where the network labels
          sentences.
        """
        offsets = np.arange(len(tokens) + 1) if self.config.pools else tokens.offsets
        count = int(offsets[-1])
        widths = len(self.config.labels), self.config.width_of(layer)
        logits, hidden = (
            Ragged(np.empty((count, width), np.float32), offsets) for width in widths
        )

        def dispatch(rows: np.ndarray, width: int) -> tuple[Array, Array]:
            ids, mask = tokens.padded(rows, width, self.pieces.pad_id)
            return _label_pass(self._placed.mesh)(
                self._placed.params,
                *self._placed.rows(ids, mask),
                self.config,
                layer,
            )

        for rows, answer in self._placed.answers(tokens, batch_size, dispatch):
            fill(logits, rows, answer[0])
            fill(hidden, rows, answer[1])
        return logits, hidden

    @functools.cached_property
    def _placed(self) -> Placed:
        mesh = meshes.make_mesh(1) if self.mesh is None else self.mesh
        return Placed(self.params, mesh, self.config.max_length)


@functools.cache
def _label_pass(mesh: Mesh) -> Any:
    """Logits and states of a batch, compiled once for a mesh in the whole process."""
    rows = meshes.rows(mesh)

    def answer(
        params: Params, tokens: Array, mask: Array, config: LabellerConfig, layer: int
    ) -> tuple[Array, Array]:
        output = label(params, config, tokens, mask, layer=layer)
        assert output.hidden is not None
        return output.logits, output.hidden

    return jax.jit(
        answer,
        in_shardings=(None, rows, rows),
        out_shardings=rows,
        static_argnums=(3, 4),
    )
