"""Pairs are split by purpose, and none of one purpose stands in another."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from epik_jax.data.general_pairs import GeneralPairsConfig
from epik_jax.recipes.scoring.corpus import PairDataConfig, read_pair_corpus
from epik_jax.recipes.scoring.pair_lists import PairListConfig

FEW = GeneralPairsConfig(num_found=1, num_drawn=1)
TRAIN = "q1\ta\t1\nq1\tb\t0\nq2\tc\t1\nq3\td\t0\n"


def lists(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.tsv").write_text(text)
    return PairDataConfig(
        kind="files",
        root=str(tmp_path),
        labels=("0", "1"),
        right="1",
        general=FEW,
        lists=tuple(
            PairListConfig("toy", name.split("_")[0], f"{name}.tsv") for name in files
        ),
    )


def texts(pairs):
    return {(pair.text_a, pair.text_b) for pair in pairs}


def test_what_stands_in_a_held_out_list_is_left_out_elsewhere_and_counted(tmp_path):
    config = lists(
        tmp_path,
        train=TRAIN,
        dev="q1\tb\t0\nq9\tx\t1\n",
        test="q2\tc\t1\nq9\tx\t1\n",
        general="q3\td\t?\nq9\tx\nq4\te\n",
    )
    corpus = read_pair_corpus(config)
    assert texts(corpus.train) == {("q1", "a"), ("q3", "d")}
    assert texts(corpus.dev["toy"]) == {("q1", "b")}
    held = texts(corpus.dev["toy"]) | texts(corpus.test["toy"])
    assert not held & texts(corpus.general)
    assert ("q4", "e") in texts(corpus.general)
    assert corpus.counts["train:toy"] == {
        "lines": 4,
        "bad": 0,
        "held out": 2,
        "pairs": 2,
    }
    assert corpus.counts["dev:toy"]["held out"] == 1


def test_a_pair_in_other_case_and_with_other_signs_is_the_same_pair(tmp_path):
    test = "What is Homebrew ?\tA thing.\t1\nwhy\t?!\t0\n"
    train = TRAIN + "what is homebrew?\ta thing\t1\nwhy\t!\t0\n"
    corpus = read_pair_corpus(lists(tmp_path, train=train, test=test))
    left = texts(corpus.train) | texts(corpus.general)
    assert ("what is homebrew?", "a thing") not in left
    # Signs alone are compared as they are.
    assert ("why", "!") in left


def test_general_pairs_have_no_labels_and_are_counted_by_kind(tmp_path):
    corpus = read_pair_corpus(lists(tmp_path, train=TRAIN))
    assert {pair.label for pair in corpus.general} == {""}
    assert sum(corpus.general_counts.values()) == len(corpus.general)
    assert corpus.general_counts["there"] == len(corpus.train)


def test_the_questions_that_are_made_up_share_nothing_between_parts():
    corpus = read_pair_corpus(PairDataConfig(num_questions=20, general=FEW))
    parts = [corpus.train, corpus.dev["builtin"], corpus.test["builtin"]]
    assert [len(part) for part in parts] == [100, 20, 20]
    for one, other in itertools.combinations(parts, 2):
        assert not texts(one) & texts(other)


def test_ids_are_told_apart_by_list_and_file(tmp_path):
    config = lists(tmp_path, train=TRAIN, train_2=TRAIN)
    corpus = read_pair_corpus(config)
    assert len({pair.example_id for pair in corpus.train}) == len(corpus.train) == 8


def test_where_there_is_no_dev_list_whole_questions_of_training_become_one(tmp_path):
    rows = (f"q{n}\tp{m}\t{m}\n" for n in range(200) for m in range(2))
    config = lists(tmp_path, train="".join(rows))
    config = dataclasses.replace(config, dev_share=0.2)
    corpus = read_pair_corpus(config)
    dev = corpus.dev["toy"]
    assert len(dev) + len(corpus.train) == 400 and 50 < len(dev) < 110
    asked, learnt = ({p.text_a for p in part} for part in (dev, corpus.train))
    assert not asked & learnt
    assert not texts(dev) & texts(corpus.general)
    with pytest.raises(ValueError, match="there is a dev list"):
        dataclasses.replace(
            config, lists=(*config.lists, PairListConfig("toy", "dev", "x.tsv"))
        )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"root": "nowhere"}, "is not a folder"),
        ({"lists": ()}, "no labelled pair to train on"),
        (
            {"lists": (PairListConfig("x", "train", "gone.tsv"),)},
            "there is no file gone.tsv",
        ),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, changes, said):
    given = {"root": str(tmp_path), "labels": ("0", "1"), **changes}
    with pytest.raises(ValueError, match=said):
        read_pair_corpus(PairDataConfig(kind="files", **given))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": ("0", "1")}, "has labels of its own"),
        ({"kind": "files", "labels": ("0",)}, "not two classes"),
        ({"kind": "files", "labels": ("0", "1"), "right": "2"}, "is none of labels"),
        ({"num_questions": 2}, "num_questions is 2"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        PairDataConfig(**changes)


@pytest.mark.parametrize("label", [" 0", "", "-"])
def test_a_label_that_no_pair_could_have_is_refused(label):
    with pytest.raises(ValueError, match="none that a pair could have"):
        PairDataConfig(kind="files", labels=("1", label))


def test_a_file_that_would_count_twice_is_refused(tmp_path):
    config = lists(tmp_path, train=TRAIN, test="q9\tx\t1\n")
    for path in ("test.tsv", "./test.tsv"):
        again = dataclasses.replace(config.lists[1], name="other", path=path)
        with pytest.raises(ValueError, match=r"test.tsv stands there twice, of split"):
            dataclasses.replace(config, lists=(*config.lists, again))


def test_a_part_that_goes_without_saying_is_the_same_part():
    said, unsaid = (
        PairListConfig("toy", "dev", "glue/rte/2.0.0", "tfds", part)
        for part in ("validation", "")
    )
    with pytest.raises(ValueError, match="stands there twice"):
        PairDataConfig(kind="files", labels=("0", "1"), lists=(said, unsaid))


def test_a_dev_list_that_is_the_test_list_is_told_and_not_forgotten(tmp_path):
    held = "q9\tx\t1\n"
    config = lists(tmp_path, train=TRAIN, dev=held, test=held)
    with pytest.raises(ValueError, match="dev list 'toy' stand in a test list, too"):
        read_pair_corpus(config)


def test_a_share_for_dev_that_draws_nothing_is_no_leak(tmp_path):
    config = lists(tmp_path, train=TRAIN, test="q9\tx\t1\n")
    corpus = read_pair_corpus(dataclasses.replace(config, dev_share=1e-9))
    assert not corpus.dev and len(corpus.train) == 4


def test_a_share_for_dev_that_is_of_no_use_is_refused():
    with pytest.raises(ValueError, match="leave dev_share at 0"):
        PairDataConfig(dev_share=0.5)
    with pytest.raises(ValueError, match="nothing would be left"):
        PairDataConfig(kind="files", labels=("0", "1"), dev_share=1.0)
