"""The divisors that offset the price of length."""

import numpy as np
import pytest

from epik_jax.decoding.length_penalty import length_divisors


def test_divisors_are_those_of_the_paper():
    divisors = length_divisors(13, 2.0)
    # ((5 + length) / 6) ** 2 at lengths 1, 7 and 13.
    np.testing.assert_allclose(divisors[[1, 7, 13]], [1.0, 4.0, 9.0], rtol=1e-6)


def test_no_penalty_divides_by_one():
    np.testing.assert_array_equal(length_divisors(9, 0.0), np.ones(10))


@pytest.mark.parametrize("length_penalty", [0.1, 0.6, 1.0, 3.0])
def test_divisors_never_fall_and_are_never_zero(length_penalty):
    divisors = length_divisors(200, length_penalty)
    assert np.all(np.diff(divisors) >= 0)
    assert np.all(divisors > 0)


@pytest.mark.parametrize("length_penalty", [-0.5, float("nan"), float("inf")])
def test_a_penalty_without_a_sound_bound_is_refused(length_penalty):
    with pytest.raises(ValueError, match="length_penalty must be 0 or more"):
        length_divisors(5, length_penalty)
