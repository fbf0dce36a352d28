"""Names of topologies; meshes of them need libtpu, and are tested where it is."""

from __future__ import annotations

import pytest

from epik_jax.parallel.topology import described_mesh, num_chips


@pytest.mark.parametrize(
    ("name", "count"), [("v5e:2x2", 4), ("v5e:16x16", 256), ("v4:2x2x4", 16)]
)
def test_chips_are_the_product_of_a_shape(name, count):
    assert num_chips(name) == count


@pytest.mark.parametrize("name", ["v5e", "v5e:", "v5e:4", "v5e:-1x2", "4x8", ""])
def test_what_is_no_topology_is_refused_before_a_compiler_is_looked_for(name):
    with pytest.raises(ValueError, match="is not of the form v5e:4x8"):
        described_mesh(name)
