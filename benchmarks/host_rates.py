"""Questions a second that one process prepares and keeps, whatever chips it has.

    python benchmarks/host_rates.py --teacher pretrained/matra [--json FILE]

What a host does while a teacher's cache is filled: words of the corpus that ships are
encoded, answers become text, a rule table ranks them, records are packed. The networks
answer at once, with words or numbers that were drawn before.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import measure
import mistakes
import numpy as np

from epik_jax.models.config import TransformerConfig
from epik_jax.models.labeller_config import EncoderLabellerConfig
from epik_jax.ragged import Ragged
from epik_jax.recipes import run
from epik_jax.recipes.transliteration import transfer
from epik_jax.recipes.transliteration.corpus import Corpus, DataConfig, read_corpus
from epik_jax.recipes.transliteration.networks import load_network
from epik_jax.structs import Decoded, Sentence
from epik_jax.teacher_cache.schema import Block, Schema
from epik_jax.teacher_cache.tfrecord import encode_example, frame
from epik_jax.teachers.forward import Network
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.teachers.passes import Decoding
from epik_jax.teachers.signals import TransliterationTeacher
from epik_jax.teachers.tagging import TaggingTeacher, WantedStates
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import Vocabulary, encode_targets
from epik_jax.text.wordpiece import train_wordpieces

NUM = 2048
CONFIG = f"{Path(__file__).parents[1]}/configs/epik.py:real"


def main() -> None:
    """Times words and sentences."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--teacher", type=Path, required=True, help="a model folder")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    options = parser.parse_args()
    if options.json:
        mistakes.demand_unspoilt(options.json)
    corpus = read_corpus(DataConfig(kind="builtin"))
    rows = [
        {"questions": name, "a second": NUM / measure.median_seconds(ask, 3)}
        for name, ask in (
            ("words", asked_words(corpus, options.teacher)),
            ("sentences", asked_sentences(corpus)),
        )
    ]
    measure.show(rows, options.json)


def asked_words(corpus: Corpus, folder: Path) -> Callable[[], None]:
    """Asks EPIK's chain about words, as `real` does."""
    asked = run.configured(CONFIG, [])[1].epik.transfer
    asked = dataclasses.replace(asked, num_words=0)
    words = transfer.transfer_words(corpus.romanisations, asked)
    examples = transfer.transfer_examples(words)[:NUM]
    network = load_network(folder)
    known = network.vocabulary
    pivots = transfer.known_pivots(words, corpus.romanisations, asked)
    chain = transfer.two_stage_chain(network, asked, pivots)
    teacher = TransliterationTeacher(chain, known, asked.crowd, asked.wanted, ())
    forms: dict[str, list[str]] = {lang: [] for lang in LANGUAGES}
    for lang, word in words:
        forms[lang].append(word)
    forms["en"] = [
        latin for (_, _), all_ in corpus.romanisations.items() for latin, _ in all_
    ]
    spelled = [_padded(known, forms[lang]) for lang in LANGUAGES]

    def told(
        self: Network, sources: Ragged, langs: np.ndarray, decoding: Decoding
    ) -> Decoded:
        N, W = len(sources), decoding.num_hypotheses
        rng = np.random.default_rng(N)
        some = [spelled[lang] for lang in langs]
        tokens = np.stack([words[rng.integers(0, len(words), W)] for words in some])
        scores = -np.sort(rng.random((N, W)).astype(np.float32), axis=1)
        lengths = (tokens != known.pad_id).sum(axis=-1)
        return Decoded(tokens, lengths, scores, scores)

    def ask() -> None:
        with mock.patch.object(Network, "decode", told):
            keep(teacher.schema, teacher.block(examples))

    return ask


def _padded(known: Vocabulary, words: list[str]) -> np.ndarray:
    return encode_targets(known, words).padded(np.arange(len(words)), 40, known.pad_id)[
        0
    ]


def asked_sentences(corpus: Corpus) -> Callable[[], None]:
    """Asks a tagger of 768 about sentences of 16 words for logits and states."""
    latin = [forms[0][0] for forms in corpus.romanisations.values()]
    rng = np.random.default_rng(0)
    sentences = [
        Sentence(str(n), tuple(map(str, rng.choice(latin, 16))), "en")
        for n in range(NUM)
    ]
    pieces = train_wordpieces([s.words for s in sentences], 4000)
    encoder = TransformerConfig(
        pieces.size, width=768, num_heads=12, decoder_layers=0, max_length=128
    )
    network = LabellingNetwork(
        {}, EncoderLabellerConfig(encoder, ("O", "B-PER")), pieces
    )
    teacher = TaggingTeacher(network, WantedStates(1))

    def told(
        self: LabellingNetwork, tokens: Ragged, layer: int | None, batch_size: int = 128
    ) -> tuple[Ragged, Ragged]:
        count = len(tokens.values)
        logits = np.ones((count, 2), np.float32)
        return Ragged(logits, tokens.offsets), Ragged(states[:count], tokens.offsets)

    longest = len(pieces.encode([s.words for s in sentences])[0].values)
    states = rng.standard_normal((longest + 2 * NUM, 768)).astype(np.float32)

    def ask() -> None:
        with mock.patch.object(LabellingNetwork, "signals", told):
            keep(teacher.schema, teacher.block(sentences))

    return ask


def keep(schema: Schema, block: Block) -> int:
    """Packs answers as a shard does; returns their bytes."""
    return sum(
        len(piece)
        for part in block.split(256)
        for piece in frame(encode_example(schema.encode(part)))
    )


if __name__ == "__main__":
    main()
