"""A compiled program is read line by line, and nothing of it is passed over."""

from __future__ import annotations

import pytest

from epik_jax.compiling.hlo import Array, arrays_of, parse

TEXT = """HloModule toy, is_scheduled=true

%fused (given: f32[8,4]) -> bf16[8,4] {
  %given = f32[8,4]{1,0:T(8,128)} parameter(0)
  ROOT %half = bf16[8,4]{1,0:T(8,128)(2,1)S(1)} convert(%given)
}

ENTRY %main (x: f32[8,4]) -> (s32[], bf16[8,4]) {
  %x = f32[8,4]{1,0:T(8,128)} parameter(0), metadata={op_name="x[\\'calls=%none\\']"}
  %one = s32[]{:T(128)} constant(1)
  %short = bf16[8,4]{1,0:T(8,128)(2,1)S(1)} fusion(%x), kind=kLoop, calls=%fused
  ROOT %both = (s32[]{:T(128)}, /*index=1*/bf16[8,4]{1,0:T(8,128)}) tuple(%one, %short)
}
"""


def test_instructions_are_read_with_what_they_make_read_and_call():
    module = parse(TEXT)
    main, fused = module.computations["main"], module.computations["fused"]
    assert module.entry == "main" and (main.root, fused.root) == ("both", "half")
    assert [*main.instructions] == ["x", "one", "short", "both"]
    short, both = main.instructions["short"], main.instructions["both"]
    assert (short.opcode, short.operands) == ("fusion", ("x",))
    assert short.named("calls") == "fused" and short.named("body") is None
    assert both.operands == ("one", "short") and len(both.arrays) == 2
    assert main.instructions["one"].given == "1"


@pytest.mark.parametrize(
    ("text", "array", "size", "room"),
    [
        ("f32[32,40]", Array("f32", (32, 40)), 5120, 5120),
        ("pred[]", Array("pred", ()), 1, 1),
        ("token[]", Array("token", ()), 0, 0),
        ("s4[3]", Array("s4", (3,)), 3, 3),
        # Padded to 128 columns, and to 8 rows.
        (
            "f32[3,40]{1,0:T(8,128)}",
            Array("f32", (3, 40), (1, 0), (8, 128)),
            *(480, 8 * 128 * 4),
        ),
        # The axis that lies quickest is the first of the order, not the last written.
        (
            "bf16[200,2]{0,1:T(8,128)(2,1)S(1)}",
            Array("bf16", (200, 2), (0, 1), (8, 128), 1),
            *(800, 256 * 8 * 2),
        ),
        # A tile of rows and columns around an array that has columns alone.
        ("u8[5]{0:T(4,128)}", Array("u8", (5,), (0,), (4, 128)), 5, 128),
        ("f32[<=8]{0}", Array("f32", (8,), (0,)), 32, 32),
    ],
)
def test_an_array_takes_up_whole_tiles(text, array, size, room):
    [found] = arrays_of(text)
    assert (found, found.bytes, found.room) == (array, size, room)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no ENTRY"),
        ("%main (x: f32[]) -> f32[] {\n  %x = f32[] parameter(0)\n}\n", "no ENTRY"),
        (TEXT.replace("constant(1)", "constant"), "not understood: %one = s32"),
    ],
)
def test_what_is_not_understood_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        parse(text)
