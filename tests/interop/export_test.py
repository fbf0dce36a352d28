"""Model folders: what is written comes back, and nothing else is believed."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import tiny

from epik_jax import trees
from epik_jax.interop import export
from epik_jax.interop.export import export_model
from epik_jax.interop.model_folder import ModelFolder, is_model_folder, load_model
from epik_jax.text.normalise import NORMALISER_VERSION
from epik_jax.text.vocabulary import CharacterVocabulary

VOCABULARY = CharacterVocabulary.from_languages(("en", "hi"))
ABOUT = {"recipe": "matra", "data": ["हिन्दी.tsv"], "command": "c", "commit": "x"}
FILES = {"model.safetensors", "config.json", "vocabulary", "README.md", "digests.json"}


@pytest.fixture(scope="module")
def model():
    config = tiny.config(num_slots=4, shared_embedding=False)
    return ModelFolder(tiny.params(config), config, VOCABULARY, ABOUT)


@pytest.fixture
def folder(tmp_path, model):
    export_model(model, tmp_path / "m", bfloat16=False, card="# card\n")
    return tmp_path / "m"


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def reseal(folder):
    """Makes the digests fit whatever the files are now."""
    digests = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.iterdir()
        if p.name != "digests.json"
    }
    (folder / "digests.json").write_text(json.dumps(digests))


def test_float32_weights_come_back_bit_by_bit(folder, model):
    back = load_model(folder)
    flat, theirs = trees.flatten(back.params), trees.flatten(model.params)
    assert flat.keys() == theirs.keys()
    for path, leaf in flat.items():
        assert leaf.dtype == np.float32
        np.testing.assert_array_equal(leaf, theirs[path])
    assert back.config == model.config
    assert back.about == ABOUT
    assert back.vocabulary.fingerprint == VOCABULARY.fingerprint
    assert back.digest == model.digest
    assert set(contents(folder)) == FILES


def test_bfloat16_weights_are_off_by_less_than_one_in_256(tmp_path, folder, model):
    export_model(model, tmp_path / "half", bfloat16=True, card="")
    back = trees.flatten(load_model(tmp_path / "half").params)
    for path, leaf in trees.flatten(model.params).items():
        assert back[path].dtype == np.float32
        assert (np.abs(back[path] - leaf) <= np.abs(leaf) * 2**-8).all()
    assert any(
        (back[p] != leaf).any() for p, leaf in trees.flatten(model.params).items()
    )
    sizes = [
        (f / "model.safetensors").stat().st_size for f in (tmp_path / "half", folder)
    ]
    assert sizes[0] < 0.75 * sizes[1]


def test_other_tools_can_open_the_weights_by_path(folder, model):
    arrays = safetensors.numpy.load_file(folder / "model.safetensors")
    assert arrays.keys() == trees.flatten(model.params).keys()
    np.testing.assert_array_equal(arrays["embedding"], model.params["embedding"])


def test_the_digest_knows_parameters_and_sizes_and_nothing_else(model):
    def digest(params=model.params, config=model.config, about=ABOUT):
        return ModelFolder(params, config, VOCABULARY, about).digest

    assert digest(about={"recipe": "epik"}) == digest()
    flat = trees.flatten(model.params)
    moved = trees.unflatten({p: x + (p == "gate/bias") for p, x in flat.items()})
    assert digest(params=moved) != digest()
    assert digest(config=tiny.config(dropout=0.3)) != digest(config=tiny.config())


@pytest.mark.parametrize("name", sorted(FILES - {"digests.json"}))
def test_a_changed_byte_is_noticed_and_the_file_named(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} has changed since it was exported"):
        load_model(folder)


@pytest.mark.parametrize("name", sorted(FILES - {"digests.json"}))
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"{name} is missing"):
        load_model(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"digests\.json is not JSON"),
        ("[]", r"digests\.json is not an object"),
        ("{}", r"model\.safetensors has changed"),
    ],
)
def test_a_broken_seal_is_no_seal(folder, text, message):
    (folder / "digests.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_model(folder)


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_folder_without_a_seal_is_no_model_folder(tmp_path, place):
    assert not is_model_folder(tmp_path / place)
    with pytest.raises(FileNotFoundError, match=r"no digests\.json.*epik-jax export"):
        load_model(tmp_path / place)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("format", 99, "has format 99, not 1"),
        ("normaliser", "old", f"normaliser old, this is {NORMALISER_VERSION}"),
    ],
)
def test_a_folder_of_another_version_is_refused(folder, part, value, message):
    record = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**record, part: value}))
    reseal(folder)
    with pytest.raises(ValueError, match=message):
        load_model(folder)


def test_an_older_model_folder_is_replaced_whole(folder, model):
    other = ModelFolder(
        tiny.params(tiny.CONFIG, seed=3), tiny.CONFIG, VOCABULARY, ABOUT
    )
    export_model(other, folder, bfloat16=False, card="# other\n")
    assert load_model(folder).digest == other.digest
    assert set(contents(folder)) == FILES
    assert [p.name for p in folder.parent.iterdir()] == ["m"]


def test_what_lies_beside_the_folder_is_left_alone(tmp_path, folder, model):
    beside = [folder.with_name(folder.name + x) for x in (".old", ".tmp", ".bak")]
    for path in beside:
        path.mkdir()
        (path / "mine").write_text("kept")
    export_model(model, folder, bfloat16=False, card="")
    assert all((path / "mine").read_text() == "kept" for path in beside)


def test_a_folder_of_something_else_is_not_replaced(tmp_path, model):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(ValueError, match=r"thesis holds 'chapter\.txt', which no"):
        export_model(model, tmp_path / "thesis", bfloat16=False, card="")
    assert contents(tmp_path / "thesis") == {"chapter.txt": b"years of work"}


def test_a_model_folder_that_holds_more_is_not_replaced(folder, model):
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds 'notes\.txt', which no export"):
        export_model(model, folder, bfloat16=False, card="")
    assert (folder / "notes.txt").read_text() == "mine"


def test_files_that_are_called_like_ours_are_not_replaced(tmp_path, model):
    theirs = {"README.md": b"# mine", "config.json": b"{}", "model.safetensors": b"x"}
    (tmp_path / "bert").mkdir()
    for name, content in theirs.items():
        (tmp_path / "bert" / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"bert holds 'README\.md', which no export"):
        export_model(model, tmp_path / "bert", bfloat16=False, card="")
    assert contents(tmp_path / "bert") == theirs


def test_a_way_through_a_model_folder_does_not_end_in_it(folder, model):
    export_model(model, folder / ".." / "new", bfloat16=False, card="")
    assert is_model_folder(folder.parent / "new")


@pytest.mark.parametrize("inner", ["sub", "sub/deeper", "model.safetensors/sub"])
def test_a_model_folder_takes_no_other_in(folder, model, inner):
    before = contents(folder)
    with pytest.raises(ValueError, match=r"lies in the model folder .*name another"):
        export_model(model, folder / inner, bfloat16=False, card="")
    assert contents(folder) == before


def test_a_file_is_not_replaced_by_a_folder(tmp_path, model):
    (file := tmp_path / "m").write_text("mine")
    with pytest.raises(ValueError, match="m is no folder"):
        export_model(model, file, bfloat16=False, card="")
    assert file.read_text() == "mine"


def test_an_empty_folder_is_taken(tmp_path, model):
    (tmp_path / "m").mkdir()
    export_model(model, tmp_path / "m", bfloat16=False, card="")
    assert is_model_folder(tmp_path / "m")


@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_nothing_half_written(tmp_path, model, monkeypatch, there):
    before = {}
    if there:
        export_model(model, tmp_path / "m", bfloat16=False, card="# old\n")
        before = contents(tmp_path / "m")

    def full(path, content):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space left"):
        export_model(model, tmp_path / "m", bfloat16=False, card="# new\n")
    assert [p.name for p in tmp_path.iterdir()] == (["m"] if there else [])
    assert (contents(tmp_path / "m") if there else {}) == before


@pytest.mark.parametrize("error", [OSError(errno.EIO, "disk"), KeyboardInterrupt()])
def test_a_model_survives_what_goes_wrong_between_two_renames(
    folder, model, monkeypatch, error
):
    before, rename = contents(folder), Path.rename

    def failing(path, target):
        if path.name.endswith("-unfinished"):
            raise error
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", failing)
        with pytest.raises(type(error)):
            export_model(model, folder, bfloat16=True, card="# new\n")
    assert contents(folder) == before
    # A killed process cannot clean up: the next one finds the old model.
    folder.rename(folder.with_name(".m.epik-replaced"))
    monkeypatch.setattr(export, "_write", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_model(model, folder, bfloat16=True, card="# new\n")
    assert contents(folder) == before
    assert [p.name for p in folder.parent.iterdir()] == ["m"]


def test_what_a_killed_run_left_is_cleared_away(tmp_path, model):
    (tmp_path / ".m.epik-unfinished").mkdir()
    (tmp_path / ".m.epik-unfinished" / "model.safetensors").write_bytes(b"half")
    export_model(model, tmp_path / "m", bfloat16=False, card="")
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
