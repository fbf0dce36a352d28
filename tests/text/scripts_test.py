"""The script tables, with the Unicode character database as the oracle."""

import itertools
import unicodedata

import pytest

from epik_jax.text import scripts

ALL = pytest.mark.parametrize("script", scripts.SCRIPTS.values(), ids=scripts.LANGUAGES)
INDIC = pytest.mark.parametrize("lang", scripts.LANGUAGES[1:])


def test_tables_follow_the_fixed_order_of_languages():
    assert tuple(scripts.SCRIPTS) == scripts.LANGUAGES
    assert all(script.lang == lang for lang, script in scripts.SCRIPTS.items())


@ALL
def test_every_letter_belongs_to_its_script(script):
    for letter in script.letters:
        assert unicodedata.name(letter).startswith(script.name.upper()), letter
        assert script.first <= ord(letter) <= script.last


@ALL
def test_letters_survive_normalisation(script):
    assert unicodedata.normalize("NFC", script.letters) == script.letters


@ALL
def test_no_letter_is_in_two_classes(script):
    classes = (script.vowels, script.consonants, script.signs, script.virama)
    together = "".join((*classes, script.nukta, script.finals, script.others))
    assert len(set(together)) == len(together) == len(script.letters)


@INDIC
def test_classes_agree_with_unicode_names(lang):
    script = scripts.SCRIPTS[lang]
    names = {letter: unicodedata.name(letter) for letter in script.letters}
    assert set(script.signs) == {c for c, n in names.items() if "VOWEL SIGN" in n}
    assert [c for c, n in names.items() if n.endswith("SIGN VIRAMA")] == [script.virama]
    assert "".join(c for c, n in names.items() if n.endswith("NUKTA")) == script.nukta
    ends = ("ANUSVARA", "CANDRABINDU", "VISARGA")
    finals = {c for c, n in names.items() if n.endswith(ends) and "LETTER" not in n}
    # Unicode calls Tamil aytham a visarga; it is no final.
    assert finals - {"ஃ"} == set(script.finals)


@INDIC
def test_each_vowel_sign_has_its_independent_vowel(lang):
    script = scripts.SCRIPTS[lang]
    vowels = {unicodedata.name(c).split()[-1] for c in script.vowels}
    signs = {unicodedata.name(c).split()[-1] for c in script.signs}
    # Vocalic rr heads no Hindi or Kannada word but may follow a consonant.
    assert signs - vowels <= {"RR"}


def test_blocks_do_not_overlap():
    spans = sorted((s.first, s.last) for s in scripts.SCRIPTS.values())
    assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("नमक", "hi"),
        ("உப்பு", "ta"),
        ("ಉಪ್ಪು", "kn"),
        ("লবণ", "bn"),
        ("Café", "en"),
        ("Cafe\u0301", "en"),
        ("गिनी-बिसाऊ 2", "hi"),
        ("नम\u200dक", "hi"),
    ],
)
def test_script_is_found_by_the_letters(text, lang):
    assert scripts.script_of(text) == lang


@pytest.mark.parametrize("text", ["", "12-3", "aक", "കേരളം", "aക", "नമ"])
def test_mixed_or_foreign_text_has_no_script(text):
    assert scripts.script_of(text) is None
