"""What is read of a compiled program, and what is estimated of it."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from epik_jax.compiling.chips import CHIPS, GIB
from epik_jax.compiling.collectives import Collective
from epik_jax.compiling.facts import Facts, compiled_facts
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes.program import Program, shape

CHIP = CHIPS["v5e"]
SUM = Collective("all-reduce", 4000, (("f32", (1000,)),), group=4)
FACTS = Facts(1.0, 3 * GIB, GIB, GIB, 394e9, 819e6, (SUM,))
PARAMS = {"table": shape("float32", 512, 256), "bias": shape("float32", 256)}
PROGRAM = Program("toy", lambda: pytest.fail("compiled"), PARAMS, 64, (16,), 128)


def test_flops_bytes_and_memory_of_a_product_are_those_of_its_sizes():
    mesh = make_mesh(4)
    rows, whole = NamedSharding(mesh, P("data")), NamedSharding(mesh, P())
    product = jax.jit(jnp.matmul, in_shardings=(rows, whole), out_shardings=rows)
    given = (shape("float32", 64, 32), shape("float32", 32, 48))
    lower = functools.partial(product.lower, *given)
    found = compiled_facts(dataclasses.replace(PROGRAM, lower=lower), 4)
    # A device has 16 of the rows.
    assert found.flops == pytest.approx(2 * 16 * 32 * 48, rel=0.01)
    assert found.argument_bytes == 4 * (16 * 32 + 32 * 48)
    least = found.argument_bytes + 4 * 16 * 48
    assert least <= found.hbm_bytes < 1.5 * least
    assert found.collectives == () and found.compile_seconds > 0


def test_the_estimate_is_the_longest_of_products_memory_and_links():
    assert FACTS.seconds(CHIP) == {
        "computing": pytest.approx(2e-3),
        "memory": pytest.approx(1e-3),
        "links": pytest.approx(1.5 * 4000 / 200e9),
    }
    assert FACTS.estimate(CHIP) == (pytest.approx(2e-3), "computing")
    assert FACTS.utilisation(CHIP) == 1.0
    slow = dataclasses.replace(FACTS, bytes=3 * 819e6)
    assert slow.estimate(CHIP) == (pytest.approx(3e-3), "memory")
    assert slow.utilisation(CHIP) == pytest.approx(2 / 3)


def test_exchanges_are_told_by_kind():
    gather = Collective("all-gather", 64, (("f32", (16,)),), group=4)
    facts = dataclasses.replace(FACTS, collectives=(SUM, SUM, gather))
    assert facts.exchanged() == {
        "all-reduce": {"count": 2, "bytes": 8000},
        "all-gather": {"count": 1, "bytes": 64},
    }


def test_a_state_that_is_given_away_is_held_once():
    mesh = make_mesh(1)
    whole = NamedSharding(mesh, P())
    given = shape("float32", 512, 512)
    found = {}
    for donated in ((), (0,)):
        step = jax.jit(
            lambda x: x + 1,
            in_shardings=(whole,),
            out_shardings=whole,
            donate_argnums=donated,
        )
        lower = functools.partial(step.lower, given)
        program = dataclasses.replace(PROGRAM, lower=lower)
        found[donated] = compiled_facts(program, 1).hbm_bytes
    assert found[(0,)] == pytest.approx(4 * 512 * 512, rel=0.05)
    assert found[()] == pytest.approx(2 * 4 * 512 * 512, rel=0.05)


def test_loops_are_told_for_their_rounds_are_not_counted():
    def rounds(x):
        return jax.lax.scan(lambda y, _: (y @ y, None), x, None, length=10)[0]

    for function, expected in ((rounds, 1), (jnp.sin, 0)):
        lower = functools.partial(jax.jit(function).lower, shape("float32", 64, 64))
        program = dataclasses.replace(PROGRAM, lower=lower)
        assert compiled_facts(program, 1).num_loops == expected


def test_what_the_compiler_refuses_is_told_in_its_words():
    class Refused:
        def compile(self):
            raise RuntimeError("RESOURCE_EXHAUSTED: 20G of 15.75G\nmore")

    program = dataclasses.replace(PROGRAM, lower=Refused)
    with pytest.raises(ValueError, match=r"^RESOURCE_EXHAUSTED: 20G of 15.75G$"):
        compiled_facts(program, 1)
