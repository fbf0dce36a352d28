"""One spelling for each word: the same function in training, decoding and scoring.

Text goes in as found, normalised text comes out; `complaint` says why a normalised
word is of no use. It neither repairs misspellings nor reads files.
"""

from __future__ import annotations

import functools
import unicodedata

from epik_jax.text import scripts

NORMALISER_VERSION = "1"
"""Changes whenever `normalise` may answer differently; part of every provenance."""

# Joiners ask for a glyph shape and are typed by habit, not by spelling: two words that
# differ in them alone are one word. The soft hyphen and the byte order mark are debris.
_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
_HYPHENS = dict.fromkeys((0x2010, 0x2011), "-")
_APOSTROPHES = dict.fromkeys(
    (0x0060, 0x00B4, 0x02B9, 0x02BB, 0x02BC, 0x2018, 0x2019), "'"
)

# Latin letters that carry no separable mark, so that NFKD leaves them as they are.
_LATIN_WHOLES = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th",
        "ł": "l", "ħ": "h", "ŧ": "t", "ŋ": "ng", "ı": "i", "ə": "a",
    }
)  # fmt: skip


def normalise(text: str, lang: str) -> str:
    """Brings a word into the one form that the rest of the project knows.

    NFC (which leaves most nukta letters as base and nukta), no invisible characters,
    plain hyphens, no surrounding space. English further loses case and diacritics, and
    has one apostrophe.

    Args:
      text: a word in any Unicode form.
      lang: language it is written in, a member of `scripts.LANGUAGES`.

    Raises:
      ValueError: `lang` is unknown.
    """
    if lang not in scripts.SCRIPTS:
        raise ValueError(f"unknown language {lang!r}, known: {scripts.LANGUAGES}")
    text = text.translate(_INVISIBLE).translate(_HYPHENS)
    if lang == "en":
        # Before the marks go: NFKD takes U+00B4, an apostrophe, for a space and accent.
        text = _plain_latin(text.translate(_APOSTROPHES))
    return unicodedata.normalize("NFC", text).strip()


def complaint(text: str, lang: str, max_length: int) -> str | None:
    """Why a normalised word cannot be used.

    Args:
      text: what `normalise` returned.
      lang: language it should be in.
      max_length: most code points that are taken.

    Returns:
      "empty", "wrong script" (a character that is no letter or joiner of the script,
      or nothing but joiners) or "over-long"; None where there is nothing to say.
    """
    if not text:
        return "empty"
    letters, joiners = _letters_and_joiners(lang)
    found = set(text) - joiners
    if not found or not found <= letters:
        return "wrong script"
    return "over-long" if len(text) > max_length else None


@functools.cache
def _letters_and_joiners(lang: str) -> tuple[frozenset[str], frozenset[str]]:
    script = scripts.SCRIPTS[lang]
    return frozenset(script.letters), frozenset(script.joiners)


def _plain_latin(text: str) -> str:
    if text.isascii():
        return text.lower()
    # NFC first: an accent that stands alone must join the letter that it belongs to.
    composed = unicodedata.normalize("NFC", text)
    return "".join(_plain_letter(c) for c in composed)


def _plain_letter(char: str) -> str:
    if not unicodedata.name(char, "").startswith("LATIN"):
        return "" if unicodedata.combining(char) else char
    pieces = unicodedata.normalize("NFKD", char)
    plain = "".join(c for c in pieces if not unicodedata.combining(c))
    return plain.lower().translate(_LATIN_WHOLES)
