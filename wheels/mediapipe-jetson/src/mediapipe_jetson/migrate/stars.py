"""What star imports bring, and what is bound after them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

EXPORTS = "__all__"


def exported(tree: ast.Module, names: frozenset[str]) -> frozenset[str]:
    """Return which of some names a star import of a module brings, by its __all__ if it has one."""
    nodes = list(ast.walk(tree))
    named = [node for node in nodes if isinstance(node, ast.Name) and node.id == EXPORTS]
    quoted = any(isinstance(node, ast.Constant) and node.value == EXPORTS for node in nodes)
    lists = [
        statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign) and named == statement.targets
    ]
    if quoted or len(lists) != 1 or not isinstance(lists[0], (ast.List, ast.Tuple)):
        return names
    items = lists[0].elts
    if not all(isinstance(item, ast.Constant) for item in items):
        return names
    return names & {item.value for item in items if isinstance(item, ast.Constant)}


def below(tree: ast.Module, line: int) -> set[str]:
    """Return the names that a module always binds below a line, and nowhere above it."""
    above = {
        name
        for node in ast.walk(tree)
        if getattr(node, "lineno", 0) <= line
        for name in _bound(node)
    }
    return {
        name
        for statement in tree.body
        if statement.lineno > line
        for name in _always(statement)
        if name not in above
    }


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node may bind."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    identifiers = (getattr(node, name, None) for name in ("name", "asname", "rest"))
    yield from (identifier for identifier in identifiers if isinstance(identifier, str))


def _always(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds wherever it is run."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from (item.id for item in statement.targets if isinstance(item, ast.Name))
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from (item.asname or item.name.partition(".")[0] for item in statement.names)
