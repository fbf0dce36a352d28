"""From a configuration to a run folder: what is written, said, refused and held."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import textwrap

import pytest
import tiny_run
from toy_networks import VOCABULARY, StandIn

from epik_jax.evaluation.feature_distance import make_feature_distance
from epik_jax.interop.model_folder import ModelFolder, load_model
from epik_jax.models.config import TransformerConfig
from epik_jax.recipes import run as runs
from epik_jax.recipes import settings
from epik_jax.recipes.transliteration import matra

MATRA = tiny_run.CONFIG.replace("epik.py", "matra.py")


@pytest.fixture(scope="module")
def done():
    return tiny_run.finished()


@pytest.fixture
def teacher(monkeypatch):
    """A teacher that no time is spent on."""
    sizes = {"width": 8, "num_heads": 2, "encoder_layers": 1, "decoder_layers": 1}
    network = StandIn(TransformerConfig(VOCABULARY.size, feed_forward=8, **sizes))
    monkeypatch.setattr(matra, "train_matra", lambda *_: network)
    return network


def test_the_settings_of_a_run_are_kept_overrides_included(done):
    kept = json.loads((done.folder / "config.json").read_text())
    assert kept == settings.read_config(tiny_run.CONFIG, tiny_run.OVERRIDES)
    assert kept["epik"]["student"]["stages"][0]["loop"]["num_steps"] == 4


def test_models_say_what_they_were_made_by_and_from(done):
    for name, recipe in (("teacher", "matra"), ("student", "epik")):
        about = load_model(done.folder / name).about
        assert about["recipe"] == recipe
        assert about["data"] == ["builtin"]
        # The last of the commands was `train`, the report is by `run`.
        typed = done.report["run"]["command"].partition("epik-jax run ")[2]
        typed = f"epik-jax train {typed}"
        assert about["command"] == typed
        assert about["commit"] and about["jax"] and about["python"]
        card = (done.folder / name / "README.md").read_text(encoding="utf-8")
        assert about["command"] in card and "builtin" in card


def test_models_name_their_seeds_and_the_teacher_that_they_had(done):
    teacher, student = (load_model(done.folder / m) for m in ("teacher", "student"))
    assert teacher.about["seed"] == 0 and "teacher" not in teacher.about
    assert student.about["seed"] == 1
    assert student.about["teacher"] == student.about["start"] == teacher.digest


def test_the_command_of_a_report_can_be_typed_again(done):
    command = done.report["run"]["command"]
    assert command.startswith("epik-jax run --config=configs/epik.py:tiny ")
    for override in tiny_run.OVERRIDES[:2]:
        assert f"--config.{override}" in shlex.split(command)


def test_the_report_counts_what_was_read(done):
    assert done.report["run"]["seed"] == 1
    counts = done.report["data"]["counts"]
    assert counts["train"]["examples"] > 1000


def test_without_measuring_there_is_no_report(done):
    # The third command's: the report is still the second's.
    assert done.written[2]["report.json"] == done.written[1]["report.json"]
    assert "report.json" not in done.written[0]


def test_the_matra_recipe_leaves_a_teacher_and_its_report(teacher, tmp_path):
    folder = tmp_path / "new" / "run"
    made = runs.run(MATRA, [], folder, evaluate=True)
    assert load_model(folder / "teacher").digest == _digest(teacher)
    assert json.loads((folder / "config.json").read_text())["recipe"] == "matra"
    assert json.loads((folder / "report.json").read_text("utf-8")) == made
    assert "MATra" in (folder / "report.html").read_text("utf-8")
    assert made["run"]["command"].startswith("epik-jax run --config=configs/matra.py")
    assert made["data"]["n"] == 20
    assert [s["name"] for s in made["systems"]] == [
        *("MATra", "MATra, by beam", "table builtin")
    ]


def test_what_only_looks_into_a_run_leaves_its_record_as_it_is(tmp_path):
    record = tmp_path / "config.json"
    with runs.begun(MATRA, [], tmp_path):
        pass
    first, other = record.read_text(), ["teacher.seed=7"]
    with runs.begun(MATRA, other, tmp_path, recorded=False):
        pass
    assert record.read_text() == first
    with runs.begun(MATRA, other, tmp_path):
        pass
    assert record.read_text() != first


def test_the_matra_recipe_can_be_trained_without_measuring(teacher, tmp_path):
    assert runs.run(MATRA, [], tmp_path / "run", evaluate=False) is None
    assert load_model(tmp_path / "run" / "teacher").digest == _digest(teacher)
    assert not (tmp_path / "run" / "report.json").exists()


def test_lists_to_report_on_are_missed_before_training(teacher, tmp_path):
    (tmp_path / "a.tsv").write_text("घर\tghar\n", encoding="utf-8")
    lists = "({'format':'pairs','lang':'hi','split':'train','path':'a.tsv'},)"
    overrides = ["data.kind=files", f"data.root={tmp_path}", f"data.lists={lists}"]
    for file, split in ((MATRA, "test"), (tiny_run.CONFIG, "names")):
        with pytest.raises(ValueError, match=f"no list of split '{split}' to report"):
            runs.run(file, overrides, tmp_path / "run", evaluate=True)


def _digest(network):
    return ModelFolder(network.params, network.config, VOCABULARY, {}).digest


def test_a_recipe_without_a_teacher_has_no_cache_to_fill(teacher, tmp_path):
    with pytest.raises(ValueError, match="'matra' asks no teacher"):
        runs.fill_caches(MATRA, [], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_caches_of_a_run_are_found(done):
    found = runs.find_caches(done.folder)
    assert [folder.name for folder in found] == ["back", "transfer"]
    assert runs.find_caches(found[1]) == [found[1]]
    summary = runs.cache_summary(found[1])
    assert json.loads(json.dumps(summary))["shards"] == "1 of 1"


def test_a_folder_without_a_cache_is_told_how_to_get_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="epik-jax cache"):
        runs.find_caches(tmp_path)


def config(tmp_path, text):
    path = tmp_path / "c.py"
    path.write_text(textwrap.dedent(text))
    return str(path)


@pytest.mark.parametrize(
    ("settings_of", "message"),
    [
        (
            {"recipe": "epic"},
            "config.recipe is 'epic', expected one of ('matra', 'epik',",
        ),
        ({}, "config.recipe is None"),
        ({"recipe": ["matra"]}, "config.recipe is ['matra'], expected one of"),
        ({"recipe": "matra", "daat": {}}, "config.daat is not known; did you mean"),
        ({"recipe": "epik"}, "config.data is missing"),
    ],
)
def test_settings_that_cannot_be_run_leave_no_folder(tmp_path, settings_of, message):
    file = config(tmp_path, f"def get_config():\n    return {settings_of!r}\n")
    with pytest.raises(ValueError) as caught:
        runs.run(file, [], tmp_path / "run", evaluate=False)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_report_without_names_is_refused_before_anything_is_trained(tmp_path):
    lists = "data.lists=({'format': 'dakshina', 'lang': 'hi', 'split': 'train',"
    overrides = ["data.kind=files", lists + " 'path': 'hi.tsv'},)"]
    with pytest.raises(ValueError, match="no list of split 'names' to report on"):
        runs.run(tiny_run.CONFIG, overrides, tmp_path / "run", evaluate=True)
    # Without a report the missing data folder is the first thing that is missed.
    with pytest.raises(ValueError, match=r"data\.root"):
        runs.run(tiny_run.CONFIG, overrides, tmp_path / "run", evaluate=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "module", "extra"),
    [
        ("scoreboard.tables=('icu',)", "icu", "icu"),
        ("epik.transfer.crowd.table=icu", "icu", "icu"),
        ("scoreboard.feature_distance=True", "epitran", "phonetics"),
    ],
)
def test_what_is_not_installed_is_missed_at_once(
    tmp_path, monkeypatch, override, module, extra
):
    make_feature_distance.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=rf"epik-jax\[{extra}\]"):
        runs.run(tiny_run.CONFIG, [override], tmp_path / "run", evaluate=True)


def test_an_adviser_that_is_not_installed_is_missed_before_caches_are_filled(
    tmp_path, monkeypatch, teacher
):
    monkeypatch.setitem(sys.modules, "icu", None)
    override = "epik.transfer.crowd.table=icu"
    with pytest.raises(ValueError, match=r"epik-jax\[icu\]"):
        runs.fill_caches(tiny_run.CONFIG, [override], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_student_to_stand_beside_is_missed_at_once(tmp_path):
    beside = "scoreboard.others=(('half', 'nowhere/student'),)"
    with pytest.raises(ValueError, match="half: nowhere/student is no model folder"):
        runs.run(tiny_run.CONFIG, [beside], tmp_path / "run", evaluate=True)


def test_a_damaged_student_to_stand_beside_is_missed_at_once(tmp_path, done):
    damaged = tmp_path / "half"
    shutil.copytree(done.folder / "student", damaged)
    with (damaged / "model.safetensors").open("ab") as file:
        file.write(b"x")
    beside = f"scoreboard.others=(('half', {str(damaged)!r}),)"
    with pytest.raises(ValueError, match=r"scoreboard: half: .* has changed since"):
        runs.run(tiny_run.CONFIG, [beside], tmp_path / "run", evaluate=True)
    assert not (tmp_path / "run").exists()


def test_what_a_model_would_be_written_over_is_missed_at_once(tmp_path):
    (tmp_path / "run" / "teacher").mkdir(parents=True)
    (notes := tmp_path / "run" / "teacher" / "notes").write_text("mine")
    with pytest.raises(ValueError, match="teacher holds 'notes', which no export wro"):
        runs.run(tiny_run.CONFIG, [], tmp_path / "run", evaluate=True)
    assert notes.read_text() == "mine"


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        (MATRA, "teacher"),
        (tiny_run.CONFIG, "epik.teacher"),
        (tiny_run.CONFIG, "epik.student"),
    ],
)
def test_words_longer_than_a_network_reads_are_missed_at_once(tmp_path, file, whose):
    stages = "epik.student.stages[0]." if whose == "epik.student" else f"{whose}."
    overrides = [f"{whose}.model.max_length=12", f"{stages}batches.buckets=((12,12),)"]
    with pytest.raises(ValueError, match=r"tokens with tag and end, 12 at most are re"):
        runs.run(file, overrides, tmp_path / "run", evaluate=True)
    assert not (tmp_path / "run").exists()


def test_a_mesh_without_devices_is_refused(tmp_path):
    with pytest.raises(ValueError, match="model is 0, expected 1 or more"):
        runs.run(tiny_run.CONFIG, ["mesh.model=0"], tmp_path / "run", evaluate=True)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "activations=float16",
            r"config.compute.activations is 'float16', expected one of \('float32', ",
        ),
        ("rematerialise=1", "config.compute.rematerialise is 1, expected bool"),
        ("remat=True", "config.compute.remat is not known; did you mean 'remat"),
    ],
)
def test_activations_that_nothing_computes_are_refused(tmp_path, override, said):
    with pytest.raises(ValueError, match=said):
        runs.run(MATRA, [f"compute.{override}"], tmp_path / "run", evaluate=False)
    assert not (tmp_path / "run").exists()


def test_a_folder_is_let_go_when_a_run_fails(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no")

    monkeypatch.setattr(matra, "train_matra", fail)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            runs.run(MATRA, [], tmp_path, evaluate=False)
