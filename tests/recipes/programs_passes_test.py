"""The passes that are compiled ahead are those that a run asks for: their very text."""

from __future__ import annotations

import dataclasses

import pytest
import tiny_run
import tiny_tagger_run
from programs_begun import CONFIGS, SCORER, begun, with_most_pieces

from epik_jax.parallel.mesh import make_mesh
from epik_jax.recipes import run as runs
from epik_jax.teachers import labelling, passes, placed, scoring
from epik_jax.teachers.passes import Decoding

MANY = 100
"""Rows enough to fill a batch."""

RUNS = {
    "epik": (
        "epik.py:tiny",
        [
            *tiny_run.OVERRIDES,
            "data.num_synthetic=80",
            "epik.transfer.num_words=40",
            "epik.transfer.teacher_share=0.5",
            f"epik.num_validated={MANY}",
        ],
    ),
    "imitation": (
        "epik.py:tiny-faithful",
        [
            *tiny_run.OVERRIDES,
            "data.num_synthetic=80",
            "epik.transfer.num_words=40",
            f"epik.num_validated={MANY}",
        ],
    ),
    "xtremedistil": (
        "xtremedistil.py:tiny",
        [
            *tiny_tagger_run.OVERRIDES,
            "data.num_sentences=300",
            f"xtremedistil.student.num_validated={MANY}",
        ],
    ),
    "tmkd": (
        "tmkd.py:tiny",
        [*SCORER, "data.num_questions=100", f"tmkd.student.num_validated={MANY}"],
    ),
}


# Its answers are for the report alone, which is not written here.
NOT_ASKED = {"imitation": {"teacher, chain to English"}}


class Heard:
    """Texts of all that a run asks its compiled passes."""

    def __init__(self):
        self.texts = set()

    def spied(self, function):
        def asked(params, *arrays):
            text = function.lower(params, *arrays).as_text()
            if "bilstm" in params:
                text = with_most_pieces(text, len(params["embedding"]))
            self.texts.add(text)
            return function(params, *arrays)

        return asked

    def decoding(self, function):
        """Beams of a student are searched for the report: here as it is greedy."""
        plain = self.spied(function)

        def asked(*arguments):
            *before, config, decoding, ids, length = arguments
            if decoding == Decoding():
                beam = Decoding(beam_width=4, num_hypotheses=4)
                lowered = function.lower(*before, config, beam, ids, length)
                self.texts.add(lowered.as_text())
            return plain(*arguments)

        return asked


def listened(patch, heard):
    """Puts an ear at every compiled pass."""
    on_mesh = passes.on_mesh

    def spied_passes(mesh):
        each = on_mesh(mesh)
        names = [field.name for field in dataclasses.fields(each)]
        spied = {name: heard.spied(getattr(each, name)) for name in names}
        return passes.Passes(**{**spied, "decode": heard.decoding(each.decode)})

    def spied_pass(make):
        return lambda mesh: heard.spied(make(mesh))

    patch.setattr(passes, "on_mesh", spied_passes)
    for name in ("label_pass", "best_pass"):
        patch.setattr(labelling, name, spied_pass(getattr(labelling, name)))
    for name in ("logits_pass", "log_probs_pass"):
        patch.setattr(scoring, name, spied_pass(getattr(scoring, name)))


@pytest.mark.parametrize("name", RUNS)
def test_passes_are_those_of_a_run(monkeypatch, tmp_path, name):
    config, overrides = RUNS[name]
    heard = Heard()
    # All rows are padded to the widest.
    monkeypatch.setattr(placed, "WIDTH_STEP", 40)
    with pytest.MonkeyPatch.context() as patch:
        listened(patch, heard)
        for stage, params, _ in begun(patch, config, overrides, tmp_path):
            if stage.validate:
                stage.validate(params, make_mesh(1))
    recipe, built, _ = runs.configured(f"{CONFIGS}/{config}", overrides)
    missed = {
        program.name
        for program in recipe.programs(built, make_mesh(1))
        if "update" not in program.name and program.lower().as_text() not in heard.texts
    }
    assert missed == NOT_ASKED.get(name, set())
