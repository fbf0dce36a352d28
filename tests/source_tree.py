"""Python sources as syntax trees, for tests that check the shape of the code."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

SOURCES = ("epik_jax", "configs", "benchmarks", "launch", "tests")


@dataclasses.dataclass(frozen=True)
class Module:
    """One Python file: path from the root, and its tree."""

    path: Path
    tree: ast.Module
    num_lines: int

    @property
    def name(self) -> str:
        """Dotted, without the package: "text.scripts"; "" outside the package."""
        if self.path.parts[0] != "epik_jax":
            return ""
        parts = self.path.with_suffix("").parts[1:]
        return ".".join(p for p in parts if p != "__init__") or "__init__"

    def at(self, node: ast.AST, complaint: str) -> str:
        """A complaint with its place."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {complaint}"


def read_tree(root: Path) -> list[Module]:
    """Every Python file under the source folders."""
    modules = []
    for path in sorted(p for s in SOURCES for p in (root / s).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, filename=str(path))
        modules.append(Module(path.relative_to(root), tree, text.count("\n")))
    return modules


def package(modules: Iterable[Module]) -> Iterator[Module]:
    """Those that ship."""
    return (m for m in modules if m.name)


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but annotations and what only a type checker runs."""
    yield tree
    for field, value in ast.iter_fields(tree):
        typing_only = isinstance(tree, ast.If) and "TYPE_CHECKING" in ast.unparse(
            tree.test
        )
        if field in ("annotation", "returns") or (typing_only and field == "body"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from walk(child)


def imports(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """(node, dotted name) of everything imported, also inside functions."""
    for node in walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from ((node, f"{start}.{alias.name}") for alias in node.names)


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All of them, nested ones too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
