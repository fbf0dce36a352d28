"""What is compiled ahead is what a run compiles: its very text."""

from __future__ import annotations

import dataclasses

import jax
import pytest
import tiny_run
import tiny_tagger_run
from programs_begun import CONFIGS, SCORER, begun, with_most_pieces

from epik_jax.compiling.distinct import distinct
from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes import run as runs
from epik_jax.recipes.recipe import placed_step

STARTS = ["tmkd.student.start=folder"]
RUNS = {
    "epik": ("epik.py:tiny", tiny_run.OVERRIDES),
    "positional": ("epik.py:tiny-positional", tiny_run.OVERRIDES),
    "xtremedistil": ("xtremedistil.py:tiny", tiny_tagger_run.OVERRIDES),
    "thawing": (
        "xtremedistil.py:tiny",
        [*tiny_tagger_run.OVERRIDES, "xtremedistil.student.strategy=D4.2"],
    ),
    "tmkd": ("tmkd.py:tiny", SCORER),
}
BOTH = ["compute.activations=bfloat16", "compute.rematerialise=True"]
COMPUTED = {
    f"{name}, computed again in bfloat16": (RUNS[name][0], [*RUNS[name][1], *BOTH])
    for name in ("epik", "xtremedistil", "tmkd")
}


def update_texts(stages, mesh):
    """What a run hands to the compiler for the widest of its first batches."""
    for stage, params, computing in stages:
        init, _, step = placed_step(stage, params, mesh, computing)
        batches = [b for _, b in zip(range(30), stage.batches(0), strict=False)]
        widest = max(batches, key=lambda batch: next(iter(batch.values())).shape)
        text = step.lower(jax.eval_shape(init, params), widest).as_text()
        if "bilstm" in params["student"]:
            text = with_most_pieces(text, len(params["student"]["embedding"]))
        yield text


@pytest.mark.parametrize("name", RUNS | COMPUTED)
def test_updates_are_those_of_a_run(monkeypatch, tmp_path, name):
    config, overrides = (RUNS | COMPUTED)[name]
    mesh = make_mesh(1)
    stages = begun(monkeypatch, config, overrides, tmp_path)
    recipe, built, _ = runs.configured(f"{CONFIGS}/{config}", overrides)
    mine = {
        program.lower().as_text()
        for program in recipe.programs(built, mesh)
        if "update" in program.name
    }
    theirs = set(update_texts(stages, mesh))
    if name == "thawing":
        # Of each leg the stage in which most moves, and no other.
        assert mine < theirs and len(mine) == 5
    else:
        assert mine == theirs
    if name in COMPUTED:
        assert all("bf16" in text for text in mine)


def test_a_drawn_student_guesses_as_a_teacher_of_its_sizes_does():
    asked = [*SCORER, "tmkd.student.start=random"]
    recipe, built, _ = runs.configured(f"{CONFIGS}/tmkd.py:tiny", asked)
    teacher = built.tmkd.crowd.teachers[0]
    student = dataclasses.replace(
        built.tmkd.student, encoder=teacher.model, masked=teacher.masked
    )
    tmkd = dataclasses.replace(built.tmkd, student=student)
    asked = recipe.programs(dataclasses.replace(built, tmkd=tmkd), make_mesh(1))
    found = {program.name: program for program in asked}
    mine, theirs = (
        found[f"{name} update, masked"].lower().as_text()
        for name in ("student", teacher.name)
    )
    assert mine == theirs


@pytest.mark.parametrize("name", RUNS)
def test_every_pass_of_a_run_can_be_compiled_over_a_mesh(name):
    config, overrides = RUNS[name]
    recipe, built, _ = runs.configured(f"{CONFIGS}/{config}", overrides)
    passes = [
        program
        for program in recipe.programs(built, make_mesh(2, 2))
        if "update" not in program.name
    ]
    assert passes
    for program in passes:
        assert "num_partitions = 4" in program.lower().as_text(), program.name


@pytest.mark.parametrize(
    ("config", "override", "said"),
    [
        (
            "tmkd.py:tiny",
            "tmkd.student.start_folder=berts/small",
            "student is, or begins as, berts/small",
        ),
        (
            "xtremedistil.py:tiny",
            "xtremedistil.teacher_folder=berts/large",
            "the teacher is, or begins as, berts/large",
        ),
    ],
)
def test_sizes_that_lie_in_a_folder_are_asked_for(config, override, said):
    overrides = [override, *STARTS] if "student" in override else [override]
    recipe, built, _ = runs.configured(f"{CONFIGS}/{config}", overrides)
    with pytest.raises(ValueError, match=said):
        recipe.programs(built, make_mesh(1))


def test_a_batch_that_does_not_split_is_told_of_its_program_alone():
    batches = ["epik.teacher.batches.batch_size=6"]
    recipe, settings, _ = runs.configured(f"{CONFIGS}/epik.py:tiny", batches)
    found = distinct(recipe.programs(settings, make_mesh(4)))
    told = {one.programs[0].name: one for one in found}
    said = told.pop("teacher update").failed
    assert said.startswith("a batch of 6 rows does not split over 4 devices")
    assert all(one.lowered is not None for one in told.values())
