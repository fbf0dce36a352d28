"""Training on labels alone: the forward pass along them, and its term."""

from __future__ import annotations

from collections.abc import Callable

from epik_jax.models import transformer
from epik_jax.models.blocks import split_key
from epik_jax.models.computing import PLAIN, Computing
from epik_jax.models.config import TransformerConfig
from epik_jax.objectives import terms
from epik_jax.objectives.objective import Term
from epik_jax.structs import Array, Batch, ModelOutput, Params


def make_forward(model: TransformerConfig, pad_id: int) -> Callable[..., ModelOutput]:
    """The forward pass of an encoder-decoder along the labels of a batch."""

    def forward(
        params: Params, batch: Batch, *, key: Array | None, computing: Computing = PLAIN
    ) -> ModelOutput:
        keys = split_key(key, 2)
        memory = transformer.encode(
            params["student"],
            model,
            batch["source"],
            batch["source_mask"],
            key=keys[0],
            pad_id=pad_id,
            computing=computing,
        )
        decoded = transformer.decode(
            params["student"],
            model,
            batch["target_in"],
            memory,
            key=keys[1],
            computing=computing,
        )
        return ModelOutput(
            decoded.logits, memory.hidden, memory.mask, memory.gate_logits
        )

    return forward


def hard_ce_term(smoothing: float, weight: float = 1.0) -> Term:
    """Cross-entropy with the labels of the batch."""

    def values(outputs: ModelOutput, batch: Batch) -> tuple[Array, Array]:
        losses = terms.hard_ce(outputs.logits, batch["labels"], smoothing=smoothing)
        return losses, batch["label_mask"]

    return Term("hard_ce", values, weight)
