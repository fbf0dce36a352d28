"""What is read of a compiled program, what is estimated of it, and what is said."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from epik_jax.compiling import report
from epik_jax.compiling.chips import CHIPS, GIB
from epik_jax.compiling.collectives import Collective
from epik_jax.compiling.facts import Facts, compiled_facts
from epik_jax.compiling.warnings import warnings_of
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes.program import Program, shape

CHIP = CHIPS["v5e"]
SUM = Collective("all-reduce", 4000, (("f32", (1000,)),), group=4)
FACTS = Facts(1.0, 3 * GIB, GIB, GIB, 394e9, 819e6, (SUM,), 4)
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


def said(program=PROGRAM, facts=FACTS, shares=4):
    return warnings_of(program, facts, CHIP, shares)


def test_of_a_program_that_fits_nothing_is_said():
    assert said() == []


@pytest.mark.parametrize(
    ("program", "facts", "expected"),
    [
        ({}, {"hbm_bytes": 17 * GIB}, "needs 17.0 GiB, a chip has 16"),
        (
            {},
            {"collectives": (Collective("all-gather", 1, (("f32", (512, 256)),), 4),)},
            "gathers the whole of table [512, 256] on every chip",
        ),
        ({"head_width": 32}, {}, "heads are 32 wide, a tile 128: 75% of attention"),
        ({"rows": 16}, {}, "4 rows a device, a tile has 8"),
        (
            {"params": {"table": shape("float32", 100, 12)}},
            {},
            "91% of the memory of parameters is padding",
        ),
        ({"widths": (4, 8, 12, 16, 20)}, {}, "compiled for up to 5 widths"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_what_a_chip_would_waste_is_said(program, facts, expected):
    [warning] = said(
        dataclasses.replace(PROGRAM, **program), dataclasses.replace(FACTS, **facts)
    )
    assert warning.startswith(expected) or expected in warning


def test_an_array_that_is_gathered_and_no_parameter_is_not_named():
    other = Collective("all-gather", 1, (("f32", (512, 255)),), 4)
    scattered = Collective("all-reduce", 1, (("f32", (512, 256)),), 4)
    assert said(facts=dataclasses.replace(FACTS, collectives=(other, scattered))) == []


def test_a_program_is_a_line_with_its_exchanges_and_warnings_below():
    figures = {
        "name": "toy",
        "compile_seconds": 1.25,
        "hbm_bytes": 3 * GIB,
        "hbm_limit": 16 * GIB,
        "flops": 394e9,
        "bytes": 819e6,
        "estimate": {"seconds": 2e-3, "of": "computing"},
        "utilisation": 1.0,
        "collectives": {"all-reduce": {"count": 2, "bytes": 8000}},
        "warnings": ["is slow"],
    }
    assert [*report.lines(figures)] == [
        "toy: compiled in 1.2 s; 3.000 GiB of 16, 394.00 GFLOP, 819.0 MB; 2.000 ms by "
        "computing, MFU 100.0%",
        "    all-reduce: 2, 0.008 MB",
        "    warning: is slow",
    ]
