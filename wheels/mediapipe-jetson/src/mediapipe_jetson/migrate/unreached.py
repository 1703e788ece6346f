"""Old code that the reader does not reach: what it names would stay as it is, unreported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mediapipe_jetson.doctor.names import BROUGHT_UP, PACKAGE, canonical, is_ours
from mediapipe_jetson.migrate import bindings, table
from mediapipe_jetson.migrate.facts import Facts, things

ROOT = re.compile(r"\b(mp|mediapipe)\.(python\.)?solutions\b")
NOT_READ = "{} stands where the code can't be followed, as in functions within functions within ..."
STAR = "a star import of MediaPipe, which brought {}; import that by its name"


def note(facts: Facts, trees: dict[str, ast.Module]) -> None:
    """Note the places in these files as what can't be rewritten."""
    read: dict[str, set[int]] = {}
    old: dict[str, set[int]] = {}
    for (file, span), values in facts.values.items():
        read.setdefault(file, set()).add(span[0])
        if any(things(values)):
            old.setdefault(file, set()).add(span[0])
    for file, tree in trees.items():
        notes = [*_named(tree, read.get(file, set()), old.get(file, set())), *_starred(tree)]
        if notes:
            facts.guards.setdefault(file, []).extend(notes)
        mentions = [
            (node.lineno, str(node.value), False)
            for node in bindings.quoted(tree)
            if ROOT.search(str(node.value))
        ]
        if mentions:
            facts.mentions.setdefault(file, []).extend(mentions)


def _named(tree: ast.Module, read: set[int], old: set[int]) -> Iterator[tuple[int, str]]:
    """Yield lines that name the legacy API and were not followed."""
    packages, names = _bound(tree)
    for node in _plain(tree):
        if isinstance(node, ast.Attribute) and node.attr == "solutions":
            if ast.unparse(node.value) in packages and node.lineno not in old:
                yield node.lineno, NOT_READ.format(ast.unparse(node))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            unread = [node.id] if node.id in names and node.lineno not in read else []
            yield from ((node.lineno, NOT_READ.format(name)) for name in unread)


def _plain(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all within a node, but formatted texts: Python gives wrong places for these."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.JoinedStr):
            yield child
            yield from _plain(child)


def _bound(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Return what imports bind to MediaPipe, and to parts of its legacy API."""
    packages, names = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if is_ours(alias.name):
                    packages |= {alias.asname or PACKAGE, *([] if alias.asname else [alias.name])}
                if alias.asname and table.thing(canonical(alias.name)):
                    names.add(alias.asname)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if table.thing(canonical(f"{node.module}.{alias.name}")):
                    names.add(alias.asname or alias.name)
    return packages, names


def _starred(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line of a star import of MediaPipe where a name is used that it brought once."""
    used = {node.id for node in _plain(tree) if isinstance(node, ast.Name)}
    imported = [name for name in BROUGHT_UP if name in used]
    for node in ast.walk(tree) if imported else ():
        ours = isinstance(node, ast.ImportFrom) and (node.module, node.level) == (PACKAGE, 0)
        if ours and isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield node.lineno, STAR.format(imported[0])
