"""Languages count alike, answers stand by their sentences, students count together."""

from __future__ import annotations

import types

import pytest
import toy_tagging
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from toy_tagging import BILSTM, ENCODER

from epik_jax import trees
from epik_jax.evaluation.timing import BatchTiming, Timings
from epik_jax.recipes.latency import LatencyConfig
from epik_jax.recipes.tagging import scoreboard
from epik_jax.recipes.tagging.scoreboard import (
    MBERT,
    STUDENT,
    TEACHER,
    Tagged,
    facts,
    latencies,
    num_parameters,
    share_kept,
)
from epik_jax.recipes.tagging.teaching import network_digest
from epik_jax.structs import Sentence


class Sayer:
    """A network that says what it is given to say of each sentence, else nothing."""

    def __init__(self, said, pools=False):
        self.said = said
        self.config = types.SimpleNamespace(pools=pools)
        self.asked = []

    def tags(self, sentences):
        self.asked += [s.lang for s in sentences]
        quiet = {s.example_id: "O " * len(s.words) for s in sentences}
        return [tuple({**quiet, **self.said}[s.example_id].split()) for s in sentences]

    def classes(self, sentences):
        return [self.said[s.example_id] for s in sentences]


def tagged(name, lang, tags):
    tags = tuple(tags.split())
    words = tuple(f"{name}{place}" for place in range(len(tags)))
    return Sentence(name, words, lang, tags)


LISTS = {
    "news/en": [tagged("a", "en", "B-PER O")],
    "news/hi": [tagged("d", "hi", "B-LOC O"), tagged("e", "hi", "O O")],
    "wiki/en": [tagged("b", "en", "B-LOC I-LOC"), tagged("c", "en", "O B-PER")],
}
GOLD = {s.example_id: " ".join(s.tags) for found in LISTS.values() for s in found}
# F1: en 2/5, hi 2/3; of lists 1, 2/3 and 0; of all sentences in one 1/2.
SAID = {"a": "B-PER O", "d": "B-LOC B-PER", "b": "B-LOC O"}


def system(said):
    return Tagged.of({"": Sayer(said)}, LISTS)


def test_answers_stand_beside_their_sentences_whoever_gave_them():
    both = {"hi": Sayer(SAID), "en": Sayer(SAID)}
    found = Tagged.of(both, LISTS)
    assert {lang: set(one.asked) for lang, one in both.items()} == {
        "hi": {"hi"},
        "en": {"en"},
    }
    assert [s.example_id for s in found.sentences] == ["a", "d", "e", "b", "c"]
    assert found.lists.tolist() == [n for n, rows in LISTS.items() for _ in rows]
    assert found.langs.tolist() == ["en", "hi", "hi", "en", "en"]
    said = [" ".join(answer) for answer in found.answers]
    assert said == ["B-PER O", "B-LOC B-PER", "O O", "B-LOC O", "O O"]
    assert found.scores.written.sum(axis=1).tolist() == [1, 2, 0, 1, 0]
    assert found.scores.there.sum(axis=1).tolist() == [1, 1, 0, 1, 1]
    assert found.figures() == system(SAID).figures()


def test_a_language_without_a_student_is_refused():
    with pytest.raises(ValueError, match=r"no student of \['hi'\]"):
        Tagged.of({"en": Sayer(SAID)}, LISTS)


def test_a_language_counts_once_however_many_lists_it_has():
    found = system(SAID).figures()
    assert found["overall"]["f1"]["value"] == pytest.approx((2 / 5 + 2 / 3) / 2)
    assert found["overall"]["precision"]["value"] == pytest.approx(1 / 2)
    assert found["overall"]["recall"]["value"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["sd"] == pytest.approx((2 / 3 - 2 / 5) / 2)
    english, hindi = found["by_language"]["en"], found["by_language"]["hi"]
    assert (english["n"], english["entities"]) == (3, 3)
    assert (hindi["n"], hindi["entities"]) == (2, 1)
    assert english["f1"]["value"] == pytest.approx(2 / 5)
    assert hindi["f1"]["value"] == pytest.approx(2 / 3)
    assert list(found["by_language"]) == ["en", "hi"]


def test_the_figure_of_a_list_is_that_of_seqeval():
    found = system(SAID).figures()["by_list"]
    assert list(found) == list(LISTS)
    oracle = {}
    for name, rows in LISTS.items():
        said = [SAID.get(s.example_id, "O O").split() for s in rows]
        gold = [list(s.tags) for s in rows]
        oracle[name] = f1_score(gold, said, mode="strict", scheme=IOB2, zero_division=0)
    assert {n: one["f1"]["value"] for n, one in found.items()} == pytest.approx(oracle)
    assert sorted(oracle.values()) == pytest.approx([0, 2 / 3, 1])


def test_a_type_counts_in_the_languages_in_which_people_have_it():
    """The student writes a person in Hindi, where there is none."""
    by_type = system(SAID).figures()["by_type"]
    assert by_type["PER"]["f1"]["value"] == pytest.approx(2 / 3)
    assert by_type["PER"]["precision"]["value"] == 1.0
    assert by_type["LOC"]["f1"]["value"] == pytest.approx(1 / 2)
    silent = system({}).figures()["by_type"]
    assert silent["LOC"]["f1"]["value"] == silent["PER"]["f1"]["value"] == 0.0


def test_a_language_in_which_there_is_nothing_to_find_has_no_figure():
    lists = {"x/en": LISTS["wiki/en"], "x/ta": [tagged("t", "ta", "O O O")]}
    said = {"b": GOLD["b"], "t": "B-PER O O"}
    found = Tagged.of({"": Sayer(said)}, lists).figures()
    assert found["by_language"]["ta"] == {"n": 1, "entities": 0}
    assert found["overall"]["f1"] == found["by_language"]["en"]["f1"]
    assert found["sd"] == 0.0


def test_sentences_are_told_by_their_accuracy():
    lists = {
        "x/en": [Sentence(name, (name,), "en", label="LOC") for name in "ab"],
        "x/hi": [Sentence("c", ("c",), "hi", label="PER")],
    }
    said = {"a": "LOC", "b": "PER", "c": "PER"}
    found = Tagged.of({"": Sayer(said, pools=True)}, lists)
    assert found.answers == [("LOC",), ("PER",), ("PER",)]
    made = found.figures()
    assert set(made["overall"]) == {"accuracy"}
    assert made["overall"]["accuracy"]["value"] == pytest.approx((1 / 2 + 1) / 2)
    assert made["by_type"]["PER"]["accuracy"]["value"] == 1.0
    assert found.value("en") == 0.5


def test_what_is_kept_is_a_share_of_the_mean_over_languages():
    teacher = system({**GOLD, "a": "B-PER B-PER"})  # F1: en 6/7, hi 1.
    made = share_kept(system(SAID), teacher)
    kept, ours, theirs = made["kept"], (2 / 5 + 2 / 3) / 2, (6 / 7 + 1) / 2
    assert kept["value"] == pytest.approx(ours / theirs)
    assert kept["low"] < kept["value"] < kept["high"]
    shares = {lang: one["value"] for lang, one in made["kept_by_language"].items()}
    assert shares == pytest.approx({"en": (2 / 5) / (6 / 7), "hi": 2 / 3})


def test_nothing_is_kept_of_a_teacher_that_finds_nothing():
    in_english = {name: GOLD[name] for name in "abc"}
    made = share_kept(system(SAID), system(in_english))
    shares = {lang: one["value"] for lang, one in made["kept_by_language"].items()}
    assert shares == pytest.approx({"en": 2 / 5})
    assert made["kept"]["value"] == pytest.approx(2 / 5 + 2 / 3)
    assert share_kept(system(SAID), system({})) == {"kept_by_language": {}}


def test_several_students_count_together():
    students = [toy_tagging.network(BILSTM), toy_tagging.network(BILSTM, seed=2)]
    one = trees.num_elements(students[0].params)
    assert num_parameters(students) == 2 * one
    made = facts(students)
    table = BILSTM.vocab_size * BILSTM.embedding
    assert (made["parameters"], made["embeddings"]) == (2 * one, 2 * table)
    digests = [network_digest(student) for student in students]
    assert made["digest"].split("+") == digests
    assert len(set(digests)) == 2
    assert facts(students[:1])["digest"] == digests[0]


def timed(mean, batch_size):
    # The median says something else.
    return (BatchTiming(batch_size, 9, 9, mean, 1.0, 2 * mean, 1.0),)


@pytest.mark.parametrize("with_mbert", [False, True])
def test_a_student_is_as_much_faster_as_its_mean_time_is_shorter(
    with_mbert, monkeypatch
):
    config = LatencyConfig((32, 1), length=16, runs=9, matmul_dtype="bfloat16")
    means = {TEACHER: (12.0, 3.0), STUDENT: (3.0, 2.0), "E4 H4": (1.5, 1.0)}
    means |= {MBERT: (60.0, 12.0)} if with_mbert else {}
    asked = []

    def timings(size, place):
        systems = {name: timed(both[place], size) for name, both in means.items()}
        return Timings("a device", 9, 1, systems)

    def made_up(networks, found):
        asked.append((list(networks), found))
        sizes = enumerate(config.batch_sizes)
        return {size: timings(size, i) for i, size in sizes}

    monkeypatch.setattr(scoreboard, "time_networks", made_up)
    monkeypatch.setattr(scoreboard, "mbert_sized", lambda labels: ENCODER)
    students = {n: toy_tagging.network(BILSTM) for n in (STUDENT, "E4 H4")}
    teacher = toy_tagging.network()
    made = latencies(teacher, students, config, with_mbert=with_mbert)
    assert asked == [(list(means), config)]
    told = {key: made[key] for key in ("device", "length", "runs", "matmul_dtype")}
    assert told == {
        "device": "a device",
        "length": 16,
        "runs": 9,
        "matmul_dtype": "bfloat16",
    }
    assert made["systems"][STUDENT] == {
        "32": {"mean_ms": 3.0, "p50_ms": 1.0, "p95_ms": 6.0},
        "1": {"mean_ms": 2.0, "p50_ms": 1.0, "p95_ms": 4.0},
    }
    slow = {STUDENT: {"32": 4.0, "1": 1.5}, "E4 H4": {"32": 8.0, "1": 3.0}}
    slower = {STUDENT: {"32": 20.0, "1": 6.0}, "E4 H4": {"32": 40.0, "1": 12.0}}
    wanted = {TEACHER: slow} | ({MBERT: slower} if with_mbert else {})
    assert made["speedup"] == wanted


def test_what_is_written_where_there_is_nothing_takes_nothing_from_what_is_kept():
    lists = {"x/en": LISTS["wiki/en"], "x/ta": [tagged("t", "ta", "O O")]}
    loud, quiet = ({**GOLD, "t": "B-PER O"}, GOLD)
    for ours, theirs in ((loud, quiet), (quiet, loud)):
        both = (Tagged.of({"": Sayer(said)}, lists) for said in (ours, theirs))
        assert share_kept(*both)["kept"]["value"] == 1.0
