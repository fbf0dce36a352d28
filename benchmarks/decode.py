"""Words per second of greedy and beam decoding, from text to text, random weights.

    python benchmarks/decode.py [--json FILE]

Sizes are the real teacher's and the half-size student's; words are made up, of real
lengths. Ratios within one run are what to read; seconds depend on the machine.
"""

from __future__ import annotations

import functools

import measure
import mistakes

from epik_jax.data.builtin import synthetic_words
from epik_jax.models import initial, transformer
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes.transliteration.tokens import follow_tables
from epik_jax.structs import Example
from epik_jax.teachers.forward import Network
from epik_jax.teachers.passes import Decoding
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import CharacterVocabulary

SIZES = {"whole": (256, 1024, 3), "half": (192, 768, 2)}


def main() -> None:
    """Times both sizes, greedy and with four beams, at three batch sizes."""
    options = measure.arguments(__doc__ or "")
    words = [Example("", w.hi, "hi", "ta") for w in synthetic_words(0, 1024)]
    rows = []
    for size in SIZES:
        network = random_network(size)
        for width in (1, 4):
            for batch in (1, 32, 256):
                asked = words[: 16 if batch == 1 else 1024]
                decoding = Decoding(width, batch_size=batch)
                asking = functools.partial(ask, network, asked, decoding)
                seconds = measure.median_seconds(asking, options.repeats)
                rows.append(
                    {
                        "size": size,
                        "decoding": decoding.label,
                        "batch": batch,
                        "ms a batch": 1e3 * seconds * batch / len(asked),
                        "words/s": len(asked) / seconds,
                    }
                )
    measure.show(rows, options.json)


def ask(network: Network, words: list[Example], decoding: Decoding) -> None:
    """Decodes all words; one at a time where the batch size is 1."""
    step = decoding.batch_size if decoding.batch_size == 1 else len(words)
    for start in range(0, len(words), step):
        network.transliterate(words[start : start + step], decoding)


def random_network(size: str) -> Network:
    """A network of drawn parameters under the script constraint."""
    width, feed_forward, layers = SIZES[size]
    vocabulary = CharacterVocabulary.from_languages(LANGUAGES)
    config = TransformerConfig(
        vocab_size=vocabulary.size,
        width=width,
        feed_forward=feed_forward,
        encoder_layers=layers,
        decoder_layers=layers,
        matmul_dtype="bfloat16",
    )
    params = initial.init_params(transformer.parameter_shapes(config), 0)
    return Network(params, config, vocabulary, follow_tables(vocabulary))


if __name__ == "__main__":
    mistakes.told(main)
