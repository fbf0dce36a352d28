"""States are compared at all real pieces, logits where words begin, tags if given."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import jax
import numpy as np
import pytest
import toy_tagging
from toy_tagging import BATCHES, BILSTM, PIECES

from epik_jax.models import initial, labeller
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes.tagging.distillation import (
    bridge_shapes,
    distillation_batches,
    held_out_signals,
    make_objective,
    make_student_forward,
    make_validate_loss,
)
from epik_jax.recipes.tagging.strategies import PARTS
from epik_jax.structs import ModelOutput

WEIGHTS = dict.fromkeys(PARTS, 1.0)
MATERIAL = toy_tagging.material()
ENCODED = MATERIAL.encoded


def streamed(parts=PARTS, config=BATCHES):
    given = (ENCODED, ENCODED.source_digest, parts, MATERIAL.signals, PIECES.pad_id)
    return distillation_batches(*given, config)


@pytest.fixture(scope="module")
def batch():
    return next(streamed()(0))


def outputs(batch, seed=0):
    """What a student might say, of the shapes of the teacher's signals."""
    rng = np.random.default_rng(seed)
    signals = batch["signals"]
    shapes = signals.logits.shape, signals.hidden.shape
    drawn = (rng.normal(size=s).astype(np.float32) for s in shapes)
    return ModelOutput(*drawn, hidden_mask=batch["token_mask"])


def terms(batch, said, distance="mse", parts=PARTS):
    _, means = make_objective(parts, distance, WEIGHTS)(said, batch)
    return {name: float(mean.value()) for name, mean in means.items()}


def poisoned(said, mask):
    """NaN wherever `mask` is false."""
    logits = np.where(mask[..., None], said.logits, np.nan)
    hidden = np.where(mask[..., None], said.hidden, np.nan)
    return ModelOutput(logits, hidden, said.hidden_mask)


@pytest.mark.parametrize("distance", ["mse", "kl", "cosine", "clipped_kl"])
def test_padding_does_not_change_the_loss(batch, distance):
    said = outputs(batch)
    found = terms(batch, poisoned(said, batch["token_mask"]), distance)
    assert found == terms(batch, said, distance)
    assert set(found) == {f"hidden_{distance}", "logit_mse", "hard_ce"}
    assert all(map(np.isfinite, found.values()))


def test_logits_are_compared_at_first_pieces_alone(batch):
    said = outputs(batch)
    assert batch["word_mask"].sum() < batch["token_mask"].sum() - 2 * len(said.logits)
    found = terms(batch, poisoned(said, batch["word_mask"]), parts=("logits",))
    theirs = batch["signals"].logits
    error = np.square(said.logits - theirs).mean(axis=-1)[batch["word_mask"]]
    assert found == {"logit_mse": pytest.approx(error.mean(), rel=1e-5)}


def test_states_are_compared_at_all_real_pieces(batch):
    said, theirs = outputs(batch), batch["signals"].hidden
    error = np.square(said.hidden - theirs).mean(axis=-1)[batch["token_mask"]]
    found = terms(batch, said, parts=("representation",))
    assert found == {"hidden_mse": pytest.approx(error.mean(), rel=1e-5)}


def test_tags_count_where_people_gave_them_alone(batch):
    said = outputs(batch)
    rows = batch["label_mask"].any(axis=1)
    assert rows.any() and not rows.all()
    mask = batch["word_mask"] & rows[:, None]
    found = terms(batch, poisoned(said, mask), parts=("labels",))
    assert found == terms(batch, said, parts=("labels",)) and found["hard_ce"] > 0


def test_terms_weigh_what_the_settings_say(batch):
    said, weights = outputs(batch), dict(zip(PARTS, (2.0, 3.0, 5.0), strict=True))
    loss, means = make_objective(PARTS, "mse", weights)(said, batch)
    values = [means[n].value() for n in ("hidden_mse", "logit_mse", "hard_ce")]
    expected = np.dot([2.0, 3.0, 5.0], [float(v) for v in values])
    assert float(loss) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("part", PARTS)
def test_what_is_learnt_alone_is_not_weighed(part):
    weights = dict(zip(PARTS, (2.0, 3.0, 5.0), strict=True))
    [term] = make_objective((part,), "mse", weights).terms
    assert term.weight == 1.0


def test_signals_are_those_of_the_sentences_beside_them(batch):
    logits, hidden = MATERIAL.teacher.signals(ENCODED.tokens, 1)
    rows = {tuple(ENCODED.tokens.row(i)): i for i in range(len(ENCODED))}
    for place, real in enumerate(batch["token_mask"]):
        row = rows[tuple(batch["tokens"][place][real])]
        for found, expected in (
            (batch["signals"].logits, logits),
            (batch["signals"].hidden, hidden),
        ):
            np.testing.assert_allclose(found[place][real], expected.row(row), atol=1e-5)


def test_a_batch_is_the_same_wherever_the_stream_begins():
    straight = list(itertools.islice(streamed()(0), 4))
    again = next(streamed()(3))
    for one, other in zip(
        jax.tree.leaves(straight[3]), jax.tree.leaves(again), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_nobody_is_asked_for_what_no_part_wants():
    given = (ENCODED, ENCODED.source_digest, ("labels",), None, PIECES.pad_id, BATCHES)
    assert "signals" not in next(distillation_batches(*given)(0))
    alone = next(streamed(("logits",))(0))["signals"]
    assert alone.hidden is None and alone.logits is not None


def test_sentences_that_a_teacher_cut_otherwise_are_refused():
    given = (ENCODED, ENCODED.source_digest[::-1], PARTS, MATERIAL.signals, 0, BATCHES)
    with pytest.raises(ValueError, match="encoded differently"):
        next(distillation_batches(*given)(0))


def test_a_student_answers_at_the_teacher_s_width_through_its_bridge(batch):
    model = dataclasses.replace(BILSTM, projection=0, dropout=0.0)
    shapes = {"student": labeller.parameter_shapes(model)}
    shapes["bridge"] = bridge_shapes(2 * model.hidden, 8)
    params = initial.init_params(shapes, 0)
    forward = jax.jit(make_student_forward(model), static_argnames="key")
    bridged, plain = (
        forward(given, batch, key=None)
        for given in (params, {"student": params["student"]})
    )
    assert bridged.hidden.shape == batch["signals"].hidden.shape
    assert plain.hidden.shape[-1] == 2 * model.hidden
    np.testing.assert_array_equal(bridged.logits, plain.logits)


def test_a_validation_is_the_mean_over_all_elements_whatever_the_batches():
    params = {"student": toy_tagging.network(BILSTM).params}
    forward, mesh = make_student_forward(BILSTM), make_mesh(1)
    parts = ("representation", "logits")
    objective = make_objective(parts, "mse", {**WEIGHTS, "logits": 3.0})
    made = []
    for size in (5, 16):
        config = dataclasses.replace(BATCHES, batch_size=size)
        given = (ENCODED, ENCODED.source_digest, parts, MATERIAL.signals, 0, config)
        unseen = functools.partial(held_out_signals, *given)
        made.append(make_validate_loss(forward, objective, unseen)(params, mesh))
    for name in ("cost", "held_out_hidden_mse", "held_out_logit_mse"):
        assert made[0][name] == pytest.approx(made[1][name], rel=1e-5)
    hidden, logits = (made[0][f"held_out_{x}_mse"] for x in ("hidden", "logit"))
    expected = hidden + 3 * logits
    assert made[0]["cost"] == pytest.approx(expected, rel=1e-6)
