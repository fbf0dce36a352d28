"""Every variant of the scoring configuration can be built, and is what it says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from epik_jax import trees
from epik_jax.models import scorer
from epik_jax.models.scorer_config import EncoderScorerConfig
from epik_jax.recipes import settings
from epik_jax.recipes.run import RECIPES

CONFIG = Path(__file__).parents[3] / "configs" / "tmkd.py"
TASKS = ("wikiqa", "trecqa", "qnli", "boolq", "rte", "snli", "sick", "mnli")


def built(variant, overrides=()):
    plain = settings.read_config(f"{CONFIG}:{variant}", list(overrides))
    return settings.build(RECIPES[plain.pop("recipe")].settings, plain)


@pytest.mark.parametrize(
    "variant",
    ["builtin", "tiny", "real", *(f"{s}-{t}" for s in ("real", "bert") for t in TASKS)],
)
def test_a_variant_can_be_built(variant):
    run = built(variant)
    assert len(run.tmkd.crowd.teachers) == 3
    assert bool(run.data.answer) == variant.endswith(("builtin", "tiny", "real", "qa"))
    assert len(run.data.classes) == (
        3 if variant.endswith(("snli", "mnli", "sick")) else 2
    )
    if run.data.lists:
        assert {item.split for item in run.data.lists} >= {"train", "test"}


@pytest.mark.parametrize(
    "preset", ["none", "1-on-1", "1avg-on-1", "m-on-m", "MKD", "TKD"]
)
def test_a_preset_is_one_argument(preset):
    assert (
        built("tiny", [f"tmkd.student.preset={preset}"]).tmkd.student.preset == preset
    )


def test_the_student_is_smaller_and_teachers_differ():
    run = built("real-wikiqa")
    sizes = [
        trees.num_elements(
            scorer.parameter_shapes(EncoderScorerConfig(model.sized(12000), ("0", "1")))
        )
        for model in (run.tmkd.crowd.teachers[0].model, run.tmkd.student.encoder)
    ]
    assert sizes[1] < 0.3 * sizes[0]
    # Drawn blocks are normalised before they are entered, a BERT's after.
    norms = [built(x).tmkd.crowd.teachers[0].model.norm for x in ("real", "bert-rte")]
    assert norms == ["pre", "post"]
    rates = {t.labels.optimizer.learning_rate for t in run.tmkd.crowd.teachers}
    assert len(rates) == 3


@pytest.mark.parametrize("variant", ["huge", "real-imdb", "builtin-sick"])
def test_an_unknown_variant_is_told_with_the_known_ones(variant):
    with pytest.raises(ValueError, match="known"):
        built(variant)


def test_the_size_of_the_paper_is_that_of_its_berts():
    run = built("bert-mnli")
    assert dataclasses.astuple(run.tmkd.student.encoder)[:4] == (768, 12, 3072, 3)
    assert run.tmkd.student.start_folder == "bert-base-uncased"
    assert {t.start_folder for t in run.tmkd.crowd.teachers} == {"bert-large-uncased"}
    lists = [(x.name, x.split) for x in run.data.lists]
    assert lists == [
        ("mnli", "train"),
        ("dev_matched", "test"),
        ("dev_mismatched", "test"),
    ]
