"""Presets are what the paper compares, and settings that contradict are refused."""

from __future__ import annotations

import dataclasses

import pytest
from toy_crowd import CROWD, RECIPE, STUDENT, leg

from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.recipes.scoring.presets import PRESETS
from epik_jax.recipes.scoring.tmkd import TmkdConfig


def student(**changes):
    return dataclasses.replace(STUDENT, **changes)


def test_presets_differ_in_whom_they_hear_and_in_general_pairs_alone():
    plans = {name: (plan.heard, plan.general) for name, plan in PRESETS.items()}
    assert plans == {
        "none": ("nobody", False),
        "1-on-1": ("one", False),
        "1avg-on-1": ("averaged", False),
        "m-on-m": ("each", False),
        "MKD": ("all", False),
        "TKD": ("one", True),
        "TMKD": ("all", True),
    }
    for name in PRESETS:
        assert student(preset=name).wants_general == PRESETS[name].general
    assert not student(general_folder="somewhere").wants_general


def test_there_is_a_header_for_people_and_one_for_each_voice():
    assert STUDENT.sized(9, ("a", "b"), 3).num_headers == 4
    bilstm = dataclasses.replace(STUDENT.bilstm, max_length=STUDENT.max_length)
    small = student(kind="bilstm", start="random", bilstm=bilstm)
    assert small.sized(9, ("a", "b"), 3).num_headers == 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"general": None}, "hears teachers on general pairs"),
        ({"kind": "bilstm"}, "no blocks of an encoder"),
        ({"start": "folder"}, "'folder' needs one"),
        ({"start_folder": "bert"}, "others have none"),
        ({"masked": leg()}, "of an encoder that is drawn"),
        ({"start": "random", "offsets": (1, 2, 3)}, "more than 2 heads"),
        ({"preset": "MKD", "general_folder": "x"}, "hears no teacher on general"),
        ({"num_general": -1}, "num_general is -1"),
        ({"preset": "none", "prediction": "golden"}, "has one header"),
        ({"seed": -1}, "seed is -1"),
        (
            {"task": dataclasses.replace(leg(), batches=RowBatchConfig(4, (8,)))},
            "the widest batches hold 8",
        ),
        (
            {
                "task": dataclasses.replace(
                    leg(), batches=RowBatchConfig(4, (40,), seed=3)
                )
            },
            "order follows its own seed",
        ),
    ],
)
def test_contradictions_are_told(changes, said):
    with pytest.raises(ValueError, match=said):
        student(**changes)


def test_a_recipe_refuses_a_teacher_that_is_none_and_headers_that_are_not_there():
    with pytest.raises(ValueError, match="'nobody' is none of"):
        TmkdConfig(CROWD, student(teacher="nobody"))
    weighted = student(prediction="weighted", prediction_weights=(1.0, 1.0))
    with pytest.raises(ValueError, match="for each of 3 headers"):
        TmkdConfig(CROWD, weighted)
    with pytest.raises(ValueError, match="num_shards"):
        dataclasses.replace(RECIPE, num_shards=0)


def test_the_first_teachers_may_be_asked_alone():
    crowd = dataclasses.replace(CROWD, num_teachers=1)
    assert [teacher.name for teacher in crowd.used] == ["one"]
    assert len(CROWD.used) == 2
    with pytest.raises(ValueError, match="num_teachers is 3"):
        dataclasses.replace(CROWD, num_teachers=3)
    with pytest.raises(ValueError, match="'other' is none of"):
        TmkdConfig(crowd, student(teacher="other"))


def test_a_student_that_does_not_fit_a_teacher_is_told_before_anything_is_trained():
    wide = student(encoder=dataclasses.replace(STUDENT.encoder, width=16))
    with pytest.raises(ValueError, match=r"encoder\.width is 16, and the teacher"):
        TmkdConfig(CROWD, wide)
    TmkdConfig(CROWD, dataclasses.replace(wide, start="random"))
    with pytest.raises(ValueError, match="nothing is known of teacher one before"):
        TmkdConfig(CROWD, student(start="encoder"))
    uneven = dataclasses.replace(STUDENT.soft, weighing="fixed", weights=(1.0,))
    with pytest.raises(ValueError, match="not one for each of 2 voices"):
        TmkdConfig(CROWD, student(soft=uneven))
