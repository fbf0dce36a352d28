"""Hidden pieces to be guessed from those around them, before any label is learnt.

A teacher reads its own training text first, as the teacher of XtremeDistil does
(masked language model, Devlin et al. 2019). Batches of rows go in; batches with pieces
hidden, a forward pass and a term come out. While labels are learnt, some pieces may go
unseen too. Which they are follows from seed and step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from epik_jax.data.order import Share, whole
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.config import TransformerConfig
from epik_jax.models.transformer import guesses
from epik_jax.objectives import terms
from epik_jax.objectives.objective import Term
from epik_jax.recipes.recipe import Batches
from epik_jax.recipes.row_batches import RowBatches
from epik_jax.structs import Array, Batch, ModelOutput, Params
from epik_jax.text.wordpiece import WordPieces

HIDDEN_SHARE = 0.15
_REPLACED, _KEPT = 0.8, 0.1
"""Of the hidden pieces so many read as unknown and so many as themselves; the others
as any piece."""


class Draw:
    """What is drawn for the rows of a batch: a function of seed, number and row.

    All rows are drawn for in every process, or what a row is dealt would depend on how
    many processes there are.
    """

    def __init__(self, seed: int, n: int, num_rows: int, mine: Share = whole) -> None:
        """Begins anew for each batch.

        Args:
          seed: of the run.
          n: the batch's number.
          num_rows: of the whole batch.
          mine: which of them are drawn for here.
        """
        key = np.array([seed, n], np.uint64)
        self._rng = np.random.Generator(np.random.Philox(key=key))
        self._num_rows, self._mine = num_rows, mine

    def uniform(self, width: int) -> np.ndarray:
        """Float64 [b, width], from 0 to 1."""
        return self._mine(self._rng.random((self._num_rows, width)))

    def integers(self, end: int, width: int) -> np.ndarray:
        """Int32 [b, width], below `end`."""
        shape = (self._num_rows, width)
        return self._mine(self._rng.integers(0, end, shape, dtype=np.int32))


def hide_pieces(batch: Batch, pieces: WordPieces, draw: Draw) -> Batch:
    """The batch with some of its pieces hidden.

    A hidden piece reads as the unknown one, so that the network learns what to make of
    what it does not know.

    Args:
      batch: "tokens" int32 [B, L] and "token_mask" bool [B, L].
      pieces: what tokens mean.
      draw: of the batch.

    Returns:
      The batch, with "places" int32 [B, P], where pieces were hidden, "labels" int32
      [B, P], the pieces, and "label_mask" bool [B, P], true where there is one.
    """
    tokens = batch["tokens"]
    L, inner = tokens.shape[1], _inner(batch, pieces)
    P = max(1, round(HIDDEN_SHARE * L))
    drawn = np.where(inner, draw.uniform(L), 2.0)
    places = np.argsort(drawn, axis=1)[:, :P]
    counts = np.maximum(1, np.round(HIDDEN_SHARE * inner.sum(axis=1)))
    hidden = (np.arange(P) < counts[:, None]) & np.take_along_axis(inner, places, 1)
    labels = np.take_along_axis(tokens, places, axis=1)
    turn = draw.uniform(P)
    anything = draw.integers(pieces.size, P)
    shown = np.where(turn < _REPLACED + _KEPT, labels, anything)
    shown = np.where(turn < _REPLACED, np.int32(pieces.unk_id), shown)
    read = tokens.copy()
    np.put_along_axis(read, places, np.where(hidden, shown, labels), axis=1)
    return batch | {
        "tokens": read,
        "places": places.astype(np.int32),
        "labels": labels,
        "label_mask": hidden,
    }


def drop_pieces(batch: Batch, pieces: WordPieces, share: float, draw: Draw) -> Batch:
    """The batch with some of its pieces read as the unknown one, and nothing asked.

    No piece alone can be learnt by heart then, nor what it stood for (word dropout,
    Iyyer et al. 2015).

    Args:
      batch: "tokens" int32 [B, L] and "token_mask" bool [B, L].
      pieces: what tokens mean.
      share: of the pieces inside the frame, drawn one by one.
      draw: of the batch.
    """
    tokens = batch["tokens"]
    dropped = _inner(batch, pieces) & (draw.uniform(tokens.shape[1]) < share)
    return batch | {"tokens": np.where(dropped, np.int32(pieces.unk_id), tokens)}


def masked_stream(batches: RowBatches, pieces: WordPieces, seed: int) -> Batches:
    """Training batches with pieces hidden, from a given step on."""
    return _drawn_stream(
        batches, seed, lambda batch, draw: hide_pieces(batch, pieces, draw)
    )


def dropped_stream(
    batches: RowBatches, pieces: WordPieces, share: float, seed: int
) -> Batches:
    """Training batches with pieces dropped, from a given step on."""
    return _drawn_stream(
        batches, seed, lambda batch, draw: drop_pieces(batch, pieces, share, draw)
    )


def _drawn_stream(
    batches: RowBatches, seed: int, changed: Callable[[Batch, Draw], Batch]
) -> Batches:
    def stream(start: int, mine: Share = whole) -> Iterator[Batch]:
        for n, rows, batch in batches(start, mine):
            ones = np.ones(len(rows), np.float32)
            yield changed(batch, Draw(seed, n, len(rows), mine)) | {
                "weight": mine(ones)
            }

    return stream


def _inner(batch: Batch, pieces: WordPieces) -> np.ndarray:
    """Where the pieces of texts are, without their frames, bool [B, L]."""
    tokens = batch["tokens"]
    framing = (tokens == pieces.first_id) | (tokens == pieces.last_id)
    found: np.ndarray = batch["token_mask"] & ~framing
    return found


def make_masked_forward(config: TransformerConfig) -> Callable[..., ModelOutput]:
    """Logits over all pieces at the hidden places, from "student" and "bridge"."""

    def forward(
        params: Params, batch: Batch, *, key: Array | None, computing: Computing = PLAIN
    ) -> ModelOutput:
        tokens = batch["tokens"]
        types = batch.get("types", jnp.zeros_like(tokens))
        logits = guesses(
            params["student"]["transformer"],
            config,
            tokens,
            batch["token_mask"],
            types if config.token_types else None,
            batch["places"],
            params["bridge"]["pieces"]["bias"],
            key=key,
            computing=computing,
        )
        return ModelOutput(logits)

    return forward


def masked_ce_term() -> Term:
    """Cross-entropy of the hidden pieces."""

    def values(outputs: ModelOutput, batch: Batch) -> tuple[Array, Array]:
        return terms.hard_ce(outputs.logits, batch["labels"]), batch["label_mask"]

    return Term("masked_ce", values)


def guess_shapes(config: TransformerConfig) -> dict[str, Any]:
    """What guessing needs beside the network: a bias for each piece."""
    shape = jax.ShapeDtypeStruct((config.vocab_size,), jnp.float32)
    return {"pieces": {"bias": shape}}
