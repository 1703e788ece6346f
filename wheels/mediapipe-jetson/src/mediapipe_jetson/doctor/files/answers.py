"""What a program's functions answer on a board: is_jetson() and its like."""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Optional, Union

from mediapipe_jetson.doctor.files import markers
from mediapipe_jetson.doctor.files.board import board, holds
from mediapipe_jetson.doctor.files.markers import Value

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
# Tests for a file, calls that make a path or a stream, and methods of these and of texts.
EXISTS = ("os.path.exists", "os.path.isfile", "os.path.isdir")
PATHS = ("open", "io.open", "Path", "pathlib.Path")
OF_PATH = ("exists", "is_file", "is_dir")
READ = ("read", "readline", "read_text", "read_bytes")
SAME = ("strip", "rstrip", "lstrip", "decode", "replace")
WITHOUT_EFFECT = (ast.Import, ast.ImportFrom, ast.Expr, ast.Pass, ast.Global)
MOST = 40


@dataclasses.dataclass(frozen=True)
class Contents:
    """What is known of a file's text, path or stream: some words of the text."""

    text: str
    path: str = ""


class Answers:
    """Decides functions without arguments of one program."""

    def __init__(self, tree: ast.Module, resolve: Callable[[ast.expr], Value]) -> None:
        self.resolve = resolve
        self.functions: dict[str, Optional[Function]] = {}
        bound: list[str] = []
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.functions[node.name] = copy.deepcopy(node)  # others change the tree
                bound.append(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                bound += [alias.asname or alias.name for alias in node.names]
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                bound.append(node.id)
        for name in self.functions:
            if bound.count(name) > 1:
                self.functions[name] = None
        self._spare, self._answered = MOST, 0

    def of(self, node: ast.expr) -> Value:
        """Return a call's value on a board; None if it is not known."""
        if not isinstance(node, ast.Call):
            return None
        if not node.args and not node.keywords and isinstance(node.func, ast.Name):
            function = self.functions.get(node.func.id)
            if function is not None and not _parameters(function) and self._spare > 0:
                self._spare -= 1
                before = self._answered
                answer = self._block(function.body, {})[1]
                # A function that asks the machine nothing is a stub, or its value is set elsewhere.
                return answer if self._answered > before else None
        return self._exists(node, {})

    def _block(
        self, body: list[ast.stmt], names: dict[str, Contents], *, tried: bool = False
    ) -> tuple[Optional[bool], Value]:
        """Return whether statements end the function (None: not known), and with which value.

        `tried`: exceptions are caught, so a statement that may fail decides the result.
        """
        for node in body:
            if isinstance(node, ast.Return):
                return True, self._value(node.value, names)
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target, held = node.targets[0], self._contents(node.value, names)
                if tried and held is None and _calls(node):
                    return None, None
                if not isinstance(target, ast.Name):
                    return None, None
                names.pop(target.id, None)
                names.update({target.id: held} if held is not None else {})
            elif isinstance(node, (ast.If, ast.With, ast.Try)):
                ended, value = self._inner(node, names, tried=tried)
                if ended is not False:
                    return ended, value
            elif not isinstance(node, WITHOUT_EFFECT) or (tried and _may_fail(node)):
                return None, None
        return False, None

    def _inner(
        self, node: Union[ast.If, ast.With, ast.Try], names: dict[str, Contents], *, tried: bool
    ) -> tuple[Optional[bool], Value]:
        if isinstance(node, ast.If):
            decided = self._value(node.test, names)
            if not isinstance(decided, bool):
                return None, None
            return self._block(node.body if decided else node.orelse, names, tried=tried)
        if isinstance(node, ast.With):
            for item in node.items:
                held = self._contents(item.context_expr, names)
                if held is None:
                    return None, None
                if isinstance(item.optional_vars, ast.Name):
                    names[item.optional_vars.id] = held
            return self._block(node.body, names, tried=tried)
        ended, value = self._block(node.body, names, tried=tried or bool(node.handlers))
        if ended is False:
            return self._block([*node.orelse, *node.finalbody], names, tried=tried)
        return ended, value

    def _value(self, node: Optional[ast.expr], names: Mapping[str, Contents]) -> Value:
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, (bool, str)) else None
        if node is None:
            return None

        def leaf(inner: ast.expr) -> Value:
            known = self._exists(inner, names)
            known = self.resolve(inner) if known is None else known
            self._answered += known is not None
            return known

        return markers.decided(_ContainmentTests(self, names).visit(copy.deepcopy(node)), leaf)

    def _exists(self, node: ast.expr, names: Mapping[str, Contents]) -> Value:
        """Return True if a call tests for a file that boards have."""
        if not isinstance(node, ast.Call):
            return None
        path: Optional[ast.expr] = None
        if ast.unparse(node.func) in EXISTS and len(node.args) == 1:
            path = node.args[0]
        elif isinstance(node.func, ast.Attribute) and node.func.attr in OF_PATH:
            path = node.func.value
        held = self._contents(path, names) if path is not None else None
        known = held is not None and held.path in board().files
        return True if known else None

    def _contents(
        self, node: Optional[ast.expr], names: Mapping[str, Contents]
    ) -> Optional[Contents]:
        """Return what is known of a path, a stream or a text."""
        if isinstance(node, ast.Name):
            return names.get(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return Contents(board().contents.get(node.value, ""), node.value)
        return self._call_contents(node, names) if isinstance(node, ast.Call) else None

    def _call_contents(self, node: ast.Call, names: Mapping[str, Contents]) -> Optional[Contents]:
        """Return what is known of a call's result."""
        if ast.unparse(node.func) in PATHS and node.args:
            return self._contents(node.args[0], names)
        if not isinstance(node.func, ast.Attribute):
            return None
        held, method = self._contents(node.func.value, names), node.func.attr
        if held is None or (method in READ and not held.text):
            return None
        if method in ("lower", "casefold"):
            return Contents(held.text.lower(), held.path)
        return held if method in ("open", *READ, *SAME) else None

    def contains(self, node: ast.Compare, names: Mapping[str, Contents]) -> Optional[bool]:
        """Return whether a text that is known in part contains a word."""
        word, held = node.left, self._contents(node.comparators[0], names)
        text = word.value if isinstance(word, ast.Constant) else None
        text = text.decode("latin-1") if isinstance(text, bytes) else text
        if held is None or not held.text or not isinstance(text, str) or len(node.ops) != 1:
            return None
        known = holds(text, held.text)
        if known is None or not isinstance(node.ops[0], (ast.In, ast.NotIn)):
            return None
        self._answered += 1
        return known is isinstance(node.ops[0], ast.In)


class _ContainmentTests(ast.NodeTransformer):
    """Replaces tests for a word in a text with True or False."""

    def __init__(self, answers: Answers, names: Mapping[str, Contents]) -> None:
        self.answers, self.names = answers, names

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        known = self.answers.contains(node, self.names)
        if known is None:
            return node
        yes: ast.expr = ast.Compare(ast.Constant(""), [ast.Eq()], [ast.Constant("")])
        return yes if known else ast.UnaryOp(ast.Not(), yes)


def _calls(node: ast.stmt) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))


def _may_fail(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom)) or _calls(node)


def _parameters(function: Function) -> bool:
    given = function.args
    needed = len(given.posonlyargs) + len(given.args) > len(given.defaults)
    return needed or bool(given.kwonlyargs) or bool(function.decorator_list)
