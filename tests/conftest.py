"""Sets JAX up for every test, before anything imports it.

Eight devices on any machine, so that sharded code is never tested on one alone, and
strict rank promotion. A test runs what it compiles a few times, so LLVM does not
optimize it, which saves a third of all work; notebooks and the runs of `.ci/run` are
compiled as users do. Subprocesses that tests start inherit all three.
"""

from __future__ import annotations

import os
import sys

import pytest

if "jax" in sys.modules:
    raise pytest.UsageError(
        "jax was imported before tests/conftest.py, so the tests would not get their "
        "eight devices; switch off the pytest plugin that imports it (-p no:NAME)"
    )

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_force_host_platform_device_count=8",
        "--xla_backend_optimization_level=0",
    ]
).strip()
