"""Terms summed: row weights, unweighted logs, terms that only watch."""

import jax
import numpy as np
import pytest

from epik_jax.objectives.objective import Objective, Term

MASK = np.arange(3) < np.array([3, 1])[:, None]
BATCH = {"weight": np.array([1.0, 3.0], np.float32)}
OUTPUTS = np.array([[1.0, 2.0, 3.0], [10.0, 99.0, 99.0]], np.float32)


def _plain(outputs, batch):
    return outputs, MASK


def _square(outputs, batch):
    return outputs**2, MASK


def _whole_rows(outputs, batch):
    return outputs[:, 0], np.ones(2, bool)


def test_the_loss_is_the_weighted_sum_of_means_over_real_weighted_elements():
    objective = Objective((Term("a", _plain, 2.0), Term("b", _square, 0.5)))
    loss, means = objective(OUTPUTS, BATCH)
    a = (1 + 2 + 3 + 3 * 10) / (3 + 3)
    b = (1 + 4 + 9 + 3 * 100) / (3 + 3)
    np.testing.assert_allclose(loss, 2.0 * a + 0.5 * b, rtol=1e-6)
    np.testing.assert_allclose(means["a"].value(), a, rtol=1e-6)
    np.testing.assert_allclose(means["b"].value(), b, rtol=1e-6)


def test_a_term_of_one_value_a_row_is_weighted_by_rows_too():
    _, means = Objective((Term("rows", _whole_rows),))(OUTPUTS, BATCH)
    np.testing.assert_allclose(means["rows"].value(), (1 + 3 * 10) / 4, rtol=1e-6)


def test_a_term_of_weight_zero_is_logged_but_does_not_train():
    watched = Objective((Term("a", _plain), Term("watched", _square, 0.0)))
    alone = Objective((Term("a", _plain),))
    gradient, means = jax.grad(watched, has_aux=True)(OUTPUTS, BATCH)
    np.testing.assert_allclose(
        gradient, jax.grad(alone, has_aux=True)(OUTPUTS, BATCH)[0]
    )
    assert means["watched"].value() > 0


def test_a_watched_term_that_is_not_finite_does_not_stop_training():
    nan = Term("watched", lambda outputs, batch: (outputs * np.inf, MASK), 0.0)
    loss, means = Objective((Term("a", _plain), nan))(OUTPUTS, BATCH)
    assert np.isfinite(loss) and not np.isfinite(means["watched"].value())


def test_an_objective_that_trains_nothing_is_refused():
    with pytest.raises(ValueError, match="weight is not 0"):
        Objective((Term("watched", _plain, 0.0),))


def test_parts_of_a_batch_merge_to_the_whole_of_it():
    objective = Objective((Term("rows", _whole_rows),))
    _, whole = objective(OUTPUTS, BATCH)

    def part(outputs, batch):
        return outputs[:, 0], np.ones(1, bool)

    parts = [
        Objective((Term("rows", part),))(
            OUTPUTS[i : i + 1], {"weight": BATCH["weight"][i : i + 1]}
        )[1]["rows"]
        for i in range(2)
    ]
    merged = parts[0].merge(parts[1])
    np.testing.assert_allclose(merged.value(), whole["rows"].value(), rtol=1e-6)
