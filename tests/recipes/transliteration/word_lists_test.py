"""Lists of every format hold what the plain files hold, and are refused by name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from published import DAKSHINA, write_archives

from epik_jax.data.builders import prepared
from epik_jax.data.leak import native_words
from epik_jax.recipes.transliteration.corpus import Corpus, DataConfig, read_corpus
from epik_jax.recipes.transliteration.word_lists import ListConfig

HEADER = "src_lang\ttgt_lang\tsrc\trefs\tkey\tsource\n"
VERSION = "dakshina/hi/1.0.0"


def words_of(root: Path, *lists: ListConfig) -> Corpus:
    return read_corpus(DataConfig("files", str(root), lists))


@pytest.fixture(scope="module")
def dakshina(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with Dakshina as plain files and as prepared by TFDS."""
    pytest.importorskip("tensorflow_datasets")
    root = tmp_path_factory.mktemp("root")
    for split, text in DAKSHINA.items():
        (root / f"{split}.tsv").write_text(text, encoding="utf-8")
    manual = write_archives(tmp_path_factory.mktemp("manual"))
    prepared.write_tfds("dakshina", "hi", manual_dir=manual, data_dir=root)
    return root


def test_two_columns_train_both_ways_with_the_writers_added_up(tmp_path: Path) -> None:
    rows = "घर\tghar\nनाम\tnaam\nघर\tGhar\nजल\tjal\n"
    (tmp_path / "my.words.tsv").write_text(rows, encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("जल\tjal\n", encoding="utf-8")
    corpus = words_of(
        tmp_path,
        ListConfig("pairs", "hi", "train", "my.words.tsv"),
        ListConfig("pairs", "hi", "dev", "dev.tsv"),
    )
    assert [(e.source, e.target_lang, e.targets) for e in corpus.train] == [
        ("घर", "en", ("ghar",)),
        ("ghar", "hi", ("घर",)),
        ("नाम", "en", ("naam",)),
        ("naam", "hi", ("नाम",)),
    ]
    assert {e.origin for e in corpus.train} == {"my"}
    assert corpus.romanisations["hi", "घर"] == (("ghar", 2),)
    assert corpus.counts["my.words.tsv"] == {"read": 4, "kept": 3, "duplicate": 1}
    assert corpus.counts["train:pairs/hi"]["leaks dev:pairs/hi"] == 1


def test_a_bad_row_of_two_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "my.tsv").write_text("घर\tghar\nghar\tघर\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"my\.tsv:2: wrong script: 'ghar'"):
        words_of(tmp_path, ListConfig("pairs", "hi", "train", "my.tsv"))


def test_a_prepared_set_gives_the_words_of_the_files(dakshina: Path) -> None:
    splits = ("train", "dev", "test")
    files = [ListConfig("dakshina", "hi", s, f"{s}.tsv") for s in splits]
    sets = [ListConfig("tfds", "hi", s, VERSION) for s in splits]
    plain, read = words_of(dakshina, *files), words_of(dakshina, *sets)
    assert (read.train, read.dev, read.test) == (plain.train, plain.dev, plain.test)
    assert list(read.test) == ["dakshina/hi"]
    assert read.romanisations == plain.romanisations
    for split, name in zip(splits, ("train", "validation", "test"), strict=True):
        counted = read.counts[f"{VERSION}[{name}]"]
        assert counted == plain.counts[f"{split}.tsv"]
    assert read.counts["train:dakshina/hi"] == plain.counts["train:dakshina/hi"]


def test_a_held_set_keeps_what_it_does_not_train_on_out(
    dakshina: Path, tmp_path: Path
) -> None:
    shutil.copytree(dakshina / VERSION, tmp_path / "set")
    rows = "कल\tkal\nकाल\tkaal\nअंक\tank\n"
    (tmp_path / "my.tsv").write_text(rows, encoding="utf-8")
    corpus = words_of(
        tmp_path,
        ListConfig("pairs", "hi", "train", "my.tsv"),
        ListConfig("tfds", "hi", "held", "set"),
    )
    assert native_words(corpus.train) == {"अंक"}
    assert not corpus.test and not corpus.dev


def test_a_bad_row_of_a_prepared_set_is_named_by_its_published_line(
    dakshina: Path,
) -> None:
    asked = ListConfig("tfds", "ta", "train", VERSION)
    with pytest.raises(ValueError, match=r"1\.0\.0\[train\]:1: wrong script: 'अंक'"):
        words_of(dakshina, asked)


def test_a_folder_that_is_not_prepared_is_named(dakshina: Path) -> None:
    with pytest.raises(ValueError, match=r"hi has no dataset_info\.json; name the"):
        words_of(dakshina, ListConfig("tfds", "hi", "train", "dakshina/hi"))
    with pytest.raises(ValueError, match="nowhere is not there"):
        words_of(dakshina, ListConfig("tfds", "hi", "train", "nowhere"))


def test_a_prepared_set_without_the_library_says_what_to_install(
    dakshina: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ValueError, match=r"pip install 'epik-jax\[tfds\]'"):
        words_of(dakshina, ListConfig("tfds", "hi", "train", VERSION))


def test_held_direct_names_are_neither_trained_on_nor_reported(tmp_path: Path) -> None:
    (tmp_path / "my.tsv").write_text("राम\tram\nघर\tghar\n", encoding="utf-8")
    names = HEADER + "hi\tkn\tराम\tರಾಮ್\tram\tx\n"
    (tmp_path / "names.tsv").write_text(names, encoding="utf-8")
    corpus = words_of(
        tmp_path,
        ListConfig("pairs", "hi", "train", "my.tsv"),
        ListConfig("parallel", "", "held", "names.tsv"),
    )
    assert native_words(corpus.train) == {"घर"}
    assert not corpus.names and not corpus.names_choosing
    assert corpus.counts["train:pairs/hi"]["leaks held:parallel"] == 1


@pytest.mark.parametrize(
    ("form", "lang", "split", "message"),
    [
        ("pairs", "en", "train", r"f\.tsv: lang is 'en', expected the language of"),
        ("dakshina", "", "train", r"f\.tsv: lang is ''"),
        ("dakshina", "hi", "names", "'names' is for direct names, which the format d"),
        ("parallel", "", "train", "split is 'train'; a parallel list holds direct"),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(
    form: str, lang: str, split: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ListConfig(form, lang, split, "f.tsv")  # type: ignore[arg-type]
