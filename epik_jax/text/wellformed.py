"""Which letter may follow which, so that every word can be read.

One table of letter classes serves both `is_wellformed` (text in, bool out) and
`follow_table` (vocabulary in, [V, V] mask for a decoder out). The rule looks one letter
back; it knows nothing of frequencies and never repairs a word.
"""

from __future__ import annotations

import itertools

import numpy as np

from epik_jax.text import scripts
from epik_jax.text.vocabulary import Vocabulary

# Letter classes, one character each; "^" is the start of a word and "$" its end.
# v/a: independent vowel, without/with the right to a virama (Bengali a + ya-phala,
# Kannada aa + ya, for the vowel of "cat"); c/d: consonant, without/with the right to a
# nukta; n: nukta; s: vowel sign; h: virama; f: final; o: other letter; j: joiner.
_AFTER = {
    "^": "vacdo",
    "v": "vacdfoj$",
    "a": "vacdfojh$",
    "c": "vacdshfoj$",
    "d": "vacdnshfoj$",
    "n": "vacdshfoj$",
    "s": "vacdfoj$",
    "h": "vacdoj$",
    "f": "vacdoj$",
    "o": "vacdoj$",
    "j": "vacdo",
}
_VIRAMA_VOWELS = {"kn": "ಅಆಎ", "bn": "অআএ"}
_NUKTA_CONSONANTS = {"hi": "कखगजझडढफय", "kn": "ಕಖಗಜಫ", "bn": "জডঢফয"}


def is_wellformed(text: str, lang: str) -> bool:
    """Whether a normalised word obeys the spelling rules of its script.

    Sound words of real lists fail where they are mistyped: a vowel sign at the start of
    a word, two in a row, a virama or nukta after a sign.

    Args:
      text: a normalised word; the empty one is not well-formed.
      lang: language whose script it should be in.
    """
    classes = _classes(lang)
    return _is_sound("^" + "".join(classes.get(char, "?") for char in text) + "$")


def follow_table(vocab: Vocabulary, lang: str) -> np.ndarray:
    """Which token may follow which in a well-formed word of one language.

    A token of several letters must be well-formed inside, and its ends decide about its
    neighbours. Only the row of `bos_id` speaks of starts; the end may follow whatever
    completes a letter; padding, start, unknown and tags follow nothing. Rows that can
    not be reached allow the end alone, so that no row is empty and a masked softmax
    stays finite.

    Args:
      vocab: any vocabulary.
      lang: a member of `scripts.LANGUAGES`.

    Returns:
      bool [V, V]; [i, j] is true where token j may follow token i.
    """
    classes = _classes(lang)
    order = "".join(_AFTER) + "$?"
    rules = np.array([[b in _AFTER.get(a, "") for b in order] for a in order])
    spelled = [
        "".join(classes.get(char, "?") for char in vocab.decode([i])) or "?"
        for i in range(vocab.size)
    ]
    spelled[vocab.bos_id], spelled[vocab.eos_id] = "^", "$"
    sound = np.array([_is_sound(word) for word in spelled])
    first = np.array([order.index(word[0]) for word in spelled])
    last = np.array([order.index(word[-1]) for word in spelled])
    table = rules[last[:, None], first] & sound[:, None] & sound
    table[~table.any(axis=1), vocab.eos_id] = True
    return table


def _classes(lang: str) -> dict[str, str]:
    """Class of every letter and joiner of a script."""
    script = scripts.SCRIPTS[lang]
    groups = (
        ("v", script.vowels),
        ("a", _VIRAMA_VOWELS.get(lang, "")),
        ("c", script.consonants),
        ("d", _NUKTA_CONSONANTS.get(lang, "")),
        ("n", script.nukta),
        ("s", script.signs),
        ("h", script.virama),
        ("f", script.finals),
        ("o", script.others),
        ("j", script.joiners),
    )
    return {char: code for code, chars in groups for char in chars}


def _is_sound(word: str) -> bool:
    return all(b in _AFTER.get(a, "") for a, b in itertools.pairwise(word))
