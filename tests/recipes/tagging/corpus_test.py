"""What is trained on is apart from what is scored on, and nobody loses a sentence."""

from __future__ import annotations

import dataclasses

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


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_no_sentence_of_dev_or_test_is_trained_on(config, share):
    for asked in (config, BUILTIN):
        corpus = read_tagged_corpus(dataclasses.replace(asked, labelled_share=share))
        assert held(corpus)
        trained = {s.words for s in corpus.transfer}
        assert trained and not trained & held(corpus)


def test_every_list_is_used_for_what_it_is_for(config):
    corpus = read_tagged_corpus(config)
    assert words(corpus.train) == ["Ada slept", "In Pune"]
    assert words(corpus.unlabelled) == ["Dee sang", "Ada slept", "Cup Final"]
    assert words(corpus.dev["toy/dev"]) == ["Hi", "Bob"]
    assert words(corpus.test["toy/test"]) == ["Cid ran"]
    assert corpus.counts["train:toy/train"]["held out"] == 1
    assert corpus.counts["unlabelled:toy/more"] == {
        "lines": 4,
        "bad": 0,
        "held out": 2,
        "sentences": 2,
    }


def test_of_the_unlabelled_the_words_alone_are_taken(config):
    corpus = read_tagged_corpus(dataclasses.replace(config, types=("MISC",)))
    assert all(not s.tags for s in corpus.unlabelled)
    assert all(not s.tags for s in corpus.transfer)
    assert len(corpus.transfer) == len(corpus.train) + len(corpus.unlabelled)


def test_no_two_sentences_have_one_name(config):
    for asked in (config, BUILTIN):
        corpus = read_tagged_corpus(asked)
        lists = [corpus.transfer, *corpus.dev.values(), *corpus.test.values()]
        names = [s.example_id for found in lists for s in found]
        assert len(set(names)) == len(names)


def test_a_share_of_the_tags_is_kept_by_name_and_the_others_become_unlabelled():
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
        ({"labelled_share": 0.0}, "no tagged sentence to train on"),
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
