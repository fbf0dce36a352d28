"""A BERT that was read answers as it did where it was written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import toy_bert
from toy_bert import set_arrays, set_fields

from epik_jax.interop.huggingface import is_hugging_face_folder, load_bert
from epik_jax.interop.huggingface_pieces import load_pieces
from epik_jax.models.labeller import label
from epik_jax.models.labeller_config import EncoderLabellerConfig
from epik_jax.text.wordpiece import FRAME_SIZE

CLOSE = 1e-4
WHY = "needs torch and transformers: pip install -e '.[parity]'"


def ours(bert, ids, mask, layer):
    """Logits, and the states of a layer."""
    model = EncoderLabellerConfig(bert.config, bert.labels)
    params = {"transformer": bert.params, "head": bert.classifier}
    output = label(params, model, ids, mask, layer=layer)
    return np.asarray(output.logits), np.asarray(output.hidden)


def furthest(folder: Path, answers) -> tuple[float, float]:
    """Largest difference of any layer's states, and of logits, at real pieces."""
    bert, mask = load_bert(folder), answers["mask"]
    states, logits = [], []
    for layer, wanted in enumerate(answers["hidden"]):
        said, hidden = ours(bert, answers["ids"], mask, layer)
        states.append(np.abs(hidden - wanted)[mask].max())
        logits.append(np.abs(said - answers["logits"])[mask].max())
    assert len(states) == bert.config.encoder_layers + 1
    return float(max(states)), float(max(logits))


def demand_equal_cuts(folder: Path, cuts) -> None:
    """Our pieces and the library's, word by word."""
    pieces = load_pieces(folder)
    tokens, counts = pieces.encode([cut["words"] for cut in cuts])
    for row, cut in enumerate(cuts):
        framed = [pieces.first_id, *tokens.row(row).tolist(), pieces.last_id]
        assert framed == cut["ids"], cut["words"]
        assert counts.row(row).tolist() == cut["counts"], cut["words"]
        assert len(framed) == sum(cut["counts"]) + FRAME_SIZE


@pytest.fixture
def folder(tmp_path):
    """A copy of the BERT that lies here, to be changed."""
    return toy_bert.copied(tmp_path)


@pytest.fixture(scope="module")
def answers():
    with np.load(toy_bert.FOLDER / toy_bert.ANSWERS) as found:
        return dict(found)


@pytest.fixture(scope="module")
def cuts():
    return json.loads((toy_bert.FOLDER / toy_bert.CUTS).read_text(encoding="utf-8"))


def test_every_layer_and_the_logits_are_those_that_were_written_down(answers):
    states, logits = furthest(toy_bert.FOLDER, answers)
    assert states < CLOSE and logits < CLOSE
    # Else a network that always says 0 would pass.
    assert answers["hidden"].std() > 0.1 and answers["logits"].std() > 0.1


@pytest.mark.parametrize(("lowercase", "kind"), [(False, "cased"), (True, "lowercase")])
@pytest.mark.parametrize("source", ["vocab.txt", "tokenizer.json"])
def test_words_are_cut_as_they_were_written_down(folder, cuts, lowercase, kind, source):
    set_fields(folder / "tokenizer_config.json", do_lower_case=lowercase)
    if source == "tokenizer.json":
        (folder / "vocab.txt").unlink()
        cleaning = json.loads((folder / source).read_text())["normalizer"]
        cleaning["lowercase"] = lowercase
        set_fields(folder / source, normalizer=cleaning)
    else:
        (folder / "tokenizer.json").unlink()
    demand_equal_cuts(folder, cuts[kind])
    assert cuts["cased"] != cuts["lowercase"]


@pytest.mark.parametrize(("lowercase", "kind"), [(False, "cased"), (True, "lowercase")])
def test_an_old_folder_of_three_files_is_read_and_its_pieces_tell_of_case(
    folder, answers, cuts, lowercase, kind
):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    if lowercase:  # What has a capital is in no text without case, whatever it is.
        path = folder / "vocab.txt"
        pieces = path.read_text(encoding="utf-8").split("\n")
        plain = [
            p if p == p.lower() or p[0] == "[" else f"none{i}"
            for i, p in enumerate(pieces)
        ]
        path.write_text("\n".join(plain), encoding="utf-8")
        assert plain != pieces
    assert load_bert(folder).pieces.lowercase == lowercase
    demand_equal_cuts(folder, cuts[kind])
    states, logits = furthest(folder, answers)
    assert states < CLOSE and logits < CLOSE


def test_gelu_new_is_the_approximation_by_tanh(folder, answers):
    set_fields(folder / "config.json", hidden_act="gelu_new")
    bert, mask = load_bert(folder), answers["mask"]
    said, _ = ours(bert, answers["ids"], mask, 0)
    assert bert.config.activation == "gelu"
    assert np.abs(said - answers["logits_gelu_new"])[mask].max() < CLOSE
    assert np.abs(said - answers["logits"])[mask].max() > CLOSE


def old_names(arrays):
    """As the first checkpoints called scale and bias of a layer norm."""
    return {
        re.sub(
            r"(LayerNorm)\.(weight|bias)",
            lambda m: f"{m[1]}.{'gamma' if m[2] == 'weight' else 'beta'}",
            name,
        ): array
        for name, array in arrays.items()
    }


def bare_names(arrays):
    return {name.removeprefix("bert."): array for name, array in arrays.items()}


def other_heads(arrays):
    """What a checkpoint of other tasks holds beside."""
    return arrays | {
        "bert.embeddings.position_ids": np.arange(40)[None],
        "bert.pooler.dense.weight": np.ones((32, 32), np.float32),
        "bert.pooler.dense.bias": np.ones(32, np.float32),
        "cls.predictions.bias": np.ones(119, np.float32),
    }


@pytest.mark.parametrize("change", [old_names, bare_names, other_heads])
def test_other_names_of_the_same_parameters_change_no_answer(folder, answers, change):
    before = safetensors.numpy.load_file(folder / "model.safetensors")
    assert change(before).keys() != before.keys()
    set_arrays(folder, change)
    states, logits = furthest(folder, answers)
    assert states < CLOSE and logits < CLOSE


def test_half_precision_is_read_as_what_it_stands_for(folder):
    set_arrays(folder, lambda a: {k: v.astype(np.float16) for k, v in a.items()})
    bert, whole = load_bert(folder), load_bert(toy_bert.FOLDER)
    assert bert.params["position_embedding"].dtype == np.float32
    np.testing.assert_allclose(
        bert.params["embedding"], whole.params["embedding"], atol=1e-3
    )


def test_a_checkpoint_without_a_classifier_has_no_labels(folder):
    set_arrays(folder, lambda a: {k: v for k, v in a.items() if "classifier" not in k})
    bert = load_bert(folder)
    assert bert.classifier is None and bert.labels == ()
    assert load_bert(toy_bert.FOLDER).labels == toy_bert.LABELS


def test_a_classifier_s_labels_are_in_the_order_of_their_numbers(folder):
    """Of more than ten, "10" sorts before "2"."""
    many = {str(i): f"L{i}" for i in range(12)}
    set_fields(folder / "config.json", id2label=many)
    layer = {"weight": np.ones((12, 32)), "bias": np.arange(12)}
    named = {f"classifier.{k}": v.astype(np.float32) for k, v in layer.items()}
    set_arrays(folder, lambda a: a | named)
    assert load_bert(folder).labels == tuple(f"L{i}" for i in range(12))


def test_a_folder_is_known_by_its_configuration(folder, tmp_path):
    assert is_hugging_face_folder(folder)
    assert not is_hugging_face_folder(tmp_path / "nowhere")
    (folder / "config.json").write_text('{"format": 1}')
    assert not is_hugging_face_folder(folder)


@pytest.mark.parametrize(
    ("lowercase", "changes"),
    [
        (False, {"hidden_act": "gelu"}),
        (True, {"hidden_act": "gelu_new", "num_hidden_layers": 2}),
        (False, {"hidden_act": "relu", "layer_norm_eps": 1e-5}),
    ],
)
def test_a_bert_made_on_the_spot_is_answered_alike(tmp_path, lowercase, changes):
    pytest.importorskip("torch", reason=WHY)
    pytest.importorskip("transformers", reason=WHY)
    folder = tmp_path / "bert"
    toy_bert.write_model(folder, lowercase=lowercase, **changes)
    states, logits = furthest(folder, toy_bert.model_answers(folder))
    assert states < CLOSE and logits < CLOSE
    demand_equal_cuts(folder, toy_bert.cuts(folder))
