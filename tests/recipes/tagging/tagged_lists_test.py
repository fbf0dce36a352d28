"""A list that TFDS prepared holds what its file holds; what is wrong is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from published import WIKIANN, write_archives, write_wikiann

from epik_jax.data.builders import prepared
from epik_jax.recipes import settings
from epik_jax.recipes.tagging.corpus import (
    TaggedCorpus,
    TaggedDataConfig,
    read_tagged_corpus,
)
from epik_jax.recipes.tagging.tagged_lists import TaggedListConfig

VERSION = "wikiann/en/1.0.0"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with WikiAnn as plain files and as prepared by TFDS."""
    pytest.importorskip("tensorflow_datasets")
    root = tmp_path_factory.mktemp("root")
    for split, text in WIKIANN.items():
        (root / f"en.{split}").write_text(text, encoding="utf-8")
    manual = write_wikiann(tmp_path_factory.mktemp("manual"))
    prepared.write_tfds("wikiann", "en", manual_dir=manual, data_dir=root)
    return root


def corpus(root: Path, *rows: tuple[str, str, str], **more: object) -> TaggedCorpus:
    """What lists of (split, path, format) hold, through a configuration's values."""
    names = ("split", "path", "format")
    lists = [
        {"name": "wikiann/en", "lang": "en", **dict(zip(names, row, strict=True))}
        for row in rows
    ]
    plain = {"kind": "files", "root": str(root), "lists": lists, **more}
    return read_tagged_corpus(settings.build(TaggedDataConfig, plain))


def test_a_prepared_set_gives_the_sentences_of_the_files(root: Path) -> None:
    splits = ("train", "dev", "test")
    found = corpus(root, *((split, VERSION, "tfds") for split in splits))
    assert found == corpus(root, *((x, f"en.{x}", "file") for x in splits))
    assert [s.words for s in found.dev["wikiann/en"]] == [("Caf\u00e9", ":")]
    assert found.counts["train:wikiann/en"]["lines"] == 10


def test_text_without_tags_is_that_of_training(root: Path) -> None:
    rows = ("train", "en.dev", "file"), ("unlabelled", VERSION, "tfds")
    words = [s.words for s in corpus(root, *rows).unlabelled]
    assert words == [("Ada", "Lovelace", "slept"), ("In", "Pune"), ("In", "Pune")]


def test_a_folder_that_is_no_prepared_version_is_named(root: Path) -> None:
    with pytest.raises(ValueError, match=r"wikiann has no dataset_info\.json; name"):
        corpus(root, ("train", "wikiann", "tfds"))
    with pytest.raises(ValueError, match=r"1\.0\.0 is a folder; if TFDS prepared it, "):
        corpus(root, ("train", VERSION, "file"))
    with pytest.raises(ValueError, match="there is no nowhere, nor 1 others"):
        corpus(root, *((x, "nowhere", "tfds") for x in ("train", "dev")))


def test_a_prepared_set_of_pairs_is_refused(root: Path, tmp_path: Path) -> None:
    prepared.write_tfds(
        "dakshina", "hi", manual_dir=write_archives(tmp_path), data_dir=tmp_path / "x"
    )
    with pytest.raises(ValueError, match=r"hi/1\.0\.0 holds no tagged sentences: the"):
        corpus(tmp_path / "x", ("train", "dakshina/hi/1.0.0", "tfds"))


def test_a_prepared_set_without_the_library_says_what_to_install(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ValueError, match=r"pip install 'epik-jax\[tfds\]'"):
        corpus(root, ("train", VERSION, "tfds"))


def test_a_prepared_set_is_not_for_labelled_sentences(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'sentences', which reads \.tsv files"):
        corpus(
            tmp_path, ("train", VERSION, "tfds"), task="sentences", classes=("a", "b")
        )


@pytest.mark.parametrize("lang", ["pt/../../br", "..", "", "pt ", "pt-", "p\n", "/en"])
def test_a_language_that_would_name_another_folder_is_refused(lang: str) -> None:
    with pytest.raises(ValueError, match=r"list l: lang .* is no name of a language"):
        TaggedListConfig("l", lang, "train", "a.conll")


@pytest.mark.parametrize("lang", ["pt", "pt-br", "zh-Hans", "be_x_old", "simple"])
def test_names_of_languages_that_people_use_are_taken(lang: str) -> None:
    assert TaggedListConfig("l", lang, "train", "a.conll").lang == lang
