"""What a chip would waste is said, each once."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from epik_jax.compiling.chips import CHIPS, GIB
from epik_jax.compiling.collectives import Collective
from epik_jax.compiling.facts import Facts
from epik_jax.compiling.warnings import warnings_of
from epik_jax.compiling.work import Work
from epik_jax.recipes.program import Program, shape

FACTS = Facts(1.0, 3 * GIB, GIB, GIB, Work())
PARAMS = {"table": shape("float32", 512, 256), "bias": shape("float32", 256)}
PROGRAM = Program("toy", lambda: pytest.fail("compiled"), PARAMS, 64, (16,), 128)


def exchanging(*some):
    return {"work": Work(collectives=Counter(some))}


def said(program=PROGRAM, facts=FACTS):
    return warnings_of(program, facts, CHIPS["v5e"])


def test_of_a_program_that_fits_nothing_is_said():
    assert said() == []


@pytest.mark.parametrize(
    ("program", "facts", "expected"),
    [
        (
            {},
            {"hbm_bytes": 17 * GIB},
            "needs 17.0 GiB, a chip has 16: raise loop.num_microbatches or mesh.model, "
            "or set compute.rematerialise=True",
        ),
        (
            {},
            exchanging(Collective("all-gather", 1, (("f32", (512, 256)),), 4)),
            "gathers [512, 256] on every chip, the whole of table",
        ),
        ({"head_width": 32}, {}, "heads are 32 wide, a tile 128: 75% of attention"),
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


def test_what_is_gathered_in_every_block_is_said_once():
    gather = Collective("all-gather", 1, (("f32", (512, 256)),), 4)
    assert (
        len(said(facts=dataclasses.replace(FACTS, **exchanging(gather, gather)))) == 1
    )


def test_an_array_that_is_gathered_and_no_parameter_is_not_named():
    other = Collective("all-gather", 1, (("f32", (512, 255)),), 4)
    scattered = Collective("all-reduce", 1, (("f32", (512, 256)),), 4)
    assert said(facts=dataclasses.replace(FACTS, **exchanging(other, scattered))) == []
