import numpy as np
import pytest

from epik_jax.evaluation import fidelity, metrics
from epik_jax.structs import Example, Hypothesis


def prediction(name, targets, *answers, pair="hi>bn"):
    source_lang, target_lang = pair.split(">")
    example = Example(f"{pair}:{name}", name, source_lang, target_lang, tuple(targets))
    return example, tuple(Hypothesis(text, 0.0) for text in answers)


def brute_force_mismatched(student, teacher, words):
    values = [
        np.dot(s, t) / np.linalg.norm(s) / np.linalg.norm(t)
        for s, word in zip(student, words, strict=True)
        for t, other in zip(teacher, words, strict=True)
        if word != other
    ]
    return np.mean(values)


def pooled(student, teacher, words=None, langs=None, **kwargs):
    """Every row a word of its own unless said otherwise."""
    words = words or [f"word{i}" for i in range(len(student))]
    langs = langs or ["hi"] * len(student)
    return fidelity.pooled_similarity(student, teacher, words, langs, **kwargs)


def test_equal_states_match_fully_and_find_each_other():
    states = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    found = pooled(states, states)
    assert found.matched == pytest.approx(1.0)
    assert found.centred == pytest.approx(1.0)
    assert found.retrieval == pytest.approx(1.0)
    assert (found.num_candidates, found.num_vectors) == (40, 40)


@pytest.mark.parametrize("words", ["abcdefghijkl", "aaaaabbbccca"])
def test_mismatched_equals_the_mean_over_all_pairs_of_different_words(words):
    rng = np.random.default_rng(1)
    student, teacher = rng.normal(1.0, size=(2, 12, 5))
    expected = brute_force_mismatched(student, teacher, words)
    found = pooled(student, teacher, list(words))
    assert found.mismatched == pytest.approx(expected)


def test_a_perfect_student_finds_every_word_that_is_asked_under_several_tags():
    """Rows of one word and language have one vector, and are asked as one."""
    words = [w for w in "abcdef" for _ in range(6)]
    langs = ["hi", "hi", "ta", "ta", "ta", "kn"] * 6
    states = np.random.default_rng(9).normal(size=(18, 4)).astype(np.float32)
    labels = sorted(set(zip(words, langs, strict=True)))
    rows = [labels.index(label) for label in zip(words, langs, strict=True)]
    found = pooled(states[rows], states[rows], words, langs)
    assert found.retrieval == pytest.approx(1.0)
    assert (found.num_candidates, found.num_vectors) == (18, 36)


@pytest.mark.parametrize("seed", range(3))
def test_positions_are_mismatched_with_those_of_another_word(seed):
    """Rows of one word lie together, as they do in a file of names."""
    words = [w for w in "abcdefgh" for _ in range(9)]
    states = np.repeat(np.eye(8), 9, axis=0)[:, None].repeat(3, axis=1)
    mask = np.ones((72, 3), bool)
    found = fidelity.positional_similarity(states, states, mask, mask, words, seed=seed)
    assert (found.matched, found.mismatched) == pytest.approx((1.0, 0.0))


def test_common_direction_lifts_matched_but_not_centred():
    rng = np.random.default_rng(2)
    student, teacher = rng.normal(size=(2, 500, 16)) + 20.0
    found = pooled(student, teacher)
    assert found.matched > 0.95
    assert found.mismatched > 0.95
    assert abs(found.centred) < 0.05


def test_collapsed_student_finds_its_teacher_by_chance_only():
    teacher = np.random.default_rng(3).normal(size=(64, 4))
    found = pooled(np.ones((64, 4)), np.ones((64, 4)))
    assert found.retrieval == pytest.approx(1 / 64)
    found = pooled(np.ones((64, 4)), teacher)
    assert found.retrieval == pytest.approx(1 / 64)


def test_retrieval_pools_hold_the_number_asked_for():
    rng = np.random.default_rng(4)
    student, teacher = rng.normal(size=(2, 1000, 32))
    small = pooled(student, teacher, num_candidates=10)
    assert small.num_candidates == 10
    assert small.retrieval == pytest.approx(0.1, abs=0.04)


def test_every_word_is_asked_in_retrieval_also_where_pools_do_not_come_out_even():
    teacher = np.eye(5)
    student = teacher * np.array([[-1.0], [1.0], [1.0], [1.0], [1.0]])
    for seed in range(4):
        found = pooled(student, teacher, num_candidates=3, seed=seed)
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
    found = fidelity.positional_similarity(
        student, teacher, student_mask, teacher_mask, [f"word{i}" for i in range(20)]
    )
    assert found.matched == pytest.approx(1.0)
    assert found.num_vectors == both.sum()
    assert found.mismatched < 0.5


def test_states_of_another_width_are_refused():
    with pytest.raises(ValueError, match="project"):
        pooled(np.ones((4, 3)), np.ones((4, 5)))


def test_rows_of_a_single_word_are_refused():
    states, mask = np.ones((4, 2, 3)), np.ones((4, 2), bool)
    with pytest.raises(ValueError, match="two words, got 1"):
        pooled(states[:, 0], states[:, 0], list("aaaa"))
    with pytest.raises(ValueError, match="two words, got 1"):
        fidelity.positional_similarity(states, states, mask, mask, list("aaaa"))


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
