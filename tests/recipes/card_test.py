"""A card says what the model is, what it learned from and who may use it."""

from __future__ import annotations

import dataclasses

import pytest
import tiny
import toy_tagging

from epik_jax import trees
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.recipes.card import model_card
from epik_jax.text.vocabulary import CharacterVocabulary

ABOUT = {
    "recipe": "epik",
    "data": ["dakshina/hi.tsv", "names.tsv"],
    "command": "epik-jax run --config=configs/epik.py:real",
    "commit": "abc123",
}


def folder(**changes):
    vocabulary = CharacterVocabulary.from_languages(("en", "hi", "ta"))
    return ModelFolder(tiny.params(), tiny.CONFIG, vocabulary, {**ABOUT, **changes})


def test_a_card_names_data_command_commit_and_size():
    card = model_card(folder())
    for text in ("dakshina/hi.tsv, names.tsv", f"`{ABOUT['command']}`", "abc123"):
        assert text in card
    assert f"parameters: {trees.num_elements(tiny.params()):,}\n" in card


def test_a_card_begins_with_the_header_that_model_hubs_read():
    lines = model_card(folder()).split("\n")
    end = lines.index("---", 1)
    header = dict(line.split(": ", 1) for line in lines[1:end])
    assert lines[0] == "---"
    assert header["library_name"] == "epik_jax"
    assert header["language"] == "[en, hi, ta]"


def test_a_card_states_the_licences_of_the_data():
    assert "licences of the data: CC BY-SA 4.0" in model_card(folder(), "CC BY-SA 4.0")
    assert "licences" not in model_card(folder())


def test_a_card_tells_teacher_start_and_seed_where_they_are_known():
    card = model_card(folder(teacher="ab12", start="cd34", seed=0))
    for line in (
        "- digest of its teacher: ab12\n",
        "- digest of the model that it began as: cd34\n",
        "- seed: 0\n",
    ):
        assert line in card and line not in model_card(folder())


def test_a_card_shows_the_metrics_that_are_known():
    figures = {
        "cer": {"value": 0.1, "low": 0.09, "high": 0.111},
        "top1": {"value": 0.5, "low": 0.4, "high": 0.6},
    }
    card = model_card(folder(metrics=[{"words": "hi.test", "n": 2500, **figures}]))
    row = "| hi.test | 2,500 | 10.00 [9.00, 11.10] | 50.00 [40.00, 60.00] |"
    head = "| Words | n | CER % | top-1 % |\n| --- | ---: | ---: | ---: |\n"
    assert head + row in card
    assert "| Words" not in model_card(folder())


@pytest.mark.parametrize(
    ("recipe", "says"), [("epik", "without writing English"), ("matra", "English and")]
)
def test_a_card_says_what_each_recipe_s_model_is_for(recipe, says):
    card = model_card(folder(recipe=recipe))
    assert f"# {recipe}\n" in card and says in card


def test_a_card_says_whether_words_are_tagged_or_sentences_labelled():
    about = {**ABOUT, "recipe": "xtremedistil", "languages": ["en"]}
    for pooling, task, says in (
        ("none", "token-classification", "Tags names in sentences"),
        ("max", "text-classification", "Labels whole sentences"),
    ):
        config = dataclasses.replace(toy_tagging.BILSTM, pooling=pooling)
        model = ModelFolder(tiny.params(), config, toy_tagging.PIECES, about)
        card = model_card(model)
        assert f"\npipeline_tag: {task}\n" in card and says in card
        assert "language: [en]" in card
