"""The lists of a program whose packages it installs: pip install with what a variable holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Union

# What shows or logs a text instead of running it.
SHOWS = re.compile(
    r"print|log|debug|info|warn(ing)?|error|critical|exception|write|echo|.*Error|exit"
)
PIP = re.compile(r"\bpip[\d.]*\s+install\s+(-\S+\s+)*$")
INSTALL = "install"
ADDING = {"append", "add", "extend", "insert", "update"}
THROUGH = {"list", "set", "tuple", "sorted", "reversed", "enumerate", "filter", "map", "join"}
Lists = Union[ast.List, ast.Tuple, ast.Set]
LISTS = (ast.List, ast.Tuple, ast.Set)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)


def installed(tree: ast.AST) -> list[Lists]:
    """Return the lists that a variable is bound to, or taken of, which pip is given."""
    program = _Program(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and not SHOWS.fullmatch(_called(node)):
            for argument in node.args:
                for value in _given(argument):
                    program.take(value)
    return list(program.found.values())


class _Program:
    """A program's nodes with those around them."""

    def __init__(self, tree: ast.AST) -> None:
        self.above = {
            child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
        }
        self.names = [node for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.Call))]
        self.found: dict[int, Lists] = {}
        self._done: set[int] = set()

    def take(self, value: ast.expr) -> None:
        """Note the lists that an expression comes from."""
        waiting: list[ast.expr] = [value]
        while waiting:
            node = waiting.pop()
            if id(node) in self._done:
                continue
            self._done.add(id(node))
            if isinstance(node, LISTS):
                self.found[id(node)] = node
                waiting += [item for item in node.elts if isinstance(item, (*LISTS, ast.Starred))]
            elif isinstance(node, ast.Name):
                waiting += self._bound(node)
            elif isinstance(node, COMPREHENSIONS):
                waiting += [item.iter for item in node.generators]
            elif isinstance(node, ast.BinOp):
                waiting += [node.left, node.right]
            elif isinstance(node, ast.IfExp):
                waiting += [node.body, node.orelse]
            elif isinstance(node, (ast.Starred, ast.Subscript)):
                waiting.append(node.value)
            elif isinstance(node, ast.Call) and _called(node) in THROUGH:
                waiting += node.args

    def _bound(self, name: ast.Name) -> Iterator[ast.expr]:
        """Return what a name stands for where it is read: the nearest loop, function or module."""
        node: ast.AST = name
        while node in self.above:
            node = self.above[node]
            if isinstance(node, (ast.For, ast.AsyncFor)) and _holds(node.target, name.id):
                yield node.iter
                return
            for loop in node.generators if isinstance(node, COMPREHENSIONS) else ():
                if _holds(loop.target, name.id):
                    yield loop.iter
                    return
            if isinstance(node, FUNCTIONS):
                own = list(self._assigned(name.id, node))
                places = [item.arg for item in node.args.args]
                if own or name.id in places:
                    yield from own
                    yield from self._passed(node.name, places, name.id)
                    return
        yield from self._assigned(name.id, node)

    def _assigned(self, name: str, scope: ast.AST) -> Iterator[ast.expr]:
        """Return what is assigned or added to a name in a function, or in the module itself."""
        for node in self.names:
            if self._scope(node) is not scope:
                continue
            if isinstance(node, ast.Assign) and any(_holds(item, name) for item in node.targets):
                yield node.value
            elif (
                isinstance(node, ast.Call)
                and _called(node) in ADDING
                and getattr(getattr(node.func, "value", None), "id", "") == name
            ):
                yield from node.args

    def _passed(self, function: str, places: list[str], name: str) -> Iterator[ast.expr]:
        """Return what calls give a function's parameter."""
        if name not in places:
            return
        at = places.index(name)
        for node in self.names:
            if isinstance(node, ast.Call) and _called(node) == function:
                shift = 1 if places[0] == "self" else 0
                yield from node.args[at - shift : at - shift + 1]
                yield from (item.value for item in node.keywords if item.arg == name)

    def _scope(self, node: ast.AST) -> ast.AST:
        while node in self.above:
            node = self.above[node]
            if isinstance(node, FUNCTIONS):
                break
        return node


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


def _holds(target: ast.expr, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))


def _given(node: ast.expr) -> Iterator[ast.expr]:
    """Return what stands after pip install in a command or its words and is no text."""
    if isinstance(node, (ast.List, ast.Tuple)):
        words = [getattr(item, "value", None) for item in node.elts]
        if INSTALL in words[:-1] and "pip" in words:
            for item in node.elts[words.index(INSTALL) + 1 :]:
                if isinstance(item, (ast.Name, ast.Starred, ast.Subscript)):
                    yield item
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_words(node.left):
        yield node.right
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        text = getattr(node.left, "value", None)
        if isinstance(text, str) and PIP.search(text.split("%s")[0]):
            yield from node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
    elif isinstance(node, ast.JoinedStr):
        before = ""
        for item in node.values:
            if isinstance(item, ast.FormattedValue) and PIP.search(before):
                yield item.value
            before = str(getattr(item, "value", ""))


def _is_words(node: ast.expr) -> bool:
    """Return whether words end with pip install and its options: [..., "install"] + packages."""
    if not isinstance(node, (ast.List, ast.Tuple)):
        return False
    words = [getattr(item, "value", None) for item in node.elts]
    return "pip" in words and INSTALL in words
