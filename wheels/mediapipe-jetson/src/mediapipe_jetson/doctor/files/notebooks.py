"""Read a notebook's code cells: what is Python, and what is for the shell."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import warnings
from collections.abc import Iterator
from typing import Optional

from mediapipe_jetson.doctor.files import documents
from mediapipe_jetson.doctor.files.unreadable import FormError

# A magic, or a tool that IPython knows without its mark.
MAGIC = re.compile(
    r"\s*([!%?]|(pip3?|conda|mamba|micromamba|uv)\s+(install|uninstall|add|pip)\b)"
    r"|[\w.]+\?{1,2}\s*$"
)
# Magics whose cell is Python, and those of one statement.
RUNS_PYTHON = re.compile(
    r"%%(time|timeit|capture|prun|memit|mprun|lprun|debug|snakeviz|python3?|px|wandb)\b"
)
RUNS_STATEMENT = re.compile(
    r"(?P<indent>\s*)%(time|timeit|prun|memit)\s+(?P<statement>[A-Za-z_(][^!]*)$"
)
# A line that makes a program none of Python's: a magic.
MARKED = re.compile(r"^[ \t]*[!%]{1,2}\w", re.MULTILINE)
WRITES = re.compile(
    r"%%(writefile|file)\s+(-a\s+)?[\"']?(?:[^\s\"']*/)?(?P<module>[\w-]+)\.py[\"']?\s*$"
)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A code cell by its number, from 1; `shell` are its lines for the shell, from 0.

    In `code` those do nothing; it is "" where the whole cell is no Python. `module` is the program
    that the cell only writes, whose text it is.
    """

    number: int
    text: str
    shell: list[int]
    code: str
    module: str = ""


def cells(content: bytes) -> Iterator[Cell]:
    """Return the code cells. Raises ValueError."""
    document = json.loads(content)
    entries = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise FormError("it has no list of cells")
    for number, cell in enumerate(entries, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        parts = source if isinstance(source, list) else [source]
        if not all(isinstance(part, str) for part in parts):
            raise FormError(f"cell {number} holds no text")
        yield _cell(number, "".join(parts).splitlines())


def program(content: bytes) -> Optional[Cell]:
    """Return a notebook that was saved as a program with its magics, as one cell; else None."""
    text = documents.decoded(content)
    if not MARKED.search(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(content)
    except SyntaxError:
        return _cell(0, text.splitlines())
    except (ValueError, RecursionError, MemoryError):
        pass  # its own reader reports it
    return None


def _cell(number: int, lines: list[str]) -> Cell:
    text = "\n".join(lines)
    at = _first(lines)
    if at < len(lines) and lines[at].startswith("%%"):
        match = WRITES.match(lines[at])
        if match is None:
            return Cell(number, text, list(range(len(lines))), "")
        code = "\n".join([*("" for _ in lines[: at + 1]), *lines[at + 1 :]])
        return Cell(number, text, [], code, match.group("module"))
    shell = [n for n, line in enumerate(lines) if MAGIC.match(line)]
    for n in shell:
        lines[n] = _plain(lines[n])
    return Cell(number, text, shell, "\n".join(lines))


def _first(lines: list[str]) -> int:
    """Return the first line that is neither empty nor a magic which runs the rest as Python."""
    return next(
        (n for n, line in enumerate(lines) if line.strip() and not RUNS_PYTHON.match(line)),
        len(lines),
    )


def _plain(line: str) -> str:
    """Return Python for a magic: the statement that it runs, else one that does nothing."""
    timed = RUNS_STATEMENT.match(line)
    if timed:
        return f"{timed.group('indent')}{timed.group('statement')}"
    return f"{line[: len(line) - len(line.lstrip())]}pass"
