"""The whole recipe at its smallest: teacher, cache, student, report, and again."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
import tiny_run

from epik_jax import trees
from epik_jax.interop.model_folder import load_model
from epik_jax.recipes import run as runs
from epik_jax.recipes.run_folder import held
from epik_jax.recipes.transliteration.networks import load_network
from epik_jax.structs import Example
from epik_jax.teachers.forward import Decoding
from epik_jax.text.wellformed import is_wellformed


@pytest.fixture(scope="module")
def done():
    return tiny_run.finished()


def test_a_run_leaves_models_cache_log_and_report(done):
    expected = {
        "config.json",
        "metrics.jsonl",
        "report.json",
        "report.html",
        "teacher/model.safetensors",
        "student/model.safetensors",
        "cache/transfer/MANIFEST.json",
        "cache/back/MANIFEST.json",
    }
    assert expected <= set(done.written[-1])
    unfinished = (".tmp", "unfinished")
    assert not [n for n in done.written[-1] if any(part in n for part in unfinished)]


def test_a_run_stopped_after_the_cache_goes_on_from_it(done):
    assert done.trained[0] == ["matra"]
    assert "student/model.safetensors" not in done.written[0]
    # The second command trained the student alone, on the cache as it was.
    assert done.trained[1] == ["strong"]
    for name, when in done.written[0].items():
        if name.startswith("cache/") and "lock" not in name:
            assert done.written[1][name] == when, name


def test_a_second_run_trains_nothing_and_rewrites_neither_cache_nor_checkpoints(done):
    assert done.trained[2] == []
    kept = [
        name
        for name in done.written[1]
        if name.startswith(("cache/", "stages/", "metrics"))
    ]
    assert len(kept) > 10
    for name in kept:
        assert done.written[2][name] == done.written[1][name], name


def test_a_second_run_gives_the_same_models(done):
    # Written anew by the third command, from what the second one trained.
    for name in ("teacher", "student"):
        first = done.written[1][f"{name}/model.safetensors"]
        assert done.written[2][f"{name}/model.safetensors"] > first
    stage = done.folder / "stages" / "strong" / "finished.json"
    assert json.loads(stage.read_text())["step"] == 4


def test_the_exported_student_answers_and_is_not_its_teacher(done):
    student, teacher = (load_network(done.folder / n) for n in ("student", "teacher"))
    one, other = trees.flatten(student.params), trees.flatten(teacher.params)
    assert one.keys() == other.keys() and not any("bridge" in path for path in one)
    assert any((one[path] != other[path]).any() for path in one)
    asked = [Example("", "कमल", "hi", "kn")] * 4
    with tiny_run.small([[]]):
        answers = student.transliterate(asked, Decoding())
    assert all(is_wellformed(row[0].text, "kn") for row in answers)


def test_every_system_is_in_the_report(done):
    names = [system["name"] for system in done.report["systems"]]
    assert names == [
        "student",
        "chain",
        "gold English",
        "chain, summed over pivots",
        "the same, reranked by table builtin",
        "student, by beam",
        "table builtin",
    ]
    assert sum(e["n"] for e in done.report["against_chain"]["unseen"].values()) > 0
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    for name in names:
        assert name in page


def test_the_written_report_is_the_one_returned_and_every_number_is_finite(done):
    def refuse(constant):
        raise AssertionError(f"{constant} in report.json")

    text = (done.folder / "report.json").read_text(encoding="utf-8")
    written = json.loads(text, parse_constant=refuse)
    assert written == json.loads(json.dumps(done.report))
    numbers = list(_numbers(written))
    assert len(numbers) > 100 and all(map(math.isfinite, numbers))


def _numbers(value):
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)
    elif isinstance(value, int | float):
        yield value


def test_the_page_needs_nothing_from_elsewhere(done):
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    assert len(page) > 10_000
    outside = r"""(?:src|href|srcset|action|data)\s*=\s*["']?\s*(?:https?:)?//"""
    assert not re.findall(outside, page)
    assert not re.findall(r"url\(\s*[\"']?(?:https?:)?//|@import", page)
    assert not re.findall(r"<(?:script|link|iframe)[^>]+(?:src|href)=", page)


def test_no_folder_of_this_machine_is_in_what_is_handed_on(done):
    for name in ("report.json", "report.html", "student/config.json"):
        text = (done.folder / name).read_text(encoding="utf-8")
        assert str(done.folder) not in text
        assert str(Path(__file__).parents[1]) not in text


def test_the_log_holds_both_stages_and_falls_within_bounds(done):
    rows = [
        json.loads(line)
        for line in (done.folder / "metrics.jsonl").read_text().splitlines()
    ]
    assert {row["stage"] for row in rows} == {"matra", "strong"}
    losses = [row["loss"] for row in rows if "loss" in row]
    # About the logarithm of the vocabulary's size before much is learned.
    assert len(losses) == 4 and all(3 < loss < 9 for loss in losses)


def test_the_student_that_was_measured_is_the_one_exported(done):
    pairs = done.report["systems"][0]
    assert pairs["num_parameters"] == trees.num_elements(
        load_model(done.folder / "student").params
    )


def test_another_process_in_the_same_folder_is_refused_by_its_pid(done):
    with (
        held(done.folder),
        pytest.raises(BlockingIOError, match=rf"process {os.getpid()} is running"),
    ):
        runs.run(tiny_run.CONFIG, tiny_run.OVERRIDES, done.folder, evaluate=False)


def test_other_settings_in_the_same_folder_are_refused_before_anything_is_lost(done):
    changed = [*tiny_run.OVERRIDES, "epik.transfer.length_penalty=0.5"]
    before = tiny_run.times(done.folder)
    with (
        tiny_run.small([[]]),
        pytest.raises(ValueError, match=r"cache was made for something else: encoding"),
    ):
        runs.run(tiny_run.CONFIG, changed, done.folder, evaluate=False)
    after = tiny_run.times(done.folder)
    moved = {name for name in before if after[name] != before[name]}
    assert moved <= {".lock"}
    assert np.all([name in after for name in before])
