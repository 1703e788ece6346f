"""Names that an `except` binds where their import fails."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Optional

from mediapipe_jetson.doctor.legacy import parse


def unhandled(text: str) -> str:
    """Return a program whose handlers do nothing. Raises SyntaxError."""
    return (_unhandled(text) if "except" in text else None) or text


def _unhandled(text: str) -> Optional[str]:
    """Return a program whose handlers do nothing; None where it can't be written again."""
    tree = parse(text, "program.py")
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            node.body = [ast.copy_location(ast.Pass(), node)]
    try:
        return ast.unparse(tree)
    except (ValueError, RecursionError):
        return None


def fallbacks(text: str) -> set[str]:
    """Return the names that a file imports, and else binds only where that fails, to constants."""
    tree = parse(text, "program.py")
    statements = [node for node in tree.body if isinstance(node, ast.Try) and node.handlers]
    if not statements or _unhandled(text) is None:
        return set()
    return {name for node in statements for name in _imported(node) if _only(tree, node, name)}


def _imported(node: ast.Try) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in statement.names)


def _only(tree: ast.Module, around: ast.Try, name: str) -> bool:
    """Return whether one import in a `try` and its own handlers are all that bind a name."""
    handled = {
        id(target)
        for handler in around.handlers
        for node in handler.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
    }
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            count += (node.asname or node.name) == name
        elif isinstance(node, ast.Name):
            load = isinstance(node.ctx, ast.Load)
            if node.id == name and not load and id(node) not in handled:
                return False
        elif not isinstance(node, ast.keyword) and name in _names(node):
            return False
    return count == 1


def _names(node: ast.AST) -> list[object]:
    """Return what a function, a class, a handler, an argument, a pattern or `global` may bind."""
    names = (getattr(node, attribute, None) for attribute in ("name", "arg", "rest"))
    return [*names, *getattr(node, "names", ())]
