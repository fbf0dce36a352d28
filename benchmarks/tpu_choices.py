"""Choices of shape, weighed by what the TPU's compiler makes of each.

    python benchmarks/tpu_choices.py [--json FILE]

Wants the environment of requirements-tpu.txt and no TPU; one chip of a v5e. Each choice
is compiled both ways: layers unrolled or scanned, the width of heads, tables of tokens
gathered or multiplied, losses in float32 or bfloat16, batches padded by bucket or to
one shape, decoding as one program. Estimates are of a roofline. About ten minutes.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import measure
import mistakes

from epik_jax.compiling import report
from epik_jax.compiling.chips import chip_of
from epik_jax.compiling.facts import Facts, compiled_facts
from epik_jax.models.blocks import EncoderBlock
from epik_jax.models.config import TransformerConfig
from epik_jax.parallel import mesh as meshes
from epik_jax.parallel.topology import described_mesh
from epik_jax.structs import Array

CONFIGS = Path(__file__).parents[1] / "configs"
TOPOLOGY = "v5e:1x1"
ROWS, LENGTH, NUM_LAYERS = 256, 40, 6
CONFIG = TransformerConfig(290, matmul_dtype="bfloat16")
VOCABULARIES = {"letters": 290, "pieces": 8192, "mBERT's pieces": 119_547}


def main() -> None:
    """Compiles both sides of every choice."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", type=Path, help="write the rows here too")
    options = parser.parse_args()
    if options.json:
        mistakes.demand_unspoilt(options.json)
    rows = []
    for choice in (_layers, _heads, _tables, _losses, _lengths, _decoding):
        for row in choice():
            print(row, flush=True)
            rows.append(row)
    measure.show(rows, options.json)


def _layers() -> Iterator[dict[str, Any]]:
    """Blocks and their gradient, one after the other or as a loop over them."""
    block, dims = EncoderBlock(CONFIG), (ROWS, LENGTH, CONFIG.width)
    x = _shape(jnp.float32, *dims)
    mask = _shape(jnp.bool_, *dims[:2])
    one = jax.eval_shape(block.init, jax.random.key(0), x, mask, None)["params"]
    stacked = jax.tree.map(
        lambda leaf: _shape(leaf.dtype, NUM_LAYERS, *leaf.shape), one
    )
    listed = [one] * NUM_LAYERS

    def unrolled(params: Any, x: Array, mask: Array) -> Array:
        for own in params:
            x = block.apply({"params": own}, x, mask, None)  # type: ignore[assignment]
        return jnp.sum(x)

    def scanned(params: Any, x: Array, mask: Array) -> Array:
        def body(x: Array, own: Any) -> tuple[Array, None]:
            return block.apply({"params": own}, x, mask, None), None  # type: ignore[return-value]

        return jnp.sum(jax.lax.scan(body, x, params)[0])

    yield _row("layers", "unrolled", jax.grad(unrolled), listed, x, mask)
    yield _row("layers", "scanned", jax.grad(scanned), stacked, x, mask)


def _heads() -> Iterator[dict[str, Any]]:
    """A block and its gradient with heads of other widths."""
    x = _shape(jnp.float32, ROWS, LENGTH, CONFIG.width)
    mask = _shape(jnp.bool_, ROWS, LENGTH)
    for num_heads in (4, 8, 16):
        block = EncoderBlock(dataclasses.replace(CONFIG, num_heads=num_heads))
        params = jax.eval_shape(block.init, jax.random.key(0), x, mask, None)

        def loss(params: Any, x: Array, mask: Array, block: Any = block) -> Array:
            return jnp.sum(block.apply(params, x, mask, None))

        name = f"{num_heads} heads of {CONFIG.width // num_heads}"
        yield _row("head width", name, jax.grad(loss), params, x, mask)


def _tables() -> Iterator[dict[str, Any]]:
    """Looking tokens up, and the gradient of the table."""

    def gathered(table: Array, ids: Array, out: Array) -> Array:
        return jnp.sum(table[ids] * out)

    def multiplied(table: Array, ids: Array, out: Array) -> Array:
        ones = jax.nn.one_hot(ids, len(table), dtype=jnp.bfloat16)
        found = jnp.einsum(
            "blv,vd->bld",
            ones,
            table.astype(jnp.bfloat16),
            preferred_element_type=jnp.float32,
        )
        return jnp.sum(found * out)

    ids = _shape(jnp.int32, ROWS, LENGTH)
    out = _shape(jnp.float32, ROWS, LENGTH, CONFIG.width)
    for known, size in VOCABULARIES.items():
        table = _shape(jnp.float32, size, CONFIG.width)
        for name, look in (("gathered", gathered), ("one-hot", multiplied)):
            yield _row("table", f"{known}, {name}", jax.grad(look), table, ids, out)


def _losses() -> Iterator[dict[str, Any]]:
    """Cross-entropy over a vocabulary and its gradient to what it is of."""

    def loss(hidden: Array, table: Array, ids: Array, dtype: Any) -> Array:
        logits = jnp.einsum(
            "bld,vd->blv",
            hidden.astype(jnp.bfloat16),
            table.astype(jnp.bfloat16),
            preferred_element_type=dtype,
        )
        chosen = jnp.take_along_axis(logits, ids[..., None], axis=-1)[..., 0]
        return jnp.sum((jax.nn.logsumexp(logits, axis=-1) - chosen).astype(jnp.float32))

    hidden = _shape(jnp.float32, ROWS, LENGTH, CONFIG.width)
    ids = _shape(jnp.int32, ROWS, LENGTH)
    for known, size in VOCABULARIES.items():
        table = _shape(jnp.float32, size, CONFIG.width)
        for dtype in (jnp.float32, jnp.bfloat16):
            name = f"{known}, {jnp.dtype(dtype).name}"
            of = functools.partial(loss, dtype=dtype)
            yield _row("loss", name, jax.grad(of, (0, 1)), hidden, table, ids)


def _lengths() -> Iterator[dict[str, Any]]:
    """An update of EPIK's teacher padded to each of its buckets."""
    for width in (12, 16, 24, 40):
        overrides = [
            f"epik.teacher.batches.buckets=(({width}, {width}),)",
            f"epik.teacher.batches.batch_size={ROWS}",
        ]
        yield _program("padded to", str(width), overrides, "teacher update")


def _decoding() -> Iterator[dict[str, Any]]:
    """Greedy and beam search, and what of them passes between host and chip."""
    for name in ("student, greedy", "student, beam"):
        yield _program("decoding", name, [], name)


def _program(choice: str, name: str, overrides: list[str], only: str) -> dict[str, Any]:
    config = f"{CONFIGS}/epik.py:real"
    [found] = report.compiled(config, overrides, TOPOLOGY, only)
    return {
        "choice": choice,
        "taken": name,
        "compile s": found["compile_seconds"],
        "MiB held": found["temporary_bytes"] / 2**20,
        "GFLOP": found["flops"] / 1e9,
        "MB moved": found["hbm_traffic"] / 1e6,
        "ms": 1e3 * found["estimate"]["seconds"],
        "of": found["estimate"]["of"],
    }


def _shape(dtype: Any, *dims: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(dims, dtype)


def _row(choice: str, name: str, fn: Callable[..., Any], *args: Any) -> dict[str, Any]:
    mesh = described_mesh(TOPOLOGY)
    lowered = jax.jit(fn, in_shardings=meshes.replicated(mesh)).lower(*args)
    facts: Facts = compiled_facts(lowered, mesh.size)
    seconds, of = facts.estimate(chip_of(TOPOLOGY))
    return {
        "choice": choice,
        "taken": name,
        "compile s": facts.compile_seconds,
        "MiB held": facts.temporary_bytes / 2**20,
        "GFLOP": facts.work.flops / 1e9,
        "MB moved": facts.work.hbm_traffic / 1e6,
        "ms": 1e3 * seconds,
        "of": of,
    }


if __name__ == "__main__":
    main()
