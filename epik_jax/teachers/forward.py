"""One network that answers words: encode, greedy or beam decode, score.

Examples or encoded rows go in, in any order and number; answers come out in the same
order. It trains nothing and stores nothing.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import Mesh

from epik_jax.models.config import TransformerConfig
from epik_jax.parallel import mesh as meshes
from epik_jax.parallel import processes
from epik_jax.ragged import Ragged
from epik_jax.structs import Array, Decoded, Example, Hypothesis, Params
from epik_jax.teachers import passes
from epik_jax.teachers.passes import Decoding
from epik_jax.teachers.placed import Placed, fill, rounded_up
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import TAG_AND_END, Vocabulary, encode_sources


@dataclasses.dataclass(frozen=True)
class Network:
    """A trained transformer with its vocabulary.

    Attributes:
      params: parameter tree.
      config: sizes and choices.
      vocabulary: what tokens mean.
      follow_LVV: bool [languages, V, V], which token may follow which; None for no
        constraint.
      mesh: devices that it answers on; None for the first one alone.
    """

    params: Params
    config: TransformerConfig
    vocabulary: Vocabulary
    follow_LVV: np.ndarray | None = None
    mesh: Mesh | None = None

    def transliterate(
        self, examples: Sequence[Example], decoding: Decoding
    ) -> list[tuple[Hypothesis, ...]]:
        """Answers to each example, best first.

        Raises:
          ValueError: a word is longer than the network's positions allow.
        """
        sources = encode_sources(
            self.vocabulary,
            [e.source for e in examples],
            [e.target_lang for e in examples],
        )
        langs = np.array([LANGUAGES.index(e.target_lang) for e in examples], np.int32)
        decoded = self.decode(sources, langs, decoding)
        return self.texts(decoded)

    def texts(self, decoded: Decoded) -> list[tuple[Hypothesis, ...]]:
        """Decoded rows as text; missing hypotheses are left out."""
        tokens, log_probs = decoded.tokens.tolist(), decoded.log_probs.tolist()
        return [
            tuple(
                Hypothesis(self.vocabulary.decode(ids), log_prob)
                for ids, log_prob in zip(row, scores, strict=True)
                if log_prob != float("-inf")
            )
            for row, scores in zip(tokens, log_probs, strict=True)
        ]

    def decode(self, sources: Ragged, langs: np.ndarray, decoding: Decoding) -> Decoded:
        """Answers to encoded sources.

        Args:
          sources: N rows of tag, word, end.
          langs: int32 [N], index of the language asked for.
          decoding: how to search.

        Returns:
          `Decoded` of numpy arrays, [N, num_hypotheses, T].
        """
        N, W = len(sources), decoding.num_hypotheses
        T = int(rounded_up(sources.lengths.max(initial=1))) + decoding.max_extra + 1
        out = Decoded(
            tokens=np.full((N, W, T), self.vocabulary.pad_id, np.int32),
            lengths=np.zeros((N, W), np.int32),
            log_probs=np.full((N, W), -np.inf, np.float32),
            scores=np.full((N, W), -np.inf, np.float32),
        )
        # What is written must be readable again: a chain hands it on.
        most = self.config.max_length - TAG_AND_END - 1
        limits = rounded_up(sources.lengths) + decoding.max_extra

        def dispatch(rows: np.ndarray, width: int) -> Decoded:
            source, mask = sources.padded(rows, width, self.vocabulary.pad_id)
            limit = np.minimum(limits[rows], most).astype(np.int32)
            # One more than any limit: a joiner must be followed by a letter.
            length = min(width + decoding.max_extra, most) + 1
            return self._passes.decode(
                self._placed.params,
                self._follow_placed,
                *self._placed.rows(source, mask, langs[rows], limit),
                *(self.config, decoding, self._ids, length),
            )

        for rows, answer in self._placed.answers(
            sources, decoding.batch_size, dispatch
        ):
            out.tokens[rows, :, : answer.tokens.shape[-1]] = answer.tokens
            out.lengths[rows] = answer.lengths
            out.log_probs[rows] = answer.log_probs
            out.scores[rows] = answer.scores
        return out

    def log_probs(
        self, sources: Ragged, targets: Ragged, batch_size: int = 64
    ) -> Ragged:
        """Log-probabilities of every next token along known targets.

        Args:
          sources: N rows of tag, word, end.
          targets: N rows of tokens and end.
          batch_size: rows scored together.

        Returns:
          N rows, [sum of target lengths, V] float16.
        """
        V = self.config.vocab_size
        rows_of = Ragged(
            np.empty((len(targets.values), V), np.float16), targets.offsets
        )
        pad, bos = self.vocabulary.pad_id, self.vocabulary.bos_id

        def dispatch(rows: np.ndarray, width: int) -> Array:
            source, mask = sources.padded(rows, width, pad)
            longest = int(targets.lengths[rows].max())
            width_T = min(rounded_up(longest), self.config.max_length)
            labels, _ = targets.padded(rows, width_T, pad)
            target = np.concatenate([np.full_like(labels[:, :1], bos), labels], axis=1)
            arrays = self._placed.rows(source, mask, target[:, :-1])
            return self._passes.log_probs(
                self._placed.params, *arrays, self.config, self._ids
            )

        for rows, answer in self._placed.answers(sources, batch_size, dispatch):
            fill(rows_of, rows, np.maximum(answer, -6e4))  # float16 goes no lower.
        return rows_of

    def hidden(self, sources: Ragged, batch_size: int = 128) -> Ragged:
        """Encoder states after the final norm: N rows, [sum of lengths, D] float32."""
        if self.config.num_slots:
            raise ValueError("a network with slots has no state for each token")
        shape = (len(sources.values), self.config.width)
        rows_of = Ragged(np.empty(shape, np.float32), sources.offsets)

        def dispatch(rows: np.ndarray, width: int) -> Array:
            source, mask = sources.padded(rows, width, self.vocabulary.pad_id)
            arrays = self._placed.rows(source, mask)
            return self._passes.hidden(self._placed.params, *arrays, self.config)

        for rows, answer in self._placed.answers(sources, batch_size, dispatch):
            fill(rows_of, rows, answer)
        return rows_of

    def slots(
        self, sources: Ragged, batch_size: int = 128
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encoder states of a network with slots, and those that its gate keeps.

        Returns:
          float32 [N, num_slots, D], and bool [N, num_slots].
        """
        N, L = len(sources), self.config.num_slots
        hidden_NLD = np.empty((N, L, self.config.width), np.float32)
        kept_NL = np.empty((N, L), bool)

        def dispatch(rows: np.ndarray, width: int) -> tuple[Array, Array]:
            source, mask = sources.padded(rows, width, self.vocabulary.pad_id)
            arrays = self._placed.rows(source, mask)
            return self._passes.slots(
                self._placed.params, *arrays, self.config, self._ids
            )

        for rows, (hidden, kept) in self._placed.answers(sources, batch_size, dispatch):
            hidden_NLD[rows], kept_NL[rows] = hidden, kept
        return hidden_NLD, kept_NL

    def attention(self, source: Ragged, target: Ragged) -> np.ndarray:
        """Attention of one target to its source, heads averaged: float32 [T, S]."""
        tokens = source.row(0)[None]
        start = np.array([self.vocabulary.bos_id], np.int32)
        begun = np.concatenate([start, target.row(0)[:-1]])[None]
        mask = np.ones(tokens.shape, bool)
        # The mesh wants a row for each of its shares.
        alike = (
            np.repeat(x, self._placed.shares, axis=0) for x in (tokens, mask, begun)
        )
        probs_BHTS = self._passes.attention(
            self._placed.params,
            *self._placed.rows(*alike),
            self.config,
            self._ids,
        )
        return np.asarray(processes.fetched(probs_BHTS)[0].mean(axis=0))

    @property
    def _ids(self) -> passes.SpecialIds:
        known = self.vocabulary
        return passes.SpecialIds(known.bos_id, known.eos_id, known.pad_id)

    @functools.cached_property
    def _placed(self) -> Placed:
        mesh = meshes.one_device() if self.mesh is None else self.mesh
        return Placed(self.params, mesh, self.config.longest_source)

    @functools.cached_property
    def _passes(self) -> passes.Passes:
        return passes.on_mesh(self._placed.mesh)

    @functools.cached_property
    def _follow_placed(self) -> Array | None:
        if self.follow_LVV is None:
            return None
        whole = meshes.replicated(self._placed.mesh)
        return jax.device_put(self.follow_LVV, whole)
