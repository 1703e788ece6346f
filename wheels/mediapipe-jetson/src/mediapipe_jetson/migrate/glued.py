"""Parentheses glued to a word, `return(a if b else c)`, which LibCST refuses around some code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import libcst as cst

LINE_END = re.compile(rb"\r\n|\r|\n")
WORD = re.compile(
    rb"\b(?:return|yield|assert|raise|not|and|or|in|is|if|elif|else|while|await|with|from)$"
)
LONGEST = 6
BETWEEN = b" \t\r\n\f\v("
BEHIND = re.compile(rb"[\s)]*\)(?=[A-Za-z])")


def spaced(content: bytes, text: str, tree: ast.AST) -> str:
    """Return a program with blanks beside these parentheses, the same where LibCST reads it."""
    data = text.encode()
    places = sorted(set(_places(data, tree)), reverse=True)
    if not places:
        return text
    try:
        cst.parse_module(content)
    except cst.ParserSyntaxError:
        return text
    except (cst.CSTValidationError, TypeError):
        # It raises TypeError for `return(lambda: a)`.
        for place in places:
            data = data[:place] + b" " + data[place:]
    return data.decode()


def _places(data: bytes, tree: ast.AST) -> Iterator[int]:
    starts = [0, *(match.end() for match in LINE_END.finditer(data))]
    for node in ast.walk(tree):
        if isinstance(node, (ast.IfExp, ast.Lambda)):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
            while start and data[start - 1] in BETWEEN:
                start -= 1
            # The letter before a word shows whether it is a whole one.
            first = max(start - LONGEST - 1, 0)
            if data[start : start + 1] == b"(" and WORD.search(data[first:start]):
                yield start
            if behind := BEHIND.match(data, end):
                yield behind.end()
