"""Files whose every use of the legacy API stands where a program without it goes another way."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from mediapipe_jetson.migrate.facts import Facts, things

LEFT = "stays as it is: where MediaPipe has no mp.solutions, the program goes on without this"
IMPORT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException", ""})
ATTRIBUTE = frozenset({"AttributeError", "Exception", "BaseException", ""})
# What only names the legacy API, and runs nothing of it.
NAMES = frozenset(
    {"package", "module", "class", "name", "formats", "list_class", "landmark_class", "gone"}
)
ENDS = frozenset({"exit", "_exit", "quit", "abort"})
Lines = tuple[int, int]


def left_alone(facts: Facts, trees: dict[str, ast.Module]) -> dict[str, int]:
    """Return the files that stay as they are, each with the first line that is old.

    Where another file of the project takes from them, or they from it, and that one is old, they
    are rewritten or refused with it.
    """
    old = facts.legacy_files() & trees.keys()
    found = {name: _guarded(name, facts, trees[name]) for name in old}
    near = {name: {other for link in facts.links if name in link for other in link} for name in old}
    result = {name: line for name, line in found.items() if line}
    while True:
        bad = {name for name in result if (near[name] & old) - result.keys()}
        if not bad:
            return result
        result = {name: line for name, line in result.items() if name not in bad}


def _guarded(file: str, facts: Facts, tree: ast.Module) -> int:
    """Return the first line of the legacy API in a file; 0 where something of it is not guarded."""
    kinds: dict[int, set[str]] = {}
    for (name, span), values in facts.values.items():
        if name == file:
            for item in things(values):
                kinds.setdefault(span[0], set()).add(item.kind)
    imports = set(facts.imports.get(file, ()))
    guards = {line for line, _ in facts.guards.get(file, ())}
    lines = kinds.keys() | imports | guards
    by_text = any(name == file for name, _ in facts.by_text)
    if not lines or by_text or file in facts.told:
        return 0
    tested = list(_tested(tree))
    caught = list(_caught(tree, imports, lines))
    for line in lines:
        if _within(line, tested):
            continue
        if line in guards or not _within(line, caught) or kinds.get(line, NAMES) - NAMES:
            return 0
    return min(lines)


def _within(line: int, blocks: Iterable[Lines]) -> bool:
    return any(first <= line <= last for first, last in blocks)


def _tested(tree: ast.AST) -> Iterator[Lines]:
    """Yield where code stands that hasattr(mp, "solutions") or TYPE_CHECKING leads to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _asks(node.test):
            yield node.lineno, node.body[-1].end_lineno or node.lineno


def _asks(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_asks, test.values))
    if isinstance(test, ast.Call) and len(test.args) == 2:
        word = test.args[1]
        named = isinstance(word, ast.Constant) and word.value == "solutions"
        return named and isinstance(test.func, ast.Name) and test.func.id == "hasattr"
    plain = isinstance(test, (ast.Name, ast.Attribute))
    return plain and ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def _caught(tree: ast.AST, imports: set[int], lines: Iterable[int]) -> Iterator[Lines]:
    """Yield where code stands whose error, without the legacy API, is caught and passed over."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Try):
            continue
        last = node.body[-1].end_lineno or node.lineno
        inside = sorted(line for line in lines if node.lineno <= line <= last)
        if not inside:
            continue
        enough = IMPORT if inside[0] in imports else ATTRIBUTE
        handlers = [item for item in node.handlers if set(_names(item)) & enough]
        if handlers and not any(map(_ends, node.handlers)):
            yield node.lineno, last
            if node.orelse:
                yield node.orelse[0].lineno, node.orelse[-1].end_lineno or last


def _names(handler: ast.ExceptHandler) -> list[str]:
    """Return the last names of what a handler catches."""
    if handler.type is None:
        return [""]
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [ast.unparse(kind).rpartition(".")[2] for kind in kinds]


def _ends(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler may end the program."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ENDS:
            return True
    return False
