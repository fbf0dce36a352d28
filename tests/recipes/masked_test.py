"""Pieces are hidden by seed and number of the batch, words alone, about every 7th."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest
import toy_tagging
from toy_tagging import ENCODER, PIECES, SENTENCES

from epik_jax.models import initial, labeller
from epik_jax.objectives.objective import Objective
from epik_jax.recipes.masked import (
    Draw,
    drop_pieces,
    guess_shapes,
    hide_pieces,
    make_masked_forward,
    masked_ce_term,
    masked_stream,
)
from epik_jax.recipes.row_batches import RowBatchConfig, training_batches

ENCODED = toy_tagging.network().encoded(SENTENCES)


def batch(width=toy_tagging.WIDTH):
    return ENCODED.batch(np.arange(len(ENCODED)), width, PIECES.pad_id)


def hidden(n=0, seed=0):
    return hide_pieces(batch(), PIECES, Draw(seed, n, len(ENCODED)))


def dropped(n):
    return drop_pieces(batch(), PIECES, 0.3, Draw(5, n, len(ENCODED)))


def places(found):
    """Rows and columns of the hidden pieces."""
    rows, turns = np.nonzero(found["label_mask"])
    return rows, found["places"][rows, turns]


def equal(one, other):
    return all(np.array_equal(one[k], other[k]) for k in one)


def test_what_is_hidden_follows_from_seed_and_number_alone():
    assert equal(hidden(3, 5), hidden(3, 5))
    assert not np.array_equal(hidden(3, 5)["places"], hidden(4, 5)["places"])
    assert not np.array_equal(hidden(3, 5)["places"], hidden(3, 6)["places"])


def test_a_row_is_dealt_the_same_in_whatever_share_it_lies():
    stream = masked_stream(
        training_batches(
            ENCODED, PIECES.pad_id, RowBatchConfig(4, (toy_tagging.WIDTH,))
        ),
        PIECES,
        5,
    )
    everything = next(stream(3))
    for mine in (slice(0, 2), slice(2, 4)):
        part = next(stream(3, lambda rows, mine=mine: rows[mine]))
        assert equal(part, {name: rows[mine] for name, rows in everything.items()})


def test_neither_the_frame_nor_padding_is_ever_hidden():
    for n in range(50):
        found = hidden(n)
        rows, columns = places(found)
        assert (columns > 0).all()
        assert (columns < ENCODED.tokens.lengths[rows] - 1).all()


def test_pieces_go_unseen_by_share_seed_and_number_and_the_frame_never_does():
    whole, unseen = batch(), 0
    for n in range(200):
        found = dropped(n)
        changed = found["tokens"] != whole["tokens"]
        assert (found["tokens"][changed] == PIECES.unk_id).all()
        rows, columns = np.nonzero(changed)
        assert (columns > 0).all()
        assert (columns < ENCODED.tokens.lengths[rows] - 1).all()
        assert found.keys() == whole.keys()
        unseen += int((found["tokens"] == PIECES.unk_id).sum())
        unseen -= int((whole["tokens"] == PIECES.unk_id).sum())
    known = (ENCODED.tokens.values != PIECES.unk_id).sum() - 2 * len(ENCODED)
    assert unseen / (200 * known) == pytest.approx(0.3, abs=0.02)
    one, again, other = (dropped(n) for n in (3, 3, 4))
    assert equal(one, again) and not equal(one, other)


def test_labels_are_the_pieces_that_stood_there_and_the_rest_stays():
    found, before = hidden(1), batch()
    rows, columns = places(found)
    assert (
        found["labels"][found["label_mask"]] == before["tokens"][rows, columns]
    ).all()
    untouched = np.ones(before["tokens"].shape, bool)
    untouched[rows, columns] = False
    same = found["tokens"] == before["tokens"]
    assert same[untouched].all() and not same.all()
    assert (found["token_mask"] == before["token_mask"]).all()


def test_no_place_is_hidden_twice():
    for n in range(20):
        rows, columns = places(hidden(n))
        assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == len(rows)


def test_about_15_percent_are_hidden_and_one_of_a_short_sentence():
    counts = hidden()["label_mask"].sum(axis=1)
    words = ENCODED.tokens.lengths - 2
    assert (np.abs(counts - np.maximum(1, 0.15 * words)) <= 0.5).all()


def test_four_of_five_hidden_pieces_read_as_unknown_and_one_of_ten_as_itself():
    unknown = itself = total = 0
    for n in range(60):
        found = hidden(n)
        shown = found["tokens"][places(found)]
        unknown += (shown == PIECES.unk_id).sum()
        itself += (shown == found["labels"][found["label_mask"]]).sum()
        total += len(shown)
    assert unknown / total == pytest.approx(0.8, abs=0.03)
    assert itself / total == pytest.approx(0.1, abs=0.03)


def test_a_batch_is_the_same_wherever_the_stream_begins():
    batches = training_batches(ENCODED, PIECES.pad_id, toy_tagging.BATCHES)
    stream = masked_stream(batches, PIECES, 2)
    straight = list(itertools.islice(stream(0), 5))
    for n in (1, 4):
        assert equal(straight[n], next(stream(n)))
    assert (straight[0]["weight"] == 1).all()


def test_the_loss_looks_at_hidden_pieces_alone():
    shapes = {
        "student": labeller.parameter_shapes(ENCODER),
        "bridge": guess_shapes(ENCODER.encoder),
    }
    params = initial.init_params(shapes, 0)
    forward = make_masked_forward(ENCODER.encoder)
    objective = Objective((masked_ce_term(),))
    given = hidden() | {"weight": np.ones(len(ENCODED), np.float32)}

    @jax.jit
    def loss(given):
        return objective(forward(params, given, key=None), given)[0]

    other = np.where(given["label_mask"], given["labels"], 0)
    assert loss(given | {"labels": other}) == loss(given)
    right = np.where(given["label_mask"], (given["labels"] + 1) % PIECES.size, 0)
    assert loss(given | {"labels": right}) != loss(given)
    # About the logarithm of the number of pieces before anything is learnt.
    assert float(loss(given)) == pytest.approx(np.log(PIECES.size), rel=0.2)
