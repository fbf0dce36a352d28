"""Strategies are the rows of the paper's table 3, and thaw from the head down."""

from __future__ import annotations

import itertools
import re
from typing import get_args

import pytest

from epik_jax import trees
from epik_jax.models import labeller
from epik_jax.models.labeller_config import BilstmLabellerConfig
from epik_jax.recipes.tagging.distillation import bridge_shapes
from epik_jax.recipes.tagging.strategies import (
    BY_LANGUAGE,
    GROUPS,
    PARTS,
    STRATEGIES,
    Strategy,
    sub_stages,
)

SHARES = (0.3, 0.4, 0.3)
R, L, G = PARTS

TABLE = {
    "D0": [{G}],
    "D0-S": [{G}],
    "D1": [{L, G}],
    "D2": [{R, L, G}],
    "D3.1": [{R}, {L, G}],
    "D3.2": [{R}, {L, G}],
    "D4.1": [{R}, {L}, {G}],
    "D4.2": [{R}, {L}, {G}],
}


def stages_of(strategy, bridge=False, thawing=PARTS, shares=SHARES):
    return sub_stages(strategy, bridge=bridge, thawing=thawing, shares=shares)


def legs(stages):
    """The stages of each leg together."""
    found = {}
    for stage in stages:
        found.setdefault(stage.name.split("-")[0], []).append(stage)
    return list(found.values())


def paths(bridge):
    model = BilstmLabellerConfig(9, 2, 3, 0 if bridge else 4, ("O", "B-X"))
    shapes = {"student": labeller.parameter_shapes(model)}
    if bridge:
        shapes["bridge"] = bridge_shapes(6, 4)
    return set(trees.flatten(shapes))


def moving(stage, bridge):
    return {p for p in paths(bridge) if any(re.search(q, p) for q in stage.trainable)}


def test_what_is_learnt_when_is_as_in_table_3():
    assert set(TABLE) == set(STRATEGIES) == set(get_args(Strategy))
    for strategy, expected in TABLE.items():
        for leg, parts in zip(legs(stages_of(strategy)), expected, strict=True):
            assert [set(stage.parts) for stage in leg] == [parts] * len(leg)
    assert set(BY_LANGUAGE) == {"D0"}


@pytest.mark.parametrize("bridge", [False, True])
@pytest.mark.parametrize("strategy", TABLE)
def test_shares_add_up_to_one_and_names_differ(strategy, bridge):
    stages = stages_of(strategy, bridge, shares=(1.0, 2.0, 5.0))
    assert sum(stage.share for stage in stages) == pytest.approx(1.0)
    assert min(stage.share for stage in stages) > 0
    assert len({stage.name for stage in stages}) == len(stages)


def test_a_leg_has_the_shares_of_all_its_parts():
    def shares(strategy):
        found = legs(stages_of(strategy, shares=(1.0, 2.0, 5.0)))
        return [sum(stage.share for stage in leg) for leg in found]

    assert shares("D4.2") == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert shares("D3.2") == pytest.approx([1 / 8, 7 / 8])
    assert shares("D1") == pytest.approx([1.0])


@pytest.mark.parametrize("strategy", TABLE)
def test_only_the_strategies_that_end_in_2_thaw(strategy):
    thaws = any(len(leg) > 1 for leg in legs(stages_of(strategy)))
    assert thaws == strategy.endswith(".2")


@pytest.mark.parametrize("bridge", [False, True])
@pytest.mark.parametrize("strategy", ["D3.2", "D4.2"])
def test_thawed_groups_are_cumulative_and_the_head_is_first(strategy, bridge):
    for leg in legs(stages_of(strategy, bridge)):
        moved = [moving(stage, bridge) for stage in leg]
        assert all(a < b for a, b in itertools.pairwise(moved))
        order = [name.rsplit("-", 1)[-1] for name in (stage.name for stage in leg)]
        assert order == [name for name in GROUPS if name in order]
        alone = leg[0].parts == ("representation",)
        between = "bridge" if bridge else "projection"
        assert order[0] == (between if alone else "head")
        assert order[-2:] == ["bilstm", "embedding"]


@pytest.mark.parametrize("bridge", [False, True])
@pytest.mark.parametrize("strategy", TABLE)
def test_a_leg_ends_with_all_moving_that_it_depends_on_and_nothing_else(
    strategy, bridge
):
    for leg in legs(stages_of(strategy, bridge)):
        moved = moving(leg[-1], bridge)
        left = {path.split("/")[1 if path.startswith("s") else 0] for path in moved}
        expected = {"embedding", "bilstm"}
        if set(leg[0].parts) != {R}:
            expected |= {"head"}
        if not bridge:
            expected |= {"projection"}
        elif R in leg[0].parts:
            expected |= {"bridge"}
        assert left == expected


def test_a_leg_that_is_not_to_thaw_is_one_stage():
    stages = stages_of("D4.2", thawing=("labels",))
    assert [len(leg) for leg in legs(stages)] == [1, 1, 4]
    # A joint leg goes by its last part.
    assert [len(leg) for leg in legs(stages_of("D3.2", thawing=("labels",)))] == [1, 4]
    assert [len(leg) for leg in legs(stages_of("D3.2", thawing=("logits",)))] == [1, 1]


def test_without_thawing_the_paper_s_first_leg_is_one_stage_of_nine():
    stages = stages_of("D4.2", thawing=("logits", "labels"))
    assert len(stages) == 9
