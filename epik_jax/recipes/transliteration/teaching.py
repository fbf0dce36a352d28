"""The teacher at work: what a student's stages need of it is asked once, and cached.

Words and settings go in, lessons come out; nothing is trained here.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Collection, Sequence
from typing import Any

from epik_jax.data.leak import leak_guard
from epik_jax.recipes.caching import fill_cache
from epik_jax.recipes.recipe import Workplace
from epik_jax.recipes.transliteration import transfer
from epik_jax.recipes.transliteration.corpus import Corpus
from epik_jax.recipes.transliteration.lessons import Lessons
from epik_jax.recipes.transliteration.networks import network_digest
from epik_jax.recipes.transliteration.transfer import TransferConfig
from epik_jax.structs import Example
from epik_jax.teacher_cache.reader import TeacherCache
from epik_jax.teachers.advice import CrowdConfig
from epik_jax.teachers.chain import Chain, Link
from epik_jax.teachers.forward import Decoding, Network
from epik_jax.teachers.live import LiveSignals
from epik_jax.teachers.placed import alone
from epik_jax.teachers.signals import TransliterationTeacher, Wanted

SMALL_FIELDS = ("tokens", "token_lengths", "scores", "confidence")


@dataclasses.dataclass(frozen=True)
class Teaching:
    """A teacher, and all that it takes to ask it.

    Attributes:
      teacher: the network that the chain is made of.
      corpus: the words.
      asked: how the chain is asked.
      live: ask for each batch's large signals instead of caching them.
      at: where caches lie; its stop flag is obeyed between blocks.
      others: further networks, whose chains are asked the same.
    """

    teacher: Network
    corpus: Corpus
    asked: TransferConfig
    live: bool
    at: Workplace
    others: tuple[Network, ...] = ()

    @functools.cached_property
    def digest(self) -> str:
        """Of the teacher and those beside it; hashed once."""
        digests = map(network_digest, (self.teacher, *self.others))
        return "+".join(digests)

    def lessons(self, kinds: Collection[str]) -> Lessons:
        """Examples of these kinds, with the signals that were cached for them."""
        forms = self.corpus.romanisations
        words = transfer.transfer_words(forms, self.asked)
        examples = transfer.transfer_examples(words) if "transfer" in kinds else []
        answers: dict[str, Any] = {}
        signals: TeacherCache | LiveSignals | None = None
        if examples:
            answers, signals = self._transfer(words, examples)
        gold: dict[str, Sequence[Example]] = {
            "gold": self.corpus.train,
            "joined": transfer.joined_examples(forms) if "joined" in kinds else (),
        }
        if "back" in kinds:
            gold["back"] = self._back(words)
        return Lessons(self.teacher.vocabulary, examples, answers, signals, gold)

    def _transfer(
        self, words: Sequence[tuple[str, str]], examples: Sequence[Example]
    ) -> tuple[dict[str, Any], TeacherCache | LiveSignals]:
        """The chain's answers: small signals in order, and where the others are."""
        asked = self.asked
        pivots = transfer.known_pivots(words, self.corpus.romanisations, asked)
        chain, *others = (
            transfer.two_stage_chain(network, asked, pivots)
            for network in map(alone, (self.teacher, *self.others))
        )
        known = self.teacher.vocabulary
        full = TransliterationTeacher(
            chain, known, asked.crowd, asked.wanted, tuple(others)
        )
        if not self.live:
            cache = self._cached("transfer", full, examples, asked)
            return in_order(cache, examples, self.teacher), cache
        few = dataclasses.replace(asked.wanted, log_probs=False, hidden="none")
        cached = dataclasses.replace(full, wanted=few)
        cache = self._cached("transfer", cached, examples, asked)
        answers = in_order(cache, examples, self.teacher)
        return answers, LiveSignals(full, examples, answers)

    def _back(self, words: Sequence[tuple[str, str]]) -> list[Example]:
        """Back-translations: gold targets, sources that the teacher wrote."""
        forms, known = self.corpus.romanisations, self.teacher.vocabulary
        examples, decoding = transfer.back_examples(words, forms), Decoding()
        chain = Chain((Link(alone(self.teacher), None, decoding),))
        wanted = Wanted(num_hypotheses=1)
        writer = TransliterationTeacher(chain, known, CrowdConfig(), wanted)
        cache = self._cached("back", writer, examples, decoding)
        tokens = in_order(cache, examples, self.teacher)["tokens"]
        sources = {
            example.example_id: known.decode(tokens.row(i))
            for i, example in enumerate(examples)
        }
        made = transfer.back_translated(words, forms, sources)
        # The teacher may have spelled a word as it stands in a list that is held out.
        kept, _ = leak_guard(made, self.corpus.held)
        logging.info(
            "back-translation: %d of %d pairs dropped, their words are held out",
            *(len(made) - len(kept), len(made)),
        )
        return kept

    def _cached(
        self,
        name: str,
        answering: TransliterationTeacher,
        examples: Sequence[Example],
        settings: Any,
    ) -> TeacherCache:
        return fill_cache(
            self.at.folder / "cache" / name,
            answering,
            examples,
            transfer.fingerprint(answering, examples, settings, self.digest),
            self.asked.num_shards,
            lambda: self.at.stop.obey("stopped while the teacher was asked"),
        )


def in_order(
    cache: TeacherCache, examples: Sequence[Example], teacher: Network
) -> dict[str, Any]:
    """Small signals of all examples, in their order."""
    encoded = transfer.encode(examples, teacher.vocabulary)
    return cache.join(encoded.keys, encoded.source_digest, SMALL_FIELDS)
