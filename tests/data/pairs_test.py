"""Claims about directions, grouping and identity of examples."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.data.pairs import (
    WordPair,
    directed_examples,
    example_id,
    grouped_examples,
    merged_examples,
)

UNHURRIED = settings(deadline=None)  # other work may share the machine

PAIRS = [
    WordPair("कल", "kal", 1, "a", "f:1"),
    WordPair("कल", "kall", 3, "b", "f:2"),
    WordPair("काल", "kal", 2, "b", "f:3"),
]

word_pairs = st.lists(
    st.builds(
        WordPair,
        st.sampled_from("कखगघ"),
        st.sampled_from("kg"),
        st.integers(1, 4),
        st.just("a"),
        st.just("f:1"),
    ),
    max_size=12,
)


def test_a_pair_gives_one_example_each_way() -> None:
    to_latin, to_native = directed_examples(PAIRS[1:2], "hi")
    assert to_latin.example_id == example_id("कल", "hi", "en") == "hi>en:कल"
    assert to_native.example_id == example_id("kall", "en", "hi") == "en>hi:kall"
    for example, source, target in [(to_latin, "hi", "en"), (to_native, "en", "hi")]:
        assert (example.source_lang, example.target_lang) == (source, target)
        assert (example.origin, example.weight, example.pivot) == ("b", 1.0, "")
    assert (to_latin.source, to_latin.targets) == ("कल", ("kall",))
    assert (to_native.source, to_native.targets) == ("kall", ("कल",))


def test_grouped_answers_stand_most_frequent_first() -> None:
    grouped = {e.example_id: e.targets for e in grouped_examples(PAIRS, "hi")}
    assert grouped == {
        "hi>en:कल": ("kall", "kal"),
        "hi>en:काल": ("kal",),
        "en>hi:kal": ("काल", "कल"),
        "en>hi:kall": ("कल",),
    }


@UNHURRIED
@given(word_pairs)
def test_grouping_agrees_with_counting(pairs: list[WordPair]) -> None:
    for example in grouped_examples(pairs, "hi"):
        native = example.source_lang == "hi"
        counts: Counter[str] = Counter()
        for pair in pairs:
            ends = (pair.native, pair.latin) if native else (pair.latin, pair.native)
            if ends[0] == example.source:
                counts[ends[1]] += pair.count
        # Counter's order of equal counts is that of first appearance, as promised.
        assert list(example.targets) == [word for word, _ in counts.most_common()]


@UNHURRIED
@given(word_pairs)
def test_merging_directed_examples_gives_the_grouped_ones(
    pairs: list[WordPair],
) -> None:
    merged = {e.example_id: e for e in merged_examples(directed_examples(pairs, "hi"))}
    grouped = {e.example_id: e for e in grouped_examples(pairs, "hi")}
    assert merged.keys() == grouped.keys()
    for name, example in merged.items():
        assert len(set(example.targets)) == len(example.targets)
        assert set(example.targets) == set(grouped[name].targets)


def test_pairs_may_weigh_by_their_writers_and_words_weigh_the_same() -> None:
    pairs = [
        WordPair("कल", "kal", 6, "d", ""),
        WordPair("कल", "kall", 1, "d", ""),
        WordPair("कल", "cal", 2, "d", ""),
        WordPair("राम", "ram", 4, "d", ""),
    ]
    examples = directed_examples(pairs, "hi", by_writers=True)
    weights = [e.weight for e in examples]
    assert weights[::2] == weights[1::2] == [2.0, 1 / 3, 2 / 3, 1.0]
    assert {e.weight for e in directed_examples(pairs, "hi")} == {1.0}


def test_pairs_that_nobody_counted_weigh_alike() -> None:
    pairs = [WordPair("कल", latin, 0, "d", "") for latin in ("kal", "cal")]
    examples = directed_examples(pairs, "hi", by_writers=True)
    assert {e.weight for e in examples} == {1.0}


def test_a_pivot_tells_two_questions_apart() -> None:
    assert example_id("x", "hi", "kn", "ex") == "hi>kn:x|ex"
    assert example_id("x", "hi", "kn") == "hi>kn:x"
