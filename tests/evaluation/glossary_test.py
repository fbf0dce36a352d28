"""What figures are called and mean stands once, and everything shown follows it."""

from __future__ import annotations

import dataclasses

from epik_jax.evaluation import glossary, metrics, page, report, sounds
from epik_jax.evaluation.findings import System
from epik_jax.structs import Example, Hypothesis


def predictions(*answers):
    example = Example("hi>bn:कमल", "कमल", "hi", "bn", ("কমল",))
    return [(example, tuple(Hypothesis(text, 0.0) for text in answers))]


def test_the_glossary_holds_what_scores_can_hold_and_nothing_else():
    scores = metrics.word_scores(
        predictions(*"কখগঘঙ"),
        sounds.SOUND_KEYS,
        lambda text, other, lang: 0.5,
    )
    assert set(scores.metrics()) == set(glossary.METRICS)
    defined = glossary.definitions(sounds.SOUND_KEY_DEFINITIONS, with_distance=True)
    assert list(defined) == list(glossary.METRICS)
    for name, metric in glossary.METRICS.items():
        assert metric.name == name and defined[name] == metric.definition
        assert name.startswith("cross_") == metric.title.endswith(" of the source")


def test_errors_and_distances_are_better_where_lower_and_say_so():
    lower = {m.name for m in glossary.METRICS.values() if m.lower_is_better}
    assert lower == {"cer", "cer_mean", "feature_distance"}
    for metric in glossary.METRICS.values():
        says = metric.definition.endswith(" Lower is better.")
        assert says == metric.lower_is_better and metric.meaning


def test_a_sound_key_of_one_s_own_is_called_by_its_name():
    own = glossary.named("cross_my_key")
    assert (own.title, own.heading) == ("cross my key", "Cross my key")
    assert not own.lower_is_better


def drawn():
    systems = [
        System("first", "student", predictions("কমল") * 9),
        System("second", "chain", predictions("ক") * 9),
    ]
    made = report.build_report(
        *("title", systems),
        run={},
        data={"name": "words"},
        code="x",
        num_resamples=20,
    )
    return made["comparisons"][0]["difference"]["top1"], page.render(made)


def test_a_title_and_a_direction_that_change_do_so_everywhere(monkeypatch):
    difference, text = drawn()
    assert difference["verdict"] == "better"
    assert "Top-1 %, stronger is better" in text and "(right is better)" in text
    other = dataclasses.replace(
        glossary.METRICS["top1"], title="first answers", lower_is_better=True
    )
    monkeypatch.setitem(glossary.ALL_METRICS, "top1", other)
    difference, text = drawn()
    assert difference["verdict"] == "worse" and "op-1" not in text
    assert "First answers of first" in text  # The tile.
    assert "First answers %, stronger is worse" in text
    assert "(right is better)" not in text
