"""Models that ship are whole, small, say what they are, and answer at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from epik_jax.interop.model_folder import load_model
from epik_jax.recipes.transliteration import answerer
from epik_jax.structs import Example
from epik_jax.text.wellformed import is_wellformed

ROOT = Path(__file__).parents[1] / "pretrained"
FOLDERS = sorted(path for path in ROOT.glob("*") if path.is_dir())
LARGEST = 25e6  # Bytes, of the teacher and its student together.


def test_teacher_and_student_of_one_recipe_are_small():
    files = [p for folder in FOLDERS for p in folder.rglob("*") if p.is_file()]
    assert files and sum(path.stat().st_size for path in files) <= LARGEST


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_shipped_model_is_whole_and_says_what_it_learned_from(folder):
    about = load_model(folder).about
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert about["command"] in card and about["commit"] in card
    assert "dirty" not in about["commit"]
    assert "CC BY-SA 4.0" in card and "CC0" in card
    assert all("dakshina" in d or "aksharantar" in d for d in about["data"])
    assert not any("test" in d or "valid" in d or "dev" in d for d in about["data"])
    assert "| Words | n | CER % | top-1 % |" in card


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_shipped_model_answers(folder):
    system = answerer.model_answerer(folder)
    [[answer]] = system.predictor([Example("x", "नमस्ते", "hi", "kn")])
    assert is_wellformed(answer.text, "kn") and len(answer.text) > 3
