"""Pieces are learnt once from what is trained on, and kept by what that was."""

from __future__ import annotations

import pytest
import toy_tagging

from epik_jax.recipes import pieces
from epik_jax.recipes.pieces import PiecesConfig, build_pieces

CONFIG = PiecesConfig(300)
TEXTS = [s.words for s in toy_tagging.SENTENCES]


@pytest.fixture
def learnt(monkeypatch):
    """How often pieces were learnt."""
    times, train = [], pieces.train_wordpieces

    def counted(*given, **options):
        times.append(given)
        return train(*given, **options)

    monkeypatch.setattr(pieces, "train_wordpieces", counted)
    return times


def test_pieces_are_learnt_once_and_read_back(at, learnt):
    first = build_pieces(CONFIG, TEXTS, at)
    assert first.size <= 300
    assert build_pieces(CONFIG, TEXTS, at).fingerprint == first.fingerprint
    # The order of lists makes no difference.
    assert build_pieces(CONFIG, TEXTS[::-1], at).fingerprint == first.fingerprint
    assert len(learnt) == 1


@pytest.mark.parametrize(
    ("config", "texts"),
    [
        (PiecesConfig(200), TEXTS),
        (PiecesConfig(300, lowercase=True), TEXTS),
        (CONFIG, TEXTS[:-1]),
    ],
    ids=["size", "case", "text"],
)
def test_others_are_learnt_where_anything_differs(at, learnt, config, texts):
    first = build_pieces(CONFIG, TEXTS, at)
    other = build_pieces(config, texts, at)
    assert len(learnt) == 2
    assert other.fingerprint != first.fingerprint
    assert build_pieces(CONFIG, TEXTS, at).fingerprint == first.fingerprint


def test_too_few_pieces_for_the_letters_are_refused_with_the_number(at):
    with pytest.raises(
        ValueError, match=r"pieces\.size: 100 .*cannot hold \d+ letters"
    ):
        build_pieces(PiecesConfig(100), TEXTS, at)
    with pytest.raises(ValueError, match="size"):
        PiecesConfig(99)
