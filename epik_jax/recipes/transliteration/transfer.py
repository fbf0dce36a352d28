"""What the chain is asked about, and the cache of what it said.

Words with gold romanisations go in; examples X -> Y, a teacher and a sealed cache come
out. No X-Y pair is looked at: the pivot is gold or the teacher's own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from epik_jax.bounds import LARGEST_BEAM, demand, within
from epik_jax.data.draw import share_of
from epik_jax.data.encode import encode
from epik_jax.data.pairs import example_id
from epik_jax.recipes.recipe import digest
from epik_jax.recipes.transliteration.corpus import Romanisations
from epik_jax.recipes.transliteration.streams import content_digest
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers.advice import CrowdConfig, adviser
from epik_jax.teachers.chain import Chain, KnownPivots, Link
from epik_jax.teachers.forward import Decoding, Network
from epik_jax.teachers.signals import TransliterationTeacher, Wanted
from epik_jax.text.normalise import NORMALISER_VERSION
from epik_jax.text.scripts import INDIC_LANGUAGES


@dataclasses.dataclass(frozen=True)
class TransferConfig:
    """How the chain is asked.

    Attributes:
      pivot: "gold" takes attested romanisations where there are any, "teacher" the
        chain's own.
      teacher_share: with "gold", share of the words whose pivot is the chain's all
        the same, so that the student also sees what the chain really hands on.
      num_pivots: pivots summed over for each word.
      pivot_beam: beam of the first stage.
      beam_width: beam of the second stage.
      length_penalty: of the second stage.
      max_extra: see `Decoding`; of the second stage.
      num_words: training words a language, drawn by digest; 0 for all.
      crowd: how a rule table joins in.
      wanted: what is kept of an answer.
      num_shards: files of the cache.
    """

    pivot: Literal["gold", "teacher"] = "gold"
    teacher_share: float = 0.0
    num_pivots: int = 1
    pivot_beam: int = 4
    beam_width: int = 4
    length_penalty: float = 0.0
    max_extra: int = 8
    num_words: int = 0
    crowd: CrowdConfig = dataclasses.field(default_factory=CrowdConfig)
    wanted: Wanted = dataclasses.field(default_factory=Wanted)
    num_shards: int = 16

    def __post_init__(self) -> None:
        """Refuses numbers that ask for nothing."""
        within(self, 1, LARGEST_BEAM, "num_pivots", "pivot_beam", "beam_width")
        demand(self, 1, "num_shards")
        demand(self, 0, "num_words", "max_extra")
        if not 0.0 <= self.teacher_share <= 1.0:
            raise ValueError(f"teacher_share {self.teacher_share} is not in [0, 1]")


def transfer_words(
    romanisations: Romanisations, config: TransferConfig
) -> list[tuple[str, str]]:
    """The (language, word) pairs that the chain is asked about, Indic ones only."""
    words: dict[str, list[str]] = {lang: [] for lang in INDIC_LANGUAGES}
    for lang, word in romanisations:
        words[lang].append(word)
    if config.num_words:
        for lang, found in words.items():
            by_digest = sorted(found, key=lambda word: (share_of(word), word))
            words[lang] = by_digest[: config.num_words]
    return [(lang, word) for lang, found in words.items() for word in found]


def transfer_examples(words: Iterable[tuple[str, str]]) -> list[Example]:
    """Every word into each other Indic language, without gold."""
    return [
        Example(example_id(word, lang, other), word, lang, other)
        for lang, word in words
        for other in INDIC_LANGUAGES
        if other != lang
    ]


def known_pivots(
    words: Sequence[tuple[str, str]],
    romanisations: Romanisations,
    config: TransferConfig,
) -> KnownPivots:
    """Gold pivots of the words that get one; logs the mix of gold and teacher."""
    if config.pivot == "teacher":
        return {}
    chosen = {
        word: _as_hypotheses(romanisations[word][: config.num_pivots])
        for word in words
        if share_of("pivot " + word[0] + word[1]) >= config.teacher_share
    }
    logging.info(
        "pivots: gold for %d words, the teacher's for %d",
        *(len(chosen), len(words) - len(chosen)),
    )
    return chosen


def back_examples(
    words: Iterable[tuple[str, str]], romanisations: Romanisations
) -> list[Example]:
    """English forms of gold words into every Indic language but their own."""
    asked: dict[str, Example] = {}
    for lang, word in words:
        latin = romanisations[lang, word][0][0]
        for other in INDIC_LANGUAGES:
            if other != lang:
                name = example_id(latin, "en", other)
                asked.setdefault(name, Example(name, latin, "en", other))
    return list(asked.values())


def back_translated(
    words: Iterable[tuple[str, str]],
    romanisations: Romanisations,
    sources: dict[str, str],
) -> list[Example]:
    """Pairs of a source that the teacher wrote and the gold word that it stands for.

    Args:
      words: gold targets.
      romanisations: of each.
      sources: example id of `back_examples` -> the teacher's spelling.
    """
    made = []
    for lang, word in words:
        latin = romanisations[lang, word][0][0]
        for other in INDIC_LANGUAGES:
            source = sources.get(example_id(latin, "en", other), "")
            if other != lang and source:
                name = example_id(source, other, lang, latin)
                made.append(Example(name, source, other, lang, (word,), latin))
    return made


def joined_examples(romanisations: Romanisations) -> list[Example]:
    """Words of two languages that share a romanisation, as if they were pairs.

    Noisy, and no teacher is needed: what the baseline without one is trained on.
    """
    by_latin: dict[str, list[tuple[str, str]]] = {}
    for word, forms in romanisations.items():
        for latin, _ in forms:
            by_latin.setdefault(latin, []).append(word)
    pairs = {
        (word, other): None
        for sharing in by_latin.values()
        for word in sharing
        for other in sharing
        if word[0] != other[0]
    }
    return [
        Example(example_id(x, lang, other), x, lang, other, (y,))
        for (lang, x), (other, y) in pairs
    ]


def chain_decodings(config: TransferConfig) -> tuple[Decoding, Decoding]:
    """How the chain's first and second stage search."""
    first = Decoding(
        beam_width=max(config.pivot_beam, config.num_pivots),
        num_hypotheses=config.num_pivots,
    )
    second = Decoding(
        beam_width=config.beam_width,
        num_hypotheses=min(config.beam_width, config.wanted.num_hypotheses),
        length_penalty=config.length_penalty,
        max_extra=config.max_extra,
    )
    return first, second


def two_stage_chain(
    network: Network, config: TransferConfig, pivots: KnownPivots
) -> Chain:
    """The network chained with itself through English."""
    first, second = chain_decodings(config)
    return Chain((Link(network, "en", first), Link(network, None, second)), pivots)


def fingerprint(
    teacher: TransliterationTeacher,
    examples: Sequence[Example],
    asked: Any,
    network_digest: str,
) -> dict[str, str]:
    """Digests by name of all that a cache of the teacher's answers depends on.

    Args:
      teacher: what is asked.
      examples: about what.
      asked: the settings of the question, a dataclass.
      network_digest: of the teacher's parameters and sizes.
    """
    parts = {
        "teacher": network_digest,
        "vocabulary": teacher.vocabulary.fingerprint,
        "normaliser": NORMALISER_VERSION,
        "data": content_digest(encode(examples, teacher.vocabulary)),
        "pivots": _pivots_digest(teacher.chain.known_pivots),
        "encoding": digest(dataclasses.asdict(asked)),
        "schema": teacher.schema.fingerprint,
    }
    if teacher.crowd.table != "none":
        parts["table"] = digest(adviser(teacher.crowd.table).fingerprint)
    return parts


def _as_hypotheses(forms: Sequence[tuple[str, int]]) -> tuple[Hypothesis, ...]:
    given = [(latin, count) for latin, count in forms if count]
    # A list may say of a word that nobody gave it: all its forms are alike then.
    given = given or [(latin, 1) for latin, _ in forms]
    total = sum(count for _, count in given)
    return tuple(Hypothesis(latin, math.log(n / total)) for latin, n in given)


def _pivots_digest(pivots: KnownPivots) -> str:
    state = hashlib.sha256()
    for (lang, word), hypotheses in pivots.items():
        state.update(f"{lang}:{word}={hypotheses}\n".encode())
    return state.hexdigest()
