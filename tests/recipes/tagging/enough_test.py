"""Too few sentences are noticed before training, and just enough of them pass."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_tagging

from epik_jax.data.draw import held_out
from epik_jax.data.templates import template_sentences
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.leg_config import LegConfig
from epik_jax.recipes.row_batches import RowBatchConfig
from epik_jax.recipes.tagging.enough import demand_enough
from epik_jax.recipes.tagging.teacher_config import (
    TeacherConfig,
)
from epik_jax.training.loop import LoopConfig
from epik_jax.training.optimizer import OptimizerConfig

CORPUS = toy_tagging.corpus()
"""Ten tagged sentences, eight of them English, and six others, all Hindi."""

APART = held_out([*CORPUS.train, *CORPUS.unlabelled], 4)
LEFT = int(np.count_nonzero(~APART[:10]))
"""Tagged sentences that are left where four of all are held out."""


def sized(batch_size):
    return RowBatchConfig(batch_size, (toy_tagging.WIDTH,))


def leg(batch_size):
    return LegConfig(sized(batch_size), OptimizerConfig(), LoopConfig(2))


def teacher(tagging=1, masked=None):
    model = EncoderConfig(8, 2, 16, 1, toy_tagging.WIDTH)
    return TeacherConfig(model, leg(tagging), leg(masked) if masked else None)


def student(batch_size=1, **changes):
    settings = {"strategy": "D4.1", "num_held_out": 1, **changes}
    return toy_tagging.student(batches=sized(batch_size), **settings)


CASES = [
    (
        lambda more: (teacher(10 + more), student()),
        r"teacher\.tagging: batch_size is 11, and there are 10",
    ),
    (
        lambda more: (teacher(masked=16 + more), student()),
        r"teacher\.masked: batch_size is 17, and there are 16",
    ),
    (
        lambda more: (None, student(LEFT + more, num_held_out=4)),
        f"student: batch_size is {LEFT + 1}, and there are {LEFT}",
    ),
    (
        lambda more: (None, student(10 + more, strategy="D1", num_held_out=9)),
        "student: batch_size is 11, and there are 10",
    ),
    (
        lambda more: (None, student(2 + more, strategy="D0", num_held_out=99)),
        "student of language 'hi': batch_size is 3, and there are 2",
    ),
]


@pytest.mark.parametrize(("asked", "message"), CASES)
def test_a_batch_larger_than_what_there_is_is_refused_and_one_as_large_is_not(
    asked, message
):
    demand_enough(*asked(0), CORPUS)
    with pytest.raises(ValueError, match=message):
        demand_enough(*asked(1), CORPUS)


def test_what_is_held_out_is_taken_from_all_sentences_and_not_from_the_tagged_alone():
    assert 6 < LEFT < 10
    few = dataclasses.replace(CORPUS, unlabelled=CORPUS.unlabelled * 100)
    demand_enough(None, student(5, num_held_out=50), few)


def test_holding_out_all_sentences_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match=r"num_held_out is 16, and there are 16 sent"):
        demand_enough(None, student(num_held_out=16), CORPUS)


def test_a_language_that_is_tested_alone_has_no_student_of_its_own():
    test = template_sentences("test", count=1, seed=0, langs=("ta",))
    corpus = dataclasses.replace(CORPUS, test={"toy/ta": test})
    demand_enough(None, student(), corpus)
    with pytest.raises(ValueError, match=r"language 'ta': batch_size is 1, .* are 0"):
        demand_enough(None, student(strategy="D0"), corpus)
