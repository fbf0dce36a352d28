"""Every rule holds on this tree, and every check catches a tree that breaks it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import architecture
import floors
import pytest
from source_tree import read_tree

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("jax", "flax", "optax", "orbax", "tensorflow")

LOOP = "for batch in batches:\n    state, means = {step}(state, batch)\n"
GRADIENT = "import jax\nf = jax.value_and_grad(len)\n"

# (check, file, its source, what the complaint says)
BAD = [
    ("imports_point_down", "text/a.py", "import epik_jax.models.b", "text may import"),
    ("imports_point_down", "text/a.py", "from epik_jax import data", "epik_jax.data"),
    ("imports_point_down", "text/a.py", "from . import b", "relative import"),
    ("imports_point_down", "text/a.py", "def f():\n  import epik_jax.data", "a.py:2:"),
    ("imports_point_down", "serving/a.py", "", "not in the import table"),
    (
        "imports_point_down",
        "teachers/table.py",
        "import epik_jax.data",
        "only: structs",
    ),
    (
        "imports_point_down",
        "teachers/table.py",
        "from epik_jax.teachers import chain",
        "only: structs text",
    ),
    ("libraries_stay_behind_their_doors", "text/a.py", "import flax.linen", "models"),
    ("libraries_stay_behind_their_doors", "models/a.py", "from flax import nnx", "nnx"),
    (
        "libraries_stay_behind_their_doors",
        "training/loop.py",
        "import orbax.checkpoint as ocp",
        "training.checkpoint",
    ),
    (
        "libraries_stay_behind_their_doors",
        "text/normalise.py",
        "def f():\n  import sentencepiece",
        "text.pieces",
    ),
    (
        "libraries_stay_behind_their_doors",
        "evaluation/a.py",
        "def f():\n  import icu",
        "teachers.table",
    ),
    (
        "libraries_stay_behind_their_doors",
        "evaluation/a.py",
        "import panphon.distance",
        "evaluation.feature_distance",
    ),
    (
        "libraries_stay_behind_their_doors",
        "training/loop.py",
        "import jax\nx = jax.sharding.PartitionSpec()",
        "loop.py:2: uses jax.sharding",
    ),
    (
        "libraries_stay_behind_their_doors",
        "training/loop.py",
        "from jax.sharding import Mesh\nx = Mesh()",
        "uses jax.sharding",
    ),
    ("libraries_stay_behind_their_doors", "data/a.py", "import pickle", "nowhere"),
    ("there_are_no_cycles", "text/a.py", "from epik_jax.text import b", "text.a <-"),
    ("one_place_differentiates_and_updates", "evaluation/a.py", GRADIENT, "a.py:2:"),
    (
        "one_place_differentiates_and_updates",
        "recipes/a.py",
        "from jax import grad",
        "jax.grad",
    ),
    (
        "one_place_differentiates_and_updates",
        "recipes/a.py",
        "import optax\nx = optax.apply_updates",
        "optax.apply_updates",
    ),
    (
        "one_place_differentiates_and_updates",
        "training/step.py",
        GRADIENT + "g = jax.value_and_grad(len)",
        "has ['jax.value_and_grad', 'jax.value_and_grad']",
    ),
    ("one_place_differentiates_and_updates", "training/step.py", "", "has []"),
    ("there_is_one_training_loop", "recipes/a.py", LOOP.format(step="step"), "second"),
    (
        "there_is_one_training_loop",
        "recipes/a.py",
        "while True:\n  self.params, o = jax.block(train_step(self.params, o))[0]",
        "second",
    ),
    ("there_is_one_training_loop", "training/loop.py", "", "has them at []"),
    (
        "there_is_one_training_loop",
        "training/loop.py",
        LOOP.format(step="a.step") * 2,
        "has them at [2, 4]",
    ),
    ("names_are_nouns", "text/utils.py", "", "'utils' is no noun"),
    ("names_are_nouns", "core/a.py", "", "'core' is no noun"),
    ("names_are_nouns", "text/string_helpers.py", "", "string_helpers"),
    ("sizes_are_bounded", "text/a.py", "x = 1\n" * 301, "301 lines"),
    ("sizes_are_bounded", "text/a.py", "def f():\n" + "  x = 1\n" * 80, "f has 81"),
    ("signatures_are_typed", "text/a.py", "def f(x) -> None: ...", "['x']"),
    ("signatures_are_typed", "text/a.py", "def f(*x: int): ...", "['return']"),
    (
        "signatures_are_typed",
        "text/a.py",
        "class A:\n  def f(self, *, y) -> int:\n    def g(z) -> int: ...",
        "['y']",
    ),
    ("public_names_are_documented", "text/a.py", "x = 1", "no module docstring"),
    ("public_names_are_documented", "text/a.py", "class A: ...", "A has no docstring"),
]

# Near misses: what each check has to let through.
GOOD = [
    ("text/a.py", "from epik_jax.structs import Example"),
    ("text/a.py", "from epik_jax.text.b import f"),
    ("text/a.py", "if TYPE_CHECKING:\n  from epik_jax.models import b"),
    ("recipes/a.py", "from jax.sharding import Mesh\ndef _f(x: Mesh) -> Mesh: ..."),
    ("recipes/a.py", "for s in stages:\n  state = trained(state, s)"),
    ("recipes/a.py", "state = step(state)"),
    ("decoding/a.py", "while go:\n  logits, kv_cache = step_fn(tokens, kv_cache)"),
    ("training/step.py", GRADIENT),
    ("training/loop.py", LOOP.format(step="step")),
    ("text/a.py", "class _A:\n  def f(self) -> int: ..."),
    ("../configs/common.py", "x = 1"),
]


def heavy_imports_of_help(root: Path) -> list[str]:
    """What `epik-jax --help` has imported by the time that it ends, of HEAVY."""
    program = (
        "import sys, epik_jax.cli\nsys.argv = ['epik-jax', '--help']\n"
        "try: epik_jax.cli.main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print(); print(*(m for m in {HEAVY} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"epik-jax --help failed:\n{done.stderr}"
    return done.stdout.split("\n")[-2].split()


def write(root: Path, name: str, source: str) -> None:
    """Adds a file to the package of a scratch tree."""
    path = root / "epik_jax" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")


@pytest.mark.parametrize("check", architecture.CHECKS, ids=lambda c: c.__name__)
def test_this_tree_keeps_the_rule(check: architecture.Check) -> None:
    modules = read_tree(ROOT)
    assert len(modules) > 10, f"nearly nothing to read under {ROOT}"
    complaints = check(modules)
    assert not complaints, "\n  ".join(["", *complaints])


@pytest.mark.parametrize(("name", "path", "source", "said"), BAD)
def test_a_bad_tree_is_caught(
    name: str, path: str, source: str, said: str, tmp_path: Path
) -> None:
    write(tmp_path, "text/b.py", "from epik_jax.text import a")
    write(tmp_path, path, source)
    complaints = getattr(architecture, name)(read_tree(tmp_path))
    assert any(said in complaint for complaint in complaints), complaints


@pytest.mark.parametrize(("path", "source"), GOOD)
def test_a_good_tree_passes(path: str, source: str, tmp_path: Path) -> None:
    write(tmp_path, path, f'"""About it."""\n{source}\n')
    modules = read_tree(tmp_path)
    assert modules
    assert [x for check in architecture.CHECKS for x in check(modules)] == []


def test_every_door_is_gone_through() -> None:
    modules = list(architecture.package(read_tree(ROOT)))
    used = {
        (library, door)
        for module in modules
        for _, name in architecture.imports(module)
        for library in [name.partition(".")[0]]
        for door in floors.DOORS.get(library, "").split()
        if architecture.within(module.name, door)
    }
    doors = {
        (library, door)
        for library, named in floors.DOORS.items()
        for door in named.split()
        if "." not in library
    }
    assert doors == used


def test_every_check_is_shown_to_catch_something() -> None:
    assert {c.__name__ for c in architecture.CHECKS} == {name for name, *_ in BAD}


@pytest.mark.skipif(
    not (ROOT / "epik_jax/cli.py").exists(), reason="there is no command line"
)
def test_help_imports_nothing_heavy() -> None:
    heavy = heavy_imports_of_help(ROOT)
    assert not heavy, f"import {heavy} inside the commands that need them"


def test_a_heavy_help_is_caught(tmp_path: Path) -> None:
    write(tmp_path, "cli.py", "import jax\ndef main():\n  raise SystemExit")
    (tmp_path / "jax.py").touch()
    assert heavy_imports_of_help(tmp_path) == ["jax"]
