"""Work of loops is that of the same written out, and of none what compilers count."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from epik_jax.compiling.hlo import parse
from epik_jax.compiling.work import Work, work_of
from epik_jax.decoding.greedy import greedy
from epik_jax.parallel.mesh import make_mesh
from epik_jax.parallel.topology import described_mesh
from epik_jax.recipes import run
from epik_jax.recipes.program import shape

NEEDED = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed"
)
TPU = pytest.param("v5e:2x2", marks=[NEEDED, pytest.mark.tpu_compile])
TINY = f"{Path(__file__).parents[2]}/configs/epik.py:tiny"
SQUARE = (256, 256)
PRODUCT = 2 * 256**3
PLUMBING = (
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "copy"),
    *("copy-start", "copy-done", "broadcast", "fusion", "dot", "convolution", "iota"),
    *("reshape", "transpose", "slice", "pad", "convert", "concatenate"),
)


@pytest.fixture(params=["cpu", TPU])
def mesh(request):
    return make_mesh(1) if request.param == "cpu" else described_mesh(request.param)


def compiled(mesh, function, *sizes):
    whole = NamedSharding(mesh, P())
    made = jax.jit(function, in_shardings=whole, out_shardings=whole)
    return made.lower(*(shape("float32", *dims) for dims in sizes)).compile()


def work(mesh, function, *sizes):
    return work_of(compiled(mesh, function, *sizes).as_text(), mesh.size)


def elementwise(text):
    """Numbers that are made by anything but products, and moving them about."""
    return sum(
        array.bytes // 4
        for computation in parse(text).computations.values()
        for one in computation.instructions.values()
        if one.opcode not in PLUMBING
        for array in one.arrays
    )


def walked(x, w, length):
    return jax.lax.scan(lambda y, _: (jnp.tanh(y @ w), None), x, None, length)[0]


def unrolled(x, w, length):
    for _ in range(length):
        x = jnp.tanh(x @ w)
    return x


def nested(x, w):
    outer = lambda _, y: walked(y, w, 7)  # noqa: E731
    return jax.lax.fori_loop(0, 5, outer, x)


def strided(x, w):
    order = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, w, (2, 2), "SAME", dimension_numbers=order)


@pytest.mark.parametrize(
    ("function", "sizes"),
    [
        (jnp.matmul, (SQUARE, SQUARE)),
        (jnp.matmul, ((200, 300), (300, 100))),
        (functools.partial(unrolled, length=3), (SQUARE, SQUARE)),
        (functools.partial(jnp.einsum, "bij,bjk->bik"), ((8, 64, 32), (8, 32, 48))),
        (
            functools.partial(jnp.einsum, "bhij,bhkj->bhik"),
            ((8, 4, 64, 32), (8, 4, 48, 32)),
        ),
        (jax.grad(lambda x, w: jnp.tanh(x @ w).sum()), (SQUARE, SQUARE)),
        (strided, ((8, 32, 32, 16), (3, 3, 16, 32))),
    ],
)
def test_products_are_those_of_the_compiler_s_own_count(mesh, function, sizes):
    made = compiled(mesh, function, *sizes)
    mine, theirs = work_of(made.as_text(), mesh.size), made.cost_analysis()["flops"]
    assert mine.loops == 0 and not mine.unknown and not mine.at_most
    assert 0 <= theirs - mine.flops <= elementwise(made.as_text())


@pytest.mark.parametrize(
    "sizes", [(SQUARE, SQUARE), ((256, 512), (512, 384)), ((1024, 128), (128, 256))]
)
def test_a_product_reads_and_writes_its_arrays_once(mesh, sizes):
    (m, k), (_, n) = sizes
    assert work(mesh, jnp.matmul, *sizes).hbm_traffic == 4 * (m * k + k * n + m * n)


@pytest.mark.parametrize("length", [1, 2, 10])
def test_a_loop_does_as_much_as_the_same_unrolled(mesh, length):
    loop = work(mesh, functools.partial(walked, length=length), SQUARE, SQUARE)
    flat = work(mesh, functools.partial(unrolled, length=length), SQUARE, SQUARE)
    assert loop.flops == flat.flops == length * PRODUCT
    assert not (loop.at_most or loop.unknown)


def test_loops_in_loops_multiply(mesh):
    found = work(mesh, nested, SQUARE, SQUARE)
    assert found.flops == 5 * 7 * PRODUCT and not found.unknown


def test_the_gradient_of_a_loop_is_three_times_its_work(mesh):
    loss = jax.grad(lambda w, x: walked(x, w, 6).sum())
    found = work(mesh, loss, SQUARE, SQUARE)
    # But for the gradient of the first state, which is not asked for.
    assert found.flops in ((3 * 6 - 1) * PRODUCT, 3 * 6 * PRODUCT)


def test_what_a_loop_cuts_from_is_read_once_over_all_rounds(mesh):
    def walk(x, w):
        return jax.lax.scan(lambda y, row: (jnp.tanh(y * row), y), x, w)

    table = 64 * 8 * 128 * 4
    found = work(mesh, walk, (8, 128), (64, 8, 128))
    # Rows pass through several hands; the whole table in each round would be 64 of it.
    assert 2 * table <= found.hbm_traffic < 10 * table


def test_decoding_does_at_most_a_step_for_each_token(mesh):
    def decode(start, w, tokens):
        def step(last, index, ancestors, cache):
            return jax.nn.one_hot(last, 256) @ w, cache

        begin = start[:, 0].astype("int32")
        asked = {"eos_id": 1, "pad_id": 0, "max_length": tokens}
        return greedy(step, begin, {}, **asked).tokens

    found = {
        tokens: work(mesh, functools.partial(decode, tokens=tokens), (32, 1), SQUARE)
        for tokens in (2, 6, 24)
    }
    step = 2 * 32 * 256 * 256
    for tokens, each in found.items():
        assert each.flops == tokens * step
        assert each.at_most and not each.unknown


def test_a_loop_without_a_bound_is_named_and_counts_once(mesh):
    def halved(x, w):
        return jax.lax.while_loop(lambda y: y.sum() > 1, lambda y: y @ w, x)

    found = work(mesh, halved, SQUARE, SQUARE)
    assert found.flops == PRODUCT
    [told] = found.unknown
    assert told.startswith("how often while") and told.endswith("goes round")


def test_exchanges_within_a_loop_are_made_in_each_round():
    mesh = make_mesh(4)
    rows, whole = NamedSharding(mesh, P("data")), NamedSharding(mesh, P())

    def sums(x):
        def one(y, _):
            total = jax.lax.with_sharding_constraint(y.sum(0), whole)
            return jnp.tanh(y + total[None]), None

        return jax.lax.scan(one, x, None, length=9)[0]

    made = jax.jit(sums, in_shardings=rows, out_shardings=rows)
    text = made.lower(shape("float32", 8, 48)).compile().as_text()
    [(one, count)] = work_of(text, 4).collectives.items()
    assert (one.kind, one.bytes, count) == ("all-reduce", 4 * 48, 9)


BRANCHES = """
%dear (x: f32[8,8]) -> f32[8,8] {
  %x = f32[8,8] parameter(0)
  ROOT %dot = f32[8,8] dot(%x, %x), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%cheap (x: f32[8,8]) -> f32[8,8] {
  %x.1 = f32[8,8] parameter(0)
  ROOT %same = f32[8,8] negate(%x.1)
}

ENTRY %main (which: s32[], x: f32[8,8]) -> f32[8,8] {
  %which = s32[] parameter(0)
  %x.2 = f32[8,8] parameter(1)
  ROOT %one = f32[8,8] conditional(%which, %x.2, %x.2), BRANCHES
}
"""


@pytest.mark.parametrize(
    "named",
    [
        "branch_computations={%cheap, %dear}",
        "branch_computations={%dear, %cheap, %cheap}",
        "true_computation=%dear, false_computation=%cheap",
    ],
)
def test_of_branches_the_dearest_counts(named):
    found = work_of(BRANCHES.replace("BRANCHES", named), 1)
    assert (found.flops, found.traffic) == (2 * 8**3, 3 * 4 * 64)


def test_what_lies_on_the_chip_does_not_come_from_hbm():
    text = BRANCHES.replace("f32[8,8] parameter(0)", "f32[8,8]{1,0:S(1)} parameter(0)")
    found = work_of(text.replace("BRANCHES", "branch_computations={%dear}"), 1)
    assert (found.traffic, found.hbm_traffic) == (3 * 4 * 64, 4 * 64)


LOOP = """
%body (s: (s32[], f32[8])) -> (s32[], f32[8]) {
  %s = (s32[], f32[8]) parameter(0)
  %i = s32[] get-tuple-element(%s), index=0
  %x = f32[8] get-tuple-element(%s), index=1
  %one = s32[] constant(1)
  %next = s32[] add(%i, %one)
  %moved = f32[8] collective-permute(%x), source_target_pairs={{0,1},{1,0}}
  ROOT %after = (s32[], f32[8]) tuple(%next, %moved)
}

%condition (s: (s32[], f32[8])) -> pred[] {
  %s.1 = (s32[], f32[8]) parameter(0)
  %i.1 = s32[] get-tuple-element(%s.1), index=0
  %seven = s32[] constant(7)
  %going = pred[] compare(%i.1, %seven), direction=LT
  %all = pred[] all-reduce(%going), replica_groups={{0,1}}, to_apply=%or
  ROOT %both = pred[] and(%going, %all)
}

ENTRY %main (x: f32[8]) -> f32[8] {
  %x.1 = f32[8] parameter(0)
  %zero = s32[] constant(0)
  %begin = (s32[], f32[8]) tuple(%zero, %x.1)
  ROOT %loop = (s32[], f32[8]) while(%begin), condition=%condition, body=%body
}
"""


def test_a_condition_is_asked_once_more_than_its_loop_goes_round():
    found = work_of(LOOP, 2)
    counts = {one.kind: count for one, count in found.collectives.items()}
    assert counts == {"collective-permute": 7, "all-reduce": 8}
    assert found.at_most and not found.unknown


def test_what_is_called_and_not_in_the_text_is_named():
    text = BRANCHES.replace("negate(%x.1)", 'custom-call(%x.1), custom_call_target="k"')
    found = work_of(text.replace("BRANCHES", "branch_computations={%cheap}"), 1)
    assert found.unknown == ("what k does",)


def test_text_that_is_not_understood_is_told_and_counts_nothing():
    found = work_of(BRANCHES.replace("parameter(0)", "parameter"), 1)
    assert found == Work(
        unknown=("a line that is not understood: %x = f32[8,8] parameter",)
    )


@NEEDED
@pytest.mark.tpu_compile
@pytest.mark.parametrize("way", ["student, greedy", "student, beam"])
def test_decoding_exchanges_nothing_with_the_host_on_its_way(way):
    recipe, settings, _ = run.configured(TINY, [])
    mesh = described_mesh("v5e:2x2")
    [program] = [p for p in recipe.programs(settings, mesh) if p.name == way]
    module = parse(program.lower().compile().as_text())
    opcodes = {
        instruction.opcode
        for computation in module.computations.values()
        for instruction in computation.instructions.values()
    }
    assert "while" in opcodes
    assert not {"infeed", "outfeed", "send", "recv", "send-done", "recv-done"} & opcodes
