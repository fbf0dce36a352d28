"""Models of every kind come back as they were, and are not taken for one another."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest
import safetensors.numpy
import tiny
import toy_tagging
from toy_tagging import BILSTM, ENCODER, PIECES, SENTENCES

from epik_jax import trees
from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import (
    ModelFolder,
    kind_of,
    load_labeller,
    load_model,
    load_transliterator,
    sha256,
)
from epik_jax.teachers import placed
from epik_jax.teachers.labelling import LabellingNetwork
from epik_jax.text.vocabulary import CharacterVocabulary
from epik_jax.text.wordpiece import WordPieces

ABOUT = {"recipe": "xtremedistil", "data": ["पुणे"], "command": "c", "commit": "x"}


@pytest.fixture(params=[ENCODER, BILSTM], ids=["encoder", "bilstm"])
def model(request):
    network = toy_tagging.network(request.param)
    return ModelFolder(network.params, network.config, PIECES, ABOUT)


@pytest.fixture
def folder(tmp_path, model):
    export_model(model, tmp_path / "m", bfloat16=False, card="# card\n")
    return tmp_path / "m"


@pytest.fixture
def transliterator(tmp_path):
    vocabulary = CharacterVocabulary.from_languages(("en", "hi"))
    params = tiny.params(tiny.CONFIG)
    model = ModelFolder(params, tiny.CONFIG, vocabulary, {"recipe": "matra"})
    export_model(model, tmp_path / "t", bfloat16=False, card="")
    return tmp_path / "t"


def test_a_labeller_comes_back_bit_by_bit(folder, model):
    back = load_labeller(folder)
    flat, theirs = trees.flatten(back.params), trees.flatten(model.params)
    assert flat.keys() == theirs.keys()
    for path, leaf in flat.items():
        assert leaf.dtype == np.float32
        np.testing.assert_array_equal(leaf, theirs[path])
    assert back.config == model.config and type(back.config) is type(model.config)
    assert hash(back.config) == hash(model.config)  # Compiled passes are kept by it.
    assert back.about == ABOUT
    assert back.vocabulary.fingerprint == PIECES.fingerprint
    assert back.digest == model.digest


def test_a_labeller_that_came_back_tags_as_before(folder, model, monkeypatch):
    monkeypatch.setattr(placed, "WIDTH_STEP", toy_tagging.WIDTH)
    back = load_labeller(folder)
    answers = [
        LabellingNetwork(m.params, m.config, m.vocabulary).tags(SENTENCES)
        for m in (back, model)
    ]
    assert answers[0] == answers[1]


def test_a_rounded_model_is_the_one_that_bfloat16_gives_back(tmp_path, model):
    export_model(model, tmp_path / "half", bfloat16=True, card="")
    assert load_labeller(tmp_path / "half").digest == model.rounded().digest
    assert model.rounded().digest != model.digest


def test_a_tagger_is_no_transliterator(folder):
    with pytest.raises(ValueError) as caught:
        load_transliterator(folder)
    said = str(caught.value)
    assert said.startswith(f"{folder} holds a tagger") and "`epik-jax tag`" in said
    assert "\n" not in said


def test_a_transliterator_is_no_tagger(transliterator):
    with pytest.raises(ValueError) as caught:
        load_labeller(transliterator)
    said = str(caught.value)
    assert said.startswith(f"{transliterator} holds a transliterator")
    assert "`epik-jax transliterate`" in said and "\n" not in said


def edited(folder, **changes):
    path = folder / "config.json"
    record = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in record.items() if v is not None}))
    sealed_again(folder)


def sealed_again(folder):
    """As somebody would who changed a folder and its digests with it."""
    path = folder / "digests.json"
    seal = {name: sha256(folder / name) for name in json.loads(path.read_text())}
    path.write_text(json.dumps(seal))


def first_changed(folder, change):
    """Changes the first parameter, or takes it away; returns its name."""
    path = folder / "model.safetensors"
    found = safetensors.numpy.load_file(path)
    name = min(found)
    changed = change(found.pop(name))
    if changed is not None:
        found[name] = np.ascontiguousarray(changed)
    safetensors.numpy.save_file(found, path)
    sealed_again(folder)
    return name


def test_a_folder_of_a_kind_that_nobody_knows_is_refused(folder):
    edited(folder, kind="diffusion")
    with pytest.raises(ValueError, match="holds a 'diffusion', known are"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda a: np.stack([a, a]), r"has shape \(2, .*, by config\.json it is \("),
        (lambda a: None, r"has shape None, by config\.json it is \("),
        (lambda a: a * np.float32(np.nan), "holds numbers that are none"),
        (lambda a: a + np.float32(np.inf), "holds numbers that are none"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_though_sealed(folder, change, told):
    name = first_changed(folder, change)
    with pytest.raises(ValueError, match=rf"m/model\.safetensors: {name} {told}"):
        load_model(folder)


def test_a_parameter_too_many_is_refused_though_sealed(folder):
    path = folder / "model.safetensors"
    more = safetensors.numpy.load_file(path) | {"odd": np.ones(3, np.float32)}
    safetensors.numpy.save_file(more, path)
    sealed_again(folder)
    with pytest.raises(ValueError, match=r"odd has shape \(3,\), .* it is None"):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "{}"),
        ("config.json", "[]"),
        ("config.json", "3"),
        ("config.json", "{"),
        ("config.json", "\xff"),
        ("model.safetensors", ""),
        ("model.safetensors", "no arrays at all"),
        ("vocabulary", "{}"),
        ("vocabulary", "[]"),
        ("digests.json", "[]"),
        ("digests.json", "{"),
    ],
)
def test_a_file_of_something_else_is_refused_by_its_folder_though_sealed(
    name, content, folder, transliterator
):
    for where in (folder, transliterator):
        (where / name).write_bytes(content.encode("latin-1"))
        if name != "digests.json":
            sealed_again(where)
        with pytest.raises(ValueError, match=re.escape(str(where))):
            load_model(where)


@pytest.mark.parametrize(
    "field", ["format", "normaliser", "model", "about", "labels", "vocab_size"]
)
def test_a_configuration_that_lacks_something_is_refused_in_words(
    transliterator, folder, field
):
    for where in (folder, transliterator):
        record = json.loads((where / "config.json").read_text())
        if field in record:
            edited(where, **{field: None})
        else:
            rest = {k: v for k, v in record["model"].items() if k != field}
            if rest == record["model"]:
                continue
            edited(where, model=rest)
        with pytest.raises(ValueError, match=f"{where.name} is damaged: .*{field}"):
            load_model(where)


def test_a_folder_from_before_there_were_kinds_transliterates(transliterator):
    edited(transliterator, kind=None)
    assert load_transliterator(transliterator).config == tiny.CONFIG


def test_kinds_tell_configurations_apart():
    assert len({kind_of(c) for c in (ENCODER, BILSTM, tiny.CONFIG)}) == 3


def test_a_changed_piece_is_noticed(folder):
    content = bytearray((folder / "vocabulary").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "vocabulary").write_bytes(content)
    with pytest.raises(ValueError, match="vocabulary has changed since"):
        load_labeller(folder)


def test_what_a_model_says_of_itself_is_an_object_or_the_folder_is_damaged(folder):
    edited(folder, about=["recipe"])
    with pytest.raises(ValueError, match=r"damaged: TypeError: about is \['recipe'\]"):
        load_model(folder)


def test_more_pieces_than_a_network_knows_are_refused(folder, model):
    more = WordPieces((*PIECES.pieces, "extra"), lowercase=PIECES.lowercase)
    more.save(folder / "vocabulary")
    sealed_again(folder)
    known = model.config.vocab_size
    with pytest.raises(ValueError, match=f"{known + 1} entries, .* knows {known}"):
        load_model(folder)


def test_the_digest_of_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "p")
    with pytest.raises(ValueError, match="is no plain file"):
        sha256(tmp_path / "p")
