"""Batches are known to split over devices before anything is trained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes import legs
from epik_jax.recipes import run as runs

CONFIGS = Path(__file__).parents[2] / "configs"
TMKD = "tmkd.crowd.teachers"
LEGS = {
    "matra": ["teacher"],
    "epik": ["epik.teacher", "epik.student.stages[0]"],
    "xtremedistil": [
        "xtremedistil.teacher.masked",
        "xtremedistil.teacher.tagging",
        "xtremedistil.student",
    ],
    "tmkd": [
        *(f"{TMKD}[{n}].{leg}" for n in range(3) for leg in ("masked", "labels")),
        "tmkd.student.general",
        "tmkd.student.task",
    ],
}


def built(recipe, *overrides):
    return runs.configured(f"{CONFIGS}/{recipe}.py:tiny", [*overrides])[1]


@pytest.mark.parametrize(
    ("recipe", "leg"), [(recipe, leg) for recipe in LEGS for leg in LEGS[recipe]]
)
def test_a_batch_that_does_not_split_is_told_by_its_key(recipe, leg):
    key = f"{leg}.batches.batch_size"
    mesh, odd = make_mesh(4), built(recipe, f"{key}=6")
    legs.demand_split(built(recipe), mesh)
    said = f"config.{key}: a batch of 6 rows does not split over 4 devices: "
    with pytest.raises(ValueError, match=re.escape(said)):
        legs.demand_split(odd, mesh)
    legs.demand_split(odd, make_mesh(2))


def test_microbatches_split_what_each_device_has():
    asked = built("epik", "epik.student.stages[0].loop.num_microbatches=4")
    legs.demand_split(asked, make_mesh(2))
    with pytest.raises(ValueError, match="in 4 microbatches each: take a multiple of"):
        legs.demand_split(asked, make_mesh(8))


@pytest.mark.parametrize(
    ("recipe", "folder", "leg"),
    [
        ("epik", "epik.teacher_folder", "epik.teacher"),
        ("epik", "epik.student_folder", "epik.student.stages[0]"),
        ("tmkd", f"{TMKD}[1].folder", f"{TMKD}[1].labels"),
    ],
)
def test_what_a_folder_holds_finished_is_not_trained(recipe, folder, leg):
    rows, mesh = f"{leg}.batches.batch_size=6", make_mesh(4)
    legs.demand_split(built(recipe, rows, f"{folder}=somewhere"), mesh)


def test_a_run_refuses_the_last_batch_before_it_leaves_anything(tmp_path):
    odd = ["epik.student.stages[0].batches.batch_size=6", "mesh.data=4"]
    with pytest.raises(ValueError, match="does not split over 4 devices"):
        runs.run(f"{CONFIGS}/epik.py:tiny", odd, tmp_path / "run", evaluate=False)
    assert not (tmp_path / "run" / "config.json").exists()
    assert not (tmp_path / "run" / "stages").exists()
