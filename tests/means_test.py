"""Sums and counts: padding, weights, merging."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epik_jax.means import Mean

VALUES = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
MASK = np.arange(4) < np.array([4, 1, 3, 2, 4, 1])[:, None]
WEIGHTS = np.array([[1.0], [0.5], [2.0], [0.0], [1.0], [3.0]], np.float32)


def test_the_value_is_numpys_weighted_average_of_real_elements():
    mean = Mean.of(VALUES, MASK, WEIGHTS)
    expected = np.average(
        VALUES[MASK], weights=np.broadcast_to(WEIGHTS, MASK.shape)[MASK]
    )
    np.testing.assert_allclose(mean.value(), expected, rtol=1e-6)


def test_a_nan_under_the_mask_leaks_into_neither_value_nor_gradient():
    hidden = np.where(MASK, VALUES, np.nan)
    value, gradient = jax.value_and_grad(lambda v: Mean.of(v, MASK).value())(hidden)
    np.testing.assert_allclose(value, VALUES[MASK].mean(), rtol=1e-6)
    np.testing.assert_allclose(gradient, MASK / MASK.sum(), rtol=1e-6)


def test_a_nan_weight_under_the_mask_leaks_into_neither_value_nor_gradient():
    weights = np.where(MASK, WEIGHTS, np.nan)
    value, gradient = jax.value_and_grad(lambda v: Mean.of(v, MASK, weights).value())(
        VALUES
    )
    np.testing.assert_allclose(value, Mean.of(VALUES, MASK, WEIGHTS).value(), rtol=1e-6)
    assert np.isfinite(gradient).all()


def test_a_mean_that_was_fetched_is_divided_on_the_host():
    fetched = jax.device_get(Mean.of(VALUES, MASK, WEIGHTS))
    with jax.transfer_guard("disallow"):
        assert isinstance(fetched.value(), np.floating)


def test_merging_parts_of_unequal_size_gives_the_mean_over_the_whole():
    whole = Mean.of(VALUES, MASK, WEIGHTS)
    first = Mean.of(VALUES[:1], MASK[:1], WEIGHTS[:1])
    second = Mean.of(VALUES[1:], MASK[1:], WEIGHTS[1:])
    merged = first.merge(second)
    np.testing.assert_allclose(merged.value(), whole.value(), rtol=1e-6)
    np.testing.assert_allclose(merged.count, whole.count, rtol=1e-6)
    mean_of_means = (first.value() + second.value()) / 2
    assert abs(mean_of_means - whole.value()) > 0.05


@pytest.mark.parametrize("shape", [(6, 1), (6,), (4, 6)])
def test_a_mask_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"mask .* does not fit values \(6, 4\)"):
        Mean.of(VALUES, np.ones(shape, bool))


def test_nothing_counted_is_zero_not_nan():
    mean = Mean.of(VALUES, np.zeros_like(MASK))
    assert mean.value() == 0.0 and mean.count == 0.0


def test_a_mean_passes_through_jit_undivided():
    doubled = jax.jit(lambda m: m.merge(m))(Mean(jnp.ones(()), jnp.full((), 4.0)))
    assert (doubled.total, doubled.count) == (2.0, 8.0)
