"""Models that ship are whole, small, say what they are, and answer at once."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from epik_jax.interop.model_folder import load_labeller, load_model
from epik_jax.recipes.tagging.examination import network_of
from epik_jax.recipes.tagging.tagger import tag_lines
from epik_jax.recipes.transliteration import answerer
from epik_jax.structs import Example
from epik_jax.text.wellformed import is_wellformed

ROOT = Path(__file__).parents[1] / "pretrained"
FOLDERS = sorted(path for path in ROOT.glob("*") if path.is_dir())
TRANSLITERATORS = [ROOT / "matra", ROOT / "epik-student"]
TAGGER = ROOT / "xtremedistil-student"
LARGEST = {"transliterators": 25e6, "tagger": 15e6}  # Bytes.


def num_bytes(*folders):
    files = [path for folder in folders for path in folder.rglob("*")]
    return sum(path.stat().st_size for path in files if path.is_file()) or math.inf


def test_models_are_small():
    assert sorted([*TRANSLITERATORS, TAGGER]) == FOLDERS
    assert num_bytes(*TRANSLITERATORS) <= LARGEST["transliterators"]
    assert num_bytes(TAGGER) <= LARGEST["tagger"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_shipped_model_is_whole_and_says_what_it_learned_from(folder):
    about = load_model(folder).about
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert about["command"] in card and about["commit"] in card
    assert "dirty" not in about["commit"]
    assert "CC BY-SA 4.0" in card and "CC0" in card
    assert not any("test" in d or "valid" in d or "dev" in d for d in about["data"])


@pytest.mark.parametrize("folder", TRANSLITERATORS, ids=lambda path: path.name)
def test_a_shipped_transliterator_answers(folder):
    about, card = load_model(folder).about, (folder / "README.md").read_text("utf-8")
    assert all("dakshina" in d or "aksharantar" in d for d in about["data"])
    assert "| Words | n | CER % | top-1 % |" in card
    system = answerer.model_answerer(folder)
    [[answer]] = system.predictor([Example("x", "नमस्ते", "hi", "kn")])
    assert is_wellformed(answer.text, "kn") and len(answer.text) > 3


def test_the_shipped_tagger_learned_from_what_may_be_used_commercially_alone():
    about = load_model(TAGGER).about
    # CC BY-NC, and what is free for research alone.
    assert not any("masakhaner" in d or "conll2002" in d for d in about["data"])
    assert "| Sentences | n |" in (TAGGER / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("Angela Merkel visited Paris in May .", ("PER", "Angela Merkel")),
        ("नरेंद्र मोदी दिल्ली में हैं ।", ("PER", "नरेंद्र मोदी")),
        ("El presidente viajó a Madrid .", ("LOC", "Madrid")),
    ],
)
def test_the_shipped_tagger_finds_a_well_known_name(text, entity):
    [line] = tag_lines(network_of(load_labeller(TAGGER)), [text])
    assert entity in [(found.type, found.text) for found in line.entities]
