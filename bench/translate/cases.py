"""The instructions that are compared: what a library holds, and what is possible beside it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from bench.translate.player import NONE, PAIR, STACK_POINTER, Case
from jetson_kit.wheels.translate import table
from jetson_kit.wheels.translate.rewrite import load_acquire, sequence
from jetson_kit.wheels.translate.scratch import NoScratchError
from jetson_kit.wheels.translate.table import Row
from jetson_kit.wheels.translate.words import Finder

# (Rs, Rn, Rt): all apart, each two the same, all the same, the zero register, x30, SP.
ALIASES = (
    (1, 2, 3),
    (1, 2, 2),
    (1, 2, 1),
    (2, 2, 3),
    (2, 2, 2),
    (1, 2, 31),
    (31, 2, 3),
    (31, 2, 31),
    (9, 30, 16),
    (30, 17, 30),
    (1, 31, 3),
    (4, 31, 31),
)
PAIRS = ((0, 4, 2), (0, 4, 0), (4, 4, 2), (0, 5, 2), (2, 4, 30), (30, 9, 6), (6, 31, 8))
VECTORS = ((1, 2, 3), (1, 1, 3), (1, 2, 1), (1, 2, 2), (1, 1, 1), (31, 15, 14))
OPERANDS = 0x1F | 0x1F << 5 | 0x1F << 16


def row_of(word: int) -> Row | None:
    """Return the kind of an instruction that ARMv8.0-A lacks."""
    number = _finder().number(word)
    return table.rows()[number] if number >= 0 else None


def _finder() -> Finder:
    global _FINDER  # noqa: PLW0603
    if _FINDER is None:
        _FINDER = Finder(row.pattern for row in table.rows())
    return _FINDER


_FINDER: Finder | None = None


def possible(seed: int = 1) -> list[int]:
    """Return instructions of every kind that is replaced: sizes, orders, aliased operands."""
    words: dict[int, None] = {}
    for row in table.rows():
        if row.lower:
            for word in _of_row(row, random.Random(seed)):  # noqa: S311 # the same on each run
                if row_of(word) is row:
                    words[word] = None
    return list(words)


def _of_row(row: Row, source: random.Random) -> Iterator[int]:
    value = row.pattern.value
    if row.lower == "ldapr":
        for size, (_, rn, rt) in itertools.product(range(4), ALIASES):
            yield value | size << 30 | rn << 5 | rt
    elif row.lower == "casp":
        for wide, load, store, (rs, rn, rt) in itertools.product((0, 1), (0, 1), (0, 1), PAIRS):
            yield value | wide << 30 | load << 22 | store << 15 | rs << 16 | rn << 5 | rt
    elif row.feature == "atomics":
        acquire, release = (22, 15) if row.lower == "cas" else (23, 22)
        for size, load, store, (rs, rn, rt) in itertools.product(range(4), (0, 1), (0, 1), ALIASES):
            yield value | size << 30 | load << acquire | store << release | rs << 16 | rn << 5 | rt
    else:
        free = ~row.pattern.mask & 0xFFFFFFFF & ~OPERANDS
        fixed = {value | source.getrandbits(32) & free for _ in range(48)} | {value, value | free}
        for word, (rd, rn, rm) in itertools.product(sorted(fixed), VECTORS):
            operands = (rd | rn << 5 | rm << 16) & ~row.pattern.mask
            yield word & ~(OPERANDS & ~row.pattern.mask) | operands


def case(word: int, row: Row, words: tuple[int, ...]) -> Case:
    """Return words to play with the operands of an instruction prepared for it."""
    rn, rs = word >> 5 & 31, word >> 16 & 31
    if row.feature not in ("atomics", "lrcpc"):
        return Case(words)
    base = STACK_POINTER if rn == 31 else rn
    if row.lower == "casp":
        size = 8 << (word >> 30 & 1)
        return Case(words, base, 0 if base == STACK_POINTER else 16, rs, size + PAIR)
    size = 1 << (word >> 30)
    offset = 0 if base == STACK_POINTER else (word * 7 & 31) // size * size
    equal = rs if row.lower == "cas" and rs < 31 else NONE
    return Case(words, base, offset, equal, size)


def translated(word: int, row: Row, free: int) -> tuple[tuple[int, ...], int] | None:
    """Return what replaces an instruction, and the registers that it may overwrite, as a set.

    None where it uses SP and no register is free.
    """
    if row.lower == "ldapr":
        return (load_acquire(word),), 0
    try:
        words, scratch = sequence(word, row, free)
    except NoScratchError:
        return None
    return tuple(words), scratch.taken
