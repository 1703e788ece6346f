"""What a star takes of a module: what its __all__ lists, and who else may change that."""

from __future__ import annotations

import ast
from typing import Optional

from mediapipe_jetson.doctor.flow.state import Source
from mediapipe_jetson.doctor.flow.values import Scope, Sequence, text_of

LISTED = "__all__"


def reaches(code: Source) -> bool:
    """Return whether code names the __all__ of a module, by an attribute or in a text."""
    return any(
        getattr(node, "attr", "") == LISTED or getattr(node, "value", "") == LISTED
        for _, tree in code.trees
        for node in ast.walk(tree)
    )


def fills(tree: ast.Module) -> bool:
    """Return whether code uses __all__ in more ways than to set it, add to it and extend it."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            if any(map(lists, ast.walk(node))):
                return True
            continue
        if isinstance(node, ast.Constant) and node.value == LISTED:
            return True
        if isinstance(node, ast.Assign) and any(map(lists, node.targets)):
            # The same list by another name.
            if len(node.targets) > 1 or isinstance(node.value, ast.Name):
                return True
            waiting.append(node.value)
            continue
        method = node.func if isinstance(node, ast.Call) else None
        for child in ast.iter_child_nodes(node):
            if lists(child) and not isinstance(node, (ast.BinOp, ast.AugAssign, ast.AnnAssign)):
                return True
            if child is not method or not lists(getattr(child, "value", None)):
                waiting.append(child)
    return False


def lists(node: Optional[ast.AST]) -> bool:
    """Return whether this is the name __all__."""
    return isinstance(node, ast.Name) and node.id == LISTED


def exported(scope: Scope) -> Optional[list[str]]:
    """Return the names that __all__ lists, None where none are known."""
    only = next(iter(scope.get(LISTED, ())), None)
    exact = isinstance(only, Sequence) and only.exact and len(scope[LISTED]) == 1
    names = [text_of(item) for item in only.items] if isinstance(only, Sequence) and exact else [""]
    return [name for name in names if name] if names and all(names) else None
