"""Every variant of the tagging configuration can be run, and is what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from epik_jax import trees
from epik_jax.models import labeller
from epik_jax.recipes import settings
from epik_jax.recipes.run import RECIPES
from epik_jax.recipes.tagging.teacher_config import sized_labeller

CONFIG = Path(__file__).parents[3] / "configs" / "xtremedistil.py"
VARIANTS = ("builtin", "tiny", "real", "open", "builtin-sentences", "tiny-sentences")


def built(variant):
    plain = settings.read_config(f"{CONFIG}:{variant}", [])
    return settings.build(RECIPES[plain.pop("recipe")].settings, plain)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_can_be_built_and_labels_what_it_says(variant):
    run = built(variant)
    whole = run.data.task == "sentences"
    assert whole == variant.endswith("-sentences")
    assert ("B-PER" in run.data.labels) != whole


def test_what_may_not_be_used_commercially_is_in_real_alone():
    real, free = ({x.path for x in built(v).data.lists} for v in ("real", "open"))
    assert free < real
    assert all("masakhaner2" in path for path in real - free)


def test_an_unknown_variant_is_told_with_the_known_ones():
    with pytest.raises(ValueError, match="known are builtin, tiny, real, open"):
        built("huge")
    with pytest.raises(ValueError, match="known with -sentences are builtin, tiny"):
        built("real-sentences")


def test_the_real_student_has_35_times_fewer_parameters_than_its_teacher():
    run = built("open")
    recipe, size = run.xtremedistil, run.xtremedistil.pieces.size
    large = sized_labeller(recipe.teacher.model, size, run.data.labels, whole=False)
    # Of at most as many pieces as the teacher has.
    small = recipe.student.model.sized(size, large, recipe.student.layer)
    theirs, ours = (
        trees.num_elements(labeller.parameter_shapes(sizes)) for sizes in (large, small)
    )
    assert theirs / ours >= 35.0
