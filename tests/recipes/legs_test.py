"""What is trained is known before, and that its batches split over devices."""

from __future__ import annotations

import dataclasses
import re

import pytest
import tiny_run
import tiny_tagger_run
from programs_begun import CONFIGS, SCORER, begun

from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes import legs
from epik_jax.recipes import run as runs

TEACHERS = [
    f"tmkd.crowd.teachers[{n}].{leg}" for n in range(3) for leg in ("masked", "labels")
]
LEGS = {
    "matra": ["teacher"],
    "epik": ["epik.teacher", "epik.student.stages[0]"],
    "xtremedistil": [
        "xtremedistil.teacher.masked",
        "xtremedistil.teacher.tagging",
        "xtremedistil.student",
    ],
    "tmkd": [*TEACHERS, "tmkd.student.general", "tmkd.student.task"],
}


def built(recipe, *overrides):
    return runs.configured(f"{CONFIGS}/{recipe}.py:tiny", [*overrides])[1]


@pytest.mark.parametrize("recipe", LEGS)
def test_legs_are_called_by_their_keys(recipe):
    assert [*built(recipe).legs] == LEGS[recipe]


@pytest.mark.parametrize(
    ("recipe", "overrides"),
    [
        ("epik", tiny_run.OVERRIDES),
        ("epik", [*tiny_run.OVERRIDES, "epik.more_seeds=(7,)"]),
        ("xtremedistil", tiny_tagger_run.OVERRIDES),
        ("tmkd", SCORER),
        ("tmkd", [*SCORER, "tmkd.student.preset=MKD"]),
    ],
    ids=["epik", "two teachers", "xtremedistil", "tmkd", "no general pairs"],
)
def test_legs_are_what_a_run_begins(monkeypatch, tmp_path, recipe, overrides):
    each = enumerate(built(recipe, *overrides).legs, 100)
    # Of a number of its own each, which no other setting is made from.
    saved = {number: f"{leg}.loop.save_every={number}" for number, leg in each}
    asked = [*overrides, *saved.values()]
    stages = begun(monkeypatch, f"{recipe}.py:tiny", asked, tmp_path / "run")
    assert {stage.loop.save_every for stage, _, _ in stages} == {*saved}


@pytest.mark.parametrize(
    ("recipe", "overrides", "without"),
    [
        ("epik", ["epik.teacher_folder=there"], ["epik.teacher"]),
        ("epik", ["epik.teacher_folder=there", "epik.more_seeds=(7,)"], []),
        ("epik", ["epik.student_folder=there"], ["epik.student.stages[0]"]),
        (
            "xtremedistil",
            ["xtremedistil.teacher_folder=there"],
            ["xtremedistil.teacher.masked", "xtremedistil.teacher.tagging"],
        ),
        ("tmkd", ["tmkd.crowd.teachers[1].folder=there"], TEACHERS[2:4]),
        ("tmkd", ["tmkd.crowd.num_teachers=2"], TEACHERS[4:]),
        ("tmkd", ["tmkd.student.preset=MKD"], ["tmkd.student.general"]),
        ("tmkd", ["tmkd.student.general_folder=there"], ["tmkd.student.general"]),
    ],
)
def test_what_is_finished_or_not_asked_for_is_not_trained(recipe, overrides, without):
    trained = [leg for leg in LEGS[recipe] if leg not in without]
    assert [*built(recipe, *overrides).legs] == trained


def test_a_student_that_was_taught_before_guesses_no_hidden_pieces():
    drawn = built("tmkd", "tmkd.student.start=random").tmkd.student
    drawn = dataclasses.replace(drawn, masked=drawn.task)
    assert [*drawn.legs] == ["masked", "general", "task"]
    taught = dataclasses.replace(drawn, general_folder="there")
    assert [*taught.legs] == ["task"]


@pytest.mark.parametrize(
    ("recipe", "leg"), [(recipe, leg) for recipe in LEGS for leg in LEGS[recipe]]
)
def test_a_batch_that_does_not_split_is_told_by_its_key(recipe, leg):
    key = f"{leg}.batches.batch_size"
    mesh, odd = make_mesh(4), built(recipe, f"{key}=6").legs
    legs.demand_split(built(recipe).legs, mesh)
    said = f"config.{key}: a batch of 6 rows does not split over 4 devices: "
    with pytest.raises(ValueError, match=re.escape(said)):
        legs.demand_split(odd, mesh)
    legs.demand_split(odd, make_mesh(2))


def test_microbatches_split_what_each_device_has():
    asked = built("epik", "epik.student.stages[0].loop.num_microbatches=4").legs
    legs.demand_split(asked, make_mesh(2))
    with pytest.raises(ValueError, match="in 4 microbatches each: take a multiple of"):
        legs.demand_split(asked, make_mesh(8))


def test_a_run_refuses_the_last_batch_before_it_leaves_anything(tmp_path):
    odd = ["epik.student.stages[0].batches.batch_size=6", "mesh.data=4"]
    with pytest.raises(ValueError, match="does not split over 4 devices"):
        runs.run(f"{CONFIGS}/epik.py:tiny", odd, tmp_path / "run", evaluate=False)
    assert not (tmp_path / "run" / "config.json").exists()
    assert not (tmp_path / "run" / "stages").exists()
