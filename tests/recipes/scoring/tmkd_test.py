"""A crowd is trained once, and students hear of it what their presets say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import toy_bert
import toy_crowd
from toy_crowd import CORPUS, CROWD, DATA, RECIPE, STUDENT
from toy_epik import workplace

from epik_jax import trees
from epik_jax.recipes.scoring import signals
from epik_jax.recipes.scoring.crowd import ready_crowd
from epik_jax.recipes.scoring.scoreboard import Scored, averaged, difference
from epik_jax.recipes.scoring.tmkd import gather_material, train_students
from epik_jax.teachers import placed


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placed, "WIDTH_STEP", toy_crowd.WIDTH)
        yield workplace(tmp_path_factory.mktemp("crowd"))


@pytest.fixture(scope="module")
def material(place):
    return gather_material(RECIPE, CORPUS, DATA, place, general=True)


def stages(place):
    return {path.name for path in (Path(place.folder) / "stages").iterdir()}


def test_the_crowd_is_asked_about_all_pairs_and_known_by_name(material):
    assert [member.name for member in material.members] == ["one", "other"]
    assert material.train.logits.shape == (len(CORPUS.train), 2, 2)
    assert material.general.logits.shape == (len(CORPUS.general), 2, 2)
    one = material.members[0].network
    theirs = one.logits(one.encoded(CORPUS.train))
    np.testing.assert_allclose(material.train.logits[:, 0], theirs, atol=1e-5)
    assert material.figures.keys() == {"one", "other"}


def test_teachers_of_other_seeds_are_others(material):
    one, other = (trees.flatten(m.network.params) for m in material.members)
    assert (one["headers/stacked_kernel"] != other["headers/stacked_kernel"]).any()


def test_what_was_trained_and_asked_is_read_back(material, place, monkeypatch):
    def untouched(*_):
        raise AssertionError("asked again")

    monkeypatch.setattr(signals.ScoringTeacher, "block", untouched)
    again = gather_material(RECIPE, CORPUS, DATA, place, general=True)
    np.testing.assert_array_equal(again.general.logits, material.general.logits)


def test_tmkd_hears_all_on_general_pairs_first_and_ends_with_new_headers(
    material, place
):
    [taught] = train_students(STUDENT, material, place).values()
    assert taught.student.config.num_headers == 3
    assert {"student-general", "student-task"} <= stages(place)
    before, after = (
        trees.flatten(network.params) for network in (taught.general, taught.student)
    )
    # Of two small steps the encoder keeps nearly all; headers were drawn anew.
    key = "transformer/encoder/block_00/attention/out/kernel"
    assert np.corrcoef(before[key].ravel(), after[key].ravel())[0, 1] > 0.99
    key = "headers/stacked_kernel"
    assert abs(np.corrcoef(before[key].ravel(), after[key].ravel())[0, 1]) < 0.9


def test_a_student_of_each_teacher_hears_it_alone_and_all_answer_together(
    material, place
):
    config = dataclasses.replace(STUDENT, preset="m-on-m")
    found = train_students(config, material, place, prefix="each")
    assert set(found) == {"one", "other"}
    assert all(one.student.config.num_headers == 2 for one in found.values())
    assert {"each-one-task", "each-other-task"} <= stages(place)
    networks = [one.student for one in found.values()]
    together = np.exp(averaged(networks, CORPUS.train))
    apart = [network.probs(CORPUS.train) for network in networks]
    np.testing.assert_allclose(together, np.mean(apart, axis=0), atol=1e-6)
    assert abs(apart[0] - apart[1]).max() > 1e-6


def test_without_teachers_there_is_one_header(material, place):
    config = dataclasses.replace(STUDENT, preset="none")
    [taught] = train_students(config, material, place, prefix="alone").values()
    assert taught.student.config.num_headers == 1 and taught.general is None


def test_what_heard_teachers_alone_answers_without_people_s_header(material, place):
    [taught] = train_students(STUDENT, material, place).values()
    assert taught.general.config.prediction == "soft_mean"
    assert taught.student.config.prediction == "mean"


def test_a_preset_of_one_teacher_hears_the_best_on_dev_as_m_on_m_s_member_does(
    material, place
):
    best = max(material.figures, key=material.figures.get)
    assert material.best == best
    alone = dataclasses.replace(STUDENT, preset="1-on-1")
    [one] = train_students(alone, material, place, prefix="one").values()
    several = dataclasses.replace(STUDENT, preset="m-on-m")
    each = train_students(several, material, place, prefix="each")
    mine, theirs = (trees.flatten(x.student.params) for x in (one, each[best]))
    for path, leaf in mine.items():
        np.testing.assert_array_equal(leaf, theirs[path])


@pytest.mark.parametrize("preset", ["1avg-on-1", "MKD", "TKD"])
def test_a_preset_has_the_headers_of_the_voices_that_it_hears(preset, material, place):
    config = dataclasses.replace(STUDENT, preset=preset)
    [taught] = train_students(config, material, place, prefix=preset).values()
    assert taught.student.config.num_headers == (3 if preset == "MKD" else 2)
    assert (taught.general is not None) == (preset == "TKD")


def test_fewer_general_pairs_are_the_first_ones_and_leave_all_else_as_it_is(
    material, place
):
    few = dataclasses.replace(STUDENT, num_general=8)
    [taught] = train_students(few, material, place, prefix="few").values()
    [whole] = train_students(STUDENT, material, place).values()
    mine, theirs = (trees.flatten(x.general.params) for x in (taught, whole))
    assert any((mine[path] != theirs[path]).any() for path in mine)
    few = dataclasses.replace(few, num_general=10**6)
    many = dataclasses.replace(RECIPE, student=few)
    with pytest.raises(ValueError, match=r"num_general is 1000000, and there are"):
        gather_material(many, CORPUS, DATA, place, general=True)


def test_what_the_task_mixes_makes_no_difference_to_what_is_heard_before(
    material, place
):
    other = dataclasses.replace(
        STUDENT, soft=dataclasses.replace(STUDENT.soft, ratio=0.2)
    )
    [one] = train_students(STUDENT, material, place).values()
    # The same stage: nothing refuses it, and only what follows is another.
    [two] = train_students(
        dataclasses.replace(other, task=toy_crowd.leg(3)), material, place, prefix="mix"
    ).values()
    mine, theirs = (trees.flatten(x.general.params) for x in (one, two))
    for path, leaf in mine.items():
        np.testing.assert_array_equal(leaf, theirs[path])


@pytest.mark.parametrize("lists", [("typo",), ("builtin", "typo")])
def test_a_teacher_of_lists_that_are_none_is_told_before_anything_is_trained(lists, at):
    teacher = dataclasses.replace(CROWD.teachers[0], lists=lists)
    crowd = dataclasses.replace(CROWD, teachers=(teacher,))
    recipe = dataclasses.replace(RECIPE, crowd=crowd)
    with pytest.raises(ValueError, match=r"teacher one: lists"):
        gather_material(recipe, CORPUS, DATA, at, general=False)


def test_systems_are_scored_alike_and_a_system_does_not_differ_from_itself(material):
    lists = CORPUS.test
    networks = [member.network for member in material.members]
    crowd, one = (Scored.of(some, lists, "1") for some in (networks, networks[:1]))
    figures = crowd.figures()
    assert figures["overall"].keys() == {"map", "mrr", "accuracy"}
    assert figures["by_list"]["builtin"]["n"] == len(lists["builtin"])
    same = difference(crowd, crowd)["map"]
    assert same["value"] == 0 and same["verdict"] == "inconclusive"
    assert set(difference(one, crowd)) == {"map", "mrr", "accuracy"}


def test_more_pairs_than_there_are_cannot_make_a_batch(at):
    large = toy_crowd.leg()
    large = dataclasses.replace(
        large, batches=dataclasses.replace(large.batches, batch_size=10**6)
    )
    student = dataclasses.replace(STUDENT, general=large)
    asked = dataclasses.replace(RECIPE, student=student)
    with pytest.raises(ValueError, match=r"student\.general: batch_size is 1000000"):
        gather_material(asked, CORPUS, DATA, at, general=True)
    eager = dataclasses.replace(CROWD.teachers[0], labels=large)
    asked = dataclasses.replace(
        RECIPE, crowd=dataclasses.replace(CROWD, teachers=(eager,))
    )
    with pytest.raises(ValueError, match="teacher one: batch_size is 1000000"):
        gather_material(asked, CORPUS, DATA, at, general=False)


def test_a_folder_that_is_no_scorer_of_these_classes_is_told(at, tmp_path):
    missing = dataclasses.replace(CROWD.teachers[0], folder=str(tmp_path / "none"))
    crowd = dataclasses.replace(CROWD, teachers=(missing,))
    with pytest.raises(FileNotFoundError, match="is no model folder"):
        ready_crowd(crowd, CORPUS, DATA, None, at)


def test_a_folder_of_no_use_is_told_before_anything_is_trained(at, tmp_path):
    first, second = CROWD.teachers
    nowhere = str(tmp_path / "none")
    last = dataclasses.replace(second, folder=nowhere)
    crowd = dataclasses.replace(CROWD, teachers=(first, last))
    taught = dataclasses.replace(STUDENT, general_folder=nowhere)
    for changes in ({"crowd": crowd}, {"student": taught}):
        with pytest.raises(FileNotFoundError, match="is no model folder"):
            asked = dataclasses.replace(RECIPE, **changes)
            gather_material(asked, CORPUS, DATA, at, general=False)
    assert not [*at.folder.iterdir()]


def test_a_folder_that_the_student_cannot_begin_as_is_told_before_anything_is_trained(
    at,
):
    first, second = CROWD.teachers
    bert = dataclasses.replace(second, start_folder=str(toy_bert.FOLDER), matches=False)
    crowd = dataclasses.replace(CROWD, teachers=(first, bert))
    student = dataclasses.replace(STUDENT, teacher="other", matches=False)
    asked = dataclasses.replace(RECIPE, crowd=crowd, student=student)
    with pytest.raises(ValueError, match=r"width is 8, and the teacher .* has 32"):
        gather_material(asked, CORPUS, DATA, at, general=False)
    assert not [*at.folder.iterdir()]


@pytest.mark.parametrize("name", ["crowd", "student"])
def test_a_teacher_is_not_called_as_figures_call_others(name):
    named = dataclasses.replace(CROWD.teachers[0], name=name)
    with pytest.raises(ValueError, match=f"no teacher may be called '{name}'"):
        dataclasses.replace(CROWD, teachers=(named,))


def test_a_student_that_marks_what_its_teacher_does_not_is_refused_at_once():
    other = dataclasses.replace(STUDENT, matches=not STUDENT.matches)
    with pytest.raises(ValueError, match="of the network that it begins as"):
        dataclasses.replace(RECIPE, student=other)
