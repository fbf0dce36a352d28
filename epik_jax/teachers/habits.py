"""Reading and spelling habits of the five languages, as ordered rewriting rules.

Data only: `table` applies it. A rule is (pattern, replacement) over the symbols of
`phonetics.Phoneme`, applied to the whole word, in order. `[{V}]` is any vowel, `[{C}]`
any consonant. Between reading and writing "ə" stands for a vowel that Devanagari and
Bengali imply and nobody says. Names of places and persons were the yardstick.
"""

from __future__ import annotations

Rules = tuple[tuple[str, str], ...]

# Anusvara and candrabindu take the place of the stop that follows.
_HOMORGANIC: Rules = (
    ("[nṃ~](?=[kKgGqxġ])", "ŋ"),
    ("[ṃ~](?=[cCjJ])", "ñ"),
    ("[ṃ~](?=[ṭṬḍḌ])", "ṇ"),
    ("[ṃ~](?=[pPbBm])", "m"),
    ("[ṃ~](?=.)", "n"),
)

READ: dict[str, Rules] = {
    "en": (
        (r"([{C}])\1", r"\1"), ("(?<=[{V}][{C}])e$|h$", ""),
        ("nK", "ŋK"), ("nk", "ŋk"), ("g(?=[eiī])", "j"),
        ("t", "ṭ"), ("d", "ḍ"), ("f", "P"), ("z", "j"), ("ḻ", "j"), ("o(?=n$)", "a"),
        ("^rh", "r"), ("G(?=ṭ|$)", ""),
    ),
    "hi": (
        *_HOMORGANIC,
        ("[ṃ~]$", "n"),
        # Between consonants ai is the vowel of "cat" in loans.
        ("(?<=[{C}])â(?=[{C}])", "æ"),
        ("z", "j"), ("f", "P"), ("[xq]", "k"), ("ġ", "g"), ("ṣ", "ś"), ("J", "j"),
    ),
    # One letter for all stops of a place: its neighbours say whether it is voiced.
    "ta": (
        ("(?<=[ŋr])k(?!k)", "g"), ("kk", "k"),
        ("(?<=ñ)c", "j"), ("(?<=[ṇṉ])ṭ(?=[{V}])", "ḍ"), ("(?<=r)ṭ(?=[{V}])", "ḍ"),
        ("(?<=n)t", "d"), ("ṭṭ", "ṭ"),
        ("pp", "P"),
        ("(?<=m)p|(?<=[{V}])p(?=[{V}r])|(?<=[rsṉ])p(?=[{V}])|^p", "b"), ("P", "p"),
        ("ŋ(?=$|[sṭl])", "ŋg"),
        ("c(?!c)(?<!cc)", "s"), ("cc", "c"),
        ("ṟṟ", "ṭṭ"), ("ṟ", "r"), ("ḻ|ḷ", "l"), ("ll", "l"),
        ("ṉ|ṇ(?![ṭḍ])", "n"),
        # A cluster that Tamil cannot begin with was broken up by a vowel.
        ("(?<=[ḍṭkgpbt])i(?=r)", ""),
        ("er(?=[{C}]|$)", "ar"),
        ("f", "P"), ("ṣ", "ś"),
    ),
    "kn": (
        *_HOMORGANIC,
        ("ṃ$", "m"),
        ("(?<=[{C}])yā(?=[{C}])", "æ"),
        ("J", "j"), ("ṣ(?![ṭṇ])", "ś"),
    ),
    "bn": (
        ("^(?:a|ē|ā)yā|(?<=[{C}])yā", "æ"),
        # w is written o + y; y after i and before u is no syllable.
        ("ōẏ(?=[āēi])|(?<=u)ẏ(?=[āēi])", "v"),
        ("^iẏ|^i(?=u)", "y"), ("(?<=[{C}])iu", "yū"), ("ẏ", "y"),
        ("ēi", "ē"),
        ("B", "v"),
        ("ṃ|ŋ$", "ŋg"), ("(?<=ŋg)[gkKG]", ""), ("~", ""),
        ("(?<=[{V}])n(?=[kKgG])", "ŋ"),
        ("f", "P"), ("z", "j"),
    ),
}  # fmt: skip

# (sources, targets, rules): where two habits meet, above all the length and quality of
# vowels that one side writes and the other does not.
BRIDGES: tuple[tuple[str, str, Rules], ...] = (
    ("ta kn", "bn", (
        ("a", "ā"),
        # Bengali and Hindi seldom write a conjunct where two syllables meet.
        (r"(?<=[{V}])([^ŋñṇkg{V}])(?!\1)(?=[vbPh][{V}])(?<!mb)", r"\1ə"),
        (r"(?<=[{V}])([lmṭḍdbpk])(?!\1)(?=[nmsśPhvb][{V}])", r"\1ə"),
        (r"(?<=[{V}])([lnmṭḍdbpkgsś])(?!\1)(?=s[ṭkp]|[kgṭḍpb][rlv])", r"\1ə"),
        ("ī", "i"), ("ū", "u"), ("ll", "l"),
    )),
    ("ta kn", "hi", (
        (r"(?<=[{V}])([^rŋñṇkg{V}])(?!\1)(?=[vbmPn][{V}])(?<!mb)", r"\1ə"),
        ("i$", "ī"), ("a(?=[{C}]ā)", "ā"), ("a$", "ā"), ("uv(?=ā)", "u"),
        ("yi(?=[{C}])", "i"), ("er(?=[{C}]|$)", "ar"), ("y$", "ī"),
    )),
    ("bn", "ta kn", (
        ("^ā", "a"), ("āi", "â"), ("āu", "ô"), ("ā(?=rə?(?:[{C}]|$))", "a"),
        ("^æ(?=[{C}][{V}])", "a"), ("ā(?=[{C}][ēō])", "a"),
    )),
    ("bn hi", "kn", (
        ("(?<=^[{C}])ā(?=[{C}][^ə{C}])", "a"), ("ī(?=[{C}][{V}{C}])", "i"),
    )),
    ("bn", "hi", (
        ("^ā", "a"), ("i$", "ī"), ("ā(?=rə?(?:[{C}]|$))", "a"),
        ("^æ(?=[{C}][{V}])", "a"), ("uv(?=ā)", "u"),
    )),
    ("hi", "bn", (
        ("ī", "i"), ("ū", "u"), ("a(?=r[{C}])", "ā"), ("^a(?=[{C}])", "ā"),
        ("(?<=^[{C}])a(?=[{C}][{V}])", "ā"), ("(?<=^[{C}])a(?=[ŋñṇnm][{C}])", "ā"),
        ("(?<=i)(?=[āaō])", "y"), ("(?<=u)(?=[āē])", "v"),
        ("([tṭkpb])(?=s)", r"\1ə"),
    )),
    ("hi", "ta kn", (
        ("ī$", "i"), ("ū$", "u"), ("āy[ae]", "ē"), ("ī(?=[{C}][{V}])", "i"),
    )),
    ("en", "hi", (
        ("(?<!^)a(?=[{C}])|a$", "ā"), ("(?<=ā[{C}])ā(?=[{C}]$)", "a"), ("i$", "ī"),
        ("ī(?=[aāou])", "iy"), ("(?<=i)(?=[aāou])", "y"), ("er(?=[{C}]|$)", "ar"),
        (r"(?<=[{V}])([lmṭḍdbpksśg])(?!\1)(?=[nmvbPsśh][{V}])(?<!mb)", r"\1ə"),
    )),
    ("en", "bn", (
        ("a", "ā"), ("ī(?=[āou])", "iy"), ("ī", "i"), ("ū", "u"),
        ("(?<=i)(?=[āou])", "y"), ("(?<=u)(?=[eiā])", "v"),
        (r"(?<=[{V}])([lmṭḍdbpksśg])(?!\1)(?=[nmvbPsśh][{V}])(?<!mb)", r"\1ə"),
    )),
    ("en", "ta kn", (
        ("oi(?=[{V}])", "oy"), ("o", "ō"), ("(?<!^)a(?=[{C}][{C}])|a$", "ā"),
        ("er(?=[{C}]|$)", "ar"),
    )),
    ("en", "kn", (("(?<!^)a(?=[{C}]$)", "ā"),)),
    ("en", "ta", (("(?<!^)a(?=[{C}][{V}])|(?<=^[{C}])a", "ā"),)),
)  # fmt: skip

# No two vowels meet in the south.
_GLIDES: Rules = (
    ("(?<=[iīeēâ])(?=[aāoōuū])", "y"),
    ("(?<=[uū])(?=[aāoōeēiī])", "v"),
)
_SOUTHERN: Rules = (
    ("ə", ""), *_GLIDES,
    ("ɔ", "ā"), ("āu(?=[{C}])", "ô"), ("āi(?=[{C}])", "â"),
)  # fmt: skip

WRITE: dict[str, Rules] = {
    "en": (
        ("(?<=i)y(?=[aāoō])", ""), ("P", "f"),
    ),
    "hi": (
        ("æ", "â"), ("e", "ē"), ("o", "ō"),
        ("ŋ(?=[{C}])|[ñṇnm](?=[cCjJṭṬḍḌtTdDpPbBs])", "ṃ"),
    ),
    "ta": (
        *_SOUTHERN,
        ("^ō(?=[{C}][{V}])", "o"),
        ("ŋg(?=[{C}]|$)", "ŋ"), ("^ŗ", "ri"), ("ŗ", "ir"), ("æ", "ā"), ("P", "f"),
        ("ē", "e"), ("e$", "ē"), ("o$", "ō"),
        ("s(?=[{V}])", "c"), ("ś", "ṣ"),
        # One n before dental stops and at the start of a word, another elsewhere.
        ("(?<!^)n(?![tTdD])", "ṉ"),
    ),
    "kn": (
        *_SOUTHERN,
        ("æ", "ā"), ("ē", "e"), ("ō$", "o"),
        ("ŋ(?=[{C}])|[ñṇn](?=[cCjJṭṬḍḌtTdD])|m(?=[pPbB])", "ṃ"),
    ),
    "bn": (
        ("e", "ē"), ("o", "ō"), ("ɔ", "a"),
        ("â", "āi"), ("ô(?=[{C}])", "āu"),
        ("ŋg(?=[{C}ə]|$)", "ṃ"), ("ṇ(?=[ṭḍ])", "n"),
        ("uv(?=[āēi])", "uẏ"), ("v(?=[āē](?:[rlk]|$))", "ōẏ"), ("v", "B"),
        ("(?<=[{V}])y", "ẏ"), ("^y(?=[uū])", "i"), ("^y", "iẏ"), ("ẏ(?=[uūōi])", ""),
    ),
}  # fmt: skip
