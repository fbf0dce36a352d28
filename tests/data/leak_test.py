"""Claims about what the guard drops, keeps and counts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.data.leak import leak_guard, native_words
from epik_jax.data.pairs import WordPair, directed_examples
from epik_jax.structs import Example

UNHURRIED = settings(deadline=None)  # other work may share the machine


def pair(native: str, latin: str = "a") -> WordPair:
    return WordPair(native, latin, 1, "", "f:1")


def example(source_lang: str, source: str, target_lang: str, *targets: str) -> Example:
    return Example("id", source, source_lang, target_lang, targets)


def test_every_romanisation_of_a_held_out_word_is_dropped_and_counted_per_list() -> (
    None
):
    train = [pair("क", "ka"), pair("ख", "kha"), pair("क", "kaa"), pair("ग", "ga")]
    held = {"dev": {"क", "घ"}, "test": {"क", "ख"}, "other": {"ङ"}}
    kept, dropped = leak_guard(train, held)
    assert kept == [pair("ग", "ga")]
    assert dropped == {"dev": 2, "test": 3, "other": 0}


def test_a_shared_romanisation_alone_is_no_leak() -> None:
    held = native_words([pair("क", "same")])
    assert leak_guard([pair("ख", "same")], {"test": held})[0] == [pair("ख", "same")]


def test_both_sides_of_an_example_are_looked_at_except_english() -> None:
    hidden = frozenset({"ক", "same"})
    leaking = [
        example("hi", "क", "bn", "ক"),
        example("bn", "ক", "en", "ka"),
        example("en", "ka", "bn", "খ", "ক"),
    ]
    clean = [example("en", "same", "hi", "क"), example("hi", "क", "en", "same")]
    kept, dropped = leak_guard([*leaking, *clean], {"names": hidden})
    assert kept == clean
    assert dropped == {"names": 3}


def test_without_held_out_lists_everything_stays() -> None:
    assert leak_guard([pair("क")], {}) == ([pair("क")], {})


@UNHURRIED
@given(
    st.lists(st.sampled_from("कखगघङ"), max_size=10),
    st.lists(st.sampled_from("कखगघङ"), max_size=4),
)
def test_guarding_pairs_equals_guarding_their_examples(
    train: list[str], held: list[str]
) -> None:
    pairs = [pair(word, f"latin{i}") for i, word in enumerate(train)]
    names = {"test": native_words(map(pair, held))}
    kept, dropped = leak_guard(pairs, names)
    directed, twice = leak_guard(directed_examples(pairs, "hi"), names)
    assert directed == directed_examples(kept, "hi")
    assert twice == {"test": 2 * dropped["test"]}
    assert len(kept) + dropped["test"] == len(pairs)
    assert native_words(kept).isdisjoint(held)
