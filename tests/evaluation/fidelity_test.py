import numpy as np
import pytest

from epik_jax.evaluation import fidelity, metrics
from epik_jax.structs import Example, Hypothesis


def prediction(name, targets, *answers, pair="hi>bn"):
    source_lang, target_lang = pair.split(">")
    example = Example(f"{pair}:{name}", name, source_lang, target_lang, tuple(targets))
    return example, tuple(Hypothesis(text, 0.0) for text in answers)


def brute_force_mismatched(student, teacher):
    values = [
        np.dot(s, t) / np.linalg.norm(s) / np.linalg.norm(t)
        for i, s in enumerate(student)
        for j, t in enumerate(teacher)
        if i != j
    ]
    return np.mean(values)


def test_equal_states_match_fully_and_find_each_other():
    states = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    found = fidelity.pooled_similarity(states, states)
    assert found.matched == pytest.approx(1.0)
    assert found.centred == pytest.approx(1.0)
    assert found.retrieval == pytest.approx(1.0)
    assert (found.num_candidates, found.num_vectors) == (40, 40)


def test_mismatched_equals_the_mean_over_all_unequal_pairs():
    rng = np.random.default_rng(1)
    student, teacher = rng.normal(1.0, size=(2, 12, 5))
    found = fidelity.pooled_similarity(student, teacher)
    assert found.mismatched == pytest.approx(brute_force_mismatched(student, teacher))


def test_common_direction_lifts_matched_but_not_centred():
    rng = np.random.default_rng(2)
    student, teacher = rng.normal(size=(2, 500, 16)) + 20.0
    found = fidelity.pooled_similarity(student, teacher)
    assert found.matched > 0.95
    assert found.mismatched > 0.95
    assert abs(found.centred) < 0.05


def test_collapsed_student_finds_its_teacher_by_chance_only():
    teacher = np.random.default_rng(3).normal(size=(64, 4))
    found = fidelity.pooled_similarity(np.ones((64, 4)), np.ones((64, 4)))
    assert found.retrieval == pytest.approx(1 / 64)
    found = fidelity.pooled_similarity(np.ones((64, 4)), teacher)
    assert found.retrieval == pytest.approx(1 / 64)


def test_retrieval_pools_hold_the_number_asked_for():
    rng = np.random.default_rng(4)
    student, teacher = rng.normal(size=(2, 1000, 32))
    small = fidelity.pooled_similarity(student, teacher, num_candidates=10)
    assert small.num_candidates == 10
    assert small.retrieval == pytest.approx(0.1, abs=0.04)


def test_every_word_is_asked_in_retrieval_also_where_pools_do_not_come_out_even():
    teacher = np.eye(5)
    student = teacher * np.array([[-1.0], [1.0], [1.0], [1.0], [1.0]])
    for seed in range(4):
        found = fidelity.pooled_similarity(
            student, teacher, num_candidates=3, seed=seed
        )
        assert found.retrieval == pytest.approx(4 / 5)


def test_padding_does_not_change_the_pooled_mean():
    rng = np.random.default_rng(5)
    hidden = rng.normal(size=(3, 6, 4))
    mask = np.arange(6) < np.array([[6], [2], [4]])
    hidden[~mask] = np.nan
    pooled = fidelity.mean_pooled(hidden, mask)
    np.testing.assert_allclose(pooled[1], hidden[1, :2].mean(0), rtol=1e-6)
    with pytest.raises(ValueError, match="row 1"):
        fidelity.mean_pooled(hidden, mask & (np.arange(3) != 1)[:, None])


def test_positions_count_where_both_are_real_and_nowhere_else():
    rng = np.random.default_rng(6)
    teacher = rng.normal(size=(20, 7, 4))
    student = np.full((20, 9, 4), np.nan)
    student_mask = np.arange(9) < rng.integers(2, 9, 20)[:, None]
    teacher_mask = np.arange(7) < rng.integers(2, 7, 20)[:, None]
    both = student_mask[:, :7] & teacher_mask
    student[:, :7][student_mask[:, :7]] = 1.0
    student[:, :7][both] = 3.0 * teacher[both]
    found = fidelity.positional_similarity(student, teacher, student_mask, teacher_mask)
    assert found.matched == pytest.approx(1.0)
    assert found.num_vectors == both.sum()
    assert found.mismatched < 0.5


def test_states_of_another_width_are_refused():
    with pytest.raises(ValueError, match="project"):
        fidelity.pooled_similarity(np.ones((4, 3)), np.ones((4, 5)))
    with pytest.raises(ValueError, match="two words"):
        fidelity.pooled_similarity(np.ones((1, 3)), np.ones((1, 3)))


def test_agreement_ignores_gold_and_words_without_a_teacher_answer():
    student = [
        prediction("a", ["ক"], "খগ"),
        prediction("b", ["ক"], "ক"),
        prediction("c", [], "ঘ"),
        prediction("d", ["ক"], "ক"),
    ]
    teacher = [
        prediction("a", ["ক"], "খগ"),
        prediction("b", ["ক"], "কগ"),
        prediction("c", [], "ঘ"),
        prediction("d", ["ক"]),
    ]
    figures = metrics.summary(fidelity.against_teacher(student, teacher))
    assert figures["n"] == 3
    assert figures["top1"] == pytest.approx(2 / 3)
    assert figures["cer"] == pytest.approx(1 / 5)


def test_agreement_of_different_examples_is_refused():
    with pytest.raises(ValueError, match="same examples"):
        fidelity.against_teacher(
            [prediction("a", ["ক"], "ক")], [prediction("b", ["ক"], "ক")]
        )


def scored(rights, pairs):
    return metrics.word_scores(
        [
            prediction(str(i), ["কখগঘ"], "কখগঘ" if right else wrong, pair=pair)
            for i, (right, wrong, pair) in enumerate(
                zip(rights, "কখগঘঙচছজ", pairs, strict=False)
            )
        ]
    )


def test_outcomes_count_each_word_once():
    pairs = ["hi>bn"] * 5
    first = scored([1, 1, 1, 0, 0], pairs)
    second = scored([1, 0, 0, 1, 0], pairs)
    assert fidelity.outcomes(first, second) == {
        "both": 1,
        "first_only": 2,
        "second_only": 1,
        "neither": 1,
    }


def test_pairs_take_turns_in_the_list_of_won_words():
    pairs = ["hi>bn", "hi>bn", "hi>bn", "ta>bn", "ta>bn", "ta>bn"]
    winner = scored([1, 1, 1, 1, 1, 0], pairs)
    loser = scored([0, 0, 0, 0, 1, 0], pairs)
    rows = fidelity.rows_right_only(winner, loser)
    assert sorted(rows) == [0, 1, 2, 3]
    assert [pairs[i] for i in rows] == ["hi>bn", "ta>bn", "hi>bn", "hi>bn"]
    assert len(fidelity.rows_right_only(winner, loser, limit=2)) == 2


def test_worst_loss_comes_first_inside_a_pair():
    gold = ["কখগঘ"]
    winner = metrics.word_scores([prediction(n, gold, "কখগঘ") for n in "abc"])
    loser = metrics.word_scores(
        [
            prediction("a", gold, "কখগ"),
            prediction("b", gold, "চচচচ"),
            prediction("c", gold, "কখ"),
        ]
    )
    assert fidelity.rows_right_only(winner, loser).tolist() == [1, 2, 0]
