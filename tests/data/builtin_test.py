import collections
import dataclasses
import hashlib
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from epik_jax.data import builtin, syllables
from epik_jax.data.leak import native_words
from epik_jax.text.normalise import complaint, normalise
from epik_jax.text.scripts import LANGUAGES, script_of
from epik_jax.text.wellformed import is_wellformed

KINDS = {"place_in", "place", "person"}
NATIVE = LANGUAGES[1:]
NAMES = {row.key: row for row in builtin.names()}
WORDS = builtin.synthetic_words(seed=3, count=1500)


def seeded(seed):
    return np.random.Generator(np.random.Philox(seed))


def sound(text):
    return tuple(text.split())


def romanisations(phonemes, count=400):
    rng = seeded(0)
    return {syllables.romanise(sound(phonemes), rng) for _ in range(count)}


# ---------------------------------------------------------------------------- names


def test_there_are_names_of_every_kind_and_none_twice():
    kinds = collections.Counter(row.kind for row in builtin.names())
    assert len(builtin.names()) == len(NAMES) >= 520
    assert set(kinds) == KINDS and min(kinds.values()) >= 100


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_name_is_a_sound_normalised_word_of_its_column(lang):
    words = {row.key: getattr(row, lang) for row in builtin.names()}
    assert [w for w in words.values() if script_of(w) != lang] == []
    assert [w for w in words.values() if normalise(w, lang) != w] == []
    assert [w for w in words.values() if complaint(w, lang, 24)] == []
    assert [w for w in words.values() if not is_wellformed(w, lang)] == []


def test_keys_are_the_english_forms_in_plain_letters():
    assert [r for r in builtin.names() if not re.fullmatch("[a-z]+", r.key)] == []
    assert [row for row in builtin.names() if row.key != row.en] == []


@pytest.mark.parametrize("lang", NATIVE)
def test_no_two_names_share_a_native_form(lang):
    forms = collections.Counter(getattr(row, lang) for row in builtin.names())
    assert [form for form, count in forms.items() if count > 1] == []


def test_splits_are_about_eighty_ten_and_ten_of_a_hundred():
    shares = collections.Counter(builtin.split(row.key) for row in builtin.names())
    total = len(builtin.names())
    assert set(shares) == set(builtin.SPLITS)
    assert 0.75 < shares["train"] / total < 0.85
    assert min(shares.values()) / total > 0.07


def test_a_name_never_changes_its_split():
    # The last decimal digits of what `printf KEY | sha256sum` prints are 5, 1 and 0.
    pinned = {"delhi": "train", "kolkata": "test", "ludhiana": "dev"}
    assert {key: builtin.split(key) for key in pinned} == pinned


# ------------------------------------------------------------------- made-up words


@pytest.mark.parametrize("lang", NATIVE)
def test_every_made_up_word_is_a_sound_normalised_word_of_its_script(lang):
    words = [getattr(word, lang) for word in WORDS]
    assert [w for w in words if script_of(w) != lang] == []
    assert [w for w in words if normalise(w, lang) != w] == []
    assert [w for w in words if complaint(w, lang, 32)] == []
    assert [w for w in words if not is_wellformed(w, lang)] == []


def test_made_up_words_have_one_to_three_romanisations_in_plain_letters():
    counts = collections.Counter(len(word.romanisations) for word in WORDS)
    assert set(counts) == {1, 2, 3}
    latin = [text for word in WORDS for text in word.romanisations]
    assert [text for text in latin if not re.fullmatch("[a-z]{2,}", text)] == []
    assert all(len(set(w.romanisations)) == len(w.romanisations) for w in WORDS)


def test_made_up_words_depend_on_the_seed_alone_and_longer_lists_begin_alike():
    assert builtin.synthetic_words(3, 40) == WORDS[:40]
    assert builtin.synthetic_words(4, 40) != WORDS[:40]
    assert builtin.synthetic_words(3, 0) == []


def test_another_process_makes_the_same_examples():
    script = (
        "from epik_jax.data.builtin import builtin_examples as b; import hashlib;"
        "print(hashlib.sha256(repr(b('train', seed=5, num_synthetic=50)).encode())"
        ".hexdigest())"
    )
    here = builtin.builtin_examples("train", seed=5, num_synthetic=50)
    there = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "77", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == hashlib.sha256(repr(here).encode()).hexdigest()


def test_the_first_made_up_word_is_pinned():
    # Red means that a seed now gives other words: every corpus made before is lost.
    first = ("तर्बश", "தர்பஷ்", "ತರ್ಬಶ್", "তর্বশ", ("tarbash", "tarbas"))
    assert dataclasses.astuple(builtin.synthetic_words(0, 1)[0]) == first


def test_words_follow_the_grammar():
    rng = seeded(1)
    vowels = {"a", "ā", "i", "ī", "u", "ū", "r̥", "e", "ē", "ai", "o", "ō", "au"}
    for _ in range(1000):
        word = syllables.draw_phonemes(rng)
        kinds = "".join("V" if phoneme in vowels else "C" for phoneme in word)
        assert re.fullmatch("C{0,2}V(C{1,2}V){1,3}C?", kinds), word
        doubled = [i for i in range(2, len(word)) if word[i - 1] == word[i]]
        assert all(word[i - 2] in ("a", "i", "u", "e", "o") for i in doubled), word


# Real words that the grammar can make: the names list says how each script spells them.
SPELLED = {
    "amit": "a m i t",
    "arjun": "a r j u n",
    "divya": "d i v y ā",
    "dwarka": "d v ā r a k ā",
    "gaya": "g a y ā",
    "gopal": "g ō p ā l",
    "indira": "i n d i r ā",
    "kollam": "k o l l a m",
    "krishna": "k r̥ ṣ ṇ a",
    "kumar": "k u m ā r",
    "pankaj": "p a ṅ k a j",
    "radha": "r ā dh ā",
    "rajesh": "r ā j ē ś",
    "sanjay": "s a ñ j a y",
    "vidya": "v i d y ā",
}


@pytest.mark.parametrize("lang", NATIVE)
def test_sounds_are_spelled_as_real_names_are(lang):
    spelled = {k: syllables.spell(sound(text), lang) for k, text in SPELLED.items()}
    assert spelled == {key: getattr(NAMES[key], lang) for key in SPELLED}


def test_each_script_has_its_own_habits_at_the_end_and_between_vowels():
    assert [syllables.spell(sound("r ā j u"), lang) for lang in NATIVE] == [
        "राजू", "ராஜு", "ರಾಜು", "রাজু",
    ]  # fmt: skip
    assert [syllables.spell(sound("p ē ṛ ā"), lang) for lang in NATIVE] == [
        "पेड़ा", "பேடா", "ಪೇಡಾ", "পেড়া",
    ]  # fmt: skip
    assert [syllables.spell(sound("p r ē m ē"), lang) for lang in NATIVE] == [
        "प्रेमे", "பிரேமே", "ಪ್ರೇಮೆ", "প্রেমে",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("phonemes", "expected"),
    [
        ("ś ā n t i", {"shanti", "shanthi", "santi", "shaanti", "shantee"}),
        ("k a m a l ā", {"kamala", "kamla", "kamalaa"}),
        ("r ā m a", {"rama", "ram", "raama", "raam"}),
        ("k r̥ ṣ ṇ a", {"krishna", "krushna"}),
        ("v i d y ā", {"vidya", "widya", "vidhya"}),
        ("p ū j ā", {"puja", "pooja"}),
        ("b a c c a n", {"bacchan", "bachan"}),
        ("m u t t u", {"muttu", "mutthu", "muthu", "mutu"}),
    ],
)
def test_usual_romanisations_occur(phonemes, expected):
    assert expected <= romanisations(phonemes)


def test_the_last_a_is_heard_after_a_cluster():
    assert {text[-1] for text in romanisations("k r̥ ṣ ṇ a")} == {"a"}


# ------------------------------------------------------------------------- examples


def test_training_has_one_example_a_pair_in_both_directions_of_every_language():
    examples = builtin.builtin_examples("train", seed=3, num_synthetic=30)
    names = sum(builtin.split(row.key) == "train" for row in builtin.names())
    pairs = names + sum(len(word.romanisations) for word in WORDS[:30])
    counts = collections.Counter((e.source_lang, e.target_lang) for e in examples)
    expected = {p: pairs for lang in NATIVE for p in (("en", lang), (lang, "en"))}
    assert counts == expected
    assert {len(example.targets) for example in examples} == {1}
    assert {e.origin for e in examples} == KINDS | {"synthetic"}


def test_no_native_form_of_dev_or_test_is_trained_on(monkeypatch):
    held = [row for row in builtin.names() if builtin.split(row.key) != "train"][:3]
    clashing = [builtin.SyntheticWord(r.hi, "அ", "ಅ", "অ", (r.key,)) for r in held]
    monkeypatch.setattr(builtin, "synthetic_words", lambda seed, count: clashing)
    train = builtin.builtin_examples("train", seed=0, num_synthetic=3)
    assert "அ" in native_words(train)
    for part in ("dev", "test"):
        examples = builtin.builtin_examples(part, seed=0, num_synthetic=0)
        assert native_words(train).isdisjoint(native_words(examples))


@pytest.mark.parametrize("part", ["dev", "test"])
def test_evaluation_asks_every_name_of_the_split_in_all_twenty_directions(part):
    examples = builtin.builtin_examples(part, seed=0, num_synthetic=99)
    rows = [row for row in builtin.names() if builtin.split(row.key) == part]
    asked = collections.Counter((e.source_lang, e.target_lang) for e in examples)
    pairs = [(a, b) for a in LANGUAGES for b in LANGUAGES if a != b]
    assert asked == dict.fromkeys(pairs, len(rows))
    assert len({example.example_id for example in examples}) == len(examples)
    for example in examples:
        if "en" in (example.source_lang, example.target_lang):
            assert example.pivot == ""
        else:
            row = NAMES[example.pivot]
            assert example.source == getattr(row, example.source_lang)
            assert example.targets == (getattr(row, example.target_lang),)
            assert example.origin == row.kind


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="unknown split 'valid'"):
        builtin.builtin_examples("valid", seed=0, num_synthetic=0)
