"""A network that scores pairs of texts: logits, probabilities, likeliest classes.

Pairs go in, in any number and of any length; answers come out in the same order. It
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

from epik_jax.data.encode_text_pairs import EncodedTextPairs, encode_text_pairs
from epik_jax.models.scorer import header_shares, predicted, score
from epik_jax.models.scorer_config import ScorerConfig
from epik_jax.parallel import mesh as meshes
from epik_jax.structs import Array, Params, TextPair
from epik_jax.teachers.placed import Placed
from epik_jax.text.wordpiece import WordPieces


@dataclasses.dataclass(frozen=True)
class ScoringNetwork:
    """A trained scorer with its pieces.

    Attributes:
      params: parameter tree.
      config: sizes and choices.
      pieces: what tokens mean.
      mesh: devices that it answers on; None for the first one alone.
    """

    params: Params
    config: ScorerConfig
    pieces: WordPieces
    mesh: Mesh | None = None

    def encoded(self, pairs: Sequence[TextPair]) -> EncodedTextPairs:
        """Pairs as rows of pieces; of long texts the ends are left out."""
        labels, longest = self.config.labels, self.config.max_length
        return encode_text_pairs(pairs, self.pieces, labels, longest)

    def probs(self, pairs: Sequence[TextPair], batch_size: int = 128) -> np.ndarray:
        """Probabilities of the classes by all headers together, float32 [N, C].

        Raises:
          ValueError: the network answers with what is no number.
        """
        return np.exp(self.log_probs(pairs, batch_size))

    def log_probs(self, pairs: Sequence[TextPair], batch_size: int = 128) -> np.ndarray:
        """Their logarithms, which tell candidates apart that are all but certain."""
        return self._answers(log_probs_pass, self.encoded(pairs), batch_size)

    def classes(self, pairs: Sequence[TextPair], batch_size: int = 128) -> list[str]:
        """The likeliest class of each pair."""
        best = self.probs(pairs, batch_size).argmax(axis=1)
        return [self.config.labels[i] for i in best]

    def logits(self, encoded: EncodedTextPairs, batch_size: int = 128) -> np.ndarray:
        """What the network says to a student, float32 [N, C].

        Of one header its logits; of several the logarithms of the probabilities that
        they come to together, which are logits of the same softmax.
        """
        return self._answers(logits_pass, encoded, batch_size)

    def _answers(
        self, make_pass: Any, encoded: EncodedTextPairs, batch_size: int
    ) -> np.ndarray:
        shape = (len(encoded), len(self.config.labels))
        found = np.empty(shape, np.float32)

        def dispatch(rows: np.ndarray, width: int) -> Array:
            ids, mask = encoded.tokens.padded(rows, width, self.pieces.pad_id)
            types, _ = encoded.types.padded(rows, width, 0)
            placed = self._placed
            shown = placed.rows(ids, mask, types)
            return make_pass(placed.mesh)(placed.params, *shown, self.config)  # type: ignore[no-any-return]

        for rows, answer in self._placed.answers(encoded.tokens, batch_size, dispatch):
            found[rows] = answer
        _demand_numbers(found)
        return found

    @functools.cached_property
    def _placed(self) -> Placed:
        mesh = meshes.one_device() if self.mesh is None else self.mesh
        return Placed(self.params, mesh, self.config.max_length)


def _demand_numbers(found: np.ndarray) -> None:
    """Refuses answers that would be taken for the first class."""
    if bad := int((~np.isfinite(found).all(axis=1)).sum()):
        raise ValueError(
            f"a network answers {bad} of {len(found)} pairs with what is no number: "
            "its training went wrong; try a lower learning rate"
        )


@functools.cache
def log_probs_pass(mesh: Mesh) -> Any:
    """Log-probabilities of a batch; compiled once for a mesh in a process."""

    def answer(
        params: Params, tokens: Array, mask: Array, types: Array, config: ScorerConfig
    ) -> Array:
        return predicted(score(params, config, tokens, mask, types), config)

    return _over_rows(answer, mesh)


@functools.cache
def logits_pass(mesh: Mesh) -> Any:
    """Logits of a batch, of all headers together; compiled once for a mesh."""

    def answer(
        params: Params, tokens: Array, mask: Array, types: Array, config: ScorerConfig
    ) -> Array:
        logits_BMC = score(params, config, tokens, mask, types)
        counted = np.flatnonzero(header_shares(config))
        if len(counted) == 1:
            return logits_BMC[:, int(counted[0])]
        return predicted(logits_BMC, config)

    return _over_rows(answer, mesh)


def _over_rows(answer: Any, mesh: Mesh) -> Any:
    rows = meshes.rows(mesh)
    return jax.jit(
        answer,
        in_shardings=(None, rows, rows, rows),
        out_shardings=rows,
        static_argnums=4,
    )
