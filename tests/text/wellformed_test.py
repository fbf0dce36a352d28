"""Which letter may follow which."""

import itertools
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epik_jax.text import scripts
from epik_jax.text.pieces import train_sentencepiece
from epik_jax.text.vocabulary import CharacterVocabulary
from epik_jax.text.wellformed import follow_table, is_wellformed

VOCAB = CharacterVocabulary.from_languages(scripts.LANGUAGES)
TABLES = {lang: follow_table(VOCAB, lang) for lang in scripts.LANGUAGES}
LANGS = st.sampled_from(scripts.LANGUAGES)

SOUND = {
    "en": ["namak", "o'brien", "guinea-bissau"],
    "hi": ["नमक", "ज़ंजीर", "हड़्डी", "आई", "गाँव", "कुआँ", "डॉक्टर", "ॐ", "दुःख", "भाग्यम्"],
    "ta": ["உப்பு", "ஃபிஜி", "ஆஃப்", "எம்எல்ஏ", "ஸ்ரீ", "கௌரி", "லஃப்"],
    "kn": ["ಉಪ್ಪು", "ಆ್ಯಂಪರ್", "ಸ್ವಾತಂತ್ರ್ಯಂ", "ದುಃಖ", "ಫ಼ಿಜಿ", "ಕೃಷಿ"],
    "bn": ["লবণ", "অ্যাপ", "উৎসব", "হৃদয়", "চাঁদ", "ৎসাং", "রিয়্যালিটি", "সাঁই"],
}
FAULTY = {
    "en": ["", "-a", "a-", "a--b", "namaक", "a b"],
    "hi": ["ाक", "्क", "ंक", "़क", "काि", "मेंं", "अा", "का्", "का़", "क्ा", "अ्क", "ऩ"],
    "ta": ["ாக", "்க", "கொா", "துா", "அா", "கா்", "க்்", "ஂக", "அ்"],
    "kn": ["ಾಕ", "್ಕ", "ಂಕ", "ಕಾಿ", "ಅಾ", "ಕಾ್", "ಕ್ಂ", "ನ಼", "ಇ್ಯ"],
    "bn": ["াক", "্ক", "ংক", "কাি", "অা", "কা্", "ৎা", "ন়", "ই্য", "আপুরিনাঁঁ"],
}


@pytest.mark.parametrize("lang", scripts.LANGUAGES)
def test_words_of_the_language_are_wellformed(lang):
    assert [w for w in SOUND[lang] if not is_wellformed(w, lang)] == []


@pytest.mark.parametrize("lang", scripts.LANGUAGES)
def test_common_misspellings_are_not(lang):
    assert [w for w in FAULTY[lang] if is_wellformed(w, lang)] == []


@pytest.mark.parametrize("lang", scripts.LANGUAGES)
def test_words_of_other_languages_are_not(lang):
    others = [w for other in SOUND if other != lang for w in SOUND[other]]
    assert not any(is_wellformed(w, lang) for w in others)


def test_table_walks_exactly_the_wellformed_words():
    """Walks the table along each word of up to three Bengali letters of all classes."""
    letters = "অইকড়ি্ংৎ-"
    table = TABLES["bn"]
    ids = dict(zip(letters, VOCAB.encode([letters]).row(0).tolist(), strict=True))
    for size in range(1, 4):
        for word in itertools.product(letters, repeat=size):
            path = [VOCAB.bos_id, *(ids[c] for c in word), VOCAB.eos_id]
            walked = all(table[a, b] for a, b in itertools.pairwise(path))
            assert walked == is_wellformed("".join(word), "bn"), word


@pytest.mark.parametrize("lang", scripts.LANGUAGES)
def test_no_mark_starts_a_word(lang):
    row = TABLES[lang][VOCAB.bos_id]
    first = [VOCAB.decode([i]) for i in np.flatnonzero(row)]
    assert first
    assert all(unicodedata.category(c).startswith("L") for c in first)
    assert set(first) <= set(scripts.SCRIPTS[lang].letters)


@pytest.mark.parametrize("lang", scripts.LANGUAGES)
def test_special_ids_follow_nothing(lang):
    tags = [VOCAB.tag_id(other) for other in scripts.LANGUAGES]
    special = [VOCAB.pad_id, VOCAB.bos_id, VOCAB.unk_id, *tags]
    assert not TABLES[lang][:, special].any()
    assert not TABLES[lang][VOCAB.bos_id, VOCAB.eos_id]


@pytest.mark.parametrize("lang", scripts.LANGUAGES)
def test_every_row_allows_something(lang):
    assert TABLES[lang].dtype == bool
    assert TABLES[lang].shape == (VOCAB.size, VOCAB.size)
    assert TABLES[lang].any(axis=1).all()
    # What is over stays over, and what cannot be reached ends at once.
    foreign = VOCAB.encode(["க" if lang != "ta" else "क"]).row(0)[0]
    for dead in (VOCAB.pad_id, VOCAB.eos_id, VOCAB.unk_id, foreign):
        assert np.flatnonzero(TABLES[lang][dead]).tolist() == [VOCAB.eos_id]


@settings(deadline=None, max_examples=50)
@given(LANGS, st.integers(0, 2**32 - 1))
def test_random_walks_write_wellformed_words(lang, seed):
    random, token, walk = np.random.default_rng(seed), VOCAB.bos_id, []
    while token != VOCAB.eos_id and len(walk) < 12:
        token = int(random.choice(np.flatnonzero(TABLES[lang][token])))
        walk.append(token)
    if walk[-1] == VOCAB.eos_id:
        assert is_wellformed(VOCAB.decode(walk), lang)


def test_pieces_are_judged_at_both_ends_and_inside():
    # "काि" is faulty inside, "ाम" at its start.
    words = ["काम", "नाम", "काम", "शाम", "काि", "काि", "काि"] * 10
    vocab = train_sentencepiece(words, 12, ("hi",))
    table = follow_table(vocab, "hi")
    texts = [vocab.decode([i]) for i in range(vocab.size)]
    assert max(map(len, texts)) > 1
    for i, j in zip(*np.nonzero(table), strict=True):
        if i != vocab.bos_id and j != vocab.eos_id:
            ending = "्" if texts[j].endswith("्") else ""
            start = "" if is_wellformed(texts[i][0], "hi") else "क"
            assert is_wellformed(start + texts[i] + texts[j] + ending, "hi")
    starts = {texts[j] for j in np.flatnonzero(table[vocab.bos_id])}
    assert starts == {t for t in texts if t and is_wellformed(t, "hi")}
