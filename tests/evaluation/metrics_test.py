import dataclasses

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.evaluation import metrics, sounds
from epik_jax.evaluation.intervals import intervals
from epik_jax.structs import Example, Hypothesis


def prediction(source, targets, *answers, pair="hi>bn"):
    source_lang, target_lang = pair.split(">")
    example = Example(
        f"{pair}:{source}", source, source_lang, target_lang, tuple(targets)
    )
    return example, tuple(Hypothesis(text, -1.0 * i) for i, text in enumerate(answers))


def first_letter(text, lang):
    return text[:1]


WORDS = st.text("কখগঘচ", min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=12))
def test_corpus_cer_equals_jiwer_with_one_reference(pairs):
    scores = metrics.word_scores([prediction("a", [ref], hyp) for ref, hyp in pairs])
    references, answers = zip(*pairs, strict=True)
    assert scores.ratio("cer").value() == pytest.approx(
        jiwer.cer(list(references), list(answers))
    )
    each = [jiwer.cer(ref, hyp) for ref, hyp in pairs]
    assert metrics.summary(scores)["cer_mean"] == pytest.approx(np.mean(each))


def test_closest_reference_has_fewest_edits_and_then_is_the_longer():
    scores = metrics.word_scores(
        [
            prediction("a", ["কখগঘ", "কখ"], "কখগ"),  # One edit to either.
            prediction("b", ["খখখখখখখখ", "কখ"], "ক"),
        ]
    )
    assert scores.edits.tolist() == [1, 1]
    assert scores.ref_length.tolist() == [4, 2]


def test_any_reference_makes_an_answer_right():
    scores = metrics.word_scores([prediction("a", ["কখ", "গঘ"], "গঘ")])
    assert scores.exact.tolist() == [True]
    assert scores.edits.tolist() == [0]


def test_missing_prediction_is_wrong_and_costs_its_whole_reference():
    scores = metrics.word_scores(
        [prediction("a", ["কখগঘ"]), prediction("b", ["কখ"], "")],
        {"empty": lambda text, lang: ""},
    )
    assert scores.edits.tolist() == scores.ref_length.tolist() == [4, 2]
    assert scores.rank.tolist() == [0, 0]
    assert metrics.summary(scores)["empty"] == 0.0
    assert scores.ratio("cer").value() == 1.0


def test_both_sides_are_normalised():
    decomposed, composed = "র\u09af\u09bc", "র\u09df"
    scores = metrics.word_scores(
        [
            prediction("a", [composed], decomposed),
            prediction("b", ["ক\u200dখ"], "কখ"),
            prediction("c", ["cafe"], "Café", pair="hi>en"),
        ]
    )
    assert scores.exact.all()


def test_rank_is_of_the_first_right_answer():
    scores = metrics.word_scores(
        [
            prediction("a", ["ক"], "খ", "গ", "ক", "ক"),
            prediction("b", ["ক"], "ক", "খ"),
            prediction("c", ["ক"], "খ", "গ"),
        ]
    )
    assert scores.rank.tolist() == [3, 1, 0]
    figures = metrics.summary(scores)
    assert figures["top1"] == pytest.approx(1 / 3)
    assert figures["top3"] == pytest.approx(2 / 3)
    assert figures["mrr"] == pytest.approx((1 / 3 + 1) / 3)


def test_figures_over_more_answers_than_given_are_absent():
    one = metrics.summary(metrics.word_scores([prediction("a", ["ক"], "ক")]))
    four = metrics.summary(
        metrics.word_scores([prediction("a", ["ক"], "ক", "খ", "গ", "ঘ")])
    )
    assert not {"mrr", "top3", "top5"} & set(one)
    assert {"mrr", "top3"} <= set(four)
    assert "top5" not in four


def test_sound_key_matches_any_reference_in_the_target_language():
    asked = []

    def key(text, lang):
        asked.append((text, lang))
        return text[:1]

    scores = metrics.word_scores(
        [prediction("a", ["কখ", "গঘ"], "গগ"), prediction("b", ["কখ"], "ঘ")],
        {"first": key},
    )
    assert scores.ratio("first").numerators.tolist() == [1.0, 0.0]
    assert {text for text, lang in asked if lang != "bn"} == {"a", "b"}
    assert metrics.summary(scores)["first"] == 0.5


def test_exact_answer_sounds_right_even_where_its_key_is_empty():
    scores = metrics.word_scores(
        [prediction("a", ["ক"], "ক"), prediction("b", ["ক"], "খ")],
        {"empty": lambda text, lang: ""},
    )
    assert scores.ratio("empty").numerators.tolist() == [1.0, 0.0]


def test_across_scripts_an_answer_is_compared_with_its_source():
    rows = [
        prediction("कमल", ["কমল"], "গমল"),  # K M L, whatever the reference.
        prediction("कमल", ["রমল"], "কমল"),
        prediction("कमल", ["কমল", "রমল"], "রমল"),
        prediction("कमल", ["রমল"]),
    ]
    scores = metrics.word_scores(rows, {"phonetic": sounds.SOUND_KEYS["phonetic"]})
    assert scores.ratio("cross_phonetic").numerators.tolist() == [1, 1, 0, 0]
    assert scores.references("cross_phonetic").numerators.tolist() == [1, 0, 1, 0]
    assert scores.ratio("phonetic").numerators.tolist() == [1, 0, 1, 0]
    assert scores.references("phonetic") is scores.references("cer") is None
    found = metrics.summary(scores.take(np.array([0, 1, 2])))
    assert found["cross_phonetic"] == found["cross_phonetic_references"] == 2 / 3
    assert "phonetic_references" not in found


def test_a_distance_is_to_the_nearest_reference_and_absent_where_unknown():
    def distance(text, other, lang):
        return None if lang == "en" else abs(len(text) - len(other)) / 10

    rows = [
        prediction("a", ["কখগঘ", "কখ"], "ক"),
        prediction("b", ["abc"], "a", pair="hi>en"),
        prediction("c", ["কখ"], "কখ"),
    ]
    scores = metrics.word_scores(rows, distance=distance)
    assert metrics.summary(scores)["feature_distance"] == pytest.approx(0.1 / 2)
    by_pair = metrics.summary_by_pair(scores)
    assert "feature_distance" not in by_pair["hi>en"]
    assert "feature_distance" not in metrics.summary(metrics.word_scores(rows))
    # A language pair without any is left out of the mean over pairs.
    found = intervals(scores, scores.pairs, num_resamples=20)["feature_distance"]
    assert found["value"] == pytest.approx(0.1 / 2) and found["high"] <= 0.1


def test_intervals_hold_what_references_reach_as_a_mean_over_strata():
    rows = [
        *[prediction("कमल", ["কমল"], "কমল")] * 3,
        prediction("कमल", ["ರಮಲ"], "ಕಮಲ", pair="hi>kn"),
    ]
    scores = metrics.word_scores(rows, {"phonetic": sounds.SOUND_KEYS["phonetic"]})
    found = intervals(scores, scores.pairs, num_resamples=20)
    assert found["cross_phonetic"]["value"] == 1.0
    assert found["cross_phonetic"]["references"] == 0.5
    assert set(found["phonetic"]) == {"value", "low", "high"}


def together(rows):
    """Rows that are resampled together, as sets of their places."""
    words = metrics.word_scores(rows).words
    return {frozenset(np.flatnonzero(words == word)) for word in words}


def test_rows_of_a_lexicon_that_share_a_form_are_resampled_together():
    rows = [
        prediction("अंक", ["ank", "anka"], "ank", pair="hi>en"),
        prediction("ank", ["अंक"], "अंक", pair="en>hi"),
        prediction("anka", ["अंक"], "अंक", pair="en>hi"),
        prediction("kal", ["कल", "काल"], "कल", pair="en>hi"),
        prediction("kaal", ["काल"], "काल", pair="en>hi"),
        prediction("ankit", ["अंकित"], "अंकित", pair="en>hi"),
    ]
    assert together(rows) == {frozenset(s) for s in ((0, 1, 2), (3, 4), (5,))}
    assert together(rows[1:3]) == {frozenset((0, 1))}
    chain = [
        prediction(f"w{i}", [f"n{i}", f"n{i + 1}"], pair="en>hi") for i in range(4)
    ]
    assert len(together(chain[::-1])) == 1


def test_direct_rows_are_resampled_by_whole_names_and_never_by_their_answers():
    def named(pivot, source, target, pair):
        example, answers = prediction(source, [target], target, pair=pair)
        return dataclasses.replace(example, pivot=pivot), answers

    rows = [
        named("kamal", "कमल", "কমল", "hi>bn"),
        named("kamal", "কমল", "ಕಮಲ", "bn>kn"),
        named("komol", "কমল", "कमल", "bn>hi"),
        named("kamala", "कमला", "কমল", "hi>bn"),
    ]
    scores = metrics.word_scores(rows)
    assert scores.words.tolist() == ["kamal", "kamal", "komol", "kamala"]
    # Where no English form is known, the source stands for the name.
    unnamed = [named("", *row) for row in (("क", "ক", "hi>bn"), ("ख", "ক", "hi>bn"))]
    assert len(together([*unnamed, unnamed[0]])) == 2


def test_summary_by_pair_scores_only_that_pairs_rows():
    scores = metrics.word_scores(
        [
            prediction("a", ["ক"], "ক", pair="hi>bn"),
            prediction("b", ["ಕ"], "ಗ", pair="hi>kn"),
            prediction("c", ["ক"], "ক", pair="hi>bn"),
        ],
        {"first": first_letter},
    )
    by_pair = metrics.summary_by_pair(scores)
    assert list(by_pair) == ["hi>bn", "hi>kn"]
    assert [by_pair[p]["n"] for p in by_pair] == [2, 1]
    assert [by_pair[p]["top1"] for p in by_pair] == [1.0, 0.0]
    assert [by_pair[p]["first"] for p in by_pair] == [1.0, 0.0]


def test_example_without_a_reference_is_refused_by_name():
    with pytest.raises(ValueError, match="hi>bn:कमल"):
        metrics.word_scores([prediction("कमल", [], "ক")])
    with pytest.raises(ValueError, match="hi>bn:कमल"):
        metrics.word_scores([prediction("कमल", ["\u200d"], "ক")])


def test_sound_key_named_like_a_metric_is_refused():
    with pytest.raises(ValueError, match="top1"):
        metrics.word_scores([prediction("a", ["ক"], "ক")], {"top1": first_letter})


def test_unknown_metric_and_empty_list_are_refused():
    scores = metrics.word_scores([prediction("a", ["ক"], "ক")])
    with pytest.raises(ValueError, match="wer"):
        scores.ratio("wer")
    with pytest.raises(ValueError, match="no predictions"):
        metrics.summary(metrics.word_scores([]))
