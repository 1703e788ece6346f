"""Environment markers of requirements (PEP 508): whether one excludes Jetson boards."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Optional, Union

BOARD = {
    "platform_machine": "aarch64",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    # As conda and Poetry write them.
    "platform": "linux",
}
Value = Union[str, bool, None]


def elsewhere(marker: str) -> bool:
    """Return whether a marker is false on a board whatever its Python is."""
    # `~=` is no operator of Python's; of a version it decides nothing here. Options are pip's.
    text = re.sub(r"\s--\w.*$|\s\\$", "", re.sub(r"~=|===", ">=", marker.strip()))
    try:
        return bool(text) and decided(ast.parse(text, mode="eval").body, _board_value) is False
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _board_value(node: ast.expr) -> Value:
    """Return what a marker's variable is on a board."""
    if isinstance(node, ast.Name):
        return BOARD.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return BOARD.get(f"{node.value.id}_{node.attr}")  # os.name, as old tools wrote it
    return None


def decided(node: ast.expr, resolve: Callable[[ast.expr], Value]) -> Value:  # noqa: PLR0911 # kinds
    """Return an expression's value on a board, None if it is not known.

    `resolve` gives the value of what is neither a text nor an operator.
    """
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BoolOp):
        values = [decided(item, resolve) for item in node.values]
        decides = isinstance(node.op, ast.Or)
        if decides in values:
            return decides
        return None if None in values else not decides
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = decided(node.operand, resolve)
        return None if inner is None else not inner
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, other = decided(node.left, resolve), node.comparators[0]
        if isinstance(other, (ast.Tuple, ast.List, ast.Set)):
            return _among(left, node.ops[0], [decided(item, resolve) for item in other.elts])
        return _compared(left, node.ops[0], decided(other, resolve))
    return resolve(node)


def _among(left: Value, operator: ast.cmpop, items: list[Value]) -> Optional[bool]:
    """Return whether a value is one of these."""
    if left is None or None in items or not isinstance(operator, (ast.In, ast.NotIn)):
        return None
    return (left in items) is isinstance(operator, ast.In)


def _compared(left: Value, operator: ast.cmpop, right: Value) -> Optional[bool]:
    if not isinstance(left, str) or not isinstance(right, str):
        return None
    if isinstance(operator, ast.Eq):
        return left == right
    if isinstance(operator, ast.NotEq):
        return left != right
    if isinstance(operator, ast.In):
        return left in right
    if isinstance(operator, ast.NotIn):
        return left not in right
    return None
