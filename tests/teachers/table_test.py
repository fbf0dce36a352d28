"""Rules as a teacher, with PyICU as the peer."""

import inspect
import itertools
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.structs import Example
from epik_jax.teachers import habits, table
from epik_jax.text import phonetics, scripts, wellformed
from epik_jax.text.normalise import normalise

PAIRS = list(itertools.permutations(scripts.LANGUAGES, 2))


def example(source, source_lang, target_lang):
    return Example(f"{source}{target_lang}", source, source_lang, target_lang)


@pytest.mark.parametrize(
    ("source", "pair", "expected"),
    [
        # Hindi leaves a last vowel, and one of two in the middle, unsaid.
        ("गुजरात", "hi kn", "ಗುಜ್ರಾತ್"),
        ("होमस्टेड", "hi kn", "ಹೋಮ್ಸ್ಟೆಡ್"),
        ("रामपुर", "hi en", "rampur"),
        ("इन्द्र", "hi kn", "ಇಂದ್ರ"),
        # Tamil has one letter for four stops.
        ("மதுரை", "ta hi", "मतुरै"),
        ("பங்காசி", "ta kn", "ಬಂಗಾಸಿ"),
        ("பஞ்சாபி", "ta en", "banjabi"),
        ("டெட்ராய்ட்", "ta kn", "ಟೆಟ್ರಾಯ್ಟ್"),
        ("गाँधी", "hi ta", "காந்தி"),
        # Each script writes its own nasals.
        ("ಇಂದೋರ್", "kn ta", "இந்தோர்"),
        ("ಇಂದೋರ್", "kn bn", "ইন্দোর"),
        ("ইন্দোর", "bn hi", "इंदोर"),
        # Bengali has no v; w is written with two vowels there.
        ("दिलावर", "hi bn", "দিলাভর"),
        ("ওয়ালটাউন", "bn kn", "ವಾಲ್ಟೌನ್"),
        ("ಕ್ಯಾಂಪೋಸ್", "kn bn", "ক্যাম্পোস"),
        ("বেইজিং", "bn en", "bejing"),
        ("sofia", "en hi", "सोफिया"),
        ("karnataka", "en ta", "கார்னாடாகா"),
        ("porto-novo", "en bn", "পোর্টো-নোভো"),
    ],
)
def test_habits_of_both_languages_are_kept(source, pair, expected):
    assert table.transliterate_word(source, *pair.split()) == expected


@pytest.mark.parametrize(("source_lang", "target_lang"), PAIRS)
def test_every_word_gets_a_wellformed_answer(source_lang, target_lang):
    script = scripts.SCRIPTS[source_lang]
    syllables = st.tuples(
        st.sampled_from(script.consonants),
        st.sampled_from([*(script.signs or script.vowels), script.virama, ""]),
        st.sampled_from([*script.finals, ""]),
    ).map("".join)

    @settings(deadline=None, max_examples=12)
    @given(st.lists(syllables, min_size=1, max_size=6).map("".join))
    def check(text):
        word = normalise(text, source_lang)
        if wellformed.is_wellformed(word, source_lang) and word not in ("h", "hh"):
            answer = table.transliterate_word(word, source_lang, target_lang)
            assert wellformed.is_wellformed(answer, target_lang), (word, answer)
            assert normalise(answer, target_lang) == answer

    check()


def test_teacher_answers_each_example_in_order():
    examples = [example("कमल", "hi", "kn"), example("kamal", "en", "hi")]
    answers = table.TableTeacher().transliterate(examples)
    assert [[h.text for h in row] for row in answers] == [["ಕಮಲ್"], ["कामल"]]
    assert all(h.log_prob == 0.0 for row in answers for h in row)
    assert table.TableTeacher().transliterate([]) == []


def test_same_language_is_left_alone():
    assert table.transliterate_word("कमल", "hi", "hi") == "कमल"


def test_word_without_letters_gets_an_empty_answer():
    assert table.transliterate_word("", "hi", "kn") == ""


@pytest.mark.parametrize("pair", ["hi xx", "xx hi"])
def test_unknown_language_is_named(pair):
    with pytest.raises(ValueError, match="'xx'"):
        table.transliterate_word("कमल", *pair.split())


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'dictionary'"):
        table.TableTeacher("dictionary")


def test_fingerprint_changes_with_the_rules(monkeypatch):
    before = table.TableTeacher().fingerprint
    assert before == table.TableTeacher().fingerprint
    read = inspect.getsource
    for changed in (habits, phonetics, scripts, table):
        monkeypatch.setattr(
            inspect,
            "getsource",
            lambda module, changed=changed: read(module) + "#" * (module is changed),
        )
        assert table.TableTeacher().fingerprint != before


def test_missing_icu_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "icu", None)
    with pytest.raises(ImportError, match=r"epik-jax\[icu\]"):
        table.TableTeacher("icu")


def test_icu_answers_normalised_and_marked():
    icu = pytest.importorskip("icu")
    teacher = table.TableTeacher("icu")
    assert teacher.fingerprint["icu"] == icu.ICU_VERSION
    examples = [example("कमल", "hi", "kn"), example("कमल", "hi", "en")]
    texts = [row[0].text for row in teacher.transliterate(examples)]
    assert texts == ["ಕಮಲ", "kamala"]


def test_rules_beat_icu_on_names_of_the_builtin_corpus():
    """Names that the rules were not written from; ICU is far behind."""
    pytest.importorskip("icu")
    from epik_jax.data import builtin

    rows = builtin.names()[::8]
    pairs = [
        (example(getattr(row, a), a, b), getattr(row, b))
        for row in rows
        for a, b in PAIRS
        if "en" not in (a, b)
    ]
    rates = []
    for kind in ("builtin", "icu"):
        answers = table.TableTeacher(kind).transliterate([e for e, _ in pairs])
        right = [a[0].text == gold for a, (_, gold) in zip(answers, pairs, strict=True)]
        rates.append(sum(right) / len(right))
    assert rates[0] > 1.5 * rates[1]
