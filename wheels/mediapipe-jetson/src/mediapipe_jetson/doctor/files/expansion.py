"""Substitute variables as Docker, Compose and shells do: $V, ${V}, ${V:-x}, ${V:+x}."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Optional

BEGIN = re.compile(r"(?<!\\)\$(?:(?P<name>[A-Za-z_]\w*|\d)|\{(?P<braced>\w+))")
OPERATOR = re.compile(r":?[-+?]")
MARKS = re.compile(r"\$\{|\}|\n")
DEEPEST = 8
Values = Mapping[str, Optional[str]]


def expanded(text: str, known: Values, depth: int = 0) -> str:
    """Return a text with its variables substituted, if they are known.

    What is not in `known`, or None there, stays as it is, or is its own default.
    """
    result, at = [], 0
    closing: Optional[dict[int, int]] = None
    while (match := BEGIN.search(text, at)) is not None:
        result.append(text[at : match.start()])
        name, end = match["name"], match.end()
        if name is None:
            closing = _closings(text) if closing is None else closing
            end = closing.get(match.start(), -1)
            if end < 0:
                result.append(text[match.start() : match.end()])
                at = match.end()
                continue
        whole = text[match.start() : end]
        inside = "" if name else text[match.end() : end - 1]
        result.append(_value(whole, name or match["braced"], inside, known, depth))
        at = end
    return "".join([*result, text[at:]])


def _closings(text: str) -> dict[int, int]:
    """Return where each ${ that is closed in its line ends, by where it begins."""
    result: dict[int, int] = {}
    opened: list[int] = []
    for match in MARKS.finditer(text):
        if match[0] == "${":
            opened.append(match.start())
        elif match[0] == "\n":
            opened.clear()
        elif opened:
            result[opened.pop()] = match.end()
    return result


def _value(whole: str, name: str, inside: str, known: Values, depth: int) -> str:
    """Return the text for one variable; `inside` is what follows its name in braces."""
    value = known.get(name)
    if not inside:
        return whole if value is None else value
    operator = OPERATOR.match(inside)
    if operator is None or depth > DEEPEST:
        return whole
    word = inside[operator.end() :]
    by, colon = operator[0][-1], operator[0].startswith(":")
    has = bool(value) if colon else value is not None
    if by == "+":
        if value is None:
            return whole
        return expanded(word, known, depth + 1) if has else ""
    if has:
        return str(value)
    return expanded(word, known, depth + 1) if by == "-" else whole
