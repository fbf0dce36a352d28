"""Words to ids and back, for both kinds of vocabulary."""

import json

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.text import scripts, vocabulary
from epik_jax.text.pieces import train_sentencepiece
from epik_jax.text.vocabulary import CharacterVocabulary

# A busy machine is no failure.
CALM = settings(deadline=None, max_examples=50)
VOCAB = CharacterVocabulary.from_languages(scripts.LANGUAGES)
LETTERS = "".join(s.letters + s.joiners for s in scripts.SCRIPTS.values())
WORDS = st.lists(st.text(st.sampled_from(LETTERS)))
CORPUS = ["नमक", "नगर", "मगर", "कमल", "कलम", "namak", "nagar", "kamal"] * 20


@pytest.fixture(scope="module")
def pieces():
    return train_sentencepiece(CORPUS, 20, ("en", "hi"))


def rows(ragged):
    return [ragged.row(i).tolist() for i in range(len(ragged))]


def test_ids_of_released_models_stay_as_they_are():
    """A change here makes every trained model unreadable."""
    assert VOCAB.size == 290
    assert VOCAB.fingerprint == (
        "60f9fe82738fb5375acdc4a281fc924aa1b6ff90e7aeb04d4ddfad09f3a20365"
    )


@CALM
@given(WORDS)
def test_characters_come_back_as_they_went_in(words):
    assert [VOCAB.decode(row) for row in rows(VOCAB.encode(words))] == words


@CALM
@given(st.lists(st.text()))
def test_characters_agree_with_a_plain_dictionary(words):
    ids = {VOCAB.decode([i]): i for i in range(VOCAB.size)}
    del ids[""]
    expected = [[ids.get(char, VOCAB.unk_id) for char in word] for word in words]
    assert rows(VOCAB.encode(words)) == expected


def test_broken_text_is_unknown_and_no_error():
    assert rows(VOCAB.encode(["a\ud800\U0001f600"]))[0][1:] == [VOCAB.unk_id] * 2


def test_ids_are_distinct_and_small():
    special = [VOCAB.pad_id, VOCAB.bos_id, VOCAB.eos_id, VOCAB.unk_id]
    tags = [VOCAB.tag_id(lang) for lang in scripts.LANGUAGES]
    letters = VOCAB.encode([LETTERS]).row(0)
    used = {*special, *tags, *letters.tolist()}
    assert used == set(range(VOCAB.size))
    assert VOCAB.encode(["abc"]).values.dtype == np.int32


def test_decoding_stops_at_the_first_end():
    a, b = VOCAB.encode(["ab"]).row(0)
    padded = [VOCAB.bos_id, VOCAB.tag_id("hi"), a, VOCAB.unk_id, VOCAB.eos_id, b]
    assert VOCAB.decode(np.array([*padded, VOCAB.pad_id])) == "a"


def test_sources_are_tag_word_end():
    words = ["ab", "", "ம"]
    framed = rows(vocabulary.encode_sources(VOCAB, words, ["hi", "ta", "en"]))
    plain = rows(VOCAB.encode(words))
    tags = [VOCAB.tag_id(lang) for lang in ("hi", "ta", "en")]
    expected = [[t, *p, VOCAB.eos_id] for t, p in zip(tags, plain, strict=True)]
    assert framed == expected


def test_targets_are_word_end():
    words = ["", "ab", "ম"]
    framed = rows(vocabulary.encode_targets(VOCAB, words))
    assert framed == [[*p, VOCAB.eos_id] for p in rows(VOCAB.encode(words))]


def test_no_words_make_no_rows():
    assert len(vocabulary.encode_sources(VOCAB, [], [])) == 0
    assert len(vocabulary.encode_targets(VOCAB, [])) == 0


def test_each_word_needs_its_language():
    with pytest.raises(ValueError, match="2 words, but 1 languages"):
        vocabulary.encode_sources(VOCAB, ["a", "b"], ["hi"])


def test_language_without_a_tag_is_named():
    small = CharacterVocabulary.from_languages(("en", "hi"))
    with pytest.raises(ValueError, match="'ta'"):
        small.tag_id("ta")


def test_order_and_choice_of_languages():
    a = CharacterVocabulary.from_languages(("hi", "en"))
    b = CharacterVocabulary.from_languages(("en", "hi"))
    c = CharacterVocabulary.from_languages(("en", "ta"))
    assert a.fingerprint == b.fingerprint != c.fingerprint
    for wrong in (("en", "xx"), ("en", "en")):
        with pytest.raises(ValueError, match="not drawn from"):
            CharacterVocabulary.from_languages(wrong)


def test_saved_vocabulary_is_the_same(tmp_path, pieces):
    for vocab in (VOCAB, pieces):
        vocab.save(tmp_path / "vocabulary")
        again = vocabulary.load_vocabulary(tmp_path / "vocabulary")
        assert type(again) is type(vocab)
        assert again.fingerprint == vocab.fingerprint
        assert again.languages == vocab.languages
        assert rows(again.encode(CORPUS)) == rows(vocab.encode(CORPUS))


def test_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "vocabulary.json"
    record = {"kind": "words", "format": 1, "specials": []}
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"vocabulary\.json.*words"):
        vocabulary.load_vocabulary(path)


@pytest.mark.parametrize("content", [b"neither", b"{", b'{"kind": "characters"}', b""])
def test_what_is_no_vocabulary_is_named(tmp_path, content):
    path = tmp_path / "vocabulary"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="vocabulary is no vocabulary: "):
        vocabulary.load_vocabulary(path)


def test_pieces_agree_with_sentencepiece(pieces, tmp_path):
    pieces.save(tmp_path / "m")
    plain = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "m"))
    assert rows(pieces.encode(CORPUS)) == [plain.encode(word) for word in CORPUS]
    assert [pieces.decode(row) for row in rows(pieces.encode(CORPUS))] == CORPUS


def test_pieces_keep_specials_where_characters_have_them(pieces):
    names = ("pad_id", "bos_id", "eos_id", "unk_id")
    assert [getattr(pieces, n) for n in names] == [getattr(VOCAB, n) for n in names]
    assert pieces.languages == ("en", "hi")
    # What looks like a tag in a text is no tag.
    spelled = pieces.encode(["<hi>"]).row(0).tolist()
    assert pieces.tag_id("hi") not in spelled


def test_pieces_are_framed_and_cut_like_characters(pieces):
    framed = vocabulary.encode_sources(pieces, ["नमक"], ["en"]).row(0).tolist()
    assert framed[0] == pieces.tag_id("en")
    assert framed[-1] == pieces.eos_id
    assert pieces.decode([*framed, *framed]) == "नमक"


def test_pieces_keep_the_zero_width_non_joiner():
    words = ["नम\u200cक"] * 10
    vocab = train_sentencepiece(words, 10, ("hi",))
    assert vocab.decode(vocab.encode(words[:1]).row(0)) == words[0]


def test_training_pieces_twice_gives_the_same(pieces):
    again = train_sentencepiece(CORPUS, 20, ("en", "hi"))
    assert again.fingerprint == pieces.fingerprint


def test_too_few_pieces_are_explained():
    with pytest.raises(ValueError, match="no vocabulary of 8 pieces"):
        train_sentencepiece(CORPUS, 8, ("en", "hi"))
