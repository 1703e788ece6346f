"""An assembler for the instructions of encode.toml, with labels inside one sequence."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path

TABLE = Path(__file__).with_name("encode.toml")
Encoding = tuple[int, Mapping[str, tuple[int, int]]]


@functools.cache
def encodings() -> dict[str, Encoding]:
    """Return (word, operands as (lowest bit, largest value)) by the instruction's name."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        name: (
            row["word"],
            {key: (low, (1 << width) - 1) for key, (low, width) in row["operands"].items()},
        )
        for name, row in rows.items()
    }


class Sequence:
    """Instructions in order; `words` are final once every label that is used was placed."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.words: list[int] = []
        self._labels: dict[str, int] = {}
        self._open: list[tuple[int, str]] = []

    def emit(self, name: str, **operands: int) -> None:
        """Add an instruction. Raises ValueError for an operand that does not fit."""
        self.words.append(encode(name, **operands))

    def label(self, name: str) -> None:
        """Name the place of the next instruction."""
        self._labels[name] = len(self.words)

    def cbnz(self, register: int, label: str, sf: int = 0) -> None:
        """Add a CBNZ to a label, placed before or after."""
        self._open.append((len(self.words), label))
        self.emit("cbnz", rt=register, sf=sf)

    def jump(self, label: str) -> None:
        """Add a B to a label behind it."""
        self._open.append((len(self.words), label))
        self.emit("b")

    def finish(self) -> list[int]:
        """Return the words, their branches resolved."""
        for at, label in self._open:
            distance = self._labels[label] - at
            if self.words[at] == encode("b"):
                self.words[at] |= distance & 0x3FFFFFF
            else:
                self.words[at] |= (distance & 0x7FFFF) << 5
        self._open.clear()
        return self.words


def encode(name: str, **operands: int) -> int:
    """Return the word of an instruction. Raises ValueError for an operand that does not fit."""
    word, fields = encodings()[name]
    for key, value in operands.items():
        low, largest = fields[key]
        if not 0 <= value <= largest:
            raise ValueError(f"{name}: {key}={value}")
        word |= value << low
    return word


def branch(source: int, target: int) -> int:
    """Return the B from one address to another. Raises ValueError beyond 128 MiB."""
    distance = (target - source) >> 2
    if not -(1 << 25) <= distance < 1 << 25:
        raise ValueError(f"branch from {source:#x} to {target:#x}")
    return encode("b", imm26=distance & 0x3FFFFFF)
