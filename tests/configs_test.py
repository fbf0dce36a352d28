"""Every configuration that ships can be built, and what it names can be trained."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path

import jax
import numpy as np
import pytest
import tiny_run
from jax.experimental.compilation_cache import compilation_cache
from toy_networks import VOCABULARY, ToyNetwork

from epik_jax import trees
from epik_jax.models import initial, transformer
from epik_jax.parallel.mesh import make_mesh, to_global
from epik_jax.recipes import settings
from epik_jax.recipes.recipe import compile_step
from epik_jax.recipes.transliteration import epik, transfer
from epik_jax.recipes.transliteration.corpus import read_corpus
from epik_jax.recipes.transliteration.lessons import Lessons
from epik_jax.recipes.transliteration.run_config import EpikRun, MatraRun
from epik_jax.recipes.transliteration.start import initial_student
from epik_jax.recipes.transliteration.teaching import Teaching
from epik_jax.structs import Example
from epik_jax.teachers.forward import Network
from epik_jax.teachers.live import LiveSignals
from epik_jax.teachers.signals import TransliterationTeacher

CONFIGS = Path(__file__).parents[1] / "configs"
SIZES = ("builtin", "real")
WAYS = (
    *("", "faithful", "sequence", "marginal"),
    *("slots", "positional", "half", "deep", "staged", "crowd"),
    *("baseline", "started"),
)
SMALL = [
    "epik.transfer.num_words=3",
    "data.num_synthetic=8",
    *tiny_run.SMALL_MODELS,
]
SMALL_BATCHES = ("batches.batch_size=4", "batches.buckets=((40, 40),)")


def built(size, way, overrides=()):
    variant = f"{size}-{way}" if way else size
    plain = settings.read_config(f"{CONFIGS}/epik.py:{variant}", list(overrides))
    assert plain.pop("recipe") == "epik"
    return settings.build(EpikRun, plain)


def untrained(config):
    model = config.teacher.model.sized(VOCABULARY.size)
    params = initial.init_params(transformer.parameter_shapes(model), seed=0)
    return Network(params, model, VOCABULARY)


def lessons(config, corpus):
    """What a toy says in the teacher's place, asked as the configuration asks."""
    words = transfer.transfer_words(corpus.romanisations, config.transfer)
    pivots = transfer.known_pivots(words, corpus.romanisations, config.transfer)
    examples = transfer.transfer_examples(words)
    toy = ToyNetwork(width=config.teacher.model.width)
    answering = TransliterationTeacher(
        transfer.two_stage_chain(toy, config.transfer, pivots),
        VOCABULARY,
        config.transfer.crowd,
        config.transfer.wanted,
    )
    answers = answering.block(examples).arrays
    back = [Example(f"b{i}", "राम", "hi", "kn", ("ರಾಮ",)) for i in range(8)]
    gold = {
        "back": back,
        "gold": corpus.train,
        "joined": transfer.joined_examples(corpus.romanisations),
    }
    signals = LiveSignals(answering, examples, answers)
    return Lessons(VOCABULARY, examples, answers, signals, gold)


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory):
    """Ways whose updates are the same program share one compilation."""
    names = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("programs")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in names}
    for values in (names, before):
        for name, value in values.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        if values is names:
            yield


@pytest.mark.usefixtures("compiled_once")
@pytest.mark.parametrize("way", WAYS)
def test_every_way_trains_what_it_says_and_leaves_the_rest_alone(way):
    num_stages = len(built("tiny", way).epik.student.stages)
    batches = [
        f"epik.student.stages[{i}].{value}"
        for i, value in itertools.product(range(num_stages), SMALL_BATCHES)
    ]
    run = built("tiny", way, SMALL + batches)
    config, corpus = run.epik, read_corpus(run.data)
    teacher = untrained(config)
    model = config.student.model.sized(VOCABULARY.size)
    start = initial_student(config.student, model, teacher)
    taught = lessons(config, corpus)
    teaching = Teaching(teacher, corpus, config.transfer, False, None)
    for each in config.student.stages:
        stage = epik.student_stage(each, config, model, teaching, taught)
        moved, frozen = trained_apart(stage, start)
        if way in ("faithful", "positional", "slots") or each.name == "imitation":
            decoder = {p for p in moved | frozen if p.startswith("student/decoder")}
            assert decoder <= frozen
            assert "student/embedding" in frozen
            assert "student/encoder_embedding" in moved


def trained_apart(stage, start):
    """Paths that moved in two updates, and those that must not have."""
    before = trees.flatten(jax.tree.map(np.array, start))
    mesh = make_mesh(1, 1)
    state, step = compile_step(stage, start, mesh)
    losses = []
    for batch in itertools.islice(stage.batches(0), 2):
        state, means = step(state, to_global(mesh, batch))
        losses.append(float(means["loss"].value()))
    assert np.isfinite(losses).all() and losses[0] > 0
    after = trees.flatten(jax.device_get(state.params))
    moving, frozen = trees.partition(start, stage.trainable)
    for path in frozen:
        np.testing.assert_array_equal(after[path], before[path], err_msg=path)
    moved = {path for path in moving if (after[path] != before[path]).any()}
    assert len(moved) > 0.7 * len(moving)
    return moved, set(frozen)


@pytest.fixture
def no_drawing(monkeypatch):
    monkeypatch.setattr(
        initial,
        "draw",
        lambda path, shape, seed: np.broadcast_to(np.float32(0), shape),
    )


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(("size", "way"), list(itertools.product(SIZES, WAYS)))
def test_every_variant_can_start_and_its_patterns_match(size, way):
    run = built(size, way)
    config = run.epik
    model = config.student.model.sized(VOCABULARY.size)
    start = initial_student(config.student, model, untrained(config))
    for stage in config.student.stages:
        moving, _ = trees.partition(start, stage.trainable)
        assert moving
        assert stage.loop.num_steps >= stage.loop.validate_every > 0
        # The longest word, with its tag and end, fits the largest bucket.
        width_S, width_T = stage.batches.buckets[-1]
        assert min(width_S, width_T) >= run.data.max_length + 2
        assert max(width_S, width_T) <= model.max_length


@pytest.mark.parametrize("size", ("tiny", *SIZES))
def test_both_recipes_train_the_same_teacher(size):
    plain = settings.read_config(f"{CONFIGS}/matra.py:{size}", [])
    assert plain.pop("recipe") == "matra"
    run = settings.build(MatraRun, plain)
    whole = built(size, "")
    assert run.teacher == whole.epik.teacher
    assert run.data == whole.data
    assert run.teacher.batches.buckets[-1][0] >= run.data.max_length + 2


def test_blocks_that_a_way_leaves_out_can_be_set():
    transfer = built(
        *("builtin", "faithful"),
        [
            "epik.transfer.crowd.table=icu",
            "epik.transfer.crowd.proposes=True",
            "epik.transfer.wanted.num_hypotheses=2",
        ],
    ).epik.transfer
    assert (transfer.crowd.table, transfer.crowd.proposes) == ("icu", True)
    assert transfer.wanted.num_hypotheses == 2 and transfer.wanted.log_probs
    started = built("tiny", "started", ["epik.transfer.wanted.num_hypotheses=3"])
    assert started.epik.transfer.wanted.num_hypotheses == 3


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("epk.num_validated=3", "config.epk is not known; did you mean 'epik'?"),
        ("epik.transfer.crwd.table=icu", "crwd is not known; did you mean 'crowd'?"),
        ("epik.transfer.crowd.tabel=icu", "tabel is not known; did you mean 'table'?"),
        ("data.root.x=1", "config.data.root is {'x': 1}, expected str"),
    ],
)
def test_a_block_that_no_recipe_has_is_named_with_the_nearest(override, hint):
    with pytest.raises(ValueError, match=re.escape(hint)):
        built("builtin", "faithful", [override])


def test_a_variant_is_built_in_by_default():
    for name, kind in (("epik", EpikRun), ("matra", MatraRun)):
        default = settings.read_config(f"{CONFIGS}/{name}.py", [])
        assert default == settings.read_config(f"{CONFIGS}/{name}.py:builtin", [])
        assert default.pop("recipe") == name
        settings.build(kind, default)


@pytest.mark.parametrize("variant", ["huge", "tiny-thirds", "-half"])
def test_an_unknown_variant_is_refused(variant):
    with pytest.raises(ValueError, match="has no variant"):
        settings.read_config(f"{CONFIGS}/epik.py:{variant}", [])


def test_the_real_lists_hold_every_test_list_out_and_name_each_file_once():
    lists = built("real", "").data.lists
    paths = [item.path for item in lists]
    assert len(set(paths)) == len(paths)
    of_split = {s: {i.lang for i in lists if i.split == s} for s in ("train", "test")}
    assert of_split["train"] == of_split["test"] == {"hi", "ta", "kn", "bn"}
    assert [i.format for i in lists if i.split == "names"] == ["parallel"]


def test_the_release_variant_reads_both_data_sets_as_they_unpack(tmp_path):
    run = built("release", "half")
    assert run.epik.teacher == built("real", "half").epik.teacher
    letters = {"hi": "क", "ta": "க", "kn": "ಕ", "bn": "ক"}
    lines = {
        "dakshina": lambda word, latin: f"{word}\t{latin}\t3\n",
        "aksharantar": lambda word, latin: (
            f'{{"native word": "{word}", "english word": "{latin}", "source": "x"}}\n'
        ),
    }
    names = "src_lang\ttgt_lang\tsrc\trefs\tkey\tsource\nhi\tkn\tह\tಹ\tha\tme\n"
    for number, item in enumerate(run.data.lists):
        path = tmp_path / item.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if item.format == "parallel":
            path.write_text(names, encoding="utf-8")
        else:  # Every list has a word of its own.
            word = letters[item.lang] * (number + 1)
            path.write_text(lines[item.format](word, "ka"), encoding="utf-8")
    corpus = read_corpus(dataclasses.replace(run.data, root=str(tmp_path)))
    assert {lang for lang, _ in corpus.romanisations} == set(letters)
    kinds = {f"{kind}/{lang}" for kind in lines for lang in letters}
    assert set(corpus.test) == kinds and corpus.dev
    assert len(corpus.names) + len(corpus.names_choosing) == 1


def test_the_ways_differ_in_what_they_ask_and_teach():
    ways = {way: built("tiny", way).epik for way in WAYS}
    kept = {w: (c.transfer, c.student, c.more_seeds) for w, c in ways.items()}
    for one, other in itertools.combinations(WAYS, 2):
        assert kept[one] != kept[other], (one, other)
    for way, start in (("baseline", "random"), ("started", "teacher")):
        assert ways[way].student.stages[0].data == ("joined",)
        assert ways[way].student.start == start
    steps = [stage.loop.num_steps for stage in ways["staged"].student.stages]
    assert len(steps) == 3
    assert sum(steps) <= ways[""].student.stages[0].loop.num_steps
    assert ways["marginal"].transfer.num_pivots > 1
    assert ways["half"].student.model.width < ways[""].student.model.width


@pytest.mark.parametrize("size", SIZES)
def test_a_deep_student_is_no_larger_and_decodes_in_fewer_blocks(size):
    run = built(size, "deep").epik
    theirs, ours = (
        m.sized(VOCABULARY.size) for m in (run.teacher.model, run.student.model)
    )
    counts = [
        sum(leaf.size for leaf in jax.tree.leaves(transformer.parameter_shapes(model)))
        for model in (theirs, ours)
    ]
    assert counts[1] <= counts[0]
    assert ours.encoder_layers > theirs.encoder_layers
    assert ours.decoder_layers < theirs.decoder_layers
