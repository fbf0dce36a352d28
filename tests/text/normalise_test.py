"""One spelling for each word."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.text import scripts
from epik_jax.text.normalise import complaint, normalise

# A busy machine is no failure.
CALM = settings(deadline=None, max_examples=50)
LANGS = st.sampled_from(scripts.LANGUAGES)


@CALM
@given(st.text(), LANGS)
def test_normalising_twice_changes_nothing(text, lang):
    once = normalise(text, lang)
    assert normalise(once, lang) == once


@CALM
@given(st.text(st.characters(min_codepoint=0x900, max_codepoint=0xCFF)))
def test_indic_text_is_nfc(text):
    assert normalise(text, "hi") == unicodedata.normalize("NFC", text).strip()


@pytest.mark.parametrize(
    ("found", "lang", "wanted"),
    [
        ("\u095b\u093c", "hi", "ज\u093c\u093c"),
        ("\u0958", "hi", "क\u093c"),
        ("न\u093c", "hi", "\u0929"),
        ("\u09df", "bn", "য\u09bc"),
        ("ক\u200d্\u200cষ", "bn", "ক্ষ"),
        ("கெ\u0bbe", "ta", "கொ"),
        ("\ufeffಕ\u2060ನ್ನಡ\u200b ", "kn", "ಕನ್ನಡ"),
        ("गिनी\u2011बिसाऊ", "hi", "गिनी-बिसाऊ"),
    ],
)
def test_indic_variants_become_one(found, lang, wanted):
    assert normalise(found, lang) == wanted


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("São Tomé", "sao tome"),
        ("Sa\u0303o", "sao"),
        ("O’Brien", "o'brien"),
        ("Ta´if", "ta'if"),
        ("Łódź", "lodz"),
        ("Straße", "strasse"),
        ("İzmir", "izmir"),
        ("Malmö\u00ad", "malmo"),
        ("नमक", "नमक"),
    ],
)
def test_english_loses_case_and_marks(found, wanted):
    assert normalise(found, "en") == wanted


def test_only_latin_letters_lose_their_marks():
    # The short i of Cyrillic is a letter with a mark: it is no business of ours.
    assert normalise("й", "en") == "й"
    assert normalise("и\u0306", "en") == "й"


def test_unknown_language_is_named():
    with pytest.raises(ValueError, match="'xx'"):
        normalise("a", "xx")


@pytest.mark.parametrize(
    ("text", "lang", "cause"),
    [
        ("", "hi", "empty"),
        ("नमक", "hi", None),
        ("गिनी-बिसाऊ", "hi", None),
        ("o'brien", "en", None),
        ("नमक'", "hi", "wrong script"),
        ("namak", "hi", "wrong script"),
        ("नमकa", "hi", "wrong script"),
        ("२०", "hi", "wrong script"),
        ("-", "en", "wrong script"),
        ("sao tome", "en", "wrong script"),
        ("नमकनमक", "hi", "over-long"),
    ],
)
def test_complaint_names_the_cause(text, lang, cause):
    limit = 5 if cause == "over-long" else 20
    assert complaint(text, lang, limit) == cause


def test_a_word_of_the_greatest_length_is_taken():
    assert complaint("नमक", "hi", 3) is None
    assert complaint("नमक", "hi", 2) == "over-long"
