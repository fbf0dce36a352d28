"""Encoders that begin as nothing: drawn, looking beside them, guessing hidden pieces.

Sizes and pairs go in, parameters of an encoder come out, before it learns of anybody
what to say of pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from epik_jax.data.encode_text_pairs import encode_text_pairs
from epik_jax.models import initial, scorer
from epik_jax.models.neighbours import look_beside
from epik_jax.models.scorer_config import EncoderScorerConfig
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.masked import (
    guess_shapes,
    make_masked_forward,
    masked_ce_term,
    masked_stream,
)
from epik_jax.recipes.recipe import Stage, Workplace, digest, run_stages
from epik_jax.recipes.row_batches import training_batches
from epik_jax.recipes.scoring.digests import content_digest
from epik_jax.structs import Params, TextPair
from epik_jax.text.wordpiece import WordPieces


def drawn_encoder(
    model: EncoderScorerConfig,
    masked: LegConfig | None,
    offsets: tuple[int, ...],
    pairs: Sequence[TextPair],
    pieces: WordPieces,
    seed: int,
    at: Workplace,
) -> Params:
    """An encoder before anything is said of pairs, below "transformer".

    Args:
      model: sizes.
      masked: guessing hidden pieces of all pairs; None for none. Encoders of equal
        sizes and settings do it together.
      offsets: where the first heads of each block begin to look; empty draws them.
      pairs: all training text.
      pieces: that it reads.
      seed: of what is drawn, where nothing is guessed; else it follows from settings.
      at: where.
    """
    if masked:
        seed = _shared_seed(model, masked, offsets)
    whole = scorer.parameter_shapes(model)
    shapes: dict[str, Any] = {"student": {"transformer": whole["transformer"]}}
    if masked:
        shapes["bridge"] = guess_shapes(model.encoder)
    params: Params = initial.init_params(shapes, seed)
    if offsets:
        drawn = params["student"]["transformer"]
        beside = look_beside(drawn, model.encoder, offsets)
        params["student"]["transformer"] = beside
    if masked:
        stage = masked_stage(model, masked, offsets, pairs, pieces, seed)
        params = run_stages((stage,), params, at)
    return {"transformer": params["student"]["transformer"]}


def masked_stage(
    model: EncoderScorerConfig,
    leg: LegConfig,
    offsets: tuple[int, ...],
    pairs: Sequence[TextPair],
    pieces: WordPieces,
    seed: int,
) -> Stage:
    """Guessing hidden pieces of all training text."""
    encoded = encode_text_pairs(pairs, pieces, model.labels, model.max_length)
    batches = training_batches(encoded, pieces.pad_id, leg.batches)
    return Stage(
        name=f"masked-{seed:08x}",
        batches=masked_stream(batches, pieces, seed),
        forward=make_masked_forward(model.encoder),
        objective=Objective((masked_ce_term(),)),
        trainable=("^student/transformer/", "^bridge/"),
        optimizer=leg.optimizer,
        loop=leg.loop,
        seed=seed,
        inputs={
            "data": content_digest(encoded),
            "pieces": pieces.fingerprint,
            "encoder": dataclasses.asdict(model.encoder),
            "batches": dataclasses.asdict(leg.batches),
            "offsets": list(offsets),
        },
    )


def _shared_seed(
    model: EncoderScorerConfig, masked: LegConfig, offsets: tuple[int, ...]
) -> int:
    """Equal where all settings of what is done together are."""
    asked = {
        "encoder": dataclasses.asdict(model.encoder),
        "masked": dataclasses.asdict(masked),
        "offsets": list(offsets),
    }
    return int(digest(asked)[:8], 16) >> 1
