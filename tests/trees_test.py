"""Paths, first-match rules and partitions of parameter trees."""

import numpy as np
import pytest

from epik_jax import trees

TREE = {
    "student": {"b": {"kernel": np.ones((2, 3)), "bias": np.zeros(3)}, "a": np.ones(1)},
    "bridge": {"kernel": np.ones((3, 4))},
}


def test_flatten_joins_keys_in_order_and_unflatten_undoes_it():
    flat = trees.flatten(TREE)
    assert list(flat) == [
        "bridge/kernel",
        "student/a",
        "student/b/bias",
        "student/b/kernel",
    ]
    again = trees.unflatten(flat)
    assert again.keys() == TREE.keys()
    assert again["student"]["b"]["kernel"] is TREE["student"]["b"]["kernel"]
    assert trees.flatten(again).keys() == flat.keys()


def test_the_first_rule_that_matches_wins():
    rules = [("bias$", 1), ("^student/", 2), ("", 3)]
    assert trees.first_match(rules, "student/b/bias") == 1
    assert trees.first_match(rules, "student/b/kernel") == 2
    assert trees.first_match(rules, "bridge/kernel") == 3


def test_no_matching_rule_is_an_error_that_names_path_and_rules():
    with pytest.raises(ValueError, match=r"'bridge/kernel'.*'bias"):
        trees.first_match([("bias$", 1)], "bridge/kernel")


def test_partition_splits_every_leaf_to_one_side():
    chosen, rest = trees.partition(TREE, ["^bridge/", "kernel$"])
    assert set(chosen) == {"bridge/kernel", "student/b/kernel"}
    assert set(rest) == {"student/a", "student/b/bias"}


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(ValueError, match=r"encoderr.*bridge/kernel"):
        trees.partition(TREE, ["^student/", "encoderr"])


def test_num_elements_counts_all_leaves():
    assert trees.num_elements(TREE) == 6 + 3 + 1 + 12
