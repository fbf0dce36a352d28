"""The table of chips agrees with the one that JAX keeps for its kernels."""

from __future__ import annotations

import pytest
from jax._src.pallas.mosaic import tpu_info

from epik_jax.compiling.chips import CHIPS, chip_of


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_is_what_jax_says_of_its_cores(name):
    chip = CHIPS[name]
    core = tpu_info.get_tpu_info_for_chip(tpu_info.ChipVersion(name), 1)
    cores = 2 if name in ("v4", "v5p") else 1
    for mine, theirs in (
        (chip.flops_per_second, core.bf16_ops_per_second),
        (chip.hbm_bytes, core.hbm_capacity_bytes),
        (chip.hbm_per_second, core.mem_bw_bytes_per_second),
    ):
        assert mine == pytest.approx(cores * theirs, rel=0.13)


def test_where_cores_are_devices_each_has_its_share():
    half = CHIPS["v4"].split(2)
    assert half.hbm_bytes * 2 == CHIPS["v4"].hbm_bytes
    assert half.flops_per_second * 2 == CHIPS["v4"].flops_per_second
    assert CHIPS["v5e"].split(1) == CHIPS["v5e"]


def test_a_topology_of_an_unknown_chip_is_refused_with_those_that_are_known():
    assert chip_of("v5e:4x8").name == "v5e"
    with pytest.raises(ValueError, match=r"'h100:2x2' is of no chip .* v4, v5e, v5p"):
        chip_of("h100:2x2")


@pytest.mark.parametrize(
    "topology", ["v5e:16x32", "v5p:16x20x20", "v5e:2x2x2", "v4:2x2", "v6e:2x2x1"]
)
def test_a_torus_that_a_chip_does_not_come_in_is_refused(topology):
    with pytest.raises(ValueError, match=r"comes in [23] axes, .* and up to \d+ chips"):
        chip_of(topology)


@pytest.mark.parametrize("topology", ["v5e", "v5e:2xx2", "v5e:-1x2", "v5e: 2x2"])
def test_what_is_no_topology_is_refused_with_its_form(topology):
    with pytest.raises(ValueError, match="is not of the form v5e:4x8"):
        chip_of(topology)
