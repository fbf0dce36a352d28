"""How often a loop goes round is read off what it counts by, and never guessed."""

from __future__ import annotations

import pytest

from epik_jax.compiling.hlo import parse
from epik_jax.compiling.loops import Rounds, rounds
from epik_jax.compiling.scalars import Scope

TEXT = """
%less (i: s32[], n: s32[]) -> pred[] {{
  %i = s32[] parameter(0)
  %n = s32[] parameter(1)
  ROOT %lt = pred[] compare(%i, %n), direction={direction}
}}

%grown (i: s32[]) -> s32[] {{
  %i.1 = s32[] parameter(0)
  %by = s32[] constant({step})
  ROOT %sum = s32[] {sum}
}}

%body (state: (s32[], (s32[], f32[4]), pred[])) -> (s32[], (s32[], f32[4]), pred[]) {{
  %state = (s32[], (s32[], f32[4]), pred[]) parameter(0)
  %at = s32[] get-tuple-element(%state), index=0
  %pair = (s32[], f32[4]) get-tuple-element(%state), index=1
  %end = s32[] get-tuple-element(%pair), index=0
  %x = f32[4] get-tuple-element(%pair), index=1
  %done = pred[] get-tuple-element(%state), index=2
  %next = s32[] fusion(%at), kind=kLoop, calls=%grown
  %moved = s32[] add(%end, %at)
  %again = (s32[], f32[4]) tuple({end}, %x)
  ROOT %after = (s32[], (s32[], f32[4]), pred[]) tuple(%next, %again, %done)
}}

%going (state: (s32[], (s32[], f32[4]), pred[])) -> pred[] {{
  %state.1 = (s32[], (s32[], f32[4]), pred[]) parameter(0)
  %at.1 = s32[] get-tuple-element(%state.1), index=0
  %pair.1 = (s32[], f32[4]) get-tuple-element(%state.1), index=1
  %end.1 = s32[] get-tuple-element(%pair.1), index=0
  %done.1 = pred[] get-tuple-element(%state.1), index=2
  %ten = s32[] constant(10)
  %holds = pred[] fusion({held}), kind=kLoop, calls=%less
  %counted = pred[] compare(%at.1, %ten), direction=LT
  %both = pred[] and(%holds, %counted)
  ROOT %one = pred[] {root}
}}

ENTRY %main (given: s32[]) -> f32[4] {{
  %given = s32[] parameter(0)
  %from = s32[] constant({start})
  %start = s32[] copy(%from)
  %bound = s32[] constant({bound})
  %zeros = f32[4] constant({{0, 0, 0, 0}})
  %no = pred[] constant(false)
  %inner = (s32[], f32[4]) tuple({to}, %zeros)
  %init = (s32[], (s32[], f32[4]), pred[]) tuple(%start, %inner, %no)
  ROOT %loop = (s32[], (s32[], f32[4]), pred[]) while(%init), {runs}{told}
}}
"""
USUAL = {
    "runs": "condition=%going, body=%body",
    "direction": "LT",
    "step": 1,
    "sum": "add(%by, %i.1)",
    "end": "%end",
    "held": "%at.1, %end.1",
    "root": "bitcast(%holds)",
    "start": 0,
    "bound": 7,
    "to": "%bound",
    "told": "",
}


def read(**changed):
    module = parse(TEXT.format(**{**USUAL, **changed}))
    main = module.computations["main"]
    return rounds(Scope(module, main), main.instructions["loop"])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 7),
        ({"start": 3}, 4),
        ({"start": 9}, 0),
        ({"step": 2}, 4),
        ({"direction": "LE"}, 8),
        ({"direction": "LE", "step": 3, "start": 1}, 3),
        ({"direction": "NE"}, 7),
        ({"direction": "GT", "start": 20, "step": -2}, 7),
        ({"direction": "GE", "start": 20, "step": -2}, 7),
        ({"direction": "GE", "start": 21, "step": -2}, 8),
        ({"sum": "subtract(%i.1, %by)", "step": -2}, 4),
        # Written the other way round.
        ({"direction": "GT", "held": "%end.1, %at.1"}, 7),
        # Two bounds, of which the nearer one ends it.
        ({"root": "copy(%both)"}, 7),
        ({"root": "copy(%both)", "bound": 12}, 10),
        # What the compiler says itself goes before what is read.
        ({"told": ', backend_config={"known_trip_count":{"n":"5"}}'}, 5),
    ],
)
def test_rounds_are_from_start_to_bound_by_steps(changed, expected):
    assert read(**changed) == Rounds(expected, exact=True)


def test_a_loop_that_may_end_early_goes_round_so_often_at_most():
    assert read(root="and(%done.1, %holds)") == Rounds(7, exact=False)
    # Unknown beside known: the bound that is known holds.
    assert read(root="and(%both, %done.1)", to="%given") == Rounds(10, exact=False)


@pytest.mark.parametrize(
    "changed",
    [
        # Its bound is not known until it runs, or moves.
        {"to": "%given"},
        {"end": "%moved"},
        # It counts away from its bound, past it, or not at all.
        {"step": -1},
        {"step": 0},
        {"sum": "subtract(%by, %i.1)"},
        {"sum": "subtract(%i.1, %by)"},
        {"direction": "NE", "step": 2},
        {"direction": "NE", "start": 8},
        # It goes on while something else holds.
        {"direction": "EQ"},
        {"root": "or(%done.1, %holds)"},
        {"root": "copy(%done.1)"},
        {"root": "not(%holds)"},
        # Its counter begins with no number.
        {"start": "{...}"},
        {"root": "turn-inside-out(%holds)"},
    ],
)
def test_of_any_other_loop_nothing_is_said(changed):
    assert read(**changed) is None
