"""A BERT of a folder scores pairs as the library that wrote it, or begins a teacher.

The oracle is transformers' BertForSequenceClassification: its answers lie beside the
folder, and where the library is installed it is asked anew.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import toy_bert
import toy_crowd
from toy_bert import PAIR_FOLDER, PAIR_LABELS, PAIRS, set_arrays, set_fields

from epik_jax import trees
from epik_jax.interop.huggingface import load_bert
from epik_jax.models.scorer import score
from epik_jax.recipes.encoder_config import EncoderConfig
from epik_jax.recipes.scoring import teacher as teachers
from epik_jax.recipes.scoring.bert_scorer import read_bert
from epik_jax.recipes.scoring.crowd import ready_crowd
from epik_jax.structs import TextPair
from epik_jax.teachers.scoring import ScoringNetwork

CLASSES = ("entailment", "neutral", "contradiction")
MODEL = EncoderConfig(max_length=40, dropout=0.0, matmul_dtype="float32")
TEXTS = [TextPair(str(n), *texts) for n, texts in enumerate(PAIRS)]
DATA = dataclasses.replace(
    toy_crowd.DATA, kind="files", root="", labels=CLASSES, right=""
)
NLI = [
    dataclasses.replace(pair, label=CLASSES[n % 3], origin="toy")
    for n, pair in enumerate(TEXTS * 3)
]


def corpus():
    pairs = [dataclasses.replace(p, example_id=str(n)) for n, p in enumerate(NLI)]
    return dataclasses.replace(toy_crowd.CORPUS, train=pairs, general=[], dev={})


def demand_answers(folder, wanted):
    """Row by row, column by column the class that it is of."""
    bert = read_bert(folder, MODEL, CLASSES)
    columns = [PAIR_LABELS.index(name) for name in CLASSES]
    shown = (wanted[name] for name in ("ids", "mask", "types"))
    [one] = np.moveaxis(np.asarray(score(bert.params, bert.config, *shown)), 1, 0)
    np.testing.assert_allclose(one, wanted["logits"][:, columns], atol=1e-4)
    network = ScoringNetwork(bert.params, bert.config, bert.pieces)
    encoded = network.encoded(TEXTS)
    real = wanted["mask"]
    assert encoded.tokens.values.tolist() == wanted["ids"][real].tolist()
    assert encoded.types.values.tolist() == wanted["types"][real].tolist()
    said = network.logits(encoded)
    np.testing.assert_allclose(said, wanted["logits"][:, columns], atol=1e-4)


def test_pairs_are_cut_and_answered_as_the_library_does():
    with np.load(PAIR_FOLDER / toy_bert.ANSWERS) as wanted:
        demand_answers(PAIR_FOLDER, dict(wanted))


@pytest.mark.parametrize("changes", [{"hidden_act": "relu"}, {"num_hidden_layers": 1}])
def test_a_bert_of_pairs_made_on_the_spot_is_answered_alike(tmp_path, changes):
    why = "needs torch and transformers: pip install -e '.[parity]'"
    pytest.importorskip("torch", reason=why)
    pytest.importorskip("transformers", reason=why)
    folder, head = tmp_path / "bert", "SequenceClassification"
    toy_bert.write_model(folder, head=head, labels=PAIR_LABELS, **changes)
    demand_answers(folder, toy_bert.pair_answers(folder))


@pytest.fixture
def folder(tmp_path):
    return toy_bert.copied(tmp_path, PAIR_FOLDER)


def test_classes_in_capitals_are_the_same_classes_and_others_are_not(folder):
    names = dict(enumerate(label.upper() for label in PAIR_LABELS))
    set_fields(folder / "config.json", id2label=names, label2id=None)
    capitals = read_bert(folder, MODEL, CLASSES).params["headers"]
    plain = read_bert(PAIR_FOLDER, MODEL, CLASSES).params["headers"]
    np.testing.assert_array_equal(capitals["bias"], plain["bias"])
    assert "headers" not in read_bert(PAIR_FOLDER, MODEL, ("0", "1")).params


def test_without_a_pooler_there_is_nothing_to_answer_with(folder):
    set_arrays(folder, lambda x: {k: v for k, v in x.items() if "pooler" not in k})
    assert set(read_bert(folder, MODEL, CLASSES).params) == {"transformer"}


def test_positions_that_the_folder_has_not_are_told():
    long = dataclasses.replace(MODEL, max_length=41)
    with pytest.raises(ValueError, match=r"positions for 40 pieces, and .* is 41"):
        read_bert(PAIR_FOLDER, long, CLASSES)


def test_a_finished_bert_is_one_of_the_crowd_and_one_of_other_classes_is_told(at):
    given = dataclasses.replace(
        toy_crowd.teacher("bert"), folder=str(PAIR_FOLDER), model=MODEL
    )
    crowd = dataclasses.replace(toy_crowd.CROWD, teachers=(given,))
    [member] = ready_crowd(crowd, corpus(), DATA, None, at)
    with np.load(PAIR_FOLDER / toy_bert.ANSWERS) as wanted:
        columns = [PAIR_LABELS.index(name) for name in CLASSES]
        said = member.network.logits(member.network.encoded(TEXTS))
        np.testing.assert_allclose(said, wanted["logits"][:, columns], atol=1e-4)
    other = dataclasses.replace(DATA, labels=("0", "1"))
    with pytest.raises(ValueError, match=r"(?s)tells pairs apart as .*id2label"):
        ready_crowd(crowd, corpus(), other, None, at)


def test_a_teacher_begins_with_all_of_the_folder_but_its_answers(at, monkeypatch):
    begun = {}

    def run_stages(stages, params, at):
        begun.update(params)
        return params

    monkeypatch.setattr(teachers, "run_stages", run_stages)
    start = dataclasses.replace(
        toy_crowd.teacher("bert"), start_folder=str(toy_bert.FOLDER), model=MODEL
    )
    crowd = dataclasses.replace(toy_crowd.CROWD, teachers=(start,))
    [member] = ready_crowd(crowd, corpus(), DATA, None, at)
    found = trees.flatten(begun["student"])
    theirs = trees.flatten(load_bert(toy_bert.FOLDER).params)
    for path, leaf in theirs.items():
        np.testing.assert_array_equal(found[f"transformer/{path}"], leaf)
    assert found["headers/stacked_kernel"].shape == (1, 32, 3)
    assert member.network.pieces.size == load_bert(toy_bert.FOLDER).pieces.size
    assert set(member.encoder) == {"transformer"}
