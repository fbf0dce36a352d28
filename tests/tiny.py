"""A transformer and batches small enough to compile in a second, for several tests."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.models.encoder_decoder import DecoderOutput, Memory
from epik_jax.objectives import terms
from epik_jax.objectives.objective import Objective, Term
from epik_jax.structs import Batch, Params

CONFIG = TransformerConfig(
    vocab_size=13,
    width=16,
    num_heads=2,
    feed_forward=32,
    encoder_layers=1,
    decoder_layers=1,
    max_length=8,
    dropout=0.2,
)
PAD = 0


def config(**changes: Any) -> TransformerConfig:
    """`CONFIG` with some fields changed."""
    return dataclasses.replace(CONFIG, **changes)


def params(config: TransformerConfig = CONFIG, seed: int = 0) -> Params:
    """Drawn parameters whose biases and scales are off their usual 0 and 1.

    A bias that is left out, or used twice, would not show otherwise.
    """
    drawn = initial.init_params(transformer.parameter_shapes(config), seed)
    return _ruffled(drawn, np.random.default_rng(seed))


def batch(
    seed: int = 0, batch_size: int = 8, width_S: int = 5, width_T: int = 4
) -> Batch:
    """Rows of unequal length, padded, with unequal weights."""
    rng = np.random.default_rng(seed)
    source, source_mask = _words(rng, batch_size, width_S)
    labels, label_mask = _words(rng, batch_size, width_T)
    start = np.ones((batch_size, 1), np.int32)
    return {
        "source": source,
        "source_mask": source_mask,
        "target_in": np.concatenate([start, labels[:, :-1]], axis=1),
        "labels": labels,
        "label_mask": label_mask,
        "weight": rng.uniform(0.5, 1.5, batch_size).astype(np.float32),
    }


@functools.partial(jax.jit, static_argnums=1, static_argnames="pad_id")
def _encode(*args: Any, pad_id: int = PAD, **kwargs: Any) -> Memory:
    return transformer.encode(*args, pad_id=pad_id, **kwargs)


@functools.partial(jax.jit, static_argnums=1)
def _decode(*args: Any, **kwargs: Any) -> DecoderOutput:
    return transformer.decode(*args, **kwargs)


def encode(*args: Any, **kwargs: Any) -> Memory:
    """`transformer.encode`, compiled, with numpy arrays in its result."""
    return jax.device_get(_encode(*args, **kwargs))


def decode(*args: Any, **kwargs: Any) -> DecoderOutput:
    """`transformer.decode`, compiled, with numpy arrays in its result."""
    return jax.device_get(_decode(*args, **kwargs))


OBJECTIVE = Objective(
    (
        Term(
            "hard_ce",
            lambda outputs, batch: (
                terms.hard_ce(outputs.logits, batch["labels"]),
                batch["label_mask"],
            ),
        ),
    )
)


def _words(
    rng: np.random.Generator, batch_size: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    lengths = rng.integers(1, width + 1, batch_size)
    lengths[0] = width
    mask = np.arange(width) < lengths[:, None]
    ids = rng.integers(2, CONFIG.vocab_size, (batch_size, width))
    return np.where(mask, ids, PAD).astype(np.int32), mask


def _ruffled(tree: Any, rng: np.random.Generator) -> Any:
    if isinstance(tree, dict):
        return {name: _ruffled(tree[name], rng) for name in sorted(tree)}
    if tree.ndim > 1:
        return tree
    return tree + rng.normal(0, 0.1, tree.shape).astype(np.float32)
