"""The places of expressions in formatted texts, which Python's own tree has only from 3.12 on.

Before that it looks for an expression by its letters and takes the first place that fits. LibCST
knows the places; both have the expressions of one text in the same order.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

import libcst as cst
from libcst import metadata

RIGHT = sys.version_info >= (3, 12)
Start = tuple[int, int]
"""Line from 1, column from 0 in letters."""
Texts = dict[Start, list[tuple[Start, str]]]
"""By the start of a text: where its expressions begin, and how they are written."""


class _Finder(cst.CSTVisitor):
    """Collects the expressions of texts in their order."""

    METADATA_DEPENDENCIES = (metadata.PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.texts: Texts = {}
        self._inside = 0
        self._current: list[tuple[Start, str]] = []

    def _start(self, node: cst.CSTNode) -> Start:
        at = self.get_metadata(metadata.PositionProvider, node).start
        return (at.line, at.column)

    def _enter(self, node: cst.CSTNode) -> None:
        if not self._inside:
            self._current = self.texts.setdefault(self._start(node), [])
        self._inside += 1

    def visit_FormattedString(self, node: cst.FormattedString) -> None:
        """Begin a text."""
        self._enter(node)

    def leave_FormattedString(self, original_node: cst.FormattedString) -> None:
        """End a text."""
        del original_node
        self._inside -= 1

    def visit_ConcatenatedString(self, node: cst.ConcatenatedString) -> None:
        """Begin a text of several parts."""
        self._enter(node)

    def leave_ConcatenatedString(self, original_node: cst.ConcatenatedString) -> None:
        """End a text of several parts."""
        del original_node
        self._inside -= 1

    def visit_FormattedStringExpression(self, node: cst.FormattedStringExpression) -> None:
        """Note an expression."""
        text = cst.Module([]).code_for_node(node.expression)
        self._current.append((self._start(node.expression), text))


def find(module: cst.Module) -> Texts:
    """Return the formatted texts of a module; none where Python's own places are right."""
    if RIGHT:
        return {}
    finder = _Finder()
    metadata.MetadataWrapper(module, unsafe_skip_copy=True).visit(finder)
    return finder.texts


def shifts(
    node: ast.JoinedStr, start: Start, texts: Texts
) -> dict[ast.AST, tuple[ast.expr, Start, str]]:
    """Return for each node in a text its expression, where that begins, and how it is written.

    Raises LookupError where both trees have other expressions.
    """
    places = texts.get(start, [])
    values = list(_values(node))
    if len(places) != len(values):
        raise LookupError
    result: dict[ast.AST, tuple[ast.expr, Start, str]] = {}
    for value, (place, text) in zip(values, places):  # noqa: B905 # Python 3.9 has no strict
        if "\n" in text:
            raise LookupError
        for inner in ast.walk(value):
            result[inner] = (value, place, text)
    return result


def _values(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions of a text in order, each before those within it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FormattedValue):
            yield child.value
        yield from _values(child)
