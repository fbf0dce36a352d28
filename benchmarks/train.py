"""Examples per second of the compiled train step, by width of batch and product type.

    python benchmarks/train.py [--json FILE]

The real teacher's size, batch 64, AdamW, one device; batches are random tokens.
"""

from __future__ import annotations

import jax
import measure
import mistakes
import numpy as np

from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.objectives.objective import Objective
from epik_jax.parallel import mesh as meshes
from epik_jax.recipes.recipe import Stage, compile_step
from epik_jax.recipes.transliteration.supervised import hard_ce_term, make_forward
from epik_jax.structs import Batch
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

BATCH = 64


def main() -> None:
    """Times one step for each product type, dropout and width."""
    options = measure.arguments(__doc__ or "")
    rows = []
    for matmul_dtype in ("float32", "bfloat16"):
        for dropout in (0.0, 0.1):
            for width in (8, 12, 20):
                seconds = step_seconds(matmul_dtype, dropout, width, options.repeats)
                rows.append(
                    {
                        "products": matmul_dtype,
                        "dropout": dropout,
                        "width": width,
                        "ms a step": 1e3 * seconds,
                        "examples/s": BATCH / seconds,
                    }
                )
    measure.show(rows, options.json)


def step_seconds(matmul_dtype: str, dropout: float, width: int, repeats: int) -> float:
    """Median seconds of one update."""
    config = TransformerConfig(
        vocab_size=290,
        dropout=dropout,
        activation="relu",
        matmul_dtype=matmul_dtype,  # type: ignore[arg-type]
    )
    stage = Stage(
        name="benchmark",
        batches=lambda start, mine=None: iter(()),
        forward=make_forward(config, pad_id=0),
        objective=Objective((hard_ce_term(0.1),)),
        trainable=("^student/",),
        optimizer=OptimizerConfig(),
        loop=LoopConfig(num_steps=1000),
        seed=0,
        inputs={},
    )
    shapes = {"student": transformer.parameter_shapes(config)}
    mesh = meshes.make_mesh(1)
    state, step = compile_step(stage, initial.init_params(shapes, 0), mesh)
    batch = meshes.to_global(mesh, random_batch(width))

    def update() -> None:
        nonlocal state
        state, _ = step(state, batch)
        jax.block_until_ready(state.step)

    return measure.median_seconds(update, repeats)


def random_batch(width: int) -> Batch:
    """A full batch of random tokens."""
    tokens = np.random.default_rng(0).integers(9, 290, (BATCH, width), np.int32)
    return {
        "source": tokens,
        "source_mask": np.ones(tokens.shape, bool),
        "target_in": tokens,
        "labels": tokens,
        "label_mask": np.ones(tokens.shape, bool),
        "target_lang": np.zeros(BATCH, np.int32),
        "weight": np.ones(BATCH, np.float32),
    }


if __name__ == "__main__":
    mistakes.told(main)
