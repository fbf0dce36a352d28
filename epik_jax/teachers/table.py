"""Transliteration by rules, as a teacher that needs no training.

Examples go in, one hypothesis each comes out. The built-in table reads a word into
sounds by the habits of its language and writes the sounds by the habits of the other;
PyICU can be asked instead. Nothing is learnt here, and no word is looked up.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers import habits
from epik_jax.text import phonetics, scripts
from epik_jax.text.normalise import NORMALISER_VERSION, normalise

Answer = Callable[[str, str, str], str]

_VOWELS = phonetics.VOWELS + "ə"
_SPOKEN = _VOWELS.replace("ə", "")
_CONSONANTS = phonetics.CONSONANTS

# A last vowel is silent after one consonant, and after a cluster that ends in a stop or
# a sibilant; "indra" and "ratna" need theirs.
_SILENT_LAST = re.compile(
    f"(?<=[{_VOWELS}][{_CONSONANTS}])a$"
    "|(?<=[rlsśṣnṇmŋñPpkb][ṭṬḍḌkKgGtTdDpPbBśscj])a$|(?<=[ṭtgd][sś])a$"
)
# Of two short syllables the first keeps its vowel: V C a C V, also before s + stop.
_SILENT_BEFORE = re.compile(f"[{_SPOKEN}][{_CONSONANTS}]$")
_SILENT_AFTER = re.compile(f"[{_CONSONANTS}][{_SPOKEN}]|s[ṭtk]r?[{_SPOKEN}]")


class TableTeacher:
    """A rule table behind the predictor protocol.

    Attributes:
      kind: "builtin" or "icu".
      fingerprint: what the answers depend on, the rules' own text among it; equal
        means equal answers.
    """

    def __init__(self, kind: str = "builtin") -> None:
        """Chooses the table.

        Args:
          kind: "builtin" for the project's own rules, "icu" for PyICU's.

        Raises:
          ValueError: `kind` is neither.
          ImportError: PyICU is asked for and not installed.
        """
        if kind not in ("builtin", "icu"):
            raise ValueError(f"kind of table is {kind!r}, expected 'builtin' or 'icu'")
        self.kind = kind
        self.fingerprint = {"kind": kind, "normaliser": NORMALISER_VERSION}
        if kind == "builtin":
            rules = (habits, phonetics, scripts, sys.modules[__name__])
            state = hashlib.sha256()
            for module in rules:
                state.update(inspect.getsource(module).encode())
            self.fingerprint["rules"] = state.hexdigest()
            self._answer: Answer = transliterate_word
        else:
            icu = _import_icu()
            self.fingerprint["icu"] = icu.ICU_VERSION
            self._answer = _icu_word

    def transliterate(
        self, examples: Sequence[Example]
    ) -> list[tuple[Hypothesis, ...]]:
        """Writes each source in its target language.

        Args:
          examples: words to write; their targets are not looked at.

        Returns:
          For each example one hypothesis, of log-probability 0: a rule has no doubts.

        Raises:
          ValueError: a language is unknown.
        """
        answers = (
            self._answer(e.source, e.source_lang, e.target_lang) for e in examples
        )
        return [(Hypothesis(text, 0.0),) for text in answers]


def transliterate_word(text: str, source_lang: str, target_lang: str) -> str:
    """One word by the built-in table.

    Args:
      text: a normalised word; what stands between hyphens is written on its own.
      source_lang: language it is in.
      target_lang: language to write it in.

    Returns:
      A normalised word; empty where `text` has no letter of `source_lang`.

    Raises:
      ValueError: a language is unknown.
    """
    for lang in (source_lang, target_lang):
        if lang not in scripts.SCRIPTS:
            raise ValueError(f"unknown language {lang!r}, known: {scripts.LANGUAGES}")
    if source_lang == target_lang:
        return text
    rules = _bridge(source_lang, target_lang) + habits.WRITE[target_lang]
    parts = (_spoken(part, source_lang) for part in text.split("-"))
    written = (phonetics.spell(_rewrite(part, rules), target_lang) for part in parts)
    return normalise("-".join(written), target_lang)


def _spoken(text: str, lang: str) -> str:
    """Sounds of a word, with "ə" for vowels that are written and not said."""
    sounds = "".join(p.sound for p in phonetics.phonemes(text, lang))
    sounds = _rewrite(sounds, habits.READ[lang])
    return _silence(sounds) if lang in ("hi", "bn") else sounds


def _silence(sounds: str) -> str:
    sounds = _SILENT_LAST.sub("ə", sounds)
    # From the right, since a vowel that has gone silent saves the one before it.
    for i in range(len(sounds) - 2, 1, -1):
        if (
            sounds[i] == "a"
            and _SILENT_BEFORE.search(sounds, max(0, i - 2), i)
            and _SILENT_AFTER.match(sounds, i + 1)
        ):
            sounds = sounds[:i] + "ə" + sounds[i + 1 :]
    return sounds


def _bridge(source_lang: str, target_lang: str) -> habits.Rules:
    chosen = (
        rules
        for sources, targets, rules in habits.BRIDGES
        if source_lang in sources.split() and target_lang in targets.split()
    )
    return tuple(rule for rules in chosen for rule in rules)


def _rewrite(sounds: str, rules: habits.Rules) -> str:
    for pattern, replacement in rules:
        sounds = _compile(pattern).sub(replacement, sounds)
    return sounds


@functools.cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("{V}", _VOWELS).replace("{C}", _CONSONANTS))


def _import_icu() -> Any:
    try:
        import icu
    except ImportError as error:
        raise ImportError(
            "the ICU table needs PyICU: pip install 'epik-jax[icu]' (and ICU itself,"
            " such as Debian's libicu-dev)"
        ) from error
    return icu


@functools.cache
def _icu_transform(source_lang: str, target_lang: str) -> Any:
    names = [scripts.SCRIPTS[lang].name for lang in (source_lang, target_lang)]
    tail = "; Latin-ASCII" if target_lang == "en" else ""
    return _import_icu().Transliterator.createInstance("-".join(names) + tail)


def _icu_word(text: str, source_lang: str, target_lang: str) -> str:
    answer = _icu_transform(source_lang, target_lang).transliterate(text)
    return normalise(answer, target_lang)
