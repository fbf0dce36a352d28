"""A teacher begins as the BERT of a folder, or is one, with that folder's answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import toy_bert
from toy_bert import set_arrays
from toy_epik import workplace

from epik_jax import trees
from epik_jax.interop.huggingface import load_bert
from epik_jax.interop.model_folder import load_labeller
from epik_jax.models.labeller import label
from epik_jax.recipes import settings
from epik_jax.recipes.tagging import bert_folder, teacher
from epik_jax.recipes.tagging import run as runs
from epik_jax.recipes.tagging.corpus import TaggedDataConfig, read_tagged_corpus
from epik_jax.recipes.tagging.teaching import network_digest
from epik_jax.recipes.tagging.xtremedistil import ready_teacher
from epik_jax.teachers import placed

CONFIG = f"{Path(__file__).parents[3]}/configs/xtremedistil.py:tiny"
DATA = ["data.langs=('en', 'hi')", "data.num_sentences=8"]
SHORT = [
    "xtremedistil.teacher.model.max_length=16",
    "xtremedistil.teacher.tagging.batches.widths=(16,)",
]
STEPS = ["log_every=1", "save_every=2", "validate_every=2", "num_steps=2"]
TWO_STEPS = [f"xtremedistil.teacher.tagging.loop.{setting}" for setting in STEPS]
FLOAT32 = ["xtremedistil.teacher.model.matmul_dtype=float32"]
HERE = str(toy_bert.FOLDER)


@pytest.fixture(autouse=True)
def one_width(monkeypatch):
    """One padded width for all that networks answer: little is compiled."""
    monkeypatch.setattr(placed, "WIDTH_STEP", 40)


@pytest.fixture
def at(tmp_path):
    return workplace(tmp_path)


@pytest.fixture
def folder(tmp_path):
    """A copy of the BERT that lies here, to be changed."""
    return toy_bert.copied(tmp_path)


@pytest.fixture
def untrained(monkeypatch):
    """What would be trained: filled with stages and first parameters."""
    found = {}

    def run_stages(stages, params, at):
        found.update(stages={s.name: s for s in stages}, params=params)
        return params

    monkeypatch.setattr(teacher, "run_stages", run_stages)
    return found


def config_of(*overrides, start="", given=""):
    folders = [
        f"xtremedistil.teacher.start_folder={start}",
        f"xtremedistil.teacher_folder={given}",
    ]
    begins = ["xtremedistil.teacher.masked=None"] if start or given else []
    plain = settings.read_config(CONFIG, [*DATA, *overrides, *folders, *begins])
    assert plain.pop("recipe") == "xtremedistil"
    return settings.build(runs.XtremeDistilRun, plain)


def teacher_of(config, at):
    return made_of(config, at)[0]


def made_of(config, at):
    """The teacher, and what is told of its origin."""
    corpus = read_tagged_corpus(config.data)
    return ready_teacher(config.xtremedistil, corpus, config.data, at)


def demand_answers(network):
    """The folder's logits, column by column the label that they are of."""
    with np.load(toy_bert.FOLDER / toy_bert.ANSWERS) as found:
        ids, mask, wanted = found["ids"], found["mask"], found["logits"]
    said = label(network.params, network.config, ids, mask, layer=0).logits
    for column, name in enumerate(network.config.labels):
        there = wanted[..., toy_bert.LABELS.index(name)]
        np.testing.assert_allclose(said[..., column][mask], there[mask], atol=1e-4)


def test_a_teacher_begins_with_all_that_the_folder_has(untrained, at):
    config = config_of(*SHORT, start=HERE)
    network, bert = teacher_of(config, at), load_bert(toy_bert.FOLDER)
    begun = trees.flatten(untrained["params"]["student"]["transformer"])
    there = trees.flatten(bert.params)
    there["position_embedding"] = there["position_embedding"][:16]
    assert begun.keys() == there.keys()
    for path, leaf in there.items():
        np.testing.assert_array_equal(begun[path], leaf, err_msg=path)
    assert network.pieces.fingerprint == bert.pieces.fingerprint
    assert not (at.folder / "vocabulary").exists()


def test_sizes_are_the_folder_s_and_the_rest_is_the_configuration_s(untrained, at):
    config = config_of(*SHORT, "xtremedistil.teacher.model.dropout=0.25", start=HERE)
    encoder = teacher_of(config, at).config.encoder
    found = encoder.width, encoder.encoder_layers, encoder.num_heads
    assert found == (32, 3, 4) and encoder.feed_forward == 64
    assert (encoder.max_length, encoder.dropout) == (16, 0.25)
    assert encoder.matmul_dtype == "bfloat16"


def test_a_begun_teacher_answers_as_the_folder_before_it_is_trained(untrained, at):
    network = teacher_of(config_of(*FLOAT32, start=HERE), at)
    assert network.config.labels != toy_bert.LABELS
    demand_answers(network)


def test_a_layer_of_other_labels_is_drawn(untrained, at):
    types = "data.types=('LOC', 'ORG', 'PER', 'DATE')"
    network = teacher_of(config_of(types, start=HERE), at)
    assert network.config.labels[-1] == "I-DATE"
    assert network.params["head"]["kernel"].shape == (32, 9)
    # As it would be drawn without a folder.
    assert network.params["head"]["kernel"].std() == pytest.approx(32**-0.5, rel=0.3)


def test_sentences_are_labelled_by_a_layer_of_their_own(untrained, at):
    """The folder's layer reads words."""
    config = config_of(start=HERE)
    labels = ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
    data = TaggedDataConfig("files", "there", task="sentences", classes=labels)
    start = bert_folder.read_start(config.xtremedistil.teacher, data)
    assert set(start.labels) == set(data.labels)
    assert "head" not in start.params and start.config.pools


def test_more_positions_than_the_folder_has_are_refused(at):
    long = [setting.replace("16", "41") for setting in SHORT]
    told = "bert has positions for 40 pieces, and teacher.model.max_length is 41"
    for folders in ({"start": HERE}, {"given": HERE}):
        with pytest.raises(ValueError, match=told):
            teacher_of(config_of(*long, **folders), at)


def test_stages_name_their_start_where_there_is_one(untrained, at):
    teacher_of(config_of(start=HERE), at)
    assert len({s.inputs["start"] for s in untrained["stages"].values()}) == 1
    assert len(untrained["stages"]) == 1
    # A run from before there were starts goes on.
    teacher_of(config_of(), at)
    assert all("start" not in s.inputs for s in untrained["stages"].values())


def test_a_checkpoint_of_another_start_is_refused(folder, at):
    config = config_of(*TWO_STEPS, start=folder)
    trained = teacher_of(config, at)
    before = load_bert(folder).params["embedding"]
    assert (trained.params["transformer"]["embedding"] != before).any()
    assert network_digest(teacher_of(config, at)) == network_digest(trained)
    name = "bert.embeddings.LayerNorm.bias"
    set_arrays(folder, lambda arrays: arrays | {name: arrays[name] + 1})
    with pytest.raises(ValueError, match=r"teacher-tagging.*\bstart\b"):
        teacher_of(config, at)


def test_guessing_pieces_is_refused_where_a_bert_has_done_it():
    config = settings.read_config(
        CONFIG, [*DATA, f"xtremedistil.teacher.start_folder={HERE}"]
    )
    config.pop("recipe")
    with pytest.raises(ValueError, match="masked is set beside a start_folder"):
        settings.build(runs.XtremeDistilRun, config)


def test_a_teacher_says_its_seed_and_what_it_began_as(folder, untrained, at):
    def told(**folders):
        return made_of(config_of("xtremedistil.teacher.seed=7", **folders), at)[1]

    assert told() == {"seed": 7}
    assert told(start=HERE)["start"] == told(start=folder)["start"]
    set_arrays(folder, lambda arrays: {k: 2 * v for k, v in arrays.items()})
    assert told(start=HERE)["start"] != told(start=folder)["start"]


def test_a_folder_that_tags_already_is_a_finished_teacher(untrained, at):
    network = teacher_of(config_of(*FLOAT32, given=HERE), at)
    demand_answers(network)
    assert network.mesh is at.mesh
    assert untrained == {}


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["data.types=('LOC',)"], r"it labels words as \('B-LOC', .*'I-LOC'\)"),
        (["data.task=sentences"], "here sentences are labelled as"),
    ],
)
def test_a_finished_teacher_of_something_else_is_refused(at, overrides, told):
    with pytest.raises(ValueError, match=rf"teacher_folder .*bert: .*{told}"):
        teacher_of(config_of(*overrides, given=HERE), at)


def test_a_folder_without_a_classifier_is_no_finished_teacher(folder, at):
    set_arrays(folder, bare)
    with pytest.raises(ValueError, match="bert: it labels words as nothing, here"):
        teacher_of(config_of(given=folder), at)


def bare(arrays):
    return {name: a for name, a in arrays.items() if "classifier" not in name}


def test_a_finished_teacher_that_should_begin_as_another_is_refused():
    with pytest.raises(ValueError, match=r"teacher\.start_folder are both set"):
        config_of(start=HERE, given=HERE)


def test_a_finished_teacher_is_asked_and_written_as_a_model_of_ours(at):
    """The whole way: its cache is filled, and its folder can be used without theirs."""
    config = config_of(*FLOAT32, given=HERE)
    runs.fill(config, at, "this run")
    assert list((at.folder / "cache").glob("*/*"))
    model = load_labeller(at.folder / "teacher")
    demand_answers(model)
    assert model.about["languages"] == ["en", "hi"]
    assert "interop/bert" in model.about["data"][0]
    assert model.about["start"] == model.digest
    card = (at.folder / "teacher" / "README.md").read_text(encoding="utf-8")
    assert model.digest in card
