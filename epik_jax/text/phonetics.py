"""Sounds of a written word, and keys under which words that sound alike agree.

Normalised text goes in; a list of sounds or a short string comes out, in one code for
all five languages. Letters are read as they are written: silent vowels, Tamil voicing
and the like are a matter for rules above this file.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import NamedTuple

from epik_jax.text import scripts

PHONETIC_KEY = (
    "phonetic key: one code per sound, in the manner of Soundex but for all five"
    " scripts. Consonants count by place alone (K velar, C palatal, T dental and"
    " retroflex, P labial, N every nasal with anusvara and candrabindu, Y, R, L, V, S"
    " every sibilant, H with visarga): voicing, aspiration, nukta and length are"
    " ignored. Vowels count as I, U, E (with ai and candra e), O (with au and candra"
    " o), R (vocalic r) and L (vocalic l), length ignored; a and aa count only at the"
    " start of a word. Runs of one code count once, be they of consonants, of vowels or"
    " of finals, and before a is left out: kk and kg are K, kak is KK. The first sound"
    " is coded like the others, and the code is cut after 8."
)
STRICT_KEY = (
    "strict phonetic key: the code of the phonetic key, uncut, behind the exact first"
    " sound of the word (ka, kha, ga and gha differ there, and so do short and long"
    " vowels)."
)
SOUND_CLASS_KEY = (
    "sound class key: merges vowel length and a with aa and, but at the start of a"
    " word, with no vowel at all (inherent vowel or virama), retroflex with dental, the"
    " sibilants, voicing and aspiration, nukta with its absence, and all nasals with"
    " anusvara and candrabindu. Runs of one class count once, as in the phonetic key."
    " Everything else stays apart: e from ai, o from au, candra vowels, vocalic r and"
    " l, the laterals, the trills, h from visarga. Not cut."
)


class Phoneme(NamedTuple):
    """One sound.

    Attributes:
      kind: "consonant", "vowel" or "final" (anusvara, candrabindu, visarga).
      sound: its symbol, one character, close to ISO 15919: a capital is aspirated, a
        dot below retroflex, a macron long.
    """

    kind: str
    sound: str


# The Indic blocks run in parallel, so that one table in Devanagari serves all four.
_LETTERS = {
    "consonant": dict(
        zip(
            "कखगघङचछजझञटठडढणतथदधनऩपफबभमयरऱलळऴवशषसह",
            "kKgGŋcCjJñṭṬḍḌṇtTdDnṉpPbBmyrṟlḷḻvśṣsh",
            strict=True,
        )
    ),
    "vowel": dict(
        zip("अआइईउऊऋऌऍऎएऐऑऒओऔॠॲ", "aāiīuūŗļæeēâɔoōôŗæ", strict=True)
    ),
    "sign": dict(zip("ािीुूृॄॅॆेैॉॊोौ", "āiīuūŗŗæeēâɔoōô", strict=True)),
    "final": dict(zip("ंँः", "ṃ~ḥ", strict=True)),
}  # fmt: skip
_NUKTA = dict(zip("kKgjJḍḌPy", "qxġzžṛṚfẏ", strict=True))
_AYTHAM = {"p": "f", "j": "z", "c": "s"}
_SPECIAL = {"ॐ": ("ō", "m"), "ௐ": ("ō", "m"), "ৎ": ("t",), "ஃ": ("x",)}
VOWELS = "aāiīuūŗļæeēâɔoōô"
CONSONANTS = "kKgGŋqxġcCjJñzžṭṬḍḌṇṛṚtTdDnṉpPbBmfyẏrṟlḷḻvśṣsh"

# English, longest spelling first. These are facts of romanisation, not of English
# pronunciation: names are mostly written as they sound.
_ROMAN = {
    "sch": "ś", "tch": "c", "chh": "C", "ksh": "kṣ", "shh": "ś",
    "aa": "ā", "ee": "ī", "oo": "ū", "ii": "ī", "uu": "ū", "ai": "â", "ay": "â",
    "au": "ô", "aw": "ô", "ou": "ô", "ow": "ô", "ei": "ē", "ey": "ē", "ea": "ī",
    "ie": "ī", "oa": "ō",
    "ch": "c", "ck": "k", "kh": "K", "gh": "G", "jh": "J", "th": "T", "dh": "D",
    "ph": "f", "bh": "B", "sh": "ś", "zh": "ḻ", "qu": "kv", "wh": "v", "ng": "ŋg",
    "b": "b", "c": "k", "d": "d", "f": "f", "g": "g", "h": "h", "j": "j", "k": "k",
    "l": "l", "m": "m", "n": "n", "p": "p", "q": "k", "r": "r", "s": "s", "t": "t",
    "v": "v", "w": "v", "x": "ks", "y": "y", "z": "z",
    "a": "a", "e": "e", "i": "i", "o": "o", "u": "u",
}  # fmt: skip
_ROMAN_PIECE = re.compile(
    # c is soft before front vowels; y that no vowel follows is one; before a vowel the
    # second letter of ay, ey, aw, ow is a consonant ("gaya", "pawar").
    r"c(?=[eiy])|y(?![aeiou])|[ae](?=y[aeiou])|[ao](?=w[aeiou])|"
    + "|".join(sorted(_ROMAN, key=len, reverse=True))
)

# How a sound is romanised, and what to write where a script has no letter for it,
# nearest first.
_ROMANISED = {
    "K": "kh", "G": "gh", "c": "ch", "C": "chh", "J": "jh", "ṭ": "t", "Ṭ": "th",
    "ḍ": "d", "Ḍ": "dh", "T": "th", "D": "dh", "P": "ph", "B": "bh", "ṛ": "d",
    "Ṛ": "dh", "x": "kh", "q": "q", "ġ": "gh", "ž": "zh", "ŋ": "n", "ñ": "n", "ṇ": "n",
    "ṉ": "n", "ẏ": "y", "ṟ": "r", "ḷ": "l", "ḻ": "zh", "ś": "sh", "ṣ": "sh", "ā": "a",
    "ī": "i", "ū": "u", "ŗ": "ri", "ļ": "li", "æ": "a", "ē": "e", "â": "ai", "ɔ": "o",
    "ō": "o", "ô": "au", "ə": "", "ṃ": "n", "~": "n", "ḥ": "h",
}  # fmt: skip
_NEAREST = {
    "x": "Kk", "q": "k", "ġ": "gk", "z": "j", "ž": "j", "ṛ": "ḍṭ", "Ṛ": "Ḍṭ", "f": "P",
    "ẏ": "y", "ṉ": "n", "ṟ": "r", "ḷ": "l", "ḻ": "ḷl", "ś": "ṣ", "K": "k", "g": "k",
    "G": "k", "C": "c", "J": "j", "Ṭ": "ṭ", "ḍ": "ṭ", "Ḍ": "ṭ", "T": "t", "d": "t",
    "D": "t", "P": "f", "b": "p", "B": "p", "v": "b", "e": "ē", "o": "ō", "æ": "eē",
    "ɔ": "oō", "ŗ": "i", "ļ": "i", "ṃ": "m", "~": "ṃm",
}  # fmt: skip
# Sounds that a script writes with several letters, where its nukta does not do it.
_COMPOSED = {
    "ta": {"consonant": {"f": "ஃப"}},
    "bn": {"vowel": {"æ": "অ্যা"}, "sign": {"æ": "্যা"}},
}
_NUKTA_IN_USE = {"hi": "qxġzžṛṚf", "bn": "ṛṚẏ"}
_IMPLICIT_LAST = ("hi", "bn")

_PLACES = {
    "K": "kKgGqxġ", "C": "cCjJzž", "T": "ṭṬḍḌtTdDṛṚ", "P": "pPbBf",
    "N": "ŋñṇnṉmṃ~", "Y": "yẏ", "V": "v", "S": "śṣs",
}  # fmt: skip
_BY_PLACE = {sound: code for code, sounds in _PLACES.items() for sound in sounds}
_PHONETIC = _BY_PLACE | {
    **dict.fromkeys("rṟŗ", "R"), **dict.fromkeys("lḷḻļ", "L"),
    **dict.fromkeys("hḥ", "H"),
    **dict.fromkeys("aā", "A"), **dict.fromkeys("iī", "I"), **dict.fromkeys("uū", "U"),
    **dict.fromkeys("eēæâ", "E"), **dict.fromkeys("oōɔô", "O"),
}  # fmt: skip
_SOUND_CLASS = _BY_PLACE | dict(zip("āīūēō", "aiueo", strict=True))


def phonemes(text: str, lang: str) -> list[Phoneme]:
    """The sounds of a normalised word, letter by letter.

    An Indic consonant without sign or virama is followed by the vowel "a"; whether it
    is spoken is not decided here. English is read by digraphs. Joiners, avagraha and
    letters of other scripts have no sound.

    Args:
      text: a normalised word.
      lang: language that it is written in.
    """
    sounds = _roman_sounds(text) if lang == "en" else _indic_sounds(text, lang)
    return [Phoneme(_kind(sound), sound) for sound in sounds]


def phonetic_key(text: str, lang: str) -> str:
    """Key by `PHONETIC_KEY`: equal for words that sound roughly alike."""
    return _code(_sounds(text, lang), _PHONETIC, "Aa")[:8]


def strict_key(text: str, lang: str) -> str:
    """Key by `STRICT_KEY`: finer than `phonetic_key`, and never cut."""
    sounds = _sounds(text, lang)
    return f"{sounds[:1]}:{_code(sounds, _PHONETIC, 'Aa')}"


def sound_class_key(text: str, lang: str) -> str:
    """Key by `SOUND_CLASS_KEY`: equal where spelling differs but hardly the sound."""
    return _code(_sounds(text, lang), _SOUND_CLASS, "Aa")


def spell(sounds: str, lang: str) -> str:
    """Writes sounds in the letters of a language: the inverse of `phonemes`.

    Args:
      sounds: symbols of `Phoneme.sound`; also "ə", a vowel that Devanagari and Bengali
        imply after a consonant and nobody says.
      lang: language to write in; sounds that its script lacks take the nearest letter,
        or none.

    Returns:
      A normalised word. Two consonants without a vowel between them share a virama;
      so does the last consonant in scripts that do not leave it out.
    """
    if lang == "en":
        return "".join(_ROMANISED.get(sound, sound) for sound in sounds)
    script, table = scripts.SCRIPTS[lang], _spelling(lang)
    written: list[str] = []
    bare, last = False, ""  # bare: the last letter is a consonant without its vowel
    for sound in sounds.translate(_substitutes(lang)):
        kind = "vowel" if sound == "ə" else _kind(sound)
        if kind == "consonant" and bare:
            written.append(script.virama)
        # A final closes a syllable: it neither begins a word nor follows another.
        if kind == "final" and last in ("", "final"):
            continue
        letters = table["sign" if kind == "vowel" and bare else kind]
        # "a" has no sign, and "ə" no letter at all.
        written.append(letters.get(sound, ""))
        bare, last = kind == "consonant", kind
    ending = script.virama if bare and lang not in _IMPLICIT_LAST else ""
    return "".join(written) + ending


def _sounds(text: str, lang: str) -> str:
    return "".join(p.sound for p in phonemes(text, lang))


def _code(sounds: str, codes: dict[str, str], dropped: str) -> str:
    coded = [(_kind(sound), codes.get(sound, sound)) for sound in sounds]
    # Doubling is judged before a is dropped: "kk" is one code, "kak" is two.
    single = [pair for pair, _ in itertools.groupby(coded)]
    rest = "".join(code for _, code in single[1:] if code not in dropped)
    return "".join(code for _, code in single[:1]) + rest


def _kind(sound: str) -> str:
    if sound in VOWELS:
        return "vowel"
    return "final" if sound in "ṃ~ḥ" else "consonant"


def _roman_sounds(text: str) -> list[str]:
    soft = {"c": "s", "y": "i"}
    sounds = []
    for match in _ROMAN_PIECE.finditer(text):
        piece, following = match[0], text[match.end() : match.end() + 1]
        is_soft = (piece == "c" and following in ("e", "i", "y")) or (
            piece == "y" and (not following or following not in "aeiou")
        )
        sounds.append(soft[piece] if is_soft else _ROMAN[piece])
    return list("".join(sounds))


@functools.cache
def _letter_table(lang: str) -> dict[str, tuple[str, str]]:
    """(class, sound) of each letter of an Indic script."""
    script, deva = scripts.SCRIPTS[lang], scripts.SCRIPTS["hi"]
    table = {
        chr(ord(letter) - deva.first + script.first): (kind, sound)
        for kind, letters in _LETTERS.items()
        for letter, sound in letters.items()
    }
    # The one letter out of line: an obsolete consonant that names still use.
    table["ೞ"] = ("consonant", "ḻ")
    return {c: entry for c, entry in table.items() if c in script.letters}


def _indic_sounds(text: str, lang: str) -> list[str]:
    script, table = scripts.SCRIPTS[lang], _letter_table(lang)
    sounds: list[str] = []
    open_consonant = False  # the last sound is an "a" that nobody wrote
    for char in text:
        kind, sound = ("special", "") if char in _SPECIAL else table.get(char, ("", ""))
        if open_consonant and (kind == "sign" or char == script.virama):
            sounds.pop()
        if kind == "consonant":
            if sounds[-1:] == ["x"] and sound in _AYTHAM and lang == "ta":
                sounds.pop()
                sound = _AYTHAM[sound]
            sounds += [sound, "a"]
        elif char == script.nukta and open_consonant:
            sounds[-2] = _NUKTA.get(sounds[-2], sounds[-2])
        elif sound:
            sounds.append(sound)
        sounds.extend(_SPECIAL.get(char, ()))
        open_consonant = kind == "consonant" or (
            open_consonant and char == script.nukta
        )
    return sounds


@functools.cache
def _spelling(lang: str) -> dict[str, dict[str, str]]:
    """Letters by kind and sound."""
    script = scripts.SCRIPTS[lang]
    spelling: dict[str, dict[str, str]] = {kind: {} for kind in _LETTERS}
    for letter, (kind, sound) in _letter_table(lang).items():
        spelling[kind].setdefault(sound, letter)
    consonants = spelling["consonant"]
    for base, sound in _NUKTA.items():
        if sound in _NUKTA_IN_USE.get(lang, ""):
            consonants[sound] = consonants[base] + script.nukta
    for kind, letters in _COMPOSED.get(lang, {}).items():
        spelling[kind] |= letters
    return spelling


@functools.cache
def _substitutes(lang: str) -> dict[int, str]:
    """For each sound that a script lacks, the nearest that it has, or nothing."""
    spelling = _spelling(lang)
    has = "ə" + "".join(s for k in ("consonant", "vowel", "final") for s in spelling[k])
    lacking = [s for s in VOWELS + CONSONANTS + "ṃ~ḥ" if s not in has]
    near = {s: [n for n in _NEAREST.get(s, "") if n in has] for s in lacking}
    return {ord(s): (found or [""])[0] for s, found in near.items()}
