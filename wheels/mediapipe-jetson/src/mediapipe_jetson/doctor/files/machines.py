"""Leave out of a program what it does only on other machines than a board."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Optional

from mediapipe_jetson.doctor.files import markers
from mediapipe_jetson.doctor.files.answers import Answers
from mediapipe_jetson.doctor.files.markers import Value

QUESTION = re.compile(
    rb"\bplatform\b|\buname\b|\bos\.name\b|/etc/nv_tegra|device-?tree|/usr/bin/tegrastats|/proc/version"
)
# What programs ask the machine, as they write it.
ANSWERS = {
    "platform.machine()": "platform_machine",
    "platform.uname().machine": "platform_machine",
    "os.uname().machine": "platform_machine",
    "os.uname()[4]": "platform_machine",
    "platform.system()": "platform_system",
    "platform.uname().system": "platform_system",
    "os.uname().sysname": "platform_system",
    "os.uname()[0]": "platform_system",
    "sys.platform": "sys_platform",
    "os.name": "os_name",
}


def parsed(text: bytes, file: str) -> ast.Module:
    """Return a program's tree without the branches that a board does not take.

    Raises SyntaxError, ValueError or RecursionError.
    """
    tree = whole(text, file)
    if QUESTION.search(text):
        _Pruner(tree).visit(tree)
    return tree


def whole(text: bytes, file: str) -> ast.Module:
    """Return a program's tree. Raises SyntaxError, ValueError or RecursionError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, filename=file)


class _Pruner(ast.NodeTransformer):
    """Replaces what is decided; all other nodes and their places stay."""

    def __init__(self, tree: ast.Module) -> None:
        self.names: dict[str, Optional[ast.expr]] = {}
        self.answers = Answers(tree, self._board_value)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        reassigned = target.id in self.names or len(node.targets) > 1
                        self.names[target.id] = None if reassigned else node.value
            elif isinstance(node, ast.arg):
                self.names[node.arg] = None
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                # Set in another way, a loop or with: then its assignment is not all of it.
                self.names.setdefault(node.id, None)

    def visit_If(self, node: ast.If) -> object:
        self.generic_visit(node)
        value = self._decided(node.test)
        if value is None:
            return node
        body = node.body if value else node.orelse
        return body or ast.copy_location(ast.Pass(), node)

    def visit_IfExp(self, node: ast.IfExp) -> object:
        self.generic_visit(node)
        value = self._decided(node.test)
        return node if value is None else node.body if value else node.orelse

    def _decided(self, test: ast.expr) -> Optional[bool]:
        value = markers.decided(test, self._board_value)
        return value if isinstance(value, bool) else None

    def _board_value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):
            value = self.names.get(node.id)
            if value is None or isinstance(value, (ast.Name, ast.Constant)):
                return None
            return markers.decided(value, self._written)
        return self._written(node)

    def _written(self, node: ast.expr) -> Value:
        """Return the answer to a program's question, or a value that it derives from the answer."""
        if not isinstance(node, (ast.Call, ast.Attribute, ast.Subscript)):
            return None
        known = ANSWERS.get(ast.unparse(node))
        if known is not None:
            return markers.BOARD[known]
        answered = self.answers.of(node)
        if answered is not None:
            return answered
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return _changed(self._board_value(node.func.value), node.func.attr, node.args)
        return None


def _changed(value: Value, method: str, arguments: list[ast.expr]) -> Value:
    """Return what a text's method makes of it."""
    if not isinstance(value, str):
        return None
    if method in ("lower", "upper", "strip") and not arguments:
        return str(getattr(value, method)())
    first = arguments[0] if len(arguments) == 1 else None
    if method == "startswith" and isinstance(first, ast.Constant):
        return value.startswith(str(first.value))
    return None
