"""Names that texts spell: in __all__, or for getattr() and its like."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

EXPORTS = "__all__"
# Which argument is the name, by the functions' last names.
GETTING = {
    "getattr": 1,
    "hasattr": 1,
    "setattr": 1,
    "delattr": 1,
    "object": 1,
    "getattr_static": 1,
    "attrgetter": 0,
    "__getattribute__": 0,
    "__getattr__": 0,
    "eval": 0,
    "exec": 0,
    "__import__": 3,
}
SPACES = frozenset({"globals", "locals", "vars", "dir", "getmembers"})
Spelled = tuple[str, int]


def spelled(trees: Mapping[str, ast.Module]) -> dict[str, list[Spelled]]:
    """Return the names that texts in files spell, with their lines.

    Where one of the files gets something by a name that is not written there, all texts count.
    """
    places = {name: list(_places(tree)) for name, tree in trees.items()}
    free = any(_free(part) for parts in places.values() for part in parts)
    return {
        name: [text for root in ([tree] if free else places[name]) for text in _texts(root)]
        for name, tree in trees.items()
    }


def _texts(root: ast.AST) -> Iterator[Spelled]:
    for node in ast.walk(root):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


def _free(part: ast.expr) -> bool:
    """Return whether an expression may be a text that is not written there."""
    if isinstance(part, (ast.List, ast.Tuple, ast.Set)):
        return any(map(_free, part.elts))
    if isinstance(part, ast.BinOp):
        return _free(part.left) or _free(part.right)
    if isinstance(part, ast.Attribute) and part.attr == EXPORTS:
        return False
    if isinstance(part, ast.Name) and part.id == EXPORTS:
        return False
    return not isinstance(part, ast.Constant)


def _places(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield the expressions that are names for getattr() and its like, or go into __all__.

    What hands getattr() or a namespace on is yielded itself.
    """
    nodes = list(ast.walk(tree))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    direct = {id(node.value) for node in nodes if isinstance(node, ast.Subscript)}
    direct |= {
        id(node.value) for node in nodes if isinstance(node, ast.Attribute) and id(node) in called
    }
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if node.value and EXPORTS in map(_word, targets):
                yield node.value
        elif isinstance(node, ast.ImportFrom):
            yield from (
                ast.Name(item.asname) for item in node.names if item.asname and item.name in GETTING
            )
        elif isinstance(node, ast.Subscript) and _space(node.value):
            yield node.slice
        elif isinstance(node, ast.expr) and _space(node) and id(node) not in direct:
            yield node
        elif isinstance(node, ast.Call):
            yield from _given(node)
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            word = _word(node)
            if id(node) not in called and word in GETTING and word != "object":
                yield node


def _given(node: ast.Call) -> Iterator[ast.expr]:
    """Yield the arguments of a call that are names."""
    word = _word(node.func)
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if owner is not None and (_word(owner) == EXPORTS or _space(owner)):
        yield from node.args
    elif word in GETTING and (word != "object" or _word(owner) == "patch"):
        first = GETTING[word]
        last = None if word == "attrgetter" else first + 1
        yield from node.args[first:last]
        yield from (item.value for item in node.keywords if item.arg in (None, "name", "fromlist"))
        yield from (item for item in node.args[:first] if isinstance(item, ast.Starred))


def _space(node: ast.expr) -> bool:
    """Return whether an expression is a namespace as a dictionary."""
    if isinstance(node, ast.Call):
        return _word(node.func) in SPACES
    return _word(node) == "__dict__"


def _word(node: object) -> str:
    """Return the last name of a dotted one."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
