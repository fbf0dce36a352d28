"""Which settings of a student and its stages are refused, and which are not."""

from __future__ import annotations

import dataclasses

import pytest
from student_stages import stage

from epik_jax.recipes.transliteration.imitation import (
    ImitationConfig,
)
from epik_jax.recipes.transliteration.sizes import ModelConfig
from epik_jax.recipes.transliteration.streams import BatchConfig
from epik_jax.recipes.transliteration.student import StudentConfig

IMITATION = ImitationConfig(hard_ce=0.0, hidden=1.0, alignment="pooled")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": ()}, "data"),
        ({"data": ("transfer", "golden")}, "not known"),
        (
            {"data": ("transfer", "back"), "imitation": ImitationConfig(soft_kl=1.0)},
            "'transfer' examples alone",
        ),
        ({"data": ("gold",), "imitation": IMITATION}, "'transfer' examples alone"),
        (
            {"hypotheses": "all", "imitation": ImitationConfig(soft_kl=1.0)},
            "best hypothesis",
        ),
        ({"drop_share": 1.0}, "drop_share 1.0"),
        ({"drop_share": -0.1}, "drop_share -0.1"),
    ],
)
def test_stages_that_contradict_themselves_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        stage(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "../../away"}, r"stage name '\.\./\.\./away': take letters"),
        ({"name": ""}, "stage name ''"),
        ({"name": ".."}, r"stage name '\.\.'"),
        ({"name": "matra"}, "not 'matra', which is the teacher's"),
        ({"trainable": ()}, "stage s: trainable names nothing"),
        ({"trainable": ("[",)}, r"trainable '\[': unterminated"),
        ({"seed": -1}, "seed is -1, expected 0 to"),
    ],
)
def test_a_stage_that_cannot_be_kept_or_matched_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        stage(**settings)


@pytest.mark.parametrize("names", [(), ("a", "b", "a")])
def test_stages_have_names_of_their_own_and_there_is_one(names):
    stages = tuple(stage(name=name) for name in names)
    with pytest.raises(ValueError, match="are none, or have a name twice"):
        StudentConfig(ModelConfig(), stages)


BY_SLOT = ImitationConfig(hidden=1.0, alignment="slots")
GATED = dataclasses.replace(BY_SLOT, gate=0.1)


@pytest.mark.parametrize(
    ("num_slots", "imitation", "trainable", "message"),
    [
        (0, BY_SLOT, "", "stage s: alignment 'slots' needs model.num_slots above 0"),
        (0, GATED, "", "stage s: alignment 'slots' needs model.num_slots above 0"),
        (40, ImitationConfig(), "", "num_slots is 40, and no stage learns which"),
        (40, BY_SLOT, "", "num_slots is 40, and no stage learns which"),
        (40, GATED, "^student/encoder/", "num_slots is 40, and no stage learns which"),
    ],
)
def test_slots_that_nobody_learns_to_use_are_refused(
    num_slots, imitation, trainable, message
):
    model = ModelConfig(num_slots=num_slots)
    only = stage(imitation=imitation, trainable=(trainable,))
    with pytest.raises(ValueError, match=message):
        StudentConfig(model, (only,))


def test_one_stage_that_learns_which_slots_are_in_use_is_enough():
    stages = stage(name="a", imitation=GATED), stage(name="b", imitation=BY_SLOT)
    assert StudentConfig(ModelConfig(num_slots=40), stages).stages == stages


@pytest.mark.parametrize(
    ("sizes", "bucket", "message"),
    [
        ({"max_length": 39}, (40, 8), r"bucket \(40, 8\) exceeds model.max_length 39"),
        ({"max_length": 39}, (8, 40), r"bucket \(8, 40\) exceeds model.max_length 39"),
        ({"num_slots": 7}, (8, 40), r"bucket \(8, 40\) exceeds model.num_slots 7"),
    ],
)
def test_batches_wider_than_the_network_are_refused(sizes, bucket, message):
    imitation = GATED if "num_slots" in sizes else ImitationConfig()
    only = stage(batches=BatchConfig(buckets=(bucket,)), imitation=imitation)
    with pytest.raises(ValueError, match=f"stage s: {message}"):
        StudentConfig(ModelConfig(**sizes), (only,))
