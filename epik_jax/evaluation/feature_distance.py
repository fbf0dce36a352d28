"""Distance between the sounds of two words, by articulatory features.

Words of one language go in, a distance from 0 (the same sounds) upwards comes out:
epitran turns spelling into IPA, panphon compares the segments feature by feature. Both
come with the extra `phonetics`. English is left out: its spelling does not determine
its sounds.
"""

from __future__ import annotations

import functools

from epik_jax.evaluation.sounds import WordDistance

NAME = "feature_distance"

EPITRAN_CODES = {
    "hi": "hin-Deva",
    "ta": "tam-Taml",
    "kn": "kan-Knda",
    "bn": "ben-Beng",
}

DEFINITION = (
    "First answer and accepted spelling are turned into IPA by epitran; changing a "
    "segment costs the share of panphon's articulatory features that differ (half "
    "where one side leaves a feature open), adding or dropping one about 1; the least "
    "sum is divided by the longer word's number of segments. Of several accepted "
    "spellings the nearest counts. 0 means the same sounds, unrelated names are about "
    "0.3 apart. Letters that epitran does not read (candra o, aytham) are dropped on "
    "both sides, words in English are left out."
)

_IPA_G = "\N{LATIN SMALL LETTER SCRIPT G}"

_MISSING = (
    "the feature distance needs epitran and panphon; install them with "
    "`pip install 'epik-jax[phonetics]'`"
)


@functools.cache
def make_feature_distance() -> WordDistance:
    """Returns how different two words of one language sound, its tables loaded.

    Returns:
      (text, other, lang) -> distance; None for a language without a table here.

    Raises:
      ValueError: the extra `phonetics` is not installed.

    Mortensen et al., PanPhon, COLING 2016; Mortensen et al., Epitran, LREC 2018.
    """
    try:
        import epitran
        import panphon.distance
    except ImportError as error:
        raise ValueError(_MISSING) from error
    readers = {lang: epitran.Epitran(code) for lang, code in EPITRAN_CODES.items()}
    between = panphon.distance.Distance().feature_edit_distance_div_maxlen

    @functools.lru_cache(maxsize=1 << 16)
    def ipa(text: str, lang: str) -> str:
        # epitran's Kannada has a Latin g, which panphon would drop without a word.
        return str(readers[lang].transliterate(text)).replace("g", _IPA_G)

    def feature_distance(text: str, other: str, lang: str) -> float | None:
        if lang not in readers:
            return None
        return float(between(ipa(text, lang), ipa(other, lang)))

    return feature_distance
