"""What is read of a compiled program, and what is estimated of it."""

from __future__ import annotations

import dataclasses
from collections import Counter

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from epik_jax.compiling.chips import CHIPS, GIB
from epik_jax.compiling.collectives import Collective
from epik_jax.compiling.facts import Facts, compiled_facts
from epik_jax.compiling.work import Work
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes.program import shape

CHIP = CHIPS["v5e"]
SUM = Collective("all-reduce", 4000, (("f32", (1000,)),), group=4)
WORK = Work(394 * 10**9, 10**9, 819 * 10**6, Counter([SUM]))
FACTS = Facts(1.0, 3 * GIB, GIB, GIB, WORK)


def doing(**changed):
    return dataclasses.replace(FACTS, work=dataclasses.replace(WORK, **changed))


def test_flops_bytes_and_memory_of_a_product_are_those_of_its_sizes():
    mesh = make_mesh(4)
    rows, whole = NamedSharding(mesh, P("data")), NamedSharding(mesh, P())
    product = jax.jit(jnp.matmul, in_shardings=(rows, whole), out_shardings=rows)
    given = (shape("float32", 64, 32), shape("float32", 32, 48))
    found = compiled_facts(product.lower(*given), 4)
    # A device has 16 of the rows.
    assert found.work.flops == 2 * 16 * 32 * 48
    assert found.argument_bytes == 4 * (16 * 32 + 32 * 48)
    least = found.argument_bytes + 4 * 16 * 48
    assert least <= found.hbm_bytes < 1.5 * least
    assert found.work.hbm_traffic == least
    assert not found.work.collectives and found.compile_seconds > 0


def test_the_estimate_is_the_longest_of_products_memory_and_links():
    assert FACTS.seconds(CHIP) == {
        "computing": pytest.approx(2e-3),
        "memory": pytest.approx(1e-3),
        "links": pytest.approx(1.5 * 4000 / 200e9),
    }
    assert FACTS.estimate(CHIP) == (pytest.approx(2e-3), "computing")
    assert FACTS.utilisation(CHIP) == 1.0
    slow = doing(hbm_traffic=3 * 819 * 10**6)
    assert slow.estimate(CHIP) == (pytest.approx(3e-3), "memory")
    assert slow.utilisation(CHIP) == pytest.approx(2 / 3)


def test_exchanges_are_told_by_kind():
    gather = Collective("all-gather", 64, (("f32", (16,)),), group=4)
    facts = doing(collectives=Counter({SUM: 2, gather: 1}))
    assert facts.seconds(CHIP)["links"] == pytest.approx((2 * 6000 + 48) / 200e9)
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
        found[donated] = compiled_facts(step.lower(given), 1).hbm_bytes
    assert found[(0,)] == pytest.approx(4 * 512 * 512, rel=0.05)
    assert found[()] == pytest.approx(2 * 4 * 512 * 512, rel=0.05)


def test_what_the_compiler_refuses_is_told_in_its_words():
    class Refused:
        def compile(self):
            raise RuntimeError("RESOURCE_EXHAUSTED: 20G of 15.75G\nmore")

    said = r"^RESOURCE_EXHAUSTED: 20G of 15.75G; where memory is short, raise .*"
    with pytest.raises(ValueError, match=said):
        compiled_facts(Refused(), 1)
