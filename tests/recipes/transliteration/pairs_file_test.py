"""Files of every layout are told apart and read, or refused in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from parallel_names import PARALLEL

from epik_jax.recipes.transliteration.pairs_file import PairsFile


def test_rows_of_one_name_accept_the_answers_of_all(parallel: Path) -> None:
    examples, report = PairsFile(parallel).read(40)
    assert report.read == 6
    assert [(e.source, e.target_lang, e.targets) for e in examples] == [
        ("मन", "ta", ("மன", "மனம்", "மான்")),
        ("नल", "ta", ("நல்",)),
        ("மன", "hi", ("मन",)),
        ("man", "hi", ("मन",)),
    ]


def test_a_header_that_is_not_utf8_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(b"src_lang\ttgt_lang\tsrc\trefs\xff\n")
    with pytest.raises(ValueError, match=r"pairs\.tsv:1: bad UTF-8"):
        PairsFile(path).read(40)


def test_only_direct_names_have_parts(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("राम\tராம்\n")
    asked = PairsFile(path, source_lang="hi", target_lang="ta", part="report")
    with pytest.raises(ValueError, match="--part splits the format parallel"):
        asked.read(40)


@pytest.mark.parametrize(
    ("content", "fields", "name"),
    [
        ("मन\tman\t2\nमन\tmann\t1\nनल\tnal\t1\n", {"lang": "hi"}, "d.tsv"),
        ("मन\tman\nमन\tmann\nनल\tnal\n", {"lang": "hi"}, "a.tsv"),
        (
            '{"native word": "मन", "english word": "man"}\n'
            '{"native word": "मन", "english word": "mann"}\n'
            '{"native word": "नल", "english word": "nal"}\n',
            {"lang": "hi"},
            "a.jsonl",
        ),
    ],
)
def test_a_lexicon_is_asked_both_ways(
    content: str, fields: dict[str, str], name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    examples, _ = PairsFile(path, **fields).read(40)  # type: ignore[arg-type]
    assert [(e.source, e.target_lang, e.targets) for e in examples] == [
        ("मन", "en", ("man", "mann")),
        ("नल", "en", ("nal",)),
        ("man", "hi", ("मन",)),
        ("mann", "hi", ("मन",)),
        ("nal", "hi", ("नल",)),
    ]


def test_two_columns_of_two_languages_are_read(tmp_path: Path) -> None:
    path = tmp_path / "two.tsv"
    path.write_text("मन\tமன\nमन\tமனம்\n", encoding="utf-8")
    (example,), _ = PairsFile(path, source_lang="hi", target_lang="ta").read(40)
    assert example.targets == ("மன", "மனம்")


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        ("मन\tமன\n", {}, "--from and --to"),
        ("मन\tமன\n", {"source_lang": "hi"}, "needs --to"),
        ("मन\tமன\n", {"source_lang": "hi", "target_lang": "zz"}, "language 'zz'"),
        ("मन\tமன\n", {"source_lang": "hi", "target_lang": "hi"}, "both 'hi'"),
        ("मन\tமன\n", {"source_lang": "ta", "target_lang": "hi"}, "two.tsv:1: wrong"),
        ("मन\tman\n", {"lang": "en"}, "it is not en"),
        ("मन\tman\n", {"format": "parallel"}, "header lacks"),
        ("", {"lang": "hi"}, "no word to score"),
    ],
)
def test_a_mistaken_file_is_told(
    content: str, fields: dict[str, str], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "two.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        PairsFile(path, **fields).read(40)  # type: ignore[arg-type]


def test_a_row_from_a_language_into_itself_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(PARALLEL + "hi\thi\tमन\tमन\tman\tplaces\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"pairs\.tsv:7: one language twice"):
        PairsFile(path).read(40)
    _, report = PairsFile(path, max_bad_share=0.5).read(40)
    assert report.causes == {"one language twice": 1}
