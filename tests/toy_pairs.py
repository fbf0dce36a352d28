"""A few pairs of texts, and networks of random parameters that score them."""

from __future__ import annotations

from epik_jax.models import initial, scorer
from epik_jax.models.config import TransformerConfig
from epik_jax.models.scorer_config import BilstmScorerConfig, EncoderScorerConfig
from epik_jax.structs import TextPair
from epik_jax.teachers.scoring import ScoringNetwork
from epik_jax.text.wordpiece import SPECIALS, WordPieces

LETTERS = "abcdefgh"
PIECES = WordPieces([*SPECIALS, *LETTERS, *(f"##{x}" for x in LETTERS), "?"])
LABELS = ("no", "yes")
MAX_LENGTH = 24
ENCODER = TransformerConfig(
    vocab_size=PIECES.size,
    width=8,
    num_heads=2,
    feed_forward=16,
    encoder_layers=2,
    decoder_layers=0,
    max_length=MAX_LENGTH,
    norm="post",
    positions="learned",
    activation="gelu_exact",
    embedding_norm=True,
    token_types=2,
)
CONFIGS = [
    EncoderScorerConfig(ENCODER, LABELS, num_headers=3),
    BilstmScorerConfig(PIECES.size, 6, 5, LABELS, num_headers=3, max_length=MAX_LENGTH),
]
PAIRS = [
    TextPair("1", "a b ?", "abc d", "yes", "toy"),
    TextPair("2", "a", "b c d e f g h a b c", "no", "toy"),
    TextPair("3", "a b c d e f g", "h", "no", "toy"),
    TextPair("4", "d e ?", "e d", "yes", "toy"),
    TextPair("5", "h h h", "a", "", "toy"),
]


def network(config, seed=3):
    """A scorer of random parameters, large enough to differ from pair to pair."""
    params = initial.init_params(scorer.parameter_shapes(config), seed)
    return ScoringNetwork(params, config, PIECES)
