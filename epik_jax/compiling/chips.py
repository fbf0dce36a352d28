"""What a TPU chip can do, by the name that topologies begin with.

Facts alone, each with where it stands; what a program needs of them is worked out
elsewhere.
"""

from __future__ import annotations

import dataclasses

from epik_jax.parallel.topology import num_chips

GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Chip:
    """One chip.

    Attributes:
      name: as in "v5e:4x8".
      axes: of the torus, or of the mesh, that its links make.
      most: chips of the largest slice.
      hbm_bytes: memory.
      hbm_per_second: bytes read or written in a second.
      flops_per_second: of bfloat16 products.
      link_per_second: bytes that leave it for other chips in a second, over all of its
        links one way: half of what tables call bidirectional, or a chip's part of the
        all-reduce bandwidth of a pod, which is the same.
      source: where all this stands.
    """

    name: str
    axes: int
    most: int
    hbm_bytes: int
    hbm_per_second: float
    flops_per_second: float
    link_per_second: float
    source: str

    def split(self, num_devices: int) -> Chip:
        """What one of its devices has, where each of its cores is one to JAX."""
        return dataclasses.replace(
            self,
            hbm_bytes=self.hbm_bytes // num_devices,
            hbm_per_second=self.hbm_per_second / num_devices,
            flops_per_second=self.flops_per_second / num_devices,
            link_per_second=self.link_per_second / num_devices,
        )


CHIPS = {
    chip.name: chip
    for chip in (
        Chip(
            *("v4", 3, 4096, 32 * GIB, 1200e9, 275e12, 1.1e15 / 4096),
            source="https://cloud.google.com/tpu/docs/v4",
        ),
        Chip(
            *("v5e", 2, 256, 16 * GIB, 819e9, 197e12, 200e9),
            source="https://cloud.google.com/tpu/docs/v5e",
        ),
        Chip(
            *("v5p", 3, 6144, 95 * GIB, 2765e9, 459e12, 600e9),
            source="https://cloud.google.com/tpu/docs/v5p",
        ),
        Chip(
            *("v6e", 2, 256, 32 * GIB, 1638e9, 918e12, 400e9),
            source="https://cloud.google.com/tpu/docs/v6e",
        ),
    )
}


def chip_of(topology: str) -> Chip:
    """The chip of a topology such as "v5e:4x8".

    Raises:
      ValueError: it is of no chip that is known here, or no torus of that chip.
    """
    name = topology.partition(":")[0]
    if name not in CHIPS:
        raise ValueError(
            f"topology {topology!r} is of no chip that is known here; they are "
            f"{', '.join(CHIPS)}, as in v5e:4x8"
        )
    chip, size = CHIPS[name], num_chips(topology)
    if topology.count("x") + 1 != chip.axes or size > chip.most:
        example = "x".join(["2", "2", "1"][: chip.axes])
        raise ValueError(
            f"topology {topology!r}: {name} comes in {chip.axes} axes, as in "
            f"{name}:{example}, and up to {chip.most} chips"
        )
    return chip
