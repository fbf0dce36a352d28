"""One update: what moves, what is counted, which key is used."""

import jax
import numpy as np
import optax
import pytest
import toy_run

from epik_jax import trees
from epik_jax.training.step import SKIPPED_IN_A_ROW, init_state, make_train_step


@pytest.fixture(scope="module")
def stepped():
    """A state before and after three updates, and the means of the last."""
    before = jax.device_get(toy_run.state())
    state = toy_run.state()
    for _, batch in zip(range(3), toy_run.batches(0), strict=False):
        state, means = toy_run.step()(state, batch)
    return before, jax.device_get(state), jax.device_get(means)


def test_frozen_parameters_stay_and_the_others_move(stepped):
    before, after, _ = stepped
    frozen = (state.params["frozen"]["head"]["kernel"] for state in (before, after))
    np.testing.assert_array_equal(*frozen)
    old, new = (trees.flatten(s.params["student"]) for s in (before, after))
    for path in ("inner/kernel", "inner/bias"):
        assert (old[path] != new[path]).all(), path


def test_frozen_parameters_have_no_optimizer_state(stepped):
    moments = optax.tree.get(stepped[1].opt_state, "mu")
    assert set(moments) == {"student/inner/kernel", "student/inner/bias"}


def test_steps_are_counted_and_the_key_of_the_stage_stays(stepped):
    before, after, means = stepped
    assert (before.step, after.step) == (0, 3)
    keys = jax.random.key_data(before.key), jax.random.key_data(after.key)
    np.testing.assert_array_equal(*keys)
    assert set(means) == {"hard_ce", "loss", "gradient_norm", SKIPPED_IN_A_ROW}


def test_an_update_equals_plain_optax_on_a_plain_gradient():
    batch, state = next(toy_run.batches(0)), toy_run.state()
    frozen, student = state.params["frozen"], state.params["student"]

    @jax.jit
    @jax.value_and_grad
    def loss(student):
        params = {"student": student, "frozen": frozen}
        return toy_run.OBJECTIVE(toy_run.forward(params, batch, key=None), batch)[0]

    value, gradient = loss(student)
    flat, flat_gradient = trees.flatten(student), trees.flatten(gradient)
    plain = optax.chain(optax.clip_by_global_norm(0.1), optax.sgd(2.0))
    updates, _ = plain.update(flat_gradient, plain.init(flat))
    expected = optax.apply_updates(flat, updates)

    step = make_train_step(
        lambda params, batch, key: toy_run.forward(params, batch, key=None),
        toy_run.OBJECTIVE,
        (skipping := optax.apply_if_finite(plain, 9)),
        toy_run.TRAINABLE,
    )
    fresh = init_state(state.params, skipping, toy_run.TRAINABLE, seed=0)
    after, means = jax.jit(step)(fresh, batch)
    for path, leaf in trees.flatten(after.params["student"]).items():
        np.testing.assert_allclose(leaf, expected[path], rtol=1e-5)
    np.testing.assert_allclose(means["loss"].value(), value, rtol=1e-6)
    norm = sum(np.square(leaf).sum() for leaf in flat_gradient.values()) ** 0.5
    assert norm > 0.1
    np.testing.assert_allclose(means["gradient_norm"].value(), norm, rtol=1e-5)


def test_the_same_batch_is_dropped_out_differently_at_each_step():
    batch, state = next(toy_run.batches(0)), toy_run.state()
    losses = []
    for _ in range(2):  # the first update is of rate 0: parameters are the same twice
        state, means = toy_run.step()(state, batch)
        losses.append(float(means["loss"].value()))
    assert abs(losses[0] - losses[1]) > 1e-3


def test_a_pattern_that_freezes_everything_is_refused():
    with pytest.raises(ValueError, match="'teacher' matches nothing below"):
        init_state(toy_run.state().params, toy_run.optimizer(), ("teacher",), seed=0)
