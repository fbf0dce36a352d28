"""An answerer says how it searches, and answers what it says it can."""

from __future__ import annotations

import logging
from pathlib import Path

import console
import numpy as np
import pytest

from epik_jax.recipes.transliteration import answerer
from epik_jax.structs import Example
from epik_jax.teachers import advice


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return console.write_models(tmp_path_factory.mktemp("run")) / "student"


@pytest.mark.parametrize(
    ("chain", "width", "said"),
    [
        (False, 1, "greedy"),
        (True, 1, "greedy"),
        (False, 4, "beam-4"),
        (True, 4, "beam-4x4"),
    ],
)
def test_an_answerer_is_labelled_by_what_searches(folder, chain, width, said):
    system = answerer.model_answerer(folder, beam_width=width, chain=chain)
    assert system.decode == said


def test_the_chain_is_the_network_asked_twice(folder: Path) -> None:
    direct = answerer.model_answerer(folder).predictor
    chain = answerer.model_answerer(folder, chain=True).predictor
    asked = [Example("1", "मन", "hi", "ta"), Example("2", "man", "en", "ta")]
    (pivot,) = direct([Example("", "मन", "hi", "en")])[0]
    (second,) = direct([Example("", pivot.text, "en", "ta")])[0]
    (through,), (once,) = chain(asked)
    assert through.text == second.text
    assert np.isclose(once.log_prob, direct(asked[1:])[0][0].log_prob)


@pytest.mark.parametrize("chain", [False, True])
def test_the_longest_word_taken_can_be_answered(folder: Path, chain: bool) -> None:
    system = answerer.model_answerer(folder, chain=chain)
    if chain:  # English may come out 8 longer than the padded word with tag and end.
        padded = -(-(system.max_length + 2) // 4) * 4
        assert padded + 8 <= 22
    word = ("कमल" * 10)[: system.max_length]
    assert system.predictor([Example("", word, "hi", "ta")])[0]
    with pytest.raises(ValueError, match="longer than"):
        longer = word + "म" * (25 - len(word) - 2)
        system.predictor([Example("", longer, "hi", "ta")])


def test_as_many_candidates_come_as_are_asked_for(folder: Path) -> None:
    system = answerer.model_answerer(folder, num_candidates=3)
    (answers,) = system.predictor([Example("", "मन", "hi", "ta")])
    assert len({a.text for a in answers}) == 3
    logs = [a.log_prob for a in answers]
    assert logs == sorted(logs, reverse=True) and system.decode == "beam-3"


def test_a_student_is_not_trusted_with_english(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answerer._warn_of_english.cache_clear()
    system = answerer.model_answerer(folder)
    with caplog.at_level(logging.WARNING):
        system.predictor([Example("", "मन", "hi", "ta")])
        assert not caplog.records
        system.predictor([Example("", "man", "en", "ta")] * 2)
    assert len(caplog.records) == 1 and "is a guess" in caplog.text


def test_a_run_folder_is_told_from_a_model_folder(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"take .*student"):
        answerer.model_answerer(folder.parent)


def test_a_table_that_is_not_installed_is_a_mistake_of_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(kind: str) -> None:
        raise ImportError("pip install PyICU")

    monkeypatch.setattr(advice, "TableTeacher", missing)
    with pytest.raises(ValueError, match="pip install PyICU"):
        answerer.table_answerer("icu")
