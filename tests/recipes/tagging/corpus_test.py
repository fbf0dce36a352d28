"""What is trained on is apart from what is scored on, and nobody loses a sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from epik_jax.recipes.tagging.corpus import (
    TaggedDataConfig,
    TaggedListConfig,
    read_tagged_corpus,
)

BUILTIN = TaggedDataConfig(num_sentences=25)
FILES = {
    (
        "train",
        "en.train.conll",
    ): "Ada\tB-PER\nslept\tO\n\nHi\tO\n\nIn\tO\nPune\tB-LOC\n",
    ("dev", "en.dev.conll"): "Hi\tO\n\nBob\tB-PER\n",
    ("test", "en.test.conll"): "Cid\tB-PER\nran\tO\n",
    ("unlabelled", "en.more.txt"): "Cid ran\nBob\nDee sang\nAda slept\n",
    ("unlabelled", "en.tagged.conll"): "Cup\tB-MISC\nFinal\tI-MISC\n",
}


def lists():
    return tuple(
        TaggedListConfig(f"toy/{path.split('.')[1]}", "en", split, path)
        for split, path in FILES
    )


@pytest.fixture
def config(tmp_path):
    for (_, path), text in FILES.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    return TaggedDataConfig("files", str(tmp_path), lists())


def words(sentences):
    return [" ".join(s.words) for s in sentences]


def held(corpus):
    return {
        s.words
        for part in (corpus.dev, corpus.test)
        for found in part.values()
        for s in found
    }


@pytest.mark.parametrize("share", [1.0, 0.9])
def test_no_sentence_of_dev_or_test_is_trained_on(config, share):
    for asked in (config, BUILTIN):
        corpus = read_tagged_corpus(dataclasses.replace(asked, labelled_share=share))
        assert held(corpus)
        trained = {s.words for s in corpus.transfer}
        assert trained and not trained & held(corpus)


def test_every_list_is_used_for_what_it_is_for(config):
    corpus = read_tagged_corpus(config)
    assert words(corpus.train) == ["Ada slept", "In Pune"]
    assert words(corpus.unlabelled) == ["Dee sang", "Cup Final"]
    assert words(corpus.dev["toy/dev"]) == ["Hi", "Bob"]
    assert words(corpus.test["toy/test"]) == ["Cid ran"]
    assert corpus.counts["train:toy/train"]["held out"] == 1
    assert corpus.counts["unlabelled:toy/more"] == {
        "lines": 4,
        "bad": 0,
        "held out": 3,
        "sentences": 1,
    }


@pytest.fixture
def corpus_of(tmp_path):
    """Writes a file of (split, words or lines of words and tags), and reads all."""

    def read(*rows, **changes):
        found = []
        for number, (split, name, text) in enumerate(rows):
            ending = "conll" if "\t" in text else "txt"
            path = f"{number}.{ending}"
            (tmp_path / path).write_text(text, encoding="utf-8")
            found.append(TaggedListConfig(name, "en", split, path))
        return read_tagged_corpus(
            TaggedDataConfig("files", str(tmp_path), tuple(found), **changes)
        )

    return read


LUC = ("Jean-Luc\tB-PER\nran\tO\n", "Jean\tB-PER\n-\tI-PER\nLuc\tI-PER\nran\tO\n")
ADA = "Ada\tB-PER\n"


def test_what_stands_in_a_test_list_is_in_no_dev_list(corpus_of):
    bob = "Bob\tB-PER\n"
    rows = ("train", "a", ADA), ("dev", "d", f"{bob}\n{LUC[0]}"), ("test", "t", bob)
    corpus = corpus_of(*rows)
    assert words(corpus.dev["d"]) == ["Jean-Luc ran"]
    assert words(corpus.test["t"]) == ["Bob"]
    assert corpus.counts["dev:d"]["held out"] == 1
    # Of nothing but what is tested no list is left to choose on.
    assert corpus_of(*rows[::2], ("dev", "d", bob)).dev == {}


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("cut", [0, 1])
def test_a_sentence_is_held_out_however_it_is_cut_into_words(corpus_of, split, cut):
    corpus = corpus_of(
        ("train", "a", f"{ADA}\n{LUC[cut]}"),
        ("unlabelled", "u", "Jean-Luc ran\nBob\n"),
        (split, "h", LUC[1 - cut]),
    )
    assert words(corpus.train) == ["Ada"] and words(corpus.unlabelled) == ["Bob"]


def test_text_that_is_trained_on_with_tags_is_not_among_that_without(corpus_of):
    corpus = corpus_of(
        ("train", "a", f"{ADA}\n{LUC[1]}"),
        ("unlabelled", "u", "Ada\nBob\nJean-Luc ran\n"),
        ("unlabelled", "v", ADA),
    )
    assert words(corpus.unlabelled) == ["Bob"]
    assert [corpus.counts[f"unlabelled:{x}"]["held out"] for x in "uv"] == [2, 1]


def test_training_text_without_an_entity_of_the_asked_types_is_refused(corpus_of):
    rows = ("train", "a", "Cup\tB-MISC\nwon\tO\n"), ("dev", "d", ADA)
    assert len(corpus_of(*rows, types=("MISC",)).train) == 1
    with pytest.raises(ValueError, match=r"types \('PER',\): no training sentence has"):
        corpus_of(*rows, types=("PER",))


def test_two_files_of_one_list_keep_all_their_sentences_apart(corpus_of):
    both = f"{ADA}\n{ADA}"
    corpus = corpus_of(
        ("train", "a", both),
        ("train", "a", both),
        ("test", "t", LUC[0]),
        ("test", "t", LUC[0]),
    )
    assert len({s.example_id for s in corpus.train}) == len(corpus.train) == 4
    assert len({s.example_id for s in corpus.test["t"]}) == 2
    assert corpus.counts["train:a"]["lines"] == 6
    assert corpus.counts["train:a"]["sentences"] == 4


def test_of_the_unlabelled_the_words_alone_are_taken(config):
    corpus = read_tagged_corpus(dataclasses.replace(config, types=("PER", "MISC")))
    assert all(not s.tags for s in corpus.unlabelled)
    assert all(not s.tags for s in corpus.transfer)
    assert len(corpus.transfer) == len(corpus.train) + len(corpus.unlabelled)


def test_no_two_sentences_have_one_name(config):
    for asked in (config, BUILTIN):
        corpus = read_tagged_corpus(asked)
        lists = [corpus.transfer, *corpus.dev.values(), *corpus.test.values()]
        names = [s.example_id for found in lists for s in found]
        assert len(set(names)) == len(names)


def test_that_nothing_can_be_validated_is_said(config, caplog):
    read_tagged_corpus(config)
    assert "no dev list" not in caplog.text
    lists = [x for x in config.lists if x.split != "dev"]
    read_tagged_corpus(dataclasses.replace(config, lists=tuple(lists)))
    assert "no dev list" in caplog.text


def test_of_equal_sentences_all_keep_their_tags_or_none(config):
    again = "".join(f"w{i}\tO\n\n" for i in range(40))
    for name in ("en.train.conll", "en.tagged.conll"):
        (Path(config.root) / name).write_text(again + "Ada\tB-PER\n")
    more = TaggedListConfig("toy/more", "en", "train", "en.tagged.conll")
    asked = dataclasses.replace(
        config, lists=(*config.lists[:3], more), labelled_share=0.8
    )
    corpus = read_tagged_corpus(asked)
    assert 20 < len(corpus.train) < 80 and len(corpus.unlabelled) > 4
    bare = {s.words for s in corpus.unlabelled}
    assert not bare & {s.words for s in corpus.train}


def test_a_share_of_the_tags_is_kept_by_words_and_the_others_become_unlabelled():
    whole = read_tagged_corpus(BUILTIN)
    some, again, fewer = (
        read_tagged_corpus(dataclasses.replace(BUILTIN, labelled_share=share))
        for share in (0.5, 0.5, 0.2)
    )
    assert some == again
    names = [{s.example_id for s in c.train} for c in (whole, some, fewer)]
    assert names[0] > names[1] > names[2]
    assert len(names[1]) / len(names[0]) == pytest.approx(0.5, abs=0.12)
    left = {s.example_id for s in some.unlabelled}
    assert left == names[0] - names[1]
    assert not any(s.tags for s in some.unlabelled)


def test_types_that_are_not_asked_for_are_outside_words(config):
    for asked in (config, BUILTIN):
        asked = dataclasses.replace(asked, types=("PER",))
        assert asked.labels == ("O", "B-PER", "I-PER")
        corpus = read_tagged_corpus(asked)
        lists = [corpus.train, *corpus.dev.values(), *corpus.test.values()]
        tags = {tag for found in lists for s in found for tag in s.tags}
        assert {"O", "B-PER"} <= tags <= set(asked.labels)


def test_languages_that_are_not_asked_for_are_not_read(config):
    corpus = read_tagged_corpus(dataclasses.replace(BUILTIN, langs=("hi", "ta")))
    assert corpus.langs == ("hi", "ta")
    assert set(corpus.dev) == {"builtin/hi", "builtin/ta"}
    more = TaggedListConfig("toy/de", "de", "train", "nofile.conll")
    asked = dataclasses.replace(config, lists=(*config.lists, more), langs=("en",))
    assert read_tagged_corpus(asked).langs == ("en",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"root": ""}, "data.root '' is not a folder"),
        ({"root": "/nowhere"}, "data.root '/nowhere' is not a folder"),
        ({"langs": ("de",)}, "no tagged sentence to train on"),
        ({"labelled_share": 0.0}, "to train on: labelled_share 0.0 leaves none"),
    ],
)
def test_files_that_give_nothing_to_train_on_are_refused(config, changes, message):
    with pytest.raises(ValueError, match=message):
        read_tagged_corpus(dataclasses.replace(config, **changes))


def test_missing_files_are_named_and_counted(config):
    more = [TaggedListConfig(n, "en", "dev", f"{n}.conll") for n in "xyz"]
    with pytest.raises(ValueError, match=r"there is no x\.conll, nor 2 others"):
        read_tagged_corpus(dataclasses.replace(config, lists=(*config.lists, *more)))


def test_a_language_that_does_not_ship_is_refused_by_its_name():
    with pytest.raises(ValueError, match=r"langs.* 'de'.*en.*bn"):
        TaggedDataConfig(langs=("en", "de"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: TaggedListConfig("l", "en", "dev", "a.txt.gz"),
            "l: a.txt.gz is plain",
        ),
        (lambda: TaggedListConfig(" ", "en", "dev", "a"), "list of a has no name"),
        (
            lambda: TaggedDataConfig(
                "files",
                lists=tuple(TaggedListConfig("l", x, "dev", x) for x in ("pt", "es")),
            ),
            "list l: it is in 'pt' and in 'es'",
        ),
        (lambda: TaggedDataConfig(types=()), "are none"),
        (lambda: TaggedDataConfig(types=("PER", "PER")), "one twice"),
        (lambda: TaggedDataConfig(root="x"), "reads neither root nor lists"),
        (lambda: TaggedDataConfig(labelled_share=1.5), "labelled_share"),
        (lambda: TaggedDataConfig(num_sentences=4), "num_sentences"),
    ],
)
def test_settings_that_mean_nothing_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
