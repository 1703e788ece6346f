"""Read a shell script as its commands, each with its place and the mark before it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

# A word's parts, what ends a command, and what is neither, such as 2>/dev/null.
TOKEN = re.compile(
    r"(?P<skip>\\\r?\n(?:[ \t]*\#[^\n]*\n)*|[ \t\r]+|(?<!\S)\#[^\n]*"
    r"|(?<!\S)(?:\d?|&)>>?(?:&\d|[ \t]*[^\s;&|()<>]+))"
    r"|(?P<word>\\.|\"(?:[^\"\\]|\\.)*\"|'[^']*'|\$\([^()]*\)|`[^`]*`|[^\s;&|()\"'\\`$]+|\$)"
    r"|(?P<end>;;|&&|\|\||[;&|()\n])",
    re.DOTALL,
)


@dataclasses.dataclass
class Command:
    """A command: where it starts and ends, the mark before it, and its tokens."""

    start: int
    end: int
    before: str
    tokens: list[str]


def commands(text: str) -> Iterator[Command]:
    """Yield a script's commands. Raises ValueError where a quotation has no end."""
    at, before = 0, "\n"
    start = end = -1
    tokens: list[str] = []
    near = False
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"an end is missing at {at}")
        if match.lastgroup == "end":
            if tokens:
                yield Command(start, end, before, tokens)
            mark = match["end"]
            before = mark if tokens or mark != "\n" else before
            tokens, near = [], False
        elif match.lastgroup == "word":
            word = match["word"]
            start = match.start() if not tokens else start
            end = match.end()
            if near:
                tokens[-1] += _unquoted(word)
            else:
                tokens.append(_unquoted(word))
            near = True
        else:
            near = False
        at = match.end()
    if tokens:
        yield Command(start, end, before, tokens)


def _unquoted(word: str) -> str:
    return word[1:-1] if word[:1] in "\"'" and len(word) > 1 else word
