"""Pieces are learnt once from what is trained on, and kept by what that was."""

from __future__ import annotations

import dataclasses

import pytest
from toy_tagging import SENTENCES

from epik_jax.recipes.tagging import pieces
from epik_jax.recipes.tagging.pieces import PiecesConfig, build_pieces

CONFIG = PiecesConfig(300)


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
    first = build_pieces(CONFIG, SENTENCES, at)
    assert first.size <= 300
    assert build_pieces(CONFIG, SENTENCES, at).fingerprint == first.fingerprint
    # Neither the order of lists nor the tags make a difference.
    bare = [dataclasses.replace(s, tags=()) for s in SENTENCES[::-1]]
    assert build_pieces(CONFIG, bare, at).fingerprint == first.fingerprint
    assert len(learnt) == 1


@pytest.mark.parametrize(
    ("config", "sentences"),
    [
        (PiecesConfig(200), SENTENCES),
        (PiecesConfig(300, lowercase=True), SENTENCES),
        (CONFIG, SENTENCES[:-1]),
    ],
    ids=["size", "case", "text"],
)
def test_others_are_learnt_where_anything_differs(at, learnt, config, sentences):
    first = build_pieces(CONFIG, SENTENCES, at)
    other = build_pieces(config, sentences, at)
    assert len(learnt) == 2
    assert other.fingerprint != first.fingerprint
    assert build_pieces(CONFIG, SENTENCES, at).fingerprint == first.fingerprint


def test_too_few_pieces_for_the_letters_are_refused_with_the_number(at):
    with pytest.raises(
        ValueError, match=r"pieces\.size: 100 .*cannot hold \d+ letters"
    ):
        build_pieces(PiecesConfig(100), SENTENCES, at)
    with pytest.raises(ValueError, match="size"):
        PiecesConfig(99)
