"""Put variables in place as Docker, Compose and shells do: $V, ${V}, ${V:-x}, ${V:+x}."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Optional

BEGIN = re.compile(r"(?<!\\)\$(?:(?P<name>[A-Za-z_]\w*|\d)|\{(?P<braced>\w+))")
OPERATOR = re.compile(r":?[-+?]")
DEEPEST = 8
Values = Mapping[str, Optional[str]]


def expanded(text: str, known: Values, depth: int = 0) -> str:
    """Return a text with its variables in place, where they are known.

    What is not in `known`, or None there, stays as it is, or is its own default.
    """
    result, at = [], 0
    while (match := BEGIN.search(text, at)) is not None:
        result.append(text[at : match.start()])
        name, end = match["name"], match.end()
        if name is None:
            end = _closed(text, match.end())
            if end < 0:
                result.append(text[match.start() : match.end()])
                at = match.end()
                continue
        whole = text[match.start() : end]
        inside = "" if name else text[match.end() : end - 1]
        result.append(_value(whole, name or match["braced"], inside, known, depth))
        at = end
    return "".join([*result, text[at:]])


def _closed(text: str, at: int) -> int:
    """Return where the brace that is open here has been closed; -1 where it is not."""
    depth = 1
    for position in range(at, len(text)):
        if text[position] == "}":
            depth -= 1
        elif text.startswith("${", position):
            depth += 1
        elif text[position] == "\n":
            return -1
        if not depth:
            return position + 1
    return -1


def _value(whole: str, name: str, inside: str, known: Values, depth: int) -> str:
    """Return what stands for one variable; `inside` is what stands behind its name."""
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
