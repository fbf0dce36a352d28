"""The rules of the house, and a check of each over a tree of sources.

A check takes modules and returns complaints, so that `architecture_test` can show that
it passes on this tree and catches a bad one.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Callable
from pathlib import Path

from floors import DOORS, FLOORS
from source_tree import Module, functions, imports, package, walk

MAX_FILE, MAX_FUNCTION = 300, 80

# Where a signature may name the library's types, however far from its door.
TYPES_ANYWHERE = {"jax.sharding"}

GRADIENTS = {"jax.grad", "jax.value_and_grad", "jax.vjp", "jax.jacrev", "jax.jacfwd"}
UPDATES = {"optax.apply_updates"}
BANNED_WORDS = {"util", "utils", "helper", "helpers", "misc", "manager", "managers"}
BANNED_NAMES = BANNED_WORDS | {"base", "core", "common"}

Check = Callable[[list[Module]], list[str]]


def best_fit(table: dict[str, str], name: str) -> str | None:
    """The longest key that is `name` or a parent of it."""
    fits = [k for k in table if f"{name}.".startswith(f"{k}.")]
    return max(fits, key=len, default=None)


def within(name: str, parents: str) -> bool:
    """Whether `name` is, or is under, one of the space-separated `parents`."""
    return any(f"{name}.".startswith(f"{p}.") for p in parents.split())


def imports_point_down(modules: list[Module]) -> list[str]:
    found = []
    for module in package(modules):
        key = best_fit(FLOORS, module.name)
        if key is None:
            found.append(f"{module.path}: {module.name} is not in the import table")
            continue
        allowed = f"{FLOORS[key]} {'' if '.' in key else key}"
        for node, name in imports(module):
            ours = name.removeprefix("epik_jax.")
            if name.startswith("."):
                found.append(module.at(node, f"relative import {name}; write it whole"))
            elif ours != name and not within(ours, allowed):
                may = FLOORS[key] or "nothing of ours"
                found.append(
                    module.at(node, f"imports {name}; {key} may import only: {may}")
                )
    return found


def uses(module: Module) -> list[tuple[ast.AST, str]]:
    """(node, dotted name) of everything imported or reached through attributes."""
    attributes = (n for n in walk(module.tree) if isinstance(n, ast.Attribute))
    return [*imports(module), *((n, ast.unparse(n)) for n in attributes)]


def is_type_only(module: Module, node: ast.AST, name: str) -> bool:
    """Whether an imported name stands in annotations alone."""
    if not isinstance(node, ast.ImportFrom) or any(a.asname for a in node.names):
        return False
    read = {n.id for n in walk(module.tree) if isinstance(n, ast.Name)}
    return name.rpartition(".")[2] not in read


def libraries_stay_behind_their_doors(modules: list[Module]) -> list[str]:
    found = []
    for module in package(modules):
        for node, name in uses(module):
            door = best_fit(DOORS, name)
            if door is None or within(module.name, DOORS[door]):
                continue
            if isinstance(node, ast.Attribute) and door != name:
                continue  # Another attribute of a name that was imported: said once.
            if door in TYPES_ANYWHERE and is_type_only(module, node, name):
                continue
            where = DOORS[door] or "nowhere"
            found.append(module.at(node, f"uses {door}, which lives in: {where}"))
    return found


def there_are_no_cycles(modules: list[Module]) -> list[str]:
    known = {m.name: "" for m in package(modules)}
    arrows: dict[str, set[str]] = {name: set() for name in known}
    for module in package(modules):
        for _, name in imports(module):
            if name.startswith("epik_jax."):
                target = best_fit(known, name.removeprefix("epik_jax."))
                arrows[module.name] |= {target or module.name} - {module.name}
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        return [f"import cycle: {' <- '.join(error.args[1])}"]
    return []


def one_place_differentiates_and_updates(modules: list[Module]) -> list[str]:
    found = []
    for module in package(modules):
        named = [(n, x) for n, x in uses(module) if x in GRADIENTS | UPDATES]
        gradients = [x for _, x in named if x in GRADIENTS]
        if module.name != "training.step":
            complaint = "belongs to training/step.py alone"
            found += [module.at(n, f"{x} {complaint}") for n, x in named]
        elif gradients != ["jax.value_and_grad"]:
            complaint = f"expected one jax.value_and_grad, has {gradients}"
            found.append(f"{module.path}: {complaint}")
    return found


def training_loops(module: Module) -> dict[int, ast.AST]:
    """By line: Python loops around `state, ... = step(state, ...)`, however named.

    What makes a training loop is that a step's result is the next step's argument. A
    loop over stages or over evaluation batches carries none, or calls no step.
    """
    found: dict[int, ast.AST] = {}
    for loop in ast.walk(module.tree):
        if not isinstance(loop, ast.For | ast.While):
            continue
        for node in ast.walk(loop):
            if not isinstance(node, ast.Assign):
                continue
            targets = {ast.unparse(t) for x in node.targets for t in flat(x)}
            for call in ast.walk(node.value):
                if isinstance(call, ast.Call) and "step" in ast.unparse(call.func):
                    values = [*call.args, *(k.value for k in call.keywords)]
                    carried = targets & {ast.unparse(v) for v in values}
                    if any(c.endswith(("state", "params")) for c in carried):
                        found[node.lineno] = node
    return found


def flat(target: ast.expr) -> list[ast.expr]:
    """The parts of an unpacking."""
    return target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def there_is_one_training_loop(modules: list[Module]) -> list[str]:
    found = []
    for module in package(modules):
        loops = training_loops(module)
        if module.name != "training.loop":
            complaint = "a second training loop; make it a stage of training/loop.py's"
            found += [module.at(node, complaint) for node in loops.values()]
        elif len(loops) != 1:
            lines = sorted(loops)
            found.append(
                f"{module.path}: expected one training loop, has them at {lines}"
            )
    return found


def names_are_nouns(modules: list[Module]) -> list[str]:
    found = []
    for module in modules:
        if module.path == Path("configs/common.py"):
            continue  # Blocks that configs share: values, no code.
        for part in module.path.with_suffix("").parts:
            name = part.removesuffix("_test")
            if name in BANNED_NAMES or BANNED_WORDS & set(name.split("_")):
                complaint = f"{part!r} is no noun; say what it holds"
                found.append(f"{module.path}: {complaint}")
    return found


def sizes_are_bounded(modules: list[Module]) -> list[str]:
    found = []
    for module in modules:
        if module.num_lines > MAX_FILE:
            found.append(f"{module.path}: {module.num_lines} lines, {MAX_FILE} at most")
        for node in functions(module):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION:
                complaint = f"{node.name} has {length} lines, {MAX_FUNCTION} at most"
                found.append(module.at(node, complaint))
    return found


def signatures_are_typed(modules: list[Module]) -> list[str]:
    found = []
    for module in package(modules):
        for node in functions(module):
            a = node.args
            given = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
            bare = [
                x.arg
                for x in given
                if x and not x.annotation and x.arg not in ("self", "cls")
            ] + (["return"] if node.returns is None else [])
            if bare:
                found.append(module.at(node, f"{node.name}: no type for {bare}"))
    return found


def public_names_are_documented(modules: list[Module]) -> list[str]:
    found = []
    for module in package(modules):
        if module.tree.body and not ast.get_docstring(module.tree):
            found.append(f"{module.path}: no module docstring")
        for node in module.tree.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node):
                found.append(module.at(node, f"{node.name} has no docstring"))
    return found


CHECKS: list[Check] = [
    imports_point_down,
    libraries_stay_behind_their_doors,
    there_are_no_cycles,
    one_place_differentiates_and_updates,
    there_is_one_training_loop,
    names_are_nouns,
    sizes_are_bounded,
    signatures_are_typed,
    public_names_are_documented,
]
