"""What chips exchange is read out of a program's text, and what it costs them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from epik_jax.compiling.collectives import collective
from epik_jax.compiling.hlo import parse
from epik_jax.parallel.mesh import make_mesh

LINES = {
    "%all-reduce.3 = f32[128,256]{1,0:T(8,128)} all-reduce(%x), channel_id=1, "
    "replica_groups=[1,4]<=[4], to_apply=%add": (
        *("all-reduce", 4 * 128 * 256, 4, 2 * 0.75 * 4 * 128 * 256),
    ),
    "ROOT %all-reduce.9 = (f32[8]{0}, bf16[2,3]{1,0}) all-reduce(%x, %y), "
    "replica_groups={{0,1},{2,3}}, to_apply=%add": (*("all-reduce", 32 + 12, 2, 44.0),),
    "%ag = (f32[4,2]{1,0}, f32[16,2]{1,0}) all-gather-start(%x), "
    "replica_groups=[2,4]<=[8], dimensions={0}": ("all-gather", 128, 4, 96.0),
    "%all-gather.1 = pred[64]{0} all-gather(%x), replica_groups={{0,2,4,6}}, "
    "dimensions={0}": ("all-gather", 64, 4, 48.0),
    "%rs = bf16[16,8]{1,0} reduce-scatter(%x), replica_groups=[1,8]<=[8]": (
        *("reduce-scatter", 8 * 256, 8, 7 * 256.0),
    ),
    "%two = ((f32[4,2], f32[8,2]), (f32[16,2], /*index=3*/f32[32,2])) "
    "all-gather-start(%x, %y), replica_groups=[2,4]<=[4,2]T(1,0)": (
        *("all-gather", 384, 4, 288.0),
    ),
    "%mesh = f32[16] all-reduce(%x), replica_groups=mesh['a'=4,'b'=1,'c'=2] "
    "{'a','c'}, to_apply=%add": ("all-reduce", 64, 8, 112.0),
    "%cp = (f32[4]{0}, f32[4]{0}, u32[], u32[]) collective-permute-start(%x), "
    "source_target_pairs={{0,1},{1,0}}": ("collective-permute", 16, 8, 16.0),
    "%a2a = s32[8,4]{1,0} all-to-all(%x), replica_groups=[1,8]<=[8]": (
        *("all-to-all", 128, 8, 112.0),
    ),
}


def collectives_of(text, num_chips):
    instructions = [
        instruction
        for computation in parse(text).computations.values()
        for instruction in computation.instructions.values()
    ]
    return [one for i in instructions if (one := collective(i, num_chips))]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split(" = ")[0])
def test_a_line_of_text_is_a_kind_bytes_and_those_that_take_part(line):
    text = f"HloModule x\n\nENTRY %main () -> f32[] {{\n  {line}\n}}\n"
    [found] = collectives_of(text, num_chips=8)
    assert (found.kind, found.bytes, found.group, found.moved) == LINES[line]


def test_what_only_ends_or_names_one_is_none():
    text = """
ENTRY %main () -> f32[] {
  %done = f32[16]{0} all-gather-done(%ag)
  %sum = f32[16]{0} add(%all-reduce.3, %all-gather.1)
  %f = f32[4] fusion(%all-reduce.1), calls=%all-reduce-fusion, kind=kLoop
}
"""
    assert collectives_of(text, num_chips=8) == []


def test_a_program_that_sums_over_devices_has_one_of_its_size():
    mesh = make_mesh(4, 2)
    whole, rows = NamedSharding(mesh, P()), NamedSharding(mesh, P("data"))
    total = jax.jit(lambda x: jnp.sum(x, 0), in_shardings=rows, out_shardings=whole)
    text = total.lower(jax.ShapeDtypeStruct((8, 48), "float32")).compile().as_text()
    [found] = collectives_of(text, num_chips=8)
    assert (found.kind, found.bytes, found.group) == ("all-reduce", 4 * 48, 4)
    assert found.moved == 2 * 0.75 * 4 * 48
