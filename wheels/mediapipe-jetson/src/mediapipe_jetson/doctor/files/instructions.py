"""Read Dockerfiles and scripts line by line: continued lines as one, without comments."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator
from typing import Optional

INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)$", re.DOTALL)
WITHIN = "<<"
# A word of its own, as BuildKit takes it: not <<< and not the shift of $((1<<3)).
HEREDOC = re.compile(r"(?<![<\w(])\d*<<-?([\"']?)(\w+)\1(?=\s|$)")
QUOTED = re.compile(r"\$\(\(.*?\)\)|(?<!<)(?<!<-)\"[^\"]*\"|(?<!<)(?<!<-)'[^']*'")


@dataclasses.dataclass(frozen=True)
class Line:
    """One instruction or command, with the numbers of its own lines."""

    number: int
    text: str
    parts: tuple[tuple[int, str], ...]


def logical(text: str, chosen: Optional[list[int]] = None) -> Iterator[Line]:
    """Return the commands of a script, continued lines as one, without comments.

    `chosen` are the lines to read, counted from 0; a heredoc's lines are commands of their own.
    """
    lines = text.splitlines()
    parts: list[tuple[int, str]] = []
    for at in chosen if chosen is not None else range(len(lines)):
        line = re.sub(r"(^|\s)#.*$", "", lines[at]).rstrip()
        goes_on = line.endswith("\\")
        if not line and parts and re.match(r"\s*#", lines[at]):
            continue  # a comment within a continued command
        parts.append((at + 1, line.rstrip("\\")))
        if not goes_on:
            whole = " ".join(part.strip() for _, part in parts).strip()
            if whole:
                yield Line(parts[0][0], whole, tuple(parts))
            parts = []
    whole = " ".join(part.strip() for _, part in parts).strip()
    if whole:
        yield Line(parts[0][0], whole, tuple(parts))


def instructions(text: str) -> Iterator[tuple[Line, str, str]]:
    """Yield a Dockerfile's instructions: the line, the keyword in capitals, and its arguments.

    A line of a heredoc has WITHIN for its keyword, and its own text as the arguments.
    """
    delimiters: list[str] = []
    for line in logical(text):
        if delimiters:
            if line.text.strip() == delimiters[0]:
                delimiters.pop(0)
            else:
                yield line, WITHIN, line.text
            continue
        delimiters = heredocs(line, text)
        match = INSTRUCTION.match(line.text)
        yield (line, match[1].upper(), match[2]) if match else (line, "", "")


def heredocs(line: Line, text: str) -> list[str]:
    """Return the delimiters of an instruction's heredocs, if each is further down."""
    if not re.match(r"\s*(RUN|COPY|ADD)\b", line.text, re.IGNORECASE):
        return []
    delimiters = [match[2] for match in HEREDOC.finditer(QUOTED.sub(" ", line.text))]
    if not delimiters:
        return []
    last, own = _last(text), line.parts[-1][0]
    return delimiters if all(last.get(delimiter, 0) > own for delimiter in delimiters) else []


@functools.lru_cache(maxsize=1)
def _last(text: str) -> dict[str, int]:
    """Return, for each line's text, the number of the last line that has it."""
    return {row.strip(): number for number, row in enumerate(text.splitlines(), 1)}
