"""Distance between the sounds of two words, by articulatory features.

Words go in, a distance from 0 (the same sounds) upwards comes out: epitran turns
spelling into IPA, panphon compares the segments feature by feature. Both come with the
extra `phonetics`. English is left out: its spelling does not determine its sounds.
"""

from __future__ import annotations

import functools
from typing import Any

EPITRAN_CODES = {
    "hi": "hin-Deva",
    "ta": "tam-Taml",
    "kn": "kan-Knda",
    "bn": "ben-Beng",
}

DEFINITION = (
    "Feature distance: both words are turned into IPA by epitran; edits between the "
    "segments cost the share of panphon's articulatory features that change; the sum "
    "is divided by the longer word's length. 0 means the same sounds."
)


def feature_distance(text_a: str, lang_a: str, text_b: str, lang_b: str) -> float:
    """How different two words sound, whatever their scripts.

    Args:
      text_a: a word in `lang_a`'s script.
      lang_a: "hi", "ta", "kn" or "bn".
      text_b: a word in `lang_b`'s script.
      lang_b: as `lang_a`; it may differ.

    Returns:
      0.0 for equal sounds; unrelated words start at about 0.3.

    Raises:
      ImportError: the extra `phonetics` is not installed.
      ValueError: a language without a pronunciation table here.

    Mortensen et al., PanPhon, COLING 2016; Mortensen et al., Epitran, LREC 2018.
    """
    ipa_a, ipa_b = to_ipa(text_a, lang_a), to_ipa(text_b, lang_b)
    return float(_distances().feature_edit_distance_div_maxlen(ipa_a, ipa_b))


def to_ipa(text: str, lang: str) -> str:
    """The word in the International Phonetic Alphabet, as epitran reads it.

    Raises:
      ImportError: the extra `phonetics` is not installed.
      ValueError: a language without a pronunciation table here.
    """
    return str(_reader(lang).transliterate(text))


@functools.cache
def _reader(lang: str) -> Any:
    if lang not in EPITRAN_CODES:
        known = ", ".join(EPITRAN_CODES)
        raise ValueError(f"no pronunciation table for {lang!r}; there are {known}")
    try:
        import epitran
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return epitran.Epitran(EPITRAN_CODES[lang])


@functools.cache
def _distances() -> Any:
    try:
        import panphon.distance
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return panphon.distance.Distance()


_MISSING = (
    "feature_distance needs epitran and panphon: install them with "
    "`pip install epik_jax[phonetics]`"
)
