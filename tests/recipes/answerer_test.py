"""An answerer says how it searches; what it answers is asked in `examination_test`."""

from __future__ import annotations

import console
import pytest

from epik_jax.recipes import answerer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return console.write_models(tmp_path_factory.mktemp("run")) / "student"


@pytest.mark.parametrize(
    ("chain", "width", "said"),
    [
        (False, 1, "greedy"),
        (True, 1, "greedy"),
        (False, 4, "beam-4"),
        (True, 4, "beam-4x4"),
    ],
)
def test_an_answerer_is_labelled_by_what_searches(folder, chain, width, said):
    system = answerer.model_answerer(folder, beam_width=width, chain=chain)
    assert system.decode == said
