"""What a star takes of a module: what its __all__ lists, and who else may change that."""

from __future__ import annotations

import ast
from typing import Optional

from mediapipe_jetson.doctor.flow.values import Scope, Sequence, text_of

LISTED = "__all__"
# What gives a module's list by its name, and what only reads a list that it is given.
GETTERS = frozenset(("getattr", "get", "__getattribute__"))
READERS = frozenset(
    (
        *("print", "len", "sorted", "list", "tuple", "set", "frozenset", "str", "repr", "hasattr"),
        *("any", "all", "enumerate", "iter", "map", "filter", "zip", "isinstance", "type"),
        *("extend", "update", "join", "union", "index", "count", "copy"),
    )
)
# Where a list gets a further holder.
HOLDERS: tuple[type[ast.AST], ...] = (ast.keyword, ast.AnnAssign, ast.NamedExpr, ast.BoolOp)
HOLDERS += (ast.List, ast.Tuple, ast.Dict, ast.IfExp, ast.Yield, ast.Lambda)


def reaches(tree: ast.Module) -> bool:
    """Return whether code may change an __all__ that it names by an attribute or a text."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _is_list(node.value, set()):
            names |= {item.id for item in node.targets if isinstance(item, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            names |= {item.asname or LISTED for item in node.names if item.name == LISTED}
    return any(
        _sets(node) or (_is_list(node, names) and _changes(node, parent))
        for parent in ast.walk(tree)
        for node in ast.iter_child_nodes(parent)
    )


def _is_list(node: ast.AST, names: set[str]) -> bool:
    """Return whether this is a module's list by an attribute, a text, or one of these names."""
    if isinstance(node, ast.Subscript):
        return _is_text(node.slice)
    if isinstance(node, ast.Call):
        return _word(node) in GETTERS and any(map(_is_text, node.args))
    return getattr(node, "attr", "") == LISTED or getattr(node, "id", "") in names


def _sets(node: ast.AST) -> bool:
    """Return whether a call may set a list by its name."""
    if not isinstance(node, ast.Call) or _word(node) in GETTERS:
        return False
    keys = [key for item in node.args if isinstance(item, ast.Dict) for key in item.keys]
    given = any(map(_is_text, node.args)) and _word(node) not in READERS
    return given or any(map(_is_text, keys)) or any(item.arg == LISTED for item in node.keywords)


def _changes(node: ast.AST, parent: ast.AST) -> bool:
    """Return whether the code around a list may change it."""
    name = isinstance(node, ast.Name)
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return not name or isinstance(parent, ast.AugAssign)
    if isinstance(parent, ast.Call):
        return _word(parent) not in READERS
    if isinstance(parent, ast.Subscript):
        return not isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute):
        return parent.attr not in READERS - {"extend", "update"}
    if isinstance(parent, ast.Assign):
        return name or not all(isinstance(item, ast.Name) for item in parent.targets)
    return isinstance(parent, HOLDERS)


def _word(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _is_text(node: Optional[ast.AST]) -> bool:
    return isinstance(node, ast.Constant) and node.value == LISTED


def fills(tree: ast.Module) -> bool:
    """Return whether code uses __all__ in more ways than to set it, add to it and extend it."""
    if reaches(tree):
        return True
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            if any(map(lists, ast.walk(node))):
                return True
            continue
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
