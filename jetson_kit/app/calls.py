"""The calls of given functions that a program's modules hold, by what their imports plainly name.

Whether the program reaches a call is not known. Left out are those whose failure the program
catches, and functions that it may have replaced.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jetson_kit.app import imports
from jetson_kit.app.settings import App
from jetson_kit.app.tree import Entry

BUILTINS = "builtins"
# What no call raises that fails.
OF_NO_FAULT = frozenset({"KeyboardInterrupt", "SystemExit", "ImportError", "ModuleNotFoundError"})
SHOWN_MOST = 3


@dataclass(frozen=True)
class Call:
    """A call, and the whole name of its function, such as cv2.imshow or builtins.open."""

    file: str
    name: str
    node: ast.Call


def sources(entries: Sequence[Entry]) -> dict[str, bytes]:
    """Return the folder's code, by the names of its files."""
    files = (entry for entry in entries if entry.name.endswith(".py") and not entry.link)
    return {entry.name: entry.source.read_bytes() for entry in files}


def held(
    app: App, entries: Sequence[Entry], texts: Mapping[str, bytes], names: Collection[str]
) -> list[Call]:
    """Return the calls of these functions in the modules that the program imports.

    `texts` are the folder's code. A module of the folder hides an installed one of its name.
    """
    own = {part.partition(".")[0] for entry in entries for part in entry.name.split("/")}
    parts = [name.split(".") for name in names if name.partition(".")[0] not in own]
    encoded = [[part.encode() for part in row if part != BUILTINS] for row in parts]
    files = {file for file, text in texts.items() if _has(text, encoded)}
    # Only for these is the program followed, which takes seconds where it brings a large package.
    modules = imports.program(app, entries).modules if files else {}
    trees = {file: modules[file] for file in sorted(files & modules.keys())}
    bound = {file: _bound(tree) for file, tree in trees.items()}
    replaced = {name for file, tree in trees.items() for name in _replaced(tree, bound[file])}
    result = [
        Call(file, name, node)
        for file, tree in trees.items()
        for node in _uncaught(tree)
        if (name := _name(node.func, bound[file])).split(".") in parts
        and not {name, name.partition(".")[0]} & replaced
    ]
    return sorted(result, key=lambda call: (call.file, call.node.lineno, call.node.col_offset))


def places(rows: Sequence[tuple[Call, str]]) -> str:
    """Return the places of calls, each with what it is about."""
    named = [f"{call.file}, line {call.node.lineno} ({text})" for call, text in rows]
    more = len(named) - SHOWN_MOST
    return "; ".join(named[:SHOWN_MOST]) + (f"; and {more} more" if more > 0 else "")


def _has(text: bytes, names: Sequence[Sequence[bytes]]) -> bool:
    return any(all(part in text for part in name) for name in names)


def _bound(tree: ast.Module) -> Mapping[str, set[str]]:
    """Return what the names of a module may refer to: wholes of imports, "" for all else."""
    result: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                head = item.name.partition(".")[0]
                result[item.asname or head].add(item.name if item.asname else head)
        elif isinstance(node, ast.ImportFrom):
            for item in node.names:
                whole = "" if node.level else f"{node.module}.{item.name}"
                result[item.asname or item.name].add(whole)
        elif isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                result[node.id].add("")
        elif not isinstance(node, ast.alias | ast.keyword):
            # Of definitions, arguments, handlers and patterns.
            for key in ("name", "arg", "rest"):
                if isinstance(name := getattr(node, key, None), str):
                    result[name].add("")
    return result


def _name(node: ast.expr, bound: Mapping[str, set[str]]) -> str:
    """Return the whole name of a function or module; "" where it is not plain."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = _name(node.value, bound)
        return f"{owner}.{node.attr}" if owner else ""
    if not isinstance(node, ast.Name):
        return ""
    if node.id not in bound:
        # Any name may come from `import *`.
        return "" if "*" in bound else f"{BUILTINS}.{node.id}"
    return next(iter(bound[node.id])) if len(bound[node.id]) == 1 else ""


def _replaced(tree: ast.Module, bound: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield the functions that a module sets or names in a text, and modules that it hands on."""
    owners = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owners.add(id(node.value))
            if not isinstance(node.ctx, ast.Load):
                yield _name(node, bound)
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and "." in node.value:
                yield node.value
        elif isinstance(node, ast.Name) and id(node) not in owners:
            name = _name(node, bound)
            if "." not in name:
                yield name


def _uncaught(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield the calls of a module but for those in a `try` or suppress() that takes faults."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call):
            yield node
        if isinstance(node, ast.Try | ast.TryStar) and any(map(_catches, node.handlers)):
            todo += [*node.handlers, *node.orelse, *node.finalbody]
        elif not (isinstance(node, ast.With) and any(map(_suppresses, node.items))):
            todo += ast.iter_child_nodes(node)


def _suppresses(item: ast.withitem) -> bool:
    function = getattr(item.context_expr, "func", None)
    return "suppress" in {getattr(function, "id", ""), getattr(function, "attr", "")}


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    nodes = ast.walk(handler.type)
    return not {node.id for node in nodes if isinstance(node, ast.Name)} <= OF_NO_FAULT
