"""How alike two words sound: keys that agree or not, and what their figures mean.

Words of any of the five languages go in; whether an answer sounds like an accepted
spelling, or like the word that it was made of, comes out. Counting is done elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from epik_jax.structs import Example
from epik_jax.text import phonetics
from epik_jax.text.normalise import normalise

KeyFn: TypeAlias = Callable[[str, str], str]
"""(text, lang) -> sound key; an empty key is never equal to another."""

WordDistance: TypeAlias = Callable[[str, str, str], float | None]
"""(text, other, lang) -> distance, 0.0 for equal sounds; None where none is known."""

SOUND_KEYS: Mapping[str, KeyFn] = {
    "sound_class": phonetics.sound_class_key,
    "strict": phonetics.strict_key,
    "phonetic": phonetics.phonetic_key,
}

SOUND_KEY_DEFINITIONS: Mapping[str, str] = {
    "sound_class": phonetics.SOUND_CLASS_KEY,
    "strict": phonetics.STRICT_KEY,
    "phonetic": phonetics.PHONETIC_KEY,
}

_CROSS = (
    "Share of words whose first answer has the same {key} key as the source word, each "
    "read in its own script: how well sound is carried over, without asking for a "
    "spelling. Beside it stands the share of words of which some accepted spelling has "
    "that key: people do not keep it always, so more than that is not better."
)


class Heard(NamedTuple):
    """What one sound key says of one answer.

    Attributes:
      right: the answer sounds like some accepted spelling.
      kept: it sounds like the source word.
      keepable: some accepted spelling sounds like the source word.
    """

    right: bool
    kept: bool
    keepable: bool


def cross_name(key: str) -> str:
    """Metric that compares an answer's key with the source word's, across scripts."""
    return f"cross_{key}"


def definitions(keys: Mapping[str, str]) -> dict[str, str]:
    """What the figures of some keys mean.

    Args:
      keys: name of a key -> how it is made.

    Returns:
      Metric -> its definition: of the keys first, of the same across scripts then.
    """
    across = {cross_name(name): _CROSS.format(key=name) for name in keys}
    return {**keys, **across}


def heard(text: str, references: Sequence[str], example: Example, key: KeyFn) -> Heard:
    """Compares an answer's key with those of references and source.

    Args:
      text: the answer, normalised; "" where there was none.
      references: accepted spellings, normalised.
      example: what was asked.
      key: the sound key.
    """
    lang = example.target_lang
    source = normalise(example.source, example.source_lang)
    asked = key(source, example.source_lang)
    own = key(text, lang) if text else ""
    wanted = {key(reference, lang) for reference in references} - {""}
    # The same text sounds the same, also where its key is empty.
    right = text in references or own in wanted
    return Heard(right, bool(own) and own == asked, asked in wanted)
