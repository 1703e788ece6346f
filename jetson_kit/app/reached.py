"""The calls that a program makes whenever it runs: none that an `if`, a `try` or the like keeps.

A function counts where a reached place calls it by its name, a method where its class is made, too.
A test of what OpenCV returned, such as a frame or a key, keeps nothing: it is the program's way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
EXITS = frozenset({"exit", "quit", "_exit", "abort"})
OPENCV = "cv2"
# Methods of a camera, whatever its name is.
OF_CAMERA = (".read", ".isOpened")
# What no call raises that fails.
OF_NO_FAULT = frozenset({"KeyboardInterrupt", "SystemExit", "ImportError", "ModuleNotFoundError"})
SUPPRESS = frozenset({".suppress", "contextlib.suppress"})
# What these mark is called as if nothing marked it.
PLAIN = frozenset({"staticmethod", "classmethod"})
# Methods that run where an object is made, or is one of `with`.
OF_ITSELF = frozenset({".__init__", ".__enter__", ".__exit__"})


@dataclass(frozen=True)
class Module:
    """A file of the program, its name, and what its imports call things."""

    file: str
    name: str
    bound: Mapping[str, str]
    main: bool
    """Whether it is the one that is started."""

    def names(self, node: ast.expr) -> Iterator[str]:
        """Yield what a called expression may be: module.name, and .name for a method."""
        if isinstance(node, ast.Name):
            yield self.bound.get(node.id, f"{self.name}.{node.id}")
        elif isinstance(node, ast.Attribute):
            yield f".{node.attr}"
            if isinstance(node.value, ast.Name):
                owner = self.bound.get(node.value.id, node.value.id)
                yield f"{owner.rpartition('.')[2]}.{node.attr}"


@dataclass(frozen=True)
class Call:
    """A reached call, and what its function may be, such as cv2.imshow."""

    file: str
    node: ast.Call
    names: frozenset[str]

    @property
    def place(self) -> str:
        """Return file and line."""
        return f"{self.file}, line {self.node.lineno}"


def calls(trees: Mapping[str, ast.Module], started: str) -> list[Call]:
    """Return the reached calls of a program's modules, in their order.

    Of code that is nested too deep to be followed nothing is known.
    """
    try:
        return sorted(_found(trees, started), key=_order)
    except RecursionError:
        return []


def _order(call: Call) -> tuple[str, int, int]:
    return call.file, call.node.lineno, call.node.col_offset


def _found(trees: Mapping[str, ast.Module], started: str) -> list[Call]:
    walks = [_Walk(_module(file, tree, file == started), tree.body) for file, tree in trees.items()]
    names = set(OF_ITSELF)
    found: list[Call] = []
    waiting: list[tuple[Module, str, Definition]] = []
    while walks:
        walk = walks.pop()
        found += walk.calls
        names |= {name for call in walk.calls for name in call.names} | walk.targets
        waiting += walk.inner
        reached = [item for item in waiting if item[1] in names]
        waiting = [item for item in waiting if item[1] not in names]
        for module, _, node in reached:
            walks.append(_Walk(module, node.body, of_class=isinstance(node, ast.ClassDef)))
            if isinstance(node, ast.ClassDef):
                names |= {name for base in node.bases for name in module.names(base)}
    return found


def _module(file: str, tree: ast.Module, main: bool) -> Module:
    path = PurePosixPath(file)
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            rows = [(item.asname or item.name, item.name) for item in node.names]
            bound.update({name: whole.rpartition(".")[2] for name, whole in rows})
        elif isinstance(node, ast.ImportFrom):
            place = (node.module or "").rpartition(".")[2]
            bound.update(
                {item.asname or item.name: f"{place}.{item.name}".strip(".") for item in node.names}
            )
    return Module(file, path.parent.name if path.stem == "__init__" else path.stem, bound, main)


class _Walk:
    """Goes through a block in its order, as far as it is reached whatever happens."""

    def __init__(self, module: Module, body: list[ast.stmt], *, of_class: bool = False) -> None:
        self.module = module
        self.calls: list[Call] = []
        self.targets: set[str] = set()
        """What threads and processes are told to call."""
        self.inner: list[tuple[Module, str, Definition]] = []
        self._owner = "" if of_class else module.name
        self._data = self._of_opencv(body)
        self._block(body)

    def _block(self, body: Iterable[ast.stmt]) -> bool:
        """Go through statements; return whether what follows them is reached."""
        return all(self._statement(node) for node in body)

    def _statement(self, node: ast.stmt) -> bool:
        if isinstance(node, Definition):
            marks = {name for mark in node.decorator_list for name in _names(mark)}
            if isinstance(node, ast.ClassDef) or marks <= PLAIN:
                self.inner.append((self.module, f"{self._owner}.{node.name}", node))
        elif isinstance(node, ast.If):
            return self._if(node)
        elif isinstance(node, ast.While | ast.For | ast.AsyncFor):
            self._expression(node.test if isinstance(node, ast.While) else node.iter)
            self._block(node.body)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                self._expression(item.context_expr)
            # That of contextlib, which goes on behind what raised.
            managers = {name for item in node.items for name in self._called(item.context_expr)}
            return bool(managers & SUPPRESS) or self._block(node.body)
        elif isinstance(node, ast.Try | ast.TryStar):
            on = any(map(_catches, node.handlers)) or self._block([*node.body, *node.orelse])
            return self._block(node.finalbody) and on
        elif isinstance(node, ast.Match):
            self._expression(node.subject)
        else:
            self._expression(node)
            return not _leaves(node)
        return True

    def _if(self, node: ast.If) -> bool:
        self._expression(node.test)
        if "__name__" in _names(node.test):
            return not self.module.main or self._block(node.body)
        leaves = [bool(body) and _leaves(body[-1]) for body in (node.body, node.orelse)]
        if not self._of_data(node.test):
            return not any(leaves)
        self._block(node.body)
        self._block(node.orelse)
        return not all(leaves)

    def _of_data(self, test: ast.expr) -> bool:
        """Return whether a test asks nothing but what OpenCV or a camera returned."""
        names = _names(test)
        return bool(names) and (
            names <= self._data | {"ord"}
            or all(self.module.bound.get(name) == OPENCV for name in names - {"ord"})
            or any(self._is_opencv(part) for part in (test, getattr(test, "operand", test)))
        )

    def _of_opencv(self, body: list[ast.stmt]) -> frozenset[str]:
        """Return the names that are given what a call of OpenCV or of a camera returns."""
        result: set[str] = set()
        for node in (inner for statement in body for inner in ast.walk(statement)):
            if isinstance(node, ast.Assign | ast.NamedExpr) and any(
                self._is_opencv(part) for part in ast.walk(node.value)
            ):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                result |= {name for target in targets for name in _names(target)}
        return frozenset(result)

    def _called(self, node: ast.AST) -> Iterator[str]:
        return self.module.names(node.func) if isinstance(node, ast.Call) else iter(())

    def _is_opencv(self, node: ast.AST) -> bool:
        return any(
            name in OF_CAMERA or name.startswith(f"{OPENCV}.") for name in self._called(node)
        )

    def _expression(self, whole: ast.AST) -> None:
        """Note what an expression calls, but for its parts that may be left out."""
        todo = [whole]
        while todo:
            node = todo.pop()
            if isinstance(node, ast.IfExp):
                todo.append(node.test)
            elif isinstance(node, ast.BoolOp):
                todo.append(node.values[0])
            elif not isinstance(node, ast.Lambda):
                todo += ast.iter_child_nodes(node)
            if isinstance(node, ast.Call):
                names = frozenset(self.module.names(node.func))
                self.calls.append(Call(self.module.file, node, names))
                targets = [word.value for word in node.keywords if word.arg == "target"]
                self.targets |= {name for item in targets for name in self.module.names(item)}


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _catches(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler may take what a call that fails raises."""
    return handler.type is None or not _names(handler.type) <= OF_NO_FAULT


def _leaves(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = node.value.func
        return getattr(called, "attr", getattr(called, "id", "")) in EXITS
    return isinstance(node, LEAVES)
