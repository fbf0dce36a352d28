"""Who answers the names of a report, with toys whose answers are known."""

from __future__ import annotations

import dataclasses
import math

import pytest
from toy_networks import StandIn
from toy_trained import CONFIG, ENGLISH, MODEL, NAMES, answers, trained_with

from epik_jax import trees
from epik_jax.data.draw import drawn
from epik_jax.recipes.transliteration import scoreboard
from epik_jax.recipes.transliteration.networks import network_digest
from epik_jax.recipes.transliteration.predictors import (
    greedily,
    greedy_chain,
    summed_chain,
)
from epik_jax.teachers.crowd import reranked
from epik_jax.teachers.forward import Decoding
from epik_jax.teachers.table import TableTeacher


@pytest.fixture
def trained():
    return trained_with()


def test_names_reported_on_are_direct_and_not_those_for_choosing():
    chosen = [dataclasses.replace(NAMES[0], example_id="chosen")]
    trained = trained_with(choosing=chosen)
    assert scoreboard.direct_names(trained, CONFIG) == NAMES


def test_a_limit_draws_some_of_the_names(trained):
    config = dataclasses.replace(CONFIG, num_names=5)
    assert scoreboard.direct_names(trained, config) == drawn(NAMES, 5)


def test_every_system_answers_the_same_names_the_student_first(trained):
    found = scoreboard.systems(trained, NAMES, CONFIG)
    assert [(s.name, s.role) for s in found] == [
        ("student", "student"),
        ("chain", "chain"),
        ("gold English", "oracle"),
        ("chain, summed over pivots", "teacher"),
        ("student, by beam", "student"),
        ("table builtin", "rules"),
    ]
    for system in found:
        assert [e for e, _ in system.predictions] == NAMES


def test_the_chain_is_two_greedy_passes_and_its_pivots_are_kept(trained):
    _, chain, *_ = scoreboard.systems(trained, NAMES, CONFIG)
    greedy = greedy_chain(trained.teacher)
    assert answers(chain) == greedy.transliterate(NAMES)
    assert chain.decode == "greedy"
    for example, row in zip(NAMES, greedy.pivots(NAMES), strict=True):
        assert chain.pivots[example.example_id] == row[0].text
    # With English on one side there is nothing to chain.
    assert [e for e, _ in chain.more] == ENGLISH
    assert [row[0].text for _, row in chain.more] == [
        row[0].text for row in greedily(trained.teacher)(ENGLISH)
    ]


def test_the_summed_chain_is_labelled_by_its_beams_and_left_out_at_0(trained):
    found = scoreboard.systems(trained, NAMES, CONFIG)
    assert found[3].decode == "beam-2x2"
    expected = summed_chain(trained.teacher, 2).transliterate(NAMES)
    assert answers(found[3]) == expected
    none = dataclasses.replace(CONFIG, num_pivots=0, tables=(), beam_width=1)
    names = [s.name for s in scoreboard.systems(trained, NAMES, none)]
    assert names == ["student", "chain", "gold English"]


def test_a_student_by_beam_has_several_answers(trained):
    config = dataclasses.replace(CONFIG, beam_width=3)
    found = {s.name: s for s in scoreboard.systems(trained, NAMES, config)}
    wide = found["student, by beam"]
    assert wide.decode == "beam-3" and max(map(len, answers(wide))) == 3
    expected = trained.student.transliterate(NAMES, Decoding(3, 3))
    assert answers(wide) == expected


def test_beams_that_no_decoder_takes_are_refused_with_the_settings():
    for setting in ({"beam_width": 65}, {"num_pivots": 1000}):
        with pytest.raises(ValueError, match=r"is \d+, expected [01] to 64"):
            dataclasses.replace(CONFIG, **setting)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rerank_weight": -1.0}, "rerank_weight is -1.0, expected 0 to"),
        ({"rerank_weight": math.inf}, "rerank_weight is inf, expected 0 to"),
        ({"rerank_weight": math.nan}, "rerank_weight is nan, expected 0 to"),
        ({"batch_sizes": ()}, r"batch_sizes \(\) are not positive and different"),
        ({"batch_sizes": (1, 0)}, "are not positive and different"),
        ({"batch_sizes": (8, 8)}, "are not positive and different"),
        ({"others": ((" ", "a"),)}, "no names for a table"),
        ({"baselines": (("a\nb", "a"),)}, "no names for a table"),
    ],
)
def test_settings_that_would_spoil_a_report_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, num_timed=8, **settings)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"others": (("chain", "runs/half"),)}, "chain"),
        ({"others": (("half", "a"), ("half", "b"))}, "half"),
        ({"others": (("half", "a"),), "baselines": (("half", "b"),)}, "half"),
        ({"baselines": (("student, by beam", "a"),)}, "student, by beam"),
        ({"baselines": (("gold English", "a"),)}, "gold English"),
        ({"others": (("table builtin", "a"),)}, "table builtin"),
        ({"tables": ("builtin", "builtin")}, "table builtin"),
    ],
)
def test_two_systems_of_one_name_are_refused_with_the_settings(settings, name):
    with pytest.raises(ValueError, match=rf"\['{name}'\] of others, .* two systems"):
        dataclasses.replace(CONFIG, **settings)


def test_the_systems_of_a_run_have_the_names_that_are_kept_from_others(trained):
    config = dataclasses.replace(CONFIG, rerank_weight=50.0)
    found = scoreboard.systems(trained, NAMES, config)
    assert len(found) == 7
    for system in found:
        with pytest.raises(ValueError, match="two systems"):
            dataclasses.replace(config, others=((system.name, "runs/half"),))


def test_lists_told_apart_are_answered_and_counted_by_source_alone(trained):
    names = [
        dataclasses.replace(e, origin="languages" if i % 3 else "places")
        for i, e in enumerate(NAMES)
    ]
    english = [dataclasses.replace(ENGLISH[0], origin="languages"), ENGLISH[1]]
    corpus = dataclasses.replace(
        trained.corpus, names=[*names, *english], apart=("languages",)
    )
    trained = dataclasses.replace(trained, corpus=corpus)
    for system in scoreboard.systems(trained, names, CONFIG):
        assert [e for e, _ in system.more] in ([], [ENGLISH[1]])
        assert [e for e, _ in system.predictions] == names[::3]
        assert {e.origin for e, _ in system.apart} == {"languages"}
        assert len(system.apart) + len(system.predictions) == len(names)
    with pytest.raises(ValueError, match="no direct name but those of"):
        scoreboard.systems(trained, names[1:3], CONFIG)


def test_the_bound_reads_the_gold_english_form_in_one_pass(trained):
    _, _, bound, *_ = scoreboard.systems(trained, NAMES, CONFIG)
    english = [dataclasses.replace(e, source=e.pivot, source_lang="en") for e in NAMES]
    assert answers(bound) == greedily(trained.teacher)(english)
    some = [dataclasses.replace(NAMES[0], pivot=""), *NAMES[1:]]
    assert "oracle" not in {s.role for s in scoreboard.systems(trained, some, CONFIG)}


def test_a_table_may_rank_the_answers_of_the_summed_chain_anew(trained):
    config = dataclasses.replace(CONFIG, rerank_weight=50.0)
    *_, summed, ranked, _, table = scoreboard.systems(trained, NAMES, config)
    assert ranked.decode == summed.decode == "beam-2x2"
    assert ranked.name == "the same, reranked by table builtin"
    expected = reranked(answers(summed), answers(table), 50.0)
    assert answers(ranked) == expected != answers(summed)
    with pytest.raises(ValueError, match="rerank_weight needs a table"):
        dataclasses.replace(config, tables=())


def test_student_and_table_answer_for_themselves(trained):
    student, *_, table = scoreboard.systems(trained, NAMES, CONFIG)
    assert answers(student) == greedily(trained.student)(NAMES)
    assert answers(table) == TableTeacher("builtin").transliterate(NAMES)
    assert table.decode == "rules" and table.num_parameters is None
    assert student.num_parameters == trees.num_elements(trained.student.params)
    assert (student.digest, table.digest) == (network_digest(trained.student), "")


def test_other_students_and_baselines_are_loaded_and_told_apart(trained, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        scoreboard,
        "load_network",
        lambda folder, mesh: loaded.append(str(folder)) or StandIn(MODEL, str(folder)),
    )
    config = dataclasses.replace(
        CONFIG,
        num_pivots=0,
        beam_width=1,
        others=(("half", "runs/half/student"),),
        baselines=(("joined", "runs/joined/student"),),
    )
    found = scoreboard.systems(trained, NAMES, config)
    assert [(s.name, s.role) for s in found[3:5]] == [
        ("half", "student"),
        ("joined", "baseline"),
    ]
    assert loaded == ["runs/half/student", "runs/joined/student"]
    assert answers(found[3]) != answers(found[4])
