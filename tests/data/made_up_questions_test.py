"""Made-up questions have one answer each, and no name of one part is in another."""

from __future__ import annotations

import collections
import itertools

from epik_jax.data.made_up_questions import LABELS, RIGHT, made_up_questions

TRAIN, DEV, TEST = (
    made_up_questions(part, count=60, seed=0) for part in ("train", "dev", "test")
)


def by_question(pairs):
    return [pairs[i : i + 5] for i in range(0, len(pairs), 5)]


def test_of_five_candidates_one_answers_and_it_stands_anywhere():
    places = collections.Counter()
    for rows in by_question(TRAIN):
        assert len({pair.text_a for pair in rows}) == 1
        assert len({pair.text_b for pair in rows}) == 5
        labels = [pair.label for pair in rows]
        assert sorted(labels) == ["0", "0", "0", "0", "1"] and set(labels) <= {*LABELS}
        places[labels.index(RIGHT)] += 1
    assert len(places) == 5


def test_neither_the_person_nor_the_fact_alone_tells_the_answer():
    same_person = 0
    for rows in by_question(TRAIN):
        right = next(pair.text_b for pair in rows if pair.label == RIGHT)
        asked = {word for word in rows[0].text_a.split() if word[0].isupper()}
        named = {*right.split()} & asked
        assert named
        wrong = [pair.text_b for pair in rows if pair.label != RIGHT]
        same_person += sum(named <= {*text.split()} for text in wrong)
    assert same_person >= 2 * len(TRAIN) / 5


def test_questions_follow_from_the_seed():
    assert made_up_questions("dev", count=60, seed=0) == DEV
    assert made_up_questions("dev", count=60, seed=1) != DEV
    assert made_up_questions("dev", count=20, seed=0) == DEV[:100]


def test_no_question_of_one_part_is_in_another():
    asked = [{pair.text_a for pair in part} for part in (TRAIN, DEV, TEST)]
    for one, other in itertools.combinations(asked, 2):
        assert not one & other
    assert len({pair.example_id for pair in (*TRAIN, *DEV, *TEST)}) == 900
