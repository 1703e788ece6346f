"""Where in a file the imports and functions of its new code go."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Union

import libcst as cst

Statement = Union[cst.SimpleStatementLine, cst.BaseCompoundStatement]


def insert(module: cst.Module, imports: str, functions: str) -> cst.Module:
    """Return a module with imports and functions after its last import of MediaPipe."""
    added = [*_parsed(imports, module), *_parsed(functions, module)]
    if not added:
        return module
    at = place(module)
    before, rest = list(module.body[:at]), list(module.body[at:])
    if functions and rest:
        rest[0] = _spaced(rest[0])
    if not before and imports:
        return module.with_changes(body=[*added, *rest])
    return module.with_changes(body=[*before, *added, *rest])


def _parsed(text: str, module: cst.Module) -> list[Statement]:
    """Return statements in the style of a module, the comments above the first with them."""
    parsed = cst.parse_module(text, module.config_for_parsing)
    body = list(parsed.body)
    if body and parsed.header:
        lines = [*parsed.header, *body[0].leading_lines]
        body[0] = body[0].with_changes(leading_lines=lines)
    return body


def _spaced(statement: Statement) -> Statement:
    """Return a statement with two empty lines above it."""
    lines = statement.leading_lines
    blank = len(list(itertools.takewhile(lambda line: line.comment is None, lines)))
    empty = cst.EmptyLine(indent=False)
    return statement.with_changes(leading_lines=[*[empty] * max(0, 2 - blank), *lines])


def names_before(module: cst.Module) -> set[str]:
    """Return the words of the code before the helpers that is no import."""
    result: set[str] = set()
    for statement in module.body[: place(module)]:
        parts: Sequence[cst.CSTNode] = (
            statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]
        )
        for part in parts:
            if not isinstance(part, (cst.Import, cst.ImportFrom)):
                result |= set(re.findall(r"\w+", cst.Module([]).code_for_node(part)))
    return result


def place(module: cst.Module) -> int:
    """Return the number of the statement before which helpers go."""
    last = 0
    for number, statement in enumerate(module.body):
        if _imports(statement, "mediapipe"):
            last = number + 1
    if last:
        while last < len(module.body) and _imports(module.body[last], ""):
            last += 1
        return last
    for number, statement in enumerate(module.body):
        if not (_imports(statement, "") or (number == 0 and _is_text(statement))):
            return number
    return len(module.body)


def _is_text(statement: cst.CSTNode) -> bool:
    """Return whether a statement is a text alone, as at the beginning of a module."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    texts = (cst.SimpleString, cst.ConcatenatedString)
    return isinstance(small, cst.Expr) and isinstance(small.value, texts)


def _imports(statement: cst.CSTNode, name: str) -> bool:
    """Return whether a top-level statement imports something, also within try or if."""
    if isinstance(statement, cst.SimpleStatementLine):
        return any(
            isinstance(item, (cst.Import, cst.ImportFrom))
            and (not name or f" {name}" in cst.Module([]).code_for_node(item))
            for item in statement.body
        )
    if isinstance(statement, (cst.Try, cst.If)) and name:
        return any(_imports(item, name) for item in statement.body.body)
    return False
