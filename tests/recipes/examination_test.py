"""Files of every layout are read, answered, scored and written whole."""

from __future__ import annotations

import gzip
import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import console
import numpy as np
import pytest

from epik_jax.recipes import answerer, examination, provenance
from epik_jax.recipes.answerer import Answerer
from epik_jax.recipes.names import for_choosing
from epik_jax.recipes.pairs_file import PairsFile
from epik_jax.structs import Example, Hypothesis
from epik_jax.teachers import advice

PARALLEL = """src_lang\ttgt_lang\tsrc\trefs\tkey\tsource
hi\tta\tमन\tமன|மனம்\tman\tplaces
hi\tta\tमन\tமான்\tman\tplaces
hi\tta\tनल\tநல்\tnal\tpeople
ta\thi\tமன\tमन\tman\tplaces
en\thi\tman\tमन\tman\tpeople
"""


def saying(answers: dict[str, str]) -> Answerer:
    """A system that knows some words and has no answer to others."""

    def predict(examples: Sequence[Example]) -> list[tuple[Hypothesis, ...]]:
        found = (answers.get(e.source) for e in examples)
        return [(Hypothesis(text, 0.0),) if text else () for text in found]

    return Answerer("said", predict, "rules", 40, {})


@pytest.fixture
def parallel(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv.gz"
    path.write_bytes(gzip.compress(PARALLEL.encode()))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student that has learned nothing."""
    return console.write_models(tmp_path_factory.mktemp("run")) / "student"


def test_rows_of_one_name_accept_the_answers_of_all(parallel: Path) -> None:
    examples, report = PairsFile(parallel).read(40)
    assert report.read == 6
    assert [(e.source, e.target_lang, e.targets) for e in examples] == [
        ("मन", "ta", ("மன", "மனம்", "மான்")),
        ("नल", "ta", ("நல்",)),
        ("மன", "hi", ("मन",)),
        ("man", "hi", ("मन",)),
    ]


def test_figures_are_those_of_the_words(parallel: Path) -> None:
    said = {"मन": "மான்", "नल": "நள்", "மன": "मन", "man": "मान"}
    made = examination.examine(PairsFile(parallel), saying(said))
    # By pair: hi>ta 1 edit in 4 + 3 code points, ta>hi none in 2, en>hi 1 in 2.
    pairs = made["by_pair"]
    found = {pair: (p["n"], p["top1"]["value"]) for pair, p in pairs.items()}
    assert found == {"hi>ta": (2, 0.5), "ta>hi": (1, 1.0), "en>hi": (1, 0.0)}
    assert math.isclose(pairs["hi>ta"]["cer"]["value"], 1 / 7)
    assert math.isclose(made["overall"]["cer"]["value"], (1 / 7 + 0 + 1 / 2) / 3)
    assert math.isclose(made["direct"]["cer"]["value"], (1 / 7 + 0) / 2)
    assert made["overall"]["n"] == 4 and made["direct"]["n"] == 3
    by_source = {s: g["top1"]["value"] for s, g in made["by_source"].items()}
    assert by_source == {"people": 0.0, "places": 1.0}
    assert "words that share a spelling" in made["resampling"]["clusters"]
    top1 = made["overall"]["top1"]
    assert top1["low"] <= top1["value"] <= top1["high"]
    # Long and short a sound alike there, two kinds of l do not.
    sounds = {pair: p["sound_class"]["value"] for pair, p in pairs.items()}
    assert sounds == {"hi>ta": 0.5, "ta>hi": 1.0, "en>hi": 1.0}


def test_a_part_is_what_a_run_chooses_by_or_reports(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    header = PARALLEL.splitlines()[0]
    keys = {chr(c): f"name{chr(c - 0x915 + 97)}" for c in range(0x915, 0x915 + 20)}
    rows = [
        f"hi\tkn\t{word}\t{chr(ord(word) - 0x915 + 0xC95)}\t{key}\tplaces"
        for word, key in keys.items()
    ]
    # One native word of two names: its row is left to the reports alone.
    chosen = next(k for k in keys.values() if for_choosing(k))
    kept = next(w for w, k in keys.items() if not for_choosing(k))
    rows.append(f"bn\thi\tক\t{kept}\t{chosen}\tplaces")
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    by_choosing = {c: {w for w in keys if for_choosing(keys[w]) == c} for c in (0, 1)}
    for part, choosing in (("choosing", 1), ("report", 0)):
        asked = PairsFile(path, part=part)  # type: ignore[arg-type]
        assert {e.source for e in asked.read(40)[0]} == by_choosing[choosing]
        made = examination.examine(asked, saying({}))
        assert f"part:{part}" in made["signatures"]["cer"]
        assert made["data"]["part"] == part
    assert len(by_choosing[0]) > len(by_choosing[1]) > 0
    assert len(PairsFile(path).read(40)[0]) == len(rows)


def test_sources_told_apart_count_by_source_alone(parallel: Path) -> None:
    said = saying({"मन": "மான்", "நல்": "नल", "man": "मन"})
    made = examination.examine(PairsFile(parallel), said, apart=["people"])
    assert made["overall"]["n"] == 2 and made["data"]["apart"] == "people"
    assert set(made["by_pair"]) == {"hi>ta", "ta>hi"}
    assert {s: g["n"] for s, g in made["by_source"].items()} == {
        "people": 2,
        "places": 2,
    }
    assert "apart:people" in made["signatures"]["cer"]
    with pytest.raises(ValueError, match="no word but those of"):
        examination.examine(PairsFile(parallel), said, apart=["people", "places"])


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


def test_the_signature_tells_files_and_limits_apart(parallel: Path) -> None:
    whole = examination.examine(PairsFile(parallel), saying({}))
    some = examination.examine(PairsFile(parallel, limit=2), saying({}))
    assert some["overall"]["n"] == 2
    signatures = [m["signatures"]["cer"] for m in (whole, some)]
    assert all("data:pairs.tsv.gz@" in s and "decode:rules" in s for s in signatures)
    assert "limit:2" in signatures[1] and signatures[0] != signatures[1]
    assert all(f"|epik_jax:{provenance.commit()}|" in s for s in signatures)
    assert "|key:" in whole["signatures"]["cross_strict"]


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


def test_across_scripts_the_accepted_spellings_stand_beside(parallel: Path) -> None:
    made = examination.examine(PairsFile(parallel), saying({"मन": "மான்"}))
    figure = made["by_pair"]["hi>ta"]["cross_phonetic"]
    assert (figure["value"], figure["references"]) == (0.5, 1.0)
    assert made["overall"]["cross_strict"]["references"] == 1.0
    assert "cross_strict" in made["definitions"]


def test_a_distance_is_absent_unless_asked_for(
    parallel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def distance(text: str, other: str, lang: str) -> float | None:
        return None if lang == "hi" else 0.25

    monkeypatch.setattr(
        examination.feature_distance, "make_feature_distance", lambda: distance
    )
    said = saying({"मन": "மான்"})
    plain = examination.examine(PairsFile(parallel), said)
    assert "feature_distance" not in json.dumps(plain)
    made = examination.examine(PairsFile(parallel), said, with_distance=True)
    assert made["overall"]["feature_distance"]["value"] == 0.25
    assert "feature_distance" not in made["by_pair"]["en>hi"]


def test_the_chain_is_the_network_asked_twice(folder: Path) -> None:
    direct = answerer.model_answerer(folder).predictor
    chain = answerer.model_answerer(folder, chain=True).predictor
    asked = [Example("1", "मन", "hi", "ta"), Example("2", "man", "en", "ta")]
    (pivot,) = direct([Example("", "मन", "hi", "en")])[0]
    (second,) = direct([Example("", pivot.text, "en", "ta")])[0]
    (through,), (once,) = chain(asked)
    assert through.text == second.text
    assert np.isclose(once.log_prob, direct(asked[1:])[0][0].log_prob)


@pytest.mark.parametrize("chain", [False, True])
def test_the_longest_word_taken_can_be_answered(folder: Path, chain: bool) -> None:
    system = answerer.model_answerer(folder, chain=chain)
    if chain:  # English may come out 8 longer than the padded word with tag and end.
        padded = -(-(system.max_length + 2) // 4) * 4
        assert padded + 8 <= 22
    word = ("कमल" * 10)[: system.max_length]
    assert system.predictor([Example("", word, "hi", "ta")])[0]
    with pytest.raises(ValueError, match="longer than"):
        longer = word + "म" * (25 - len(word) - 2)
        system.predictor([Example("", longer, "hi", "ta")])


def test_as_many_candidates_come_as_are_asked_for(folder: Path) -> None:
    system = answerer.model_answerer(folder, num_candidates=3)
    (answers,) = system.predictor([Example("", "मन", "hi", "ta")])
    assert len({a.text for a in answers}) == 3
    logs = [a.log_prob for a in answers]
    assert logs == sorted(logs, reverse=True) and system.decode == "beam-3"


def test_a_student_is_not_trusted_with_english(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answerer._warn_of_english.cache_clear()
    system = answerer.model_answerer(folder)
    with caplog.at_level(logging.WARNING):
        system.predictor([Example("", "मन", "hi", "ta")])
        assert not caplog.records
        system.predictor([Example("", "man", "en", "ta")] * 2)
    assert len(caplog.records) == 1 and "is a guess" in caplog.text


def test_a_run_folder_is_told_from_a_model_folder(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"take .*student"):
        answerer.model_answerer(folder.parent)


def test_a_table_that_is_not_installed_is_a_mistake_of_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(kind: str) -> None:
        raise ImportError("pip install PyICU")

    monkeypatch.setattr(advice, "TableTeacher", missing)
    with pytest.raises(ValueError, match="pip install PyICU"):
        answerer.table_answerer("icu")
