"""Answers to a file are scored as a whole, by pair and by source."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from parallel_names import PARALLEL

from epik_jax.recipes import provenance
from epik_jax.recipes.transliteration import examination
from epik_jax.recipes.transliteration.answerer import Answerer
from epik_jax.recipes.transliteration.names import for_choosing
from epik_jax.recipes.transliteration.pairs_file import PairsFile
from epik_jax.structs import Example, Hypothesis


def saying(answers: dict[str, str]) -> Answerer:
    """A system that knows some words and has no answer to others."""

    def predict(examples: Sequence[Example]) -> list[tuple[Hypothesis, ...]]:
        found = (answers.get(e.source) for e in examples)
        return [(Hypothesis(text, 0.0),) if text else () for text in found]

    return Answerer("said", predict, "rules", 40, {})


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


def test_the_signature_tells_files_and_limits_apart(parallel: Path) -> None:
    whole = examination.examine(PairsFile(parallel), saying({}))
    some = examination.examine(PairsFile(parallel, limit=2), saying({}))
    assert some["overall"]["n"] == 2
    signatures = [m["signatures"]["cer"] for m in (whole, some)]
    assert all("data:pairs.tsv.gz@" in s and "decode:rules" in s for s in signatures)
    assert "limit:2" in signatures[1] and signatures[0] != signatures[1]
    assert all(f"|epik_jax:{provenance.commit()}|" in s for s in signatures)
    assert "|key:" in whole["signatures"]["cross_strict"]


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
