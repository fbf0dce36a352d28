"""Made-up Indic words: a syllable grammar, its spelling in four scripts, romanisation.

A random generator goes in; a sequence of phonemes comes out, and from it the word in
Devanagari, Tamil, Kannada or Bengali, and Latin spellings as people type them. The
words mean nothing; no file is read and nothing is known of examples.

The grammar: a word has two to four syllables, a syllable is onset, vowel, coda. An
onset is one consonant or a cluster (only the first syllable may have none). A coda
inside the word is a nasal of the next stop's place, the first half of a double
consonant (after a short vowel), or one of r l s ṣ k p where the next consonant suits.
A word ends in a vowel or in one consonant. All odds are rough relative frequencies in
names and learned words that the four languages share, set by judgement.

Phonemes are named as in ISO 15919; "ṛ" is the flap of Hindi and Bengali, "r̥" the
vowel of "Krishna", and "ṉ" the alveolar letter that Tamil has beside the dental n.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools

import numpy as np

from epik_jax.text.scripts import SCRIPTS, Script

Phonemes = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Odds:
    """Options and their running totals, for drawing one of them."""

    options: tuple[str, ...]
    totals: tuple[float, ...]


def _odds(text: str) -> Odds:
    """Reads "option odds option odds ..."; "0" as an option is the empty text."""
    words = text.split()
    options = tuple("" if word == "0" else word for word in words[::2])
    return Odds(options, tuple(itertools.accumulate(map(float, words[1::2]))))


def draw(odds: Odds, rng: np.random.Generator) -> str:
    """One option, as likely as its odds."""
    # `random` alone, because numpy may change how its other methods use the stream.
    return odds.options[bisect.bisect(odds.totals, rng.random() * odds.totals[-1])]


_NUM_SYLLABLES = _odds("2 45 3 42 4 13")
_ANYWHERE = (
    "k 9 kh 1.5 g 4 gh .8 c 3 ch .6 j 4 jh .3 ṭ 1.5 ṭh .4 ḍ 1.2 ḍh .2 t 7 th .8 d 5 "
    "dh 2 n 7 p 6 ph .8 b 4 bh 2 m 8 y 2 r 7 l 5 v 5 ś 2.5 s 7 h 3"
)
_FIRST_ONSETS = _odds(
    f"{_ANYWHERE} 0 9 p-r 2 ś-r 1.2 k-r .6 g-r .5 t-r .5 s-v .8 s-t .4 s-th .4 v-y .4 "
    "d-v .3 dh-y .3 t-y .2 k-ṣ .4"
)
_LATER_ONSETS = _odds(
    f"{_ANYWHERE} ṭ 1 ḍ .8 ṛ 1.5 ṇ 2.5 ṣ 1 ḷ 1.8 r 3 n 3 t-r 1 d-r 1 k-r .3 t-y 1 "
    "d-y .8 dh-y .4 n-y .6 k-ṣ 1 ś-v .5 t-v .4"
)
_VOWELS = _odds("a 34 ā 23 i 15 ī 5 u 11 ū 4 e 2 ē 6 ai 1.5 o 2 ō 5 au 1 r̥ 1.2")
_LAST_VOWELS = _odds("a 18 ā 34 i 30 u 9 ē 6 ō 3")
_LAST_CONSONANTS = _odds(
    "0 62 n 6 m 3 r 6 l 5 t 3 k 3 ṭ 1 d 1.5 ś 1.5 s 1.5 j 1 p 1.2 v .8 ṇ .6 g .6 ṛ .5"
)
_CODA_KINDS = _odds("open 56 nasal 15 double 13 other 16")
_OTHER_CODAS = _odds("r 7 l 2 s 3 ṣ 2 k 1 p 1")
_SUITS_CODA = {
    "r": ("k", "g", "c", "j", "t", "th", "d", "dh", "ṇ", "p", "b", "bh", "m", "y", "v"),
    "l": ("k", "p", "m", "v", "g"),
    "s": ("t", "th", "k", "p", "m"),
    "ṣ": ("ṭ", "ṭh", "ṇ"),
    "k": ("t",),
    "p": ("t",),
}
_STOPS = {
    "ṅ": ("k", "kh", "g", "gh"),
    "ñ": ("c", "ch", "j", "jh"),
    "ṇ": ("ṭ", "ṭh", "ḍ", "ḍh"),
    "n": ("t", "th", "d", "dh"),
    "m": ("p", "ph", "b", "bh"),
}
"""The stops of each place of the mouth, by their nasal."""
_NASAL_OF = {stop: nasal for nasal, stops in _STOPS.items() for stop in stops}
# Aspirates are doubled by their plain partner: k-kh, not kh-kh.
_FIRST_HALF = {c: c.removesuffix("h") for c in _NASAL_OF if c not in ("gh", "jh", "ph")}
_FIRST_HALF |= {c: c for c in ("n", "ṇ", "m", "l", "ḷ")}
_SHORT = ("a", "i", "u", "e", "o")
_TAKES_VOCALIC_R = ("k", "g", "t", "d", "p", "bh", "m", "v", "s", "h")


def draw_phonemes(rng: np.random.Generator) -> Phonemes:
    """One word of the grammar above."""
    tables = [_FIRST_ONSETS] + [_LATER_ONSETS] * (int(draw(_NUM_SYLLABLES, rng)) - 1)
    drawn = [draw(table, rng) for table in tables]
    onsets = [tuple(onset.split("-")) if onset else () for onset in drawn]
    word: list[str] = []
    for onset, following in itertools.pairwise(onsets):
        vowel = _vowel(onset, rng)
        word += (*onset, vowel, *_coda(vowel, following, rng))
    last = draw(_LAST_CONSONANTS, rng)
    word += onsets[-1]
    word += (_vowel(onsets[-1], rng), last) if last else (draw(_LAST_VOWELS, rng),)
    return tuple(word)


def _vowel(onset: Phonemes, rng: np.random.Generator) -> str:
    vowel = draw(_VOWELS, rng)
    fits = vowel != "r̥" or (len(onset) == 1 and onset[0] in _TAKES_VOCALIC_R)
    return vowel if fits else "a"


def _coda(vowel: str, following: Phonemes, rng: np.random.Generator) -> Phonemes:
    kind, other = draw(_CODA_KINDS, rng), draw(_OTHER_CODAS, rng)
    consonant = following[0]
    if len(following) > 1 or vowel == "r̥":
        return ()
    if kind == "nasal" and consonant in _NASAL_OF:
        return (_NASAL_OF[consonant],)
    if kind == "double" and consonant in _FIRST_HALF and vowel in _SHORT:
        return (_FIRST_HALF[consonant],)
    if kind == "other" and consonant in _SUITS_CODA[other]:
        return (other,)
    return ()


# The Indic blocks are laid out alike: a letter's place in its block is its sound. So
# Devanagari names the letters, and the other scripts follow by the distance of blocks.
_CONSONANTS = (
    "k kh g gh ṅ c ch j jh ñ ṭ ṭh ḍ ḍh ṇ t th d dh n ṉ p ph b bh m "
    "y r ṟ l ḷ ḻ v ś ṣ s h"
)
_VOWEL_ORDER = "a ā i ī u ū r̥ e ē ai o ō au"
_VOWEL_LETTERS = dict(zip(_VOWEL_ORDER.split(), "अआइईउऊऋऎएऐऒओऔ", strict=True))
_VOWEL_SIGNS = dict(zip(_VOWEL_LETTERS, ["", *"ािीुूृॆेैॊोौ"], strict=True))
_CONSONANT_LETTERS = dict(
    zip(_CONSONANTS.split(), SCRIPTS["hi"].consonants, strict=True)
)
_ANUSVARA = "ं"

_NORTHERN = {"e": "ē", "o": "ō", "ḷ": "l"}
_TAMIL = {c: stops[0] for stops in _STOPS.values() for c in stops} | {"ṛ": "ṭ"}
_MERGED = {"hi": _NORTHERN, "bn": _NORTHERN | {"v": "b"}, "kn": {"ṛ": "ḍ"}}
"""Sounds that a script, or the habit of its writers, does not tell apart."""

_MERGED_LAST = {
    "hi": {"i": "ī", "u": "ū"},
    "ta": {"a": "ā"},
    "kn": {"ē": "e"},
    "bn": {},
}
"""The same at the end of a word: Hindi राजू but Kannada ರಾಜು, Tamil கிருஷ்ணா."""


def spell(phonemes: Phonemes, lang: str) -> str:
    """Writes a word by the conventions of one script.

    Hindi and Kannada write a nasal before a stop of its place as anusvara, Bengali and
    Tamil as a letter; a last m is an anusvara in Kannada too. Hindi and Bengali leave
    other last consonants bare, Kannada and Tamil take their vowel away. Bengali writes
    b for v, and dots y after a vowel.

    Args:
      phonemes: what `draw_phonemes` returned.
      lang: "hi", "ta", "kn" or "bn".

    Returns:
      The word after Unicode NFC.
    """
    last = _MERGED_LAST[lang].get(phonemes[-1], phonemes[-1])
    word = (*phonemes[:-1], last)
    if lang == "ta":
        word = _tamil(word)
    else:
        word = tuple(_MERGED[lang].get(phoneme, phoneme) for phoneme in word)
    script = SCRIPTS[lang]
    around = zip(("", *word), word, (*word[1:], ""), strict=False)
    return "".join(_letters(before, p, after, script) for before, p, after in around)


def _letters(before: str, phoneme: str, after: str, script: Script) -> str:
    """The letters of one phoneme between its neighbours ("" at the ends)."""
    if phoneme in _VOWEL_SIGNS:
        table = _VOWEL_SIGNS if before else _VOWEL_LETTERS
        return _moved(table[phoneme], script)
    if script.lang in ("hi", "kn") and after in _STOPS.get(phoneme, ()):
        return _moved(_ANUSVARA, script)
    if script.lang == "kn" and phoneme == "m" and not after:
        return _moved(_ANUSVARA, script)
    letter = _moved(_CONSONANT_LETTERS["ḍ" if phoneme == "ṛ" else phoneme], script)
    if phoneme == "ṛ" or (
        phoneme == "y" and script.lang == "bn" and before in _VOWEL_SIGNS
    ):
        letter += script.nukta
    bare = after in _VOWEL_SIGNS or (not after and script.lang in ("hi", "bn"))
    return letter if bare else letter + script.virama


def _moved(devanagari: str, script: Script) -> str:
    distance = script.first - SCRIPTS["hi"].first
    return "".join(chr(ord(char) + distance) for char in devanagari)


def _tamil(word: Phonemes) -> Phonemes:
    """Rewrites a word in the sounds that Tamil letters stand for.

    One stop per place, without voice or breath; j (a Grantha letter) but after ñ. A
    helping vowel parts a stop from r (பிர), and a first consonant from y and v (வியா,
    துவா). The hissing sounds are ச before vowels, ஸ before consonants; a last ś is ஷ.
    N is dental at the start and before a dental, else alveolar.
    """
    out: list[str] = []
    for i, phoneme in enumerate(word):
        before, after = word[i - 1] if i else "", word[i + 1] if word[i + 1 :] else ""
        out.append(_tamil_phoneme(before, phoneme, after))
        if phoneme == "r̥":
            out[-1:] = ["i", "r", "u"]
        elif phoneme in _VOWEL_SIGNS:
            continue
        elif (phoneme in _NASAL_OF and after == "r") or (not before and after == "y"):
            out.append("i")
        elif phoneme in _NASAL_OF and not before and after == "v":
            out.append("u")
    return tuple(out)


def _tamil_phoneme(before: str, phoneme: str, after: str) -> str:
    if phoneme in ("s", "ś"):
        if after in _VOWEL_SIGNS:
            return "c"
        return "ṣ" if phoneme == "ś" and not after else "s"
    if phoneme == "n":
        return "n" if not before or after in _STOPS["n"] else "ṉ"
    if phoneme in ("j", "jh"):
        return "c" if before == "ñ" else "j"
    return _TAMIL.get(phoneme, phoneme)


_ROMAN = {
    phoneme: _odds(options)
    for phoneme, options in {
        "ā": "a 86 aa 14", "ī": "i 55 ee 38 ii 7", "ū": "u 62 oo 35 uu 3",
        "r̥": "ri 75 ru 25", "e": "e 1", "ē": "e 94 ae 3 ay 3", "ai": "ai 85 ei 8 ay 7",
        "o": "o 1", "ō": "o 95 oo 5", "au": "au 75 ou 20 ow 5",
        "c": "ch 88 c 12", "ch": "chh 55 ch 45", "ṅ": "n 1", "ñ": "n 1",
        "ṭ": "t 1", "ṭh": "th 90 t 10", "ḍ": "d 95 dh 5", "ḍh": "dh 85 d 15",
        "ṇ": "n 97 nn 3", "t": "t 68 th 32", "dh": "dh 85 d 15", "d": "d 90 dh 10",
        "kh": "kh 90 k 10", "gh": "gh 90 g 10", "bh": "bh 92 b 8", "jh": "jh 90 j 10",
        "ph": "ph 70 f 30", "v": "v 72 w 28", "ś": "sh 80 s 20", "ṣ": "sh 95 s 5",
        "ḷ": "l 93 ll 7", "ṛ": "r 62 d 38",
    }.items()
}  # fmt: skip
_ROMAN_LAST = {
    "a": _odds("a 72 0 28"), "ā": _odds("a 93 aa 7"),
    "i": _odds("i 84 ee 11 y 3 ie 2"), "u": _odds("u 91 oo 9"),
}  # fmt: skip
_DOUBLES = _odds("double 85 single 15")
_INNER_A = _odds("keep 70 drop 30")


def romanise(phonemes: Phonemes, rng: np.random.Generator) -> str:
    """Writes a word in Latin letters as one writer might.

    Vowel length, aspiration, t/th, d/dh, v/w, s/sh, doubling, the last a and an inner a
    that Hindi does not speak come and go from writer to writer; within one word, one
    sound is always written alike.

    Args:
      phonemes: what `draw_phonemes` returned.
      rng: settles the writer's habits.

    Returns:
      Letters a to z.
    """
    habits = {p: draw(_ROMAN[p], rng) for p in dict.fromkeys(phonemes) if p in _ROMAN}
    pieces = [habits.get(phoneme, phoneme) for phoneme in phonemes]
    single = draw(_DOUBLES, rng) == "single"
    for i, (phoneme, after) in enumerate(itertools.pairwise(phonemes)):
        if _FIRST_HALF.get(after) == phoneme:
            pieces[i] = "" if single else pieces[i][0]
    last, is_open = phonemes[-1], phonemes[-3] in _VOWEL_SIGNS
    # After a cluster the last a is always heard: krishna, never krishn.
    if last in _ROMAN_LAST and (last != "a" or is_open):
        pieces[-1] = draw(_ROMAN_LAST[last], rng)
    silent = _silent_a(phonemes)
    if silent is not None and draw(_INNER_A, rng) == "drop":
        pieces[silent] = ""
    return "".join(pieces)


def _silent_a(phonemes: Phonemes) -> int | None:
    """Place of the last a that stands, inside a word, between single consonants."""
    sides = ((i, phonemes[i - 2], phonemes[i + 2]) for i in range(2, len(phonemes) - 2))
    inside = (i for i, *around in sides if set(around) <= set(_VOWEL_SIGNS))
    return max((i for i in inside if phonemes[i] == "a"), default=None)
