"""Files that use the legacy API only where a program without it takes another way."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from mediapipe_jetson.migrate.facts import Facts, things

LEFT = "stays as it is: where MediaPipe has no mp.solutions, the program goes on without this"
IMPORT = frozenset({"ImportError", "ModuleNotFoundError"})
ATTRIBUTE = frozenset({"AttributeError"})
# These hide other errors too: only around imports do they mean MediaPipe.
ANY = frozenset({"Exception", "BaseException", ""})
# What only names the legacy API, and runs nothing of it.
NAMES = frozenset({"package", "module", "class", "formats", "list_class", "landmark_class", "gone"})
EXITS = frozenset({"exit", "_exit", "quit", "abort"})
Lines = tuple[int, int]


def left_alone(facts: Facts, trees: dict[str, ast.Module]) -> dict[str, int]:
    """Return the files that stay as they are, each with the first line that is old.

    Where another file of the project takes from them, or they from it, be it through files that
    are not old, and that one is old, they are rewritten or refused with it.
    """
    old = facts.legacy_files() & trees.keys()
    lines = {name: _guarded(name, facts, trees[name]) for name in old}
    result = {name: line for name, line in lines.items() if line}
    near = {name: _near(name, facts.links, old) for name in result}
    while True:
        bad = {name for name in result if near[name] - result.keys()}
        if not bad:
            return result
        result = {name: line for name, line in result.items() if name not in bad}


def _near(file: str, links: Iterable[frozenset[str]], old: set[str]) -> set[str]:
    """Return the old files that a file has to do with, be it through files that are not old."""
    reached, waiting = {file}, [file]
    while waiting:
        name = waiting.pop()
        for other in {other for link in links if name in link for other in link} - reached:
            reached.add(other)
            if other not in old:
                waiting.append(other)
    return reached & old


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
    if not lines or by_text or file in facts.mentions:
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
    """Yield the lines of code that hasattr(mp, "solutions") or TYPE_CHECKING leads to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _asks(node.test):
            yield node.lineno, node.body[-1].end_lineno or node.lineno


def _asks(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_asks, test.values))
    if isinstance(test, ast.Call) and len(test.args) == 2:
        argument = test.args[1]
        named = isinstance(argument, ast.Constant) and argument.value == "solutions"
        return named and isinstance(test.func, ast.Name) and test.func.id == "hasattr"
    plain = isinstance(test, (ast.Name, ast.Attribute))
    return plain and ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def _caught(tree: ast.AST, imports: set[int], lines: Iterable[int]) -> Iterator[Lines]:
    """Yield the lines of code whose error, without the legacy API, is caught and passed over.

    It only imports and binds: what uses the legacy API would give nothing any more, unseen.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Try):
            continue
        first, last = node.lineno, node.body[-1].end_lineno or node.lineno
        inside = sorted(line for line in lines if first <= line <= last)
        if not inside or any(map(_may_end_program, node.handlers)):
            continue
        enough = IMPORT if inside[0] in imports else ATTRIBUTE
        if imports.issuperset(inside):
            enough |= ANY
        if any(set(_names(item)) & enough for item in node.handlers):
            yield from _binding([*node.body, *node.orelse])


def _binding(body: list[ast.stmt]) -> Iterator[Lines]:
    """Yield the lines on which there is nothing but imports and bindings of names to names."""
    simple = [
        node
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.stmt) and not hasattr(node, "body")
    ]
    places = {node: (node.lineno, node.end_lineno or node.lineno) for node in simple}
    others = [place for node, place in places.items() if not _binds(node)]
    for node, (first, last) in places.items():
        apart = all(end < first or start > last for start, end in others)
        if _binds(node) and apart:
            yield first, last


def _binds(node: ast.stmt) -> bool:
    """Return whether a statement is an import, or gives a name to what another names."""
    if isinstance(node, ast.Assign):
        dotted = ast.unparse(node.value).replace(".", "").isidentifier()
        return dotted and all(isinstance(item, ast.Name) for item in node.targets)
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass))


def _names(handler: ast.ExceptHandler) -> list[str]:
    """Return the last names of what a handler catches."""
    if handler.type is None:
        return [""]
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [ast.unparse(kind).rpartition(".")[2] for kind in kinds]


def _may_end_program(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler may end the program."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in EXITS:
            return True
    return False
