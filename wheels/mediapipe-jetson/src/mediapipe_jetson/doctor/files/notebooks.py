"""Read a notebook's code cells: what is Python, and what is for the shell."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

from mediapipe_jetson.doctor.files.unreadable import FormError

MAGIC = ("!", "%", "?")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A code cell by its number, from 1; `shell` are its lines for the shell, from 0.

    In `code` those do nothing; it is "" where the whole cell is no Python.
    """

    number: int
    text: str
    shell: list[int]
    code: str


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


def _cell(number: int, lines: list[str]) -> Cell:
    text = "\n".join(lines)
    if lines and lines[0].startswith("%%"):
        return Cell(number, text, list(range(len(lines))), "")
    shell = [at for at, line in enumerate(lines) if line.lstrip().startswith(MAGIC)]
    for at in shell:
        lines[at] = f"{lines[at][: len(lines[at]) - len(lines[at].lstrip())]}pass"
    return Cell(number, text, shell, "\n".join(lines))
