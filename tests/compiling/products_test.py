"""Products are counted by their sizes, and what falls on a gap is none."""

from __future__ import annotations

import pytest

from epik_jax.compiling.hlo import Instruction, arrays_of
from epik_jax.compiling.products import flops, is_product


def counted(opcode, made, left, right, rest):
    [one] = arrays_of(made)
    instruction = Instruction("it", opcode, (one,), "%l, %r", rest)
    return flops(instruction, [*arrays_of(left), *arrays_of(right)])


@pytest.mark.parametrize(
    ("sizes", "rest", "expected"),
    [
        # [3, 5] and [5, 7].
        (
            ("f32[3,7]", "f32[3,5]", "f32[5,7]"),
            "lhs_contracting_dims={1}, rhs_contracting_dims={0}",
            2 * 3 * 5 * 7,
        ),
        # Of a batch of 4, over two axes at once.
        (
            ("f32[4,3,7]", "f32[4,5,3,2]", "f32[4,5,2,7]"),
            "lhs_batch_dims={0}, lhs_contracting_dims={1,3}, rhs_batch_dims={0}",
            2 * 4 * 3 * 7 * 10,
        ),
        # An outer product.
        (("f32[3,7]", "f32[3]", "f32[7]"), "lhs_contracting_dims={}", 2 * 21),
    ],
)
def test_a_dot_is_what_it_makes_times_what_it_sums_over(sizes, rest, expected):
    assert counted("dot", *sizes, rest) == expected


@pytest.mark.parametrize(
    ("sizes", "rest", "expected"),
    [
        (
            ("f32[3,7]", "f32[3,5]", "f32[5,7]"),
            "dim_labels=bf_io->bf, metadata={}",
            2 * 3 * 5 * 7,
        ),
        # Each of 32x2 rows of a batch meets its own kernel, and none of the gaps.
        (
            ("bf16[32,2,40,16]", "bf16[32,2,40,40]", "bf16[32,2,40,16]"),
            "window={size=32x2 stride=31x1 lhs_dilate=32x2}, "
            "dim_labels=01bf_01io->01bf",
            2 * 32 * 2 * 40 * 40 * 16,
        ),
        # One place of 3 rows, beside which each of two heads is alone in turn.
        (
            ("f32[3,2,4]", "f32[3,5,1]", "f32[2,4,5]"),
            "window={size=2 pad=1_1 rhs_reversal=1}, dim_labels=bf0_0oi->b0f",
            2 * 3 * 2 * 4 * 5,
        ),
        # Three places of five on a border of zeros: 3 + 5 * 3 - 2 met.
        (
            ("f32[1,5,1]", "f32[1,5,1]", "f32[3,1,1]"),
            "window={size=3 pad=1_1}, dim_labels=b0f_0io->b0f",
            2 * 13,
        ),
        # Every second place, of a kernel with a hole.
        (
            ("f32[1,3,1]", "f32[1,7,1]", "f32[2,1,1]"),
            "window={size=2 stride=2 rhs_dilate=2}, dim_labels=b0f_0io->b0f",
            2 * 6,
        ),
        # A kernel of its own for each of 4 channels.
        (
            ("f32[2,6,4]", "f32[2,6,4]", "f32[1,1,4]"),
            "window={size=1}, dim_labels=b0f_0io->b0f, feature_group_count=4",
            2 * 2 * 6 * 4,
        ),
    ],
)
def test_a_convolution_counts_where_numbers_meet(sizes, rest, expected):
    assert counted("convolution", *sizes, rest) == expected


def test_attention_in_a_kernel_counts_the_product_with_its_values():
    rest = 'custom_call_target="tpu_custom_call", metadata={op_name="online-softmax"}'
    sizes = ("f32[8,16,4]", "f32[8,16,32]", "f32[8,32,4]")
    assert counted("custom-call", *sizes, rest) == 2 * 8 * 16 * 4 * 32
    other = Instruction("it", "custom-call", (), "", rest.replace("softmax", "x"))
    assert not is_product(other)
