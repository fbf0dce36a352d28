"""What a recipe's tokens are, and that pieces are learnt once and know all letters."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest

from epik_jax.recipes.transliteration import tokens
from epik_jax.recipes.transliteration.corpus import DataConfig, read_corpus
from epik_jax.recipes.transliteration.tokens import (
    VocabularyConfig,
    build_vocabulary,
    follow_tables,
)
from epik_jax.text.scripts import LANGUAGES
from epik_jax.text.vocabulary import CharacterVocabulary
from epik_jax.text.wellformed import is_wellformed

CHARACTERS = CharacterVocabulary.from_languages(LANGUAGES)
EXAMPLES = read_corpus(DataConfig("builtin", num_synthetic=8)).train
PIECES = VocabularyConfig("sentencepiece", 400)


@pytest.fixture
def at(tmp_path):
    return SimpleNamespace(folder=tmp_path)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    at = SimpleNamespace(folder=tmp_path_factory.mktemp("run"))
    return build_vocabulary(PIECES, EXAMPLES, at)


def test_characters_follow_from_no_words_and_leave_nothing(at):
    made = build_vocabulary(VocabularyConfig(), EXAMPLES, at)
    assert made.fingerprint == CHARACTERS.fingerprint
    assert not list(at.folder.iterdir())


def test_pieces_are_learnt_once_whatever_the_order_of_words(at, pieces, monkeypatch):
    shuffled = random.Random(0).sample(EXAMPLES, len(EXAMPLES))
    assert build_vocabulary(PIECES, shuffled, at).fingerprint == pieces.fingerprint
    (file,) = at.folder.rglob("*.*")
    monkeypatch.setattr(tokens, "train_sentencepiece", None)
    again = build_vocabulary(PIECES, EXAMPLES, at)
    assert again.fingerprint == pieces.fingerprint
    assert file.parent.name == "vocabulary"


def test_other_words_or_another_size_are_other_pieces(at, pieces):
    fewer = build_vocabulary(PIECES, EXAMPLES[:-40], at)
    smaller = build_vocabulary(VocabularyConfig("sentencepiece", 390), EXAMPLES, at)
    assert smaller.size == 390 and fewer.size == pieces.size == 400
    assert len({v.fingerprint for v in (fewer, smaller, pieces)}) == 3


def test_pieces_of_both_sides_are_longer_than_letters_and_know_them_all(pieces):
    words = [w for e in EXAMPLES for w in (e.source, *e.targets)]
    encoded = pieces.encode(words)
    assert len(encoded.values) < 0.9 * sum(map(len, words))
    assert pieces.languages == LANGUAGES
    texts = [pieces.decode([i]) for i in range(pieces.size)]
    for lang in LANGUAGES:
        assert any(len(t) > 1 and is_wellformed(t, lang) for t in texts), lang
    everything = [*words, *CHARACTERS.letters]
    rows = pieces.encode(everything)
    assert pieces.unk_id not in rows.values
    assert [pieces.decode(rows.row(i)) for i in range(len(rows))] == everything


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pieces_write_wellformed_words_alone(pieces, lang):
    follow = follow_tables(pieces)[LANGUAGES.index(lang)]
    rng = np.random.default_rng(0)
    written = set()
    for _ in range(300):
        walk = [pieces.bos_id]
        while walk[-1] != pieces.eos_id and len(walk) < 12:
            walk.append(int(rng.choice(np.flatnonzero(follow[walk[-1]]))))
        if walk[-1] == pieces.eos_id:
            written.add(pieces.decode(walk[1:]))
    assert len(written) > 30
    assert [word for word in written if not is_wellformed(word, lang)] == []


@pytest.mark.parametrize("size", [100, 8000])
def test_a_size_that_cannot_be_is_named_and_leaves_nothing(at, size):
    with pytest.raises(ValueError, match=r"^teacher\.vocabulary\.size: no vocab.*\d+"):
        build_vocabulary(VocabularyConfig("sentencepiece", size), EXAMPLES, at)
    assert not list(at.folder.iterdir())


@pytest.mark.parametrize("size", [0, 100_000])
def test_a_size_beyond_the_constraint_s_table_is_refused(size):
    with pytest.raises(ValueError, match=f"size is {size}, expected 1 to 8192"):
        VocabularyConfig("sentencepiece", size)
