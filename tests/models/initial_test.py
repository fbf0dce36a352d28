"""First values of parameters: sizes, and that a seed and a path fix them."""

import numpy as np
import pytest
import tiny

from epik_jax import trees
from epik_jax.models import initial, transformer

KERNEL = "encoder/block_00/attention/query/kernel"


def test_the_same_path_and_seed_draw_the_same_values():
    first, second = (initial.draw(KERNEL, (8, 16), 3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32


@pytest.mark.parametrize(("path", "seed"), [(KERNEL, 4), (KERNEL + "2", 3)])
def test_another_path_or_seed_draws_unrelated_values(path, seed):
    first, second = (
        initial.draw(KERNEL, (64, 64), 3),
        initial.draw(path, (64, 64), seed),
    )
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("path", "shape", "fan_in"),
    [
        (KERNEL, (256, 64), 256),
        ("decoder/block_00/feed_forward/outer/kernel", (64, 256), 64),
        ("embedding", (512, 64), 64),
        ("encoder_embedding", (512, 64), 64),
        ("headers/stacked_kernel", (4, 256, 16), 256),
    ],
)
def test_values_have_variance_one_over_fan_in_and_no_far_tail(path, shape, fan_in):
    values = initial.draw(path, shape, 0)
    assert np.var(values) * fan_in == pytest.approx(1, rel=0.04)
    assert abs(values.mean()) < 4 * values.std() / values.size**0.5
    assert abs(values).max() <= 2 * fan_in**-0.5 / 0.8796 * 1.0001


def test_scales_start_at_one_and_biases_at_zero():
    assert (initial.draw("encoder/norm/scale", (16,), 0) == 1).all()
    assert (initial.draw("encoder/norm/bias", (16,), 0) == 0).all()


def test_a_tree_is_drawn_leaf_by_leaf_from_full_paths():
    shapes = {"student": transformer.parameter_shapes(tiny.CONFIG)}
    drawn = trees.flatten(initial.init_params(shapes, 7))
    path = f"student/{KERNEL}"
    np.testing.assert_array_equal(drawn[path], initial.draw(path, (16, 16), 7))
    assert {p: x.shape for p, x in drawn.items()} == {
        p: x.shape for p, x in trees.flatten(shapes).items()
    }


def test_sinusoids_are_sines_then_cosines_of_falling_rates():
    table = initial.sinusoids(8, 16)
    for place, i in [(0, 0), (3, 0), (5, 2), (7, 7)]:
        angle = place * 10000 ** (-i / 8)
        np.testing.assert_allclose(
            table[place, [i, 8 + i]], [np.sin(angle), np.cos(angle)], atol=1e-5
        )


def test_positions_begin_as_large_as_tokens_are_read():
    """A table drawn like that of tokens would be sixteen times too small."""
    width = 256
    positions = initial.draw("transformer/position_embedding", (64, width), 0)
    tokens = initial.draw("transformer/embedding", (64, width), 0) * width**0.5
    sizes = [np.sqrt(np.square(table).mean()) for table in (positions, tokens)]
    assert 0.5 < sizes[0] / sizes[1] < 1.0
    np.testing.assert_array_equal(positions, initial.sinusoids(64, width))
    assert initial.draw("position_embedding", (3, 5), 0).shape == (3, 5)
