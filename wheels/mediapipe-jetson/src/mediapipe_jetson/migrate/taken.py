"""Which names of a file other files of the project take: those have to stay bound."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

ALL = "*"


def taken(trees: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """Return the names that others take from each file, ALL for a star import.

    Files that have the same name count as one.
    """
    by_module: dict[str, set[str]] = {}
    for name, tree in trees.items():
        for module, taken_name in _taken(name, tree):
            by_module.setdefault(module, set()).add(taken_name)
    return {name: by_module.get(module_of(name), set()) for name in trees}


def module_of(name: str) -> str:
    """Return the last part of the name of a file's module; a package's is its folder's."""
    path = PurePosixPath(name)
    return path.parent.name if path.stem == "__init__" else path.stem


def _taken(name: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the modules' last names and what is taken from each."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                last = alias.name.rpartition(".")[2]
                aliases[alias.asname or last] = last
        elif isinstance(node, ast.ImportFrom):
            above = (node.module or PurePosixPath(name).parent.name).rpartition(".")[2]
            for alias in node.names:
                aliases[alias.asname or alias.name] = alias.name
                yield above, alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base = node.value
            word = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
            if word in aliases:
                yield aliases[word], node.attr
