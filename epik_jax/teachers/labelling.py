"""A network that labels sentences: tags as text, or what a student may imitate.

Sentences go in, in any number and of any length; answers come out in the same order. A
sentence longer than the network reads is cut between words and put together again. It
trains nothing and stores nothing.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from epik_jax.data.encode_sentences import (
    EncodedSentences,
    cut_sentences,
    encode_sentences,
    framed_pieces,
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
        names = self._likeliest(cut, batch_size)
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
        return self._likeliest(self.cut(sentences), batch_size).tolist()  # type: ignore[no-any-return]

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

    def _likeliest(self, cut: Sequence[Sentence], batch_size: int) -> np.ndarray:
        """Names of the likeliest labels of all words, or sentences, in order."""
        config = self.config
        tokens, firsts = framed_pieces(
            cut, self.pieces, config.max_length, whole=config.pools
        )
        offsets = self._offsets(tokens)
        best = Ragged(np.empty(int(offsets[-1]), np.int32), offsets)

        def dispatch(rows: np.ndarray, width: int) -> Array:
            ids, mask = tokens.padded(rows, width, self.pieces.pad_id)
            placed, shown = self._placed, self._placed.rows(ids, mask)
            return best_pass(placed.mesh)(placed.params, *shown, config)  # type: ignore[no-any-return]

        for rows, answer in self._placed.answers(tokens, batch_size, dispatch):
            fill(best, rows, answer)
        wanted = best.values if config.pools else best.values[firsts.values]
        return np.array(config.labels)[wanted]

    def signals(
        self, tokens: Ragged, layer: int | None, batch_size: int = 128
    ) -> tuple[Ragged, Ragged | None]:
        """What a student may imitate.

        Args:
          tokens: N rows of framed pieces.
          layer: whose states are given; 0 for the embedding, None for no states.
          batch_size: rows asked together.

        Returns:
          Logits [sum of lengths, C] and states [sum of lengths, D] of every piece,
          float32, N rows each; of the first piece alone where the network labels
          sentences.
        """
        offsets, config = self._offsets(tokens), self.config
        widths = [len(config.labels)]
        widths += [] if layer is None else [config.width_of(layer)]
        found = [
            Ragged(np.empty((int(offsets[-1]), width), np.float32), offsets)
            for width in widths
        ]

        def dispatch(rows: np.ndarray, width: int) -> tuple[Array, ...]:
            ids, mask = tokens.padded(rows, width, self.pieces.pad_id)
            placed, shown = self._placed, self._placed.rows(ids, mask)
            return label_pass(placed.mesh)(placed.params, *shown, config, layer)  # type: ignore[no-any-return]

        for rows, answer in self._placed.answers(tokens, batch_size, dispatch):
            for out, values in zip(found, answer, strict=True):
                fill(out, rows, values)
        return found[0], None if layer is None else found[1]

    def _offsets(self, tokens: Ragged) -> np.ndarray:
        """Where the answers to each row begin: one a piece, or one a sentence."""
        whole = self.config.pools
        return np.arange(len(tokens) + 1) if whole else tokens.offsets

    @functools.cached_property
    def _placed(self) -> Placed:
        mesh = meshes.one_device() if self.mesh is None else self.mesh
        return Placed(self.params, mesh, self.config.max_length)


@functools.cache
def label_pass(mesh: Mesh) -> Any:
    """Logits, and states if any, of a batch; compiled once for a mesh in a process."""

    def answer(
        params: Params,
        tokens: Array,
        mask: Array,
        config: LabellerConfig,
        layer: int | None,
    ) -> tuple[Array, ...]:
        some = config.num_layers if layer is None else layer
        output = label(params, config, tokens, mask, layer=some)
        if layer is None:
            return (output.logits,)
        assert output.hidden is not None
        return output.logits, output.hidden

    return _over_rows(answer, mesh, static=(3, 4))


@functools.cache
def best_pass(mesh: Mesh) -> Any:
    """The likeliest labels of a batch; compiled once for a mesh in a process."""

    def answer(
        params: Params, tokens: Array, mask: Array, config: LabellerConfig
    ) -> Array:
        output = label(params, config, tokens, mask, layer=config.num_layers)
        return jnp.argmax(output.logits, axis=-1)

    return _over_rows(answer, mesh, static=(3,))


def _over_rows(answer: Callable[..., Any], mesh: Mesh, static: tuple[int, ...]) -> Any:
    rows = meshes.rows(mesh)
    return jax.jit(
        answer,
        in_shardings=(None, rows, rows),
        out_shardings=rows,
        static_argnums=static,
    )
