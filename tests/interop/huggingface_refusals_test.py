"""A folder that holds no BERT that is known here is refused, and its file named."""

from __future__ import annotations

import re

import numpy as np
import pytest
import toy_bert
from toy_bert import set_arrays, set_fields

from epik_jax.interop.huggingface import load_bert

CLEANING = {"type": "BertNormalizer", "lowercase": False, "handle_chinese_chars": True}
QUERY = "bert.encoder.layer.0.attention.self.query.weight"


@pytest.fixture
def folder(tmp_path):
    """A copy of the BERT that lies here, to be changed."""
    return toy_bert.copied(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"bert: there is no {name} in it"):
        load_bert(folder)


def test_a_folder_without_pieces_is_refused(folder):
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no vocab.txt or tokenizer.json"):
        load_bert(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda a: a | {"bert.gate.weight": a[QUERY]}, "gate.weight is no parameter"),
        (
            lambda a: {k: v for k, v in a.items() if k != QUERY},
            "there is no encoder/block_00/attention/query/kernel in it",
        ),
        (
            lambda a: {k: v for k, v in a.items() if "word_embeddings" not in k},
            "there is no embedding in it",
        ),
        (
            lambda a: {k: v for k, v in a.items() if k != "classifier.bias"},
            "there is no classifier.bias in it",
        ),
        (
            lambda a: a | {QUERY: np.where(np.eye(32), np.nan, a[QUERY])},
            "query/kernel holds numbers that are none",
        ),
        (
            lambda a: a | {"classifier.bias": a["classifier.bias"] + np.inf},
            "the classifier holds numbers that are none",
        ),
        (lambda a: a | {QUERY: a[QUERY][:5]}, r"query/kernel has shape \(32, 5\)"),
        (
            lambda a: a | {QUERY.replace(".0.", ".3."): a[QUERY]},
            r"block_03/attention/query/kernel has shape \(32, 32\), by config.json it "
            "is None",
        ),
        (
            lambda a: a | {"classifier.weight": a["classifier.weight"][:6]},
            r"classifier's kernel and bias have shapes \(\(32, 6\)",
        ),
    ],
)
def test_a_parameter_that_does_not_fit_is_named_with_its_file(folder, change, told):
    set_arrays(folder, change)
    with pytest.raises(ValueError, match=rf"bert/model\.safetensors: .*{told}"):
        load_bert(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_type": "roberta"}, "model_type is 'roberta', not 'bert'"),
        (
            {"position_embedding_type": "relative_key"},
            "position_embedding_type 'relative_key' is not 'absolute'",
        ),
        ({"hidden_act": "silu"}, "hidden_act 'silu' is none of"),
        ({"is_decoder": True}, "is_decoder is true"),
        ({"intermediate_size": None}, "there is no 'intermediate_size' in it"),
        ({"num_attention_heads": 5}, "width 32 is not a multiple of num_heads 5"),
        ({"id2label": {"1": "O"}}, "id2label does not number labels from 0 on"),
        ({"hidden_size": 32.0}, r"hidden_size is 32\.0, no whole number"),
        ({"vocab_size": "119"}, "vocab_size is '119', no whole number"),
        ({"num_hidden_layers": True}, "num_hidden_layers is True, no whole number"),
        ({"max_position_embeddings": [40]}, r"max_position_embeddings is \[40\], no"),
    ],
)
def test_a_configuration_of_something_else_is_refused(folder, change, told):
    set_fields(folder / "config.json", **change)
    with pytest.raises(ValueError, match=rf"bert/config\.json: {told}"):
        load_bert(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"do_lower_case": None}, "do_lower_case is None; say true or false there"),
        ({"strip_accents": True}, "strip_accents is True, which is not how"),
        ({"tokenize_chinese_chars": False}, "tokenize_chinese_chars is False"),
    ],
)
def test_a_tokenizer_that_would_cut_otherwise_is_refused(folder, change, told):
    set_fields(folder / "tokenizer_config.json", **change)
    with pytest.raises(ValueError, match=rf"bert/tokenizer_config\.json: {told}"):
        load_bert(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": {"type": "BPE"}}, r"its parts are \('BPE', "),
        (
            {"normalizer": {**CLEANING, "lowercase": True}},
            "lowercase is True, and do_lower_case in tokenizer_config.json is False",
        ),
        (
            {"normalizer": {**CLEANING, "handle_chinese_chars": None}},
            "handle_chinese_chars is None, which is not how words are cut here",
        ),
        ({"normalizer": {**CLEANING, "lowercase": None}}, "lowercase is None; say"),
        (
            {"model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "[UNK]": 2}}},
            "its pieces are not numbered from 0 on",
        ),
    ],
)
def test_a_whole_tokenizer_that_would_cut_otherwise_is_refused(folder, change, told):
    (folder / "vocab.txt").unlink()
    set_fields(folder / "tokenizer.json", **change)
    with pytest.raises(ValueError, match=rf"bert/tokenizer\.json: {told}"):
        load_bert(folder)


def test_a_vocabulary_without_a_frame_is_refused_by_its_file(folder):
    (folder / "tokenizer.json").unlink()
    text = (folder / "vocab.txt").read_text(encoding="utf-8")
    (folder / "vocab.txt").write_text(text.replace("[CLS]", "<s>"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"bert/vocab\.txt: there is no \[CLS\]"):
        load_bert(folder)


def test_two_files_of_other_pieces_are_refused(folder):
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    lines[7], lines[8] = lines[8], lines[7]
    (folder / "vocab.txt").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match=r"vocab\.txt and tokenizer\.json hold other"):
        load_bert(folder)


@pytest.mark.parametrize(
    ("left", "alone"),
    [(118, False), (50, False), (55, True), (10, True)],
)
def test_a_list_of_pieces_that_was_cut_off_is_refused(folder, left, alone):
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    (folder / "vocab.txt").write_text("\n".join(lines[:left]), encoding="utf-8")
    if alone:
        (folder / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"bert: (\d+ pieces, but|vocab\.txt and)"):
        load_bert(folder)


@pytest.mark.parametrize("content", [b"\xff\xfe[\x00P\x00", b"\x80PNG"])
def test_a_list_of_pieces_that_is_no_text_is_named(folder, content):
    (folder / "vocab.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"bert/vocab\.txt is not UTF-8"):
        load_bert(folder)


def test_more_pieces_than_embeddings_are_refused(folder):
    (folder / "tokenizer.json").unlink()
    with (folder / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("one more\n")
    with pytest.raises(ValueError, match=r"bert: 120 pieces, but embeddings for 119"):
        load_bert(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_damaged_file_is_named(folder, name):
    (folder / name).write_bytes(b'{"model_type": ')
    with pytest.raises(ValueError, match=re.escape(f"bert/{name}")):
        load_bert(folder)
