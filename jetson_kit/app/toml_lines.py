"""jetson.toml read on past what is no TOML in it, so that all faults are known at once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

MOST = 20
WORD = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')"
KEY = re.compile(rf"^\s*({WORD}(?:\s*\.\s*{WORD})*)\s*=", re.ASCII)
TABLE = re.compile(r"^\s*\[+\s*([^\[\]]+?)\s*\]+")
HEADER = re.compile(rf"^\s*\[+\s*({WORD}(?:\s*\.\s*{WORD})*)", re.ASCII)
PLACE = re.compile(r"^(.*) \(at line (\d+), column (\d+)\)$", re.DOTALL)
TWICE = re.compile(r"Cannot overwrite a value|Cannot declare .* twice", re.DOTALL)
OPEN = ("Unclosed", "Unterminated", "Expected '\"'", "Expected \"'")
"""What is said of a value whose end was not found: what follows can't be told from it."""
Fault = tuple[int, str]
"""A line, and what is wrong there."""


def read(text: str) -> tuple[dict[str, Any] | None, list[Fault]]:
    """Return the document without what is no TOML in it, and the faults of that.

    None where nothing can be read on; a fault of the whole has line 0.
    """
    lines = _Lines(text.replace("\r\n", "\n").split("\n"))
    result: list[Fault] = []
    while len(result) < MOST:
        try:
            return tomllib.loads("\n".join(lines.rows)), result
        except tomllib.TOMLDecodeError as error:
            match = PLACE.match(str(error))
            # At the document's end it names no line: the last key's value has no end.
            reason, *place = match.groups() if match else (str(error), len(lines.rows), 1 << 20)
            number, column = map(int, place)
            start = lines.key_above(number, column)
            fault, go_on = lines.without(reason, start, number)
            result.append((start, fault))
            if not go_on or match is None:
                return _above(lines, start), result
        except RecursionError:
            return None, [*result, (0, "is not TOML: it is nested too deeply")]
        except ValueError:
            # Python has a limit of its own for digits, and says how programs move it.
            return None, [*result, (0, "is not TOML: a number is too long")]
    return None, result


def _above(lines: _Lines, number: int) -> dict[str, Any] | None:
    """Return the document up to a line."""
    try:
        return tomllib.loads("\n".join(lines.rows[: max(number - 1, 0)]))
    except (ValueError, RecursionError):
        return None


@dataclass
class _Lines:
    rows: list[str]

    def key_above(self, number: int, column: int) -> int:
        """Return the line of the statement that a place is in."""
        if self._is_whole(number - 1):
            return number
        for line in range(min(number, len(self.rows)), 0, -1):
            row = self.rows[line - 1]
            match = KEY.match(row) or TABLE.match(row)
            if match and (line < number or column > match.end() or match.re is TABLE):
                return line
        return number

    def _is_whole(self, end: int) -> bool:
        """Return whether the lines up to one end with a whole statement."""
        try:
            tomllib.loads("\n".join(self.rows[:end]))
        except (ValueError, RecursionError):
            return False
        return True

    def without(self, reason: str, start: int, end: int) -> tuple[str, bool]:
        """Empty the lines of a fault; return what it is, and whether one can read on."""
        row = self.rows[start - 1] if start <= len(self.rows) else ""
        key, table = KEY.match(row), TABLE.match(row)
        if TWICE.match(reason) and (key or table):
            name = f"[{_plain(table[1])}]" if table and not key else _plain(key[1]) if key else ""
            first = self._first(start)
            self._empty(start, self._section_end(start) if not key else end)
            where = f" in line {first}" if first else ""
            return f"{name} is there already{where}, leave one of them", True
        what = f"{_plain(key[1])} is not TOML: {reason}" if key else f"is not TOML: {reason}"
        if reason == "Invalid value":
            what += ", write text in quotes"
        self._empty(start, end)
        header = HEADER.match(row)
        if header and not key and row.strip() != f"[{header[1]}]":
            # What stands below belongs to it.
            self.rows[start - 1] = f"[{header[1]}]"
        return what, not reason.startswith(OPEN)

    def _first(self, start: int) -> int:
        """Return the line in which the key or table of a line stands first; 0 if not found."""
        own = self._path(start)
        return next((line for line in range(1, start) if self._path(line) == own), 0)

    def _path(self, number: int) -> tuple[str, ...]:
        """Return the keys that a line sets or opens; nothing for other lines."""
        row = self.rows[number - 1]
        if not (key := KEY.match(row)):
            table = TABLE.match(row)
            return ("[", *_parts(table[1])) if table else ()
        above = next(
            (TABLE.match(row) for row in self.rows[number - 1 :: -1] if TABLE.match(row)), None
        )
        return (*(_parts(above[1]) if above else ()), *_parts(key[1]))

    def _section_end(self, number: int) -> int:
        for line in range(number + 1, len(self.rows) + 1):
            if TABLE.match(self.rows[line - 1]):
                return line - 1
        return len(self.rows)

    def _empty(self, start: int, end: int) -> None:
        for line in range(start, min(end, len(self.rows)) + 1):
            self.rows[line - 1] = ""


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip(" \t\"'") for part in dotted.split("."))


def _plain(dotted: str) -> str:
    return ".".join(_parts(dotted))
