"""The lists of a program whose packages it installs: pip install with a variable's value."""

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
Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
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
    return list(program.lists.values())


class _Program:
    """A program's nodes with those around them."""

    def __init__(self, tree: ast.AST) -> None:
        self.above: dict[ast.AST, ast.AST] = {}
        self.bound: dict[tuple[ast.AST, str], list[ast.expr]] = {}
        self.calls: dict[str, list[ast.Call]] = {}
        waiting = [(tree, tree)]
        while waiting:
            node, scope = waiting.pop()
            self._note(node, scope)
            inner = node if isinstance(node, FUNCTIONS) else scope
            for child in ast.iter_child_nodes(node):
                self.above[child] = node
                waiting.append((child, inner))
        self.lists: dict[int, Lists] = {}
        self._done: set[int] = set()
        self._followed_names: set[str] = set()

    def _note(self, node: ast.AST, scope: ast.AST) -> None:
        """Note what a node assigns or adds to names of a function, or of the module itself."""
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            within = isinstance(self.above.get(node), ast.ClassDef)
            for name in (name for target in targets for name in _names(target)):
                if within:
                    self.bound.setdefault((scope, f".{name}"), []).append(node.value)
                self.bound.setdefault((scope, name), []).append(node.value)
        elif isinstance(node, ast.Call):
            called = _called(node)
            self.calls.setdefault(called, []).append(node)
            if called in ADDING and isinstance(node.func, ast.Attribute):
                for name in _names(node.func.value):
                    self.bound.setdefault((scope, name), []).extend(node.args)

    def take(self, value: ast.expr) -> None:
        """Note the lists that an expression comes from."""
        waiting: list[ast.expr] = [value]
        while waiting:
            node = waiting.pop()
            if id(node) in self._done:
                continue
            self._done.add(id(node))
            if isinstance(node, LISTS):
                self.lists[id(node)] = node
                waiting += [item for item in node.elts if isinstance(item, (*LISTS, ast.Starred))]
            elif isinstance(node, ast.Name):
                waiting += self._bound(node)
            elif isinstance(node, ast.Attribute):
                waiting += self._attributes(node.attr)
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

    def _attributes(self, name: str) -> list[ast.expr]:
        """Return what is bound to an attribute of this name, by self or in a class."""
        if name in self._followed_names:
            return []
        self._followed_names.add(name)
        every = (values for (_, key), values in self.bound.items() if key == f".{name}")
        return [value for values in every for value in values]

    def _bound(self, name: ast.Name) -> Iterator[ast.expr]:
        """Return a name's values where it is read: by the nearest loop, function or module."""
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
                own = self.bound.get((node, name.id), [])
                places = [item.arg for item in node.args.args]
                if own or name.id in places:
                    yield from own
                    yield from self._passed(node, places, name.id)
                    return
        yield from self.bound.get((node, name.id), ())

    def _passed(self, function: Function, places: list[str], name: str) -> Iterator[ast.expr]:
        """Return what calls give a function's parameter, and its default."""
        if name not in places:
            return
        at = places.index(name) - (places[0] == "self")
        for node in self.calls.get(function.name, ()):
            yield from node.args[at : at + 1] if at >= 0 else ()
            yield from (item.value for item in node.keywords if item.arg == name)
        usual = function.args.defaults
        last = len(places) - places.index(name)
        yield from usual[-last : len(usual) - last + 1] if last <= len(usual) else ()


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


def _names(target: ast.expr) -> Iterator[str]:
    """Return the names that a target has; an attribute's begins with a dot."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Attribute):
        yield f".{target.attr}"
    elif isinstance(target, (ast.Tuple, ast.List)):
        for item in target.elts:
            yield from _names(item)


def _holds(target: ast.expr, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))


def _given(node: ast.expr) -> Iterator[ast.expr]:
    """Return what follows pip install in a command or its words and is no text."""
    if isinstance(node, (ast.List, ast.Tuple)):
        texts = [getattr(item, "value", None) for item in node.elts]
        if INSTALL in texts[:-1] and "pip" in texts:
            for item in node.elts[texts.index(INSTALL) + 1 :]:
                if isinstance(item, (ast.Name, ast.Starred, ast.Subscript)):
                    yield item
    elif (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_pip_install(node.left)
    ):
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


def _is_pip_install(node: ast.expr) -> bool:
    """Return whether words end with pip install and its options: [..., "install"] + packages."""
    if not isinstance(node, (ast.List, ast.Tuple)):
        return False
    texts = [getattr(item, "value", None) for item in node.elts]
    return "pip" in texts and INSTALL in texts
