"""What an instruction reads and writes is counted, parts of arrays as parts."""

from __future__ import annotations

import pytest

from epik_jax.compiling.hlo import parse
from epik_jax.compiling.traffic import touched

KIB = 2**10
TABLE, ROW, HALF = 64 * KIB, KIB, 32 * KIB  # Bytes.
TEXT = """
%cut (t: f32[64,256], i: s32[]) -> f32[1,256] {
  %t = f32[64,256] parameter(0)
  %i = s32[] parameter(1)
  %seen = f32[64,256] bitcast(%t)
  ROOT %row = f32[1,256] dynamic-slice(%seen, %i, %i), dynamic_slice_sizes={1,256}
}

%both (t: f32[64,256], i: s32[]) -> f32[64,256] {
  %t.1 = f32[64,256] parameter(0)
  %i.1 = s32[] parameter(1)
  %row.1 = f32[1,256] dynamic-slice(%t.1, %i.1, %i.1), dynamic_slice_sizes={1,256}
  %wide = f32[64,256] broadcast(%row.1)
  ROOT %sum = f32[64,256] add(%t.1, %wide)
}

%put (t: f32[64,256], r: f32[1,256], i: s32[]) -> f32[64,256] {
  %t.2 = f32[64,256] parameter(0)
  %r = f32[1,256] parameter(1)
  %i.2 = s32[] parameter(2)
  %put.1 = f32[64,256] dynamic-update-slice(%t.2, %r, %i.2, %i.2)
  ROOT %same = f32[64,256] bitcast(%put.1)
}

%look (x: f32[64,256]) -> f32[64,256] {
  %x = f32[64,256] parameter(0)
  ROOT %looked = f32[64,256] bitcast(%x)
}

%nested (t: f32[64,256], i: s32[]) -> f32[1,256] {
  %t.3 = f32[64,256] parameter(0)
  %i.3 = s32[] parameter(1)
  %looked.1 = f32[64,256] fusion(%t.3), kind=kLoop, calls=%look
  ROOT %deep = f32[1,256] fusion(%looked.1, %i.3), kind=kLoop, calls=%cut
}

%whole (t: f32[64,256]) -> f32[64,256] {
  %t.4 = f32[64,256] parameter(0)
  %looked.2 = f32[64,256] fusion(%t.4), kind=kLoop, calls=%look
  ROOT %less = f32[64,256] negate(%looked.2)
}

ENTRY %main (t: f32[64,256], r: f32[1,256], i: s32[]) -> f32[64,256] {
  %table = f32[64,256]{1,0} parameter(0)
  %r.1 = f32[1,256] parameter(1)
  %at = s32[] parameter(2)
  %near = f32[64,256]{1,0:S(1)} copy(%table)
  %added = f32[64,256] add(%table, %near)
  %fetch = (f32[64,256]{1,0:S(1)}, f32[64,256]{1,0}, u32[]{:S(2)}) copy-start(%table)
  %fetched = f32[64,256]{1,0:S(1)} copy-done(%fetch)
  %part = ((f32[64,256]), f32[32,256]{1,0:S(1)}, s32[]{:S(2)}) slice-start(%table)
  %summing = f32[64,256] all-reduce-start(%table), to_apply=%sum
  %gather = (f32[64,256], f32[128,256]) all-gather-start(%table), dimensions={0}
  %cut.1 = f32[1,256] fusion(%table, %at), kind=kLoop, calls=%cut
  %both.1 = f32[64,256] fusion(%table, %at), kind=kLoop, calls=%both
  %put.2 = f32[64,256] fusion(%table, %r.1, %at), kind=kLoop, calls=%put
  %put.3 = f32[64,256] dynamic-update-slice(%table, %r.1, %at, %at)
  %nested.1 = f32[1,256] fusion(%table, %at), kind=kLoop, calls=%nested
  %whole.1 = f32[64,256] fusion(%table), kind=kLoop, calls=%whole
  %room = f32[64,256] custom-call(), custom_call_target="AllocateBuffer"
  %look.1 = f32[64,256] fusion(%table), kind=kLoop, calls=%look
  %odd = f32[64,256] turn-inside-out(%table)
  ROOT %seen.1 = f32[64,256] bitcast(%added)
}
"""
AT = 4


@pytest.mark.parametrize(
    ("name", "everything", "far"),
    [
        ("table", 0, 0),
        ("seen.1", 0, 0),
        ("room", 0, 0),
        ("near", 2 * TABLE, TABLE),
        ("added", 3 * TABLE, 2 * TABLE),
        ("fetch", 2 * TABLE, TABLE),
        ("fetched", 0, 0),
        ("part", 2 * HALF, HALF),
        ("summing", 2 * TABLE, 2 * TABLE),
        ("gather", 3 * TABLE, 3 * TABLE),
        ("cut.1", 2 * ROW + AT, 2 * ROW + AT),
        ("both.1", 2 * TABLE + AT, 2 * TABLE + AT),
        ("put.2", 2 * ROW + AT, 2 * ROW + AT),
        ("put.3", 2 * ROW + 2 * AT, 2 * ROW + 2 * AT),
        ("nested.1", 2 * ROW + AT, 2 * ROW + AT),
        ("whole.1", 2 * TABLE, 2 * TABLE),
        ("look.1", 2 * TABLE, 2 * TABLE),
        ("odd", 2 * TABLE, 2 * TABLE),
    ],
)
def test_what_is_touched_counts(name, everything, far):
    module = parse(TEXT)
    main = module.computations["main"]
    found = [*touched(module, main, main.instructions[name])]
    assert sum(size for _, size in found) == everything
    assert sum(size for array, size in found if array.space == 0) == far
