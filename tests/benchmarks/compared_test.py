"""Systems are compared over questions and seeds, on one task or on several alike."""

from __future__ import annotations

import numpy as np
import pytest
from compared import Compared, line, together

from epik_jax.evaluation.glossary import OF_CLASSES
from epik_jax.evaluation.resampling import Ratio
from epik_jax.recipes.scoring.scoreboard import Scored


def scored(share, seed, lists=("a",) * 150 + ("b",) * 50):
    hits = np.random.default_rng(seed).random(len(lists)) < share
    ratio = Ratio(hits.astype(float), np.ones(len(lists)))
    names = {"accuracy": np.array(lists)}
    return Scored((), {"accuracy": ratio}, names, OF_CLASSES, {})


def compared(name, good, bad, crowd, lists=("a",) * 150 + ("b",) * 50):
    several = {
        system: [scored(share, seed, lists) for seed in seeds]
        for system, share, seeds in (
            ("TMKD", good, (1, 2, 3)),
            ("none", bad, (1, 2, 3)),
            ("crowd", crowd, (9,)),
        )
    }
    return Compared.of(name, several), several


def hits(one, rows):
    return one.ratios["accuracy"].numerators[rows].mean()


def test_a_row_has_means_over_lists_and_seeds_and_its_distances():
    found, several = compared("x", 0.9, 0.5, 0.9)
    first, last, crowd = found.rows(["TMKD", "crowd"])
    values = [
        np.mean([hits(one, slice(150)), hits(one, slice(150, None))])
        for one in several["none"]
    ]
    np.testing.assert_allclose(last["each"], values)
    assert last["mean"] == pytest.approx(np.mean(values))
    assert last["figures"]["accuracy"] == pytest.approx(np.mean(values))
    away = last["differences"]["TMKD"]
    assert away["verdict"] == "worse" and away["high"] < 0
    assert set(first["differences"]) == {"crowd"}
    # One run says nothing of how far runs lie apart.
    assert crowd["sd"] is None and crowd["differences"] == {}
    assert "worse" in line(last) and "±" not in line(crowd)


def test_tasks_count_alike_in_their_mean_however_many_pairs_they_have():
    small, _ = compared("small", 1.0, 0.0, 1.0, ("a",) * 10)
    large, _ = compared("large", 0.0, 0.0, 1.0, ("a",) * 990)
    rows = {row["system"]: row for row in together("mean", [small, large]).rows([])}
    assert rows["TMKD"]["each"] == [0.5] * 3
    assert rows["none"]["mean"] == 0.0 and rows["crowd"]["mean"] == 1.0


def test_only_systems_of_all_tasks_have_a_mean():
    one, several = compared("one", 1.0, 0.0, 1.0)
    few = Compared.of("few", {"TMKD": several["TMKD"]})
    assert list(together("mean", [one, few]).runs) == ["TMKD"]
