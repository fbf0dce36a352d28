import dataclasses
import json

import numpy as np
import pytest

from epik_jax.evaluation import bootstrap, metrics, timing
from epik_jax.evaluation import report as reports
from epik_jax.evaluation.findings import AttentionMap, Findings, System
from epik_jax.structs import Example, Hypothesis

GOLD = {"bn": "কলকাতা", "kn": "ಕೋಲ್ಕತಾ"}
KEYS = {"first": lambda text, lang: text[:1]}
TERMS = {"first": "the first letter"}


def predictions(rights, wrong="ক"):
    rows = []
    for i, right in enumerate(rights):
        lang = ("bn", "kn")[i % 2]
        example = Example(f"hi>{lang}:{i}", f"शब्द{i}", "hi", lang, (GOLD[lang],))
        text = GOLD[lang] if right else wrong
        rows.append((example, (Hypothesis(text, -0.1),) if text else ()))
    return rows


def student(rights=(1, 1, 1, 0, 1, 0)):
    return System("student", "student", predictions(rights), num_parameters=10)


def chain(rights=(1, 0, 0, 0, 1, 1)):
    pivots = {"hi>kn:1": "word one"}
    return System("chain", "chain", predictions(rights), "beam-4", pivots=pivots)


def build(systems=None, **kwargs):
    given = {"keys": KEYS, "key_definitions": TERMS, "num_resamples": 50, **kwargs}
    return reports.build_report(
        "a title",
        systems or (student(), chain()),
        run={"Commit": "abc"},
        data={"name": "six words"},
        code="abc",
        **given,
    )


def test_a_report_says_what_its_bootstrap_draws():
    found = build()["resampling"]
    assert "whole names, with all language pairs" in found["clusters"]
    assert (found["strata"], found["num_resamples"]) == ("language pairs", 50)


def test_overall_figures_are_unweighted_means_over_pairs():
    rights = [1, 0, 1, 0, 1, 0, 1]  # All of hi>bn (4 rows), none of hi>kn (3 rows).
    found = build([System("s", "student", predictions(rights))])
    overall = found["systems"][0]["overall"]
    assert overall["top1"]["value"] == 0.5
    by_pair = found["systems"][0]["pairs"]
    assert {p: f["top1"] for p, f in by_pair.items()} == {"hi>bn": 1.0, "hi>kn": 0.0}
    assert overall["cer"]["value"] == np.mean([f["cer"] for f in by_pair.values()])


def test_a_system_that_is_a_model_is_known_by_its_digest():
    known = dataclasses.replace(student(), digest="ab12")
    first, second = build([known, chain()])["systems"]
    assert first["digest"] == "ab12" and "digest" not in second


def test_comparison_is_first_minus_other_with_its_paired_interval():
    found = build()["comparisons"][0]
    a = metrics.word_scores(student().predictions)
    b = metrics.word_scores(chain().predictions)
    expected = bootstrap.paired_interval(
        a.ratio("top1"), b.ratio("top1"), a.pairs, num_resamples=50
    )
    assert found["difference"]["top1"]["value"] == expected.value > 0
    assert found["difference"]["top1"]["high"] == expected.high
    assert found["difference"]["cer"]["value"] < 0
    assert found["by_pair"]["hi>bn"]["top1"]["value"] == pytest.approx(1 / 3)


def test_lower_error_counts_as_better():
    rights = [1] * 40
    found = build(
        [
            System("s", "student", predictions(rights)),
            System("t", "rules", predictions([0] * 40)),
        ]
    )["comparisons"][0]["difference"]
    assert {m: d["verdict"] for m, d in found.items()} == {
        "cer": "better",
        "cer_mean": "better",
        "top1": "better",
        "within_one_edit": "better",
        "first": "better",  # ಕ is wrong where ক stands for it.
    }


def test_words_that_only_one_system_has_right_are_listed():
    found = build()["against_chain"]
    assert {r["source"] for r in found["only_subject_right"]} == {"शब्द1", "शब्द2"}
    assert {r["source"] for r in found["only_chain_right"]} == {"शब्द5"}
    row = next(r for r in found["only_subject_right"] if r["source"] == "शब्द1")
    assert row["pivot"] == "word one"
    assert row["answers"]["student"]["right"]
    assert row["answers"]["chain"] == {"text": "ক", "right": False, "edits": 7}


def test_agreement_is_measured_to_the_chain_and_not_to_gold():
    found = build()["against_chain"]["agreement"]
    assert found["top1"] == pytest.approx(3 / 6)


def test_the_gap_to_the_oracle_is_closed_by_a_share():
    rights = [(1, 1, 1, 1, 0, 0) * 30, (1, 0, 0, 0, 0, 0) * 30, (1, 1, 1, 1, 1, 1) * 30]
    oracle = System("bound", "oracle", predictions(rights[2]))
    found = build([student(rights[0]), chain(rights[1]), oracle])["against_chain"]
    assert found["gap"]["oracle"] == "bound"
    # hi>bn: 2 and 1 of 3, hi>kn: 2 and 0 of 3.
    closed = found["gap"]["closed"]["top1"]
    assert closed["value"] == pytest.approx((2 / 3 - 1 / 6) / (1 - 1 / 6))
    assert closed["low"] < closed["value"] < closed["high"]
    assert build()["against_chain"]["gap"] is None


def test_agreement_on_unseen_words_is_pooled_over_their_targets():
    scores = metrics.word_scores(predictions((1, 1, 1, 0, 1, 0, 1)))
    found = build(findings=Findings(agreements={"list/hi": scores}))
    entry = found["against_chain"]["unseen"]["list/hi"]
    assert entry["n"] == 7 and entry["top1"]["value"] == pytest.approx(5 / 7)


def test_samples_take_turns_over_pairs_and_hold_all_systems():
    rows = build(num_rows=4)["samples"]
    assert [r["target_lang"] for r in rows] == ["bn", "kn", "bn", "kn"]
    assert all(list(r["answers"]) == ["student", "chain"] for r in rows)


def test_every_figure_has_a_signature_and_a_definition():
    found = build()
    for system, decode in zip(found["systems"], ("greedy", "beam-4"), strict=True):
        assert set(system["signatures"]) == set(system["overall"])
        assert set(system["overall"]) <= set(found["definitions"])
        assert f"|decode:{decode}|" in system["signatures"]["cer"]
        assert "|epik_jax:abc|" in system["signatures"]["cer"]
        assert "|key:" in system["signatures"]["first"]
    assert found["definitions"]["first"] == "the first letter"


def test_further_pairs_fill_the_matrix_and_count_nowhere_else():
    example = Example("en>bn:kolkata", "kolkata", "en", "bn", (GOLD["bn"],))
    more = [(example, (Hypothesis(GOLD["bn"], -0.1),))]
    plain, beside = build()["systems"][1], chain()
    found = build((student(), dataclasses.replace(beside, more=more)))["systems"][1]
    assert found["pairs"].pop("en>bn")["top1"] == 1.0
    assert found == plain


def test_sources_are_pooled_and_what_is_told_apart_counts_nowhere_else():
    def of(rights, origin):
        return [
            (dataclasses.replace(e, origin=origin), a) for e, a in predictions(rights)
        ]

    kept, apart = of((1, 0, 1), "places"), of((0, 0, 0, 1), "languages")
    found = build([System("s", "student", [*kept, *predictions([1])], apart=apart)])
    entry = found["systems"][0]
    assert {
        n: (f["n"], f["top1"], f["apart"]) for n, f in entry["sources"].items()
    } == {
        "languages": (4, 0.25, True),
        "places": (3, pytest.approx(2 / 3), False),
        "unnamed": (1, 1.0, False),
    }
    assert found["data"]["n"] == 4 == sum(p["n"] for p in entry["pairs"].values())


def test_sound_keys_of_the_project_are_the_default():
    found = reports.build_report(
        "t", [student()], run={}, data={"name": "d"}, code="abc", num_resamples=10
    )
    overall = found["systems"][0]["overall"]
    assert {"sound_class", "strict", "phonetic"} <= set(overall)


def test_across_scripts_references_stand_beside_and_nothing_is_judged():
    found = build(keys={"first": lambda text, lang: "k"})
    for system in found["systems"]:
        figure = system["overall"]["cross_first"]
        assert figure["value"] == figure["references"] == 1.0
        assert system["pairs"]["hi>bn"]["cross_first_references"] == 1.0
    assert "cross_first" not in found["comparisons"][0]["difference"]
    assert "source" in found["definitions"]["cross_first"]


def test_a_distance_is_measured_where_it_is_asked_for():
    assert "feature_distance" not in json.dumps(build())
    found = build(distance=lambda text, other, lang: float(text != other))
    entry = found["systems"][0]
    assert entry["overall"]["feature_distance"]["value"] == pytest.approx(2 / 6)
    assert "panphon:" in entry["signatures"]["feature_distance"]
    assert "panphon:" not in entry["signatures"]["cer"]
    assert entry["sources"]["unnamed"]["feature_distance"] == pytest.approx(2 / 6)
    assert found["comparisons"][0]["difference"]["feature_distance"]["value"] < 0
    assert "IPA" in found["definitions"]["feature_distance"]


def test_less_distance_is_better():
    systems = [
        System("s", "student", predictions([1] * 40)),
        System("t", "rules", predictions([0] * 40)),
    ]
    found = build(systems, distance=lambda text, other, lang: float(text != other))
    verdicts = found["comparisons"][0]["difference"]
    assert verdicts["feature_distance"]["verdict"] == "better"


def test_report_without_a_chain_says_nothing_about_one():
    found = build([student()])
    assert found["comparisons"] == []
    assert "against_chain" not in found
    assert "timing" not in found


def test_timing_names_the_reduction_against_the_chain():
    def row(ms):
        return (timing.BatchTiming(32, 64, 9, ms, ms, ms, 1e3),)

    times = timing.Timings("a device", 64, 3, {"student": row(4.0), "chain": row(10.0)})
    found = build(findings=Findings(timings=times))["timing"]
    assert found["reduction_percent"] == {"32": pytest.approx(60.0)}
    assert found["device"] == "a device"


def test_curves_keep_finite_numbers_by_stage():
    rows = [
        {"stage": "a", "step": 1, "time": 5.0, "loss": 2.0, "note": "x", "ok": True},
        {"stage": "a", "step": 2, "time": 6.0, "loss": float("nan")},
        {"stage": "b", "step": 1, "time": 7.0, "loss": np.float32(0.5), "cer": 1},
    ]
    assert reports.curves(rows) == {
        "loss": [
            {"stage": "a", "steps": [1], "values": [2.0]},
            {"stage": "b", "steps": [1], "values": [0.5]},
        ],
        "cer": [{"stage": "b", "steps": [1], "values": [1.0]}],
    }


def test_written_report_reads_back_unchanged(tmp_path):
    attention = AttentionMap("hi", "bn", ("क", "ल"), ("ক",), np.array([[0.75, 0.25]]))
    row = (timing.BatchTiming(1, 64, 2, 3.0, 4.0, 5.0, 6.0),)
    times = timing.Timings("a device", 64, 3, {"student": row, "chain": row})
    found = build(findings=Findings(timings=times, attention=[attention]))
    path = tmp_path / "deep" / "report.json"
    reports.write_report(path, found)
    assert json.loads(path.read_text(encoding="utf-8")) == found
    assert GOLD["bn"] in path.read_text(encoding="utf-8")  # Readable, not escaped.


def test_not_finite_figure_is_not_written(tmp_path):
    found = build()
    found["run"]["loss"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        reports.write_report(tmp_path / "report.json", found)


def test_systems_that_answered_other_examples_are_refused():
    other = System("chain", "chain", predictions([1, 0, 0]))
    with pytest.raises(ValueError, match="chain and student did not answer the same"):
        build((student(), other))


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        ([student(), student()], "different names"),
        ([System("s", "wizard", predictions([1]))], "wizard"),
        ([chain(), System("x", "chain", chain().predictions)], "at most one"),
    ],
)
def test_systems_that_cannot_share_a_report_are_refused(systems, message):
    with pytest.raises(ValueError, match=message):
        build(systems)


def test_sound_key_without_a_definition_is_refused():
    with pytest.raises(ValueError, match="first"):
        build(key_definitions={})


def test_attention_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="weights"):
        AttentionMap("hi", "bn", ("क",), ("ক", "ল"), np.ones((1, 2)))
