import numpy as np

from epik_jax.evaluation.turns import taking_turns


def test_pairs_take_turns_and_keep_the_order_of_their_rows():
    pairs = np.array(["hi>bn", "ta>bn", "hi>bn", "hi>bn", "ta>bn", "kn>bn"])
    rows = np.array([3, 2, 4, 0, 1])
    assert taking_turns(rows, pairs).tolist() == [3, 4, 2, 1, 0]
    assert taking_turns(rows[:0], pairs).tolist() == []
