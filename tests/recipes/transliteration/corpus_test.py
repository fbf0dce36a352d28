"""What is trained on, chosen on and reported on never share a native word."""

from __future__ import annotations

import json

import pytest

from epik_jax.data.leak import native_forms, native_words
from epik_jax.recipes.transliteration.corpus import DataConfig, read_corpus
from epik_jax.recipes.transliteration.names import for_choosing, name_key
from epik_jax.recipes.transliteration.word_lists import ListConfig

HEADER = "src_lang\ttgt_lang\tsrc\trefs\tkey\tsource\n"

# Native word, romanisation, writers; as the releases lay them out.
FILES = {
    "train.tsv": "घर\tghar\t3\nघर\tghur\t1\nनाम\tnaam\t2\nशहर\tshahar\t1\n"
    "कमल\tkamal\t1\nराम\tram\t1\nजल\tjal\t2\n",
    "dev.tsv": "शहर\tshehar\t1\nवन\tvan\t2\nवन\tban\t1\nजल\tjal\t1\n",
    "test.tsv": "कमल\tkamal\t2\nफल\tphal\t1\nफल\tfal\t3\n",
    "other.json": "\n".join(
        json.dumps({"native word": n, "english word": e, "source": "x"})
        for n, e in [("फल", "phal"), ("सागर", "sagar"), ("राम", "raam"), ("गुल", "gul")]
    )
    + "\n",
    "valid.json": json.dumps({"native word": "कमल", "english word": "kamaal"})
    + "\n"
    + json.dumps({"native word": "तट", "english word": "tat"})
    + "\n",
    "held.tsv": "नाम\tnam\t1\n",
    "names.tsv": HEADER
    + "".join(
        f"hi\tkn\t{hi}\t{kn}\t{key}\tx\nkn\thi\t{kn}\t{hi}\t{key}\tx\n"
        f"en\thi\t{key}\t{hi}\t{key}\tx\n"
        for hi, kn, key in [
            ("राम", "ರಾಮ್", "ram"),
            ("मीरा", "ಮೀರಾ", "meera"),
            ("गोपाल", "ಗೋಪಾಲ್", "gopal"),
            ("सीता", "ಸೀತಾ", "sita"),
            ("सीता", "ಸೀತಾ", "seeta"),
            ("अजय", "ಅಜಯ್", "ajay"),
            ("विजय", "ವಿಜಯ್", "vijay"),
            ("गीता", "ಗೀತಾ", "gita"),
            ("नीला", "ನೀಲಾ", "neela"),
            ("रवि", "ರವಿ", "ravi"),
            ("सोहन", "ಸೋಹನ್", "sohan"),
            ("अनिल", "ಅನಿಲ್", "anil"),
        ]
    ),
}
LISTS = (
    ListConfig("dakshina", "hi", "train", "train.tsv"),
    ListConfig("aksharantar", "hi", "train", "other.json"),
    ListConfig("dakshina", "hi", "dev", "dev.tsv"),
    ListConfig("aksharantar", "hi", "dev", "valid.json"),
    ListConfig("dakshina", "hi", "test", "test.tsv"),
    ListConfig("dakshina", "hi", "held", "held.tsv"),
    ListConfig("parallel", "", "names", "names.tsv"),
)


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def corpus(root):
    return read_corpus(DataConfig("files", str(root), LISTS))


@pytest.fixture(scope="module")
def shipped():
    return read_corpus(DataConfig("builtin", num_synthetic=40))


def held_out(corpus):
    test = (e for rows in corpus.test.values() for e in rows)
    return native_words([*corpus.dev, *test, *corpus.names_choosing, *corpus.names])


def test_no_training_word_of_files_is_held_out(corpus):
    natives = native_words(corpus.train)
    assert natives == {"घर", "सागर", "गुल"}
    assert natives.isdisjoint(held_out(corpus) | {"नाम"})


def test_no_training_word_of_the_shipped_corpus_is_held_out(shipped):
    natives = native_words(shipped.train)
    assert len(natives) > 500
    assert natives.isdisjoint(held_out(shipped))


def test_every_dropped_pair_is_counted_for_the_list_that_holds_its_word(corpus):
    assert corpus.counts["train:dakshina/hi"] == {
        "read": 7,
        "kept": 2,
        "leaks dev:dakshina/hi": 2,
        "leaks dev:aksharantar/hi": 1,
        "leaks test:dakshina/hi": 1,
        "leaks held:dakshina/hi": 1,
        "leaks names": 1,
    }
    assert corpus.counts["train:aksharantar/hi"] == {
        "read": 4,
        "kept": 2,
        "leaks test:dakshina/hi": 1,
        "leaks names": 1,
    }
    assert corpus.counts["train.tsv"] == {"read": 7, "kept": 7}


def test_a_word_of_a_test_list_is_not_chosen_on(corpus):
    test = native_words(e for rows in corpus.test.values() for e in rows)
    assert native_words(corpus.dev) == {"शहर", "वन", "जल", "तट"}
    assert native_words(corpus.dev).isdisjoint(test)
    assert corpus.counts["dev:aksharantar/hi"] == {
        "read": 2,
        "kept": 1,
        "leaks test:dakshina/hi": 1,
    }
    assert corpus.counts["dev:dakshina/hi"] == {"read": 4, "kept": 4}


def test_the_shipped_corpus_chooses_on_no_word_that_it_tests_on(shipped):
    test = native_words(shipped.test["builtin"])
    assert native_words(shipped.dev).isdisjoint(test)


def test_a_test_list_stays_whole_and_keeps_its_name(corpus):
    assert list(corpus.test) == ["dakshina/hi"]
    to_latin = [e for e in corpus.test["dakshina/hi"] if e.target_lang == "en"]
    assert {e.source: e.targets for e in to_latin} == {
        "कमल": ("kamal",),
        "फल": ("fal", "phal"),
    }


def test_training_goes_both_ways_with_one_example_a_pair(corpus):
    pairs = {(e.source, e.target_lang, e.targets) for e in corpus.train}
    assert {("घर", "en", ("ghar",)), ("ghur", "hi", ("घर",))} <= pairs
    assert len(corpus.train) == 2 * 4


def test_romanisations_come_with_their_writers_most_frequent_first(corpus):
    assert corpus.romanisations["hi", "घर"] == (("ghar", 3), ("ghur", 1))
    assert {word for _, word in corpus.romanisations} == native_words(corpus.train)


@pytest.mark.parametrize("which", ["corpus", "shipped"])
def test_names_for_choosing_share_no_native_word_with_those_reported(which, request):
    corpus = request.getfixturevalue(which)
    assert corpus.names_choosing and corpus.names
    chosen, reported = native_words(corpus.names_choosing), native_words(corpus.names)
    assert chosen.isdisjoint(reported)


def test_names_are_parted_by_their_english_form_in_every_direction(corpus):
    for example in corpus.names:
        assert not for_choosing(name_key(example))
    for example in corpus.names_choosing:
        assert for_choosing(name_key(example))
    counted = corpus.counts["names"]
    assert counted["choosing"] == len(corpus.names_choosing)
    assert counted["reported"] == len(corpus.names)
    total = sum(corpus.counts["names"].values())
    assert total == corpus.counts["names.tsv"]["kept"]


def test_a_name_under_two_english_forms_is_reported_and_not_chosen_on(root):
    forms = [f"k{chr(97 + i)}" for i in range(26)]
    chosen, other = (
        next(f for f in forms if for_choosing(f) is c) for c in (True, False)
    )
    rows = [
        f"hi\tkn\tसीता\tಸೀತಾ\t{chosen}\tx\n",
        f"hi\tta\tसीता\tசீதா\t{other}\tx\n",
    ]
    (root / "names.tsv").write_text(HEADER + "".join(rows), encoding="utf-8")
    corpus = read_corpus(DataConfig("files", str(root), LISTS[-1:]))
    assert "सीता" not in native_words(corpus.names_choosing)
    assert "सीता" in native_words(corpus.names)
    assert corpus.counts["names"]["in neither"] == 1


def test_what_is_reported_by_itself_alone_is_not_chosen_on(root, corpus):
    apart = corpus.names_choosing[0].origin
    config = DataConfig("files", str(root), LISTS, apart=(apart,))
    other = read_corpus(config)
    assert apart not in {e.origin for e in other.names_choosing}
    assert other.names == corpus.names and other.apart == (apart,)


def test_no_word_of_a_list_or_name_that_is_reported_is_chosen_on(root):
    form = next(f for f in "abcdefgh" if for_choosing(f))
    other = next(f for f in "abcdefgh" if not for_choosing(f))
    rows = [f"hi\tkn\tफल\tಫಲ\t{form}\tx\n", f"hi\tkn\tजल\tಜಲ\t{other}\tx\n"]
    (root / "names.tsv").write_text(HEADER + "".join(rows), encoding="utf-8")
    corpus = read_corpus(DataConfig("files", str(root), LISTS))
    assert "फल" in native_words(corpus.test["dakshina/hi"])
    assert not corpus.names_choosing
    assert "जल" not in native_words(corpus.dev)
    assert corpus.counts["dev:dakshina/hi"]["leaks names"] == 1


def test_what_is_held_out_is_all_that_is_not_trained_on(corpus, shipped):
    for read in (corpus, shipped):
        every = frozenset().union(*read.held.values())
        assert held_out(read) <= every
        assert every.isdisjoint(native_words(read.train))


@pytest.mark.parametrize(
    "config", [DataConfig("files"), DataConfig("files", "/nowhere/at/all", LISTS)]
)
def test_a_missing_root_is_one_clear_error(config):
    with pytest.raises(ValueError, match=r"data\.root .* --config\.data\.root=FOLDER"):
        read_corpus(config)


@pytest.mark.parametrize(
    "files", [{"root": "words"}, {"lists": (ListConfig("pairs", "hi", "dev", "x"),)}]
)
def test_files_are_not_passed_over_for_the_shipped_corpus(files):
    with pytest.raises(ValueError, match="'builtin' reads neither root nor lists"):
        DataConfig("builtin", **files)


def test_a_missing_file_is_named_before_any_is_read(root):
    (root / "valid.json").unlink()
    (root / "train.tsv").write_text("not at all\n")
    with pytest.raises(ValueError, match=r"valid\.json is not there \(1 of 7"):
        read_corpus(DataConfig("files", str(root), LISTS))


def test_too_many_bad_rows_are_refused_with_the_file(root):
    (root / "dev.tsv").write_text("शहर\tshehar\t1\nbad line\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"dev\.tsv: 1 of 2 lines are bad"):
        read_corpus(DataConfig("files", str(root), LISTS))
    corpus = read_corpus(DataConfig("files", str(root), LISTS, max_bad_share=0.5))
    assert corpus.counts["dev.tsv"] == {"read": 2, "kept": 1, "not 3 columns": 1}


def test_words_over_the_longest_length_are_left_out(root):
    (root / "train.tsv").write_text(
        "घर\tghar\t1\nघरघर\tgharghar\t1\n", encoding="utf-8"
    )
    lists = LISTS[:1]
    config = DataConfig("files", str(root), lists, max_length=6, max_bad_share=0.5)
    assert native_words(read_corpus(config).train) == {"घर"}


def test_the_shipped_corpus_pivots_its_training_through_english(shipped):
    assert all("en" in (e.source_lang, e.target_lang) for e in shipped.train)
    assert all("en" not in (e.source_lang, e.target_lang) for e in shipped.names)
    assert all(e.pivot for e in shipped.names)
    assert native_forms(shipped.names[0])
