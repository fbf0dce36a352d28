"""Figures of a file are those of its tags, by type, and say what they are of."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import toy_tagging

from epik_jax.evaluation import entities
from epik_jax.evaluation.entities import entity_scores
from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder
from epik_jax.recipes.tagging.examination import (
    entity_types,
    examination_table,
    examine_conll,
    figures,
)
from epik_jax.teachers.labelling import LabellingNetwork

THERE = [("B-PER", "O", "B-LOC"), ("B-LOC",), ("O",)]
WRITTEN = [("B-PER", "O", "O"), ("B-LOC",), ("B-PER",)]
CONLL = "Ada\tB-PER\nin\tO\nPune\tB-LOC\n\nRome\tB-LOC\n\nHi\tO\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    network = toy_tagging.network(toy_tagging.BILSTM)
    about = {"recipe": "xtremedistil"}
    model = ModelFolder(network.params, network.config, network.pieces, about)
    folder = tmp_path_factory.mktemp("run") / "under" / "student"
    export_model(model, folder, bfloat16=False, card="")
    return folder


@pytest.fixture
def examined(folder, tmp_path, monkeypatch):
    """Examines a file by a network that says what it is told to."""

    def examine(text=CONLL, written=WRITTEN, **kwargs):
        path = tmp_path / "some.conll"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setattr(LabellingNetwork, "tags", lambda *_: [*written])
        return examine_conll(folder, path, lang="en", max_bad_share=0.5, **kwargs)

    return examine


def test_figures_are_those_of_the_tags(examined):
    made = examined()
    scores = entity_scores(THERE, WRITTEN)
    assert (made["n"], made["entities"]) == (3, 3)
    for metric, value in (("f1", 4 / 6), ("precision", 2 / 3), ("recall", 2 / 3)):
        assert made["overall"][metric]["value"] == pytest.approx(value)
        assert scores.value(metric) == pytest.approx(value)
    assert made["by_type"]["LOC"]["precision"]["value"] == 1.0
    assert made["by_type"]["LOC"]["recall"]["value"] == 0.5
    assert made["by_type"]["PER"]["precision"]["value"] == 0.5
    assert [made["by_type"][kind]["n"] for kind in ("LOC", "PER")] == [2, 1]


def test_every_figure_lies_in_its_interval_and_has_a_definition(examined):
    made = examined()
    for found in (made["overall"], *made["by_type"].values()):
        for metric in ("precision", "recall", "f1"):
            figure = found[metric]
            assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1
            assert made["definitions"][metric]
    assert examined() == made and examined(seed=1)["resampling"]["seed"] == 1


def test_what_was_read_is_told(examined):
    made = examined(CONLL + "\nbad\n\nCup\tB-MISC\n", [*WRITTEN, ("O",)])
    assert made["data"]["kept"] == 6 and made["data"]["refused"] == {"no tag": 1}
    text = CONLL + "\nbad\n\nCup\tB-MISC\n"
    assert made["data"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert made["data"]["types"] == ["LOC", "ORG", "PER"]
    assert made["system"]["checkpoint"] == "under/student"
    assert json.loads(json.dumps(made)) == made


def test_where_there_is_no_entity_there_is_no_figure(examined):
    made = examined("Hi\tO\n", [("O",)])
    assert made["overall"] == {} and made["by_type"] == {} and made["entities"] == 0
    assert "all" in examination_table(made)


def test_a_file_whose_entities_are_all_of_types_unknown_to_the_model_is_refused(
    examined,
):
    told = r"some\.conll: no entity of the types LOC, ORG, PER that the model knows"
    with pytest.raises(ValueError, match=told):
        examined("Cup\tB-MISC\nwon\tO\n", [("O", "O")])
    made = examined("Cup\tB-MISC\n\nPune\tB-LOC\n", [("O",), ("O",)])
    assert made["data"]["altered"] == {"tag of another type": 1}


def test_the_table_has_a_line_for_all_and_one_a_type(examined):
    lines = examination_table(examined()).splitlines()
    assert lines[0].startswith("under/student on ")
    assert [line.split()[0] for line in lines[1:4]] == ["all", "LOC", "PER"]
    assert [line.split()[1] for line in lines[1:4]] == ["3", "2", "1"]
    assert "66.67" in lines[1] and lines[-1] == f"mode: {entities.MODE}"


def test_strata_count_alike_whatever_their_sizes():
    scores = entity_scores([("B-PER",)] * 4, [("B-PER",), ("O",), ("O",), ("O",)])
    even = figures(scores, np.zeros(4, np.int64))["recall"]["value"]
    apart = figures(scores, np.array([0, 1, 1, 1]))["recall"]["value"]
    assert (even, apart) == (0.25, 0.5)


def test_where_a_system_writes_nothing_its_precision_is_0_and_where_nothing_is_none():
    there = [("B-PER",), ("B-PER",), ("O",), ("O",)]
    scores = entity_scores(there, [("B-PER",), ("O",), ("O",), ("B-PER",)])
    found = figures(scores, np.array([0, 1, 2, 3]))
    assert {name: one["value"] for name, one in found.items()} == {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
    }


def test_labels_that_tag_no_words_are_refused():
    assert entity_types(toy_tagging.LABELS) == ("LOC", "ORG", "PER")
    with pytest.raises(ValueError, match="not tags of words"):
        entity_types(("good", "bad"))
