"""Original against translated: registers, SIMD registers, flags, SP and memory, state by state."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jetson_kit.translate.liveness import SCRATCH, VECTOR
from jetson_kit.translate.table import Row
from jetson_kit.translate_proof import cases
from jetson_kit.translate_proof.player import (
    FLAGS_AT,
    MEMORY_AT,
    STATE,
    VECTORS_AT,
    Case,
    play,
    results,
)

ORIGINAL, OLD = "max", "cortex-a57"
BATCH = 400
# States that are played with every register free, where each differs and is looked at one by one.
FREE_STATES = 6
HALF = {"asimdhp": "nan", "fphp": "nan"}


@dataclass
class Compared:
    """How many were compared, and how they differed."""

    instructions: int = 0
    states: int = 0
    nan_payloads: int = 0
    """States that differ in a NaN alone: which of two, or one that was signalling."""
    mismatches: list[str] = field(default_factory=list)


def compare(
    program: Path, words: Sequence[int], pool: Sequence[bytes], *, old: str = OLD
) -> Compared:
    """Compare instructions as the newest core has them with what replaces them on an old one.

    Each is translated twice: with no register free, when all must be as it was, and with all free,
    when those may differ that it does not name.
    """
    done = Compared()
    for free, states in ((0, pool), (SCRATCH, pool[:FREE_STATES])):
        todo: list[tuple[int, Row, Case, Case]] = []
        for word in words:
            row = cases.row_of(word)
            if row is None:
                raise ValueError(f"{word:#010x} is in ARMv8.0-A")
            sequence = cases.translated(word, row, free)
            if sequence is not None:
                original = cases.case(word, row, (word,))
                todo.append((word, row, original, cases.case(word, row, sequence)))
        for at in range(0, len(todo), BATCH):
            _batch(program, todo[at : at + BATCH], states, free, old, done)
    return done


def _batch(
    program: Path,
    todo: Sequence[tuple[int, Row, Case, Case]],
    pool: Sequence[bytes],
    free: int,
    old: str,
    done: Compared,
) -> None:
    before = play(program, [row[2] for row in todo], pool, ORIGINAL)
    after = play(program, [row[3] for row in todo], pool, old)
    done.instructions += 0 if free else len(todo)
    done.states += len(todo) * len(pool)
    if before == after:
        return
    pairs = zip(results(before, len(pool)), results(after, len(pool)), strict=True)
    for (word, row, *_), (expected, got) in zip(todo, pairs, strict=True):
        ignored = free & ~_named(word, row)
        for number, (one, other) in enumerate(zip(expected, got, strict=True)):
            if one == other:
                continue
            half = HALF.get(row.feature, "")
            if half and "NM" in row.name:
                half = "number"
            what = difference(one, other, ignored, half)
            if what == "nan":
                done.nan_payloads += 1
            elif what:
                done.mismatches.append(
                    f"{word:08x} {row.name}, state {number}, "
                    f"{'registers free' if free else 'none free'}: {what}"
                )


def _named(word: int, row: Row) -> int:
    """Return the registers that an instruction names, as a set of liveness.py."""
    numbers = [word & 31, word >> 5 & 31, word >> 16 & 31]
    if row.lower == "half_fused":
        numbers.append(word >> 10 & 31)
    if row.lower == "casp":
        numbers += [number | 1 for number in numbers]
    found = 0
    for number in numbers:
        found |= 1 << number & 0x7FFFFFFF | 1 << VECTOR + number
    return found


def difference(one: bytes, other: bytes, ignored: int, half: str = "") -> str:
    """Return how two states differ, "" where only ignored registers do, "nan" for NaNs alone.

    `half`: "nan" lets one NaN of half precision stand for another; "number" also lets a number stand
    for the NaN that FMAXNM makes of a signalling NaN, which converting it has made a quiet one.
    """
    found = []
    nan = False
    mine, theirs = struct.unpack_from("<33Q", one), struct.unpack_from("<33Q", other)
    for number in range(31):
        if mine[number] != theirs[number] and not ignored >> number & 1:
            found.append(f"x{number}")
    if mine[31] != theirs[31]:
        found.append("sp")
    if mine[FLAGS_AT // 8] != theirs[FLAGS_AT // 8]:
        found.append("flags")
    for number in range(32):
        place = slice(VECTORS_AT + 16 * number, VECTORS_AT + 16 * number + 16)
        if one[place] == other[place] or ignored >> VECTOR + number & 1:
            continue
        if half and _same_but_nan(one[place], other[place], number_too=half == "number"):
            nan = True
        else:
            found.append(f"v{number} {one[place].hex()} {other[place].hex()}")
    if one[MEMORY_AT : STATE.size] != other[MEMORY_AT : STATE.size]:
        found.append("memory")
    return ", ".join(found) or ("nan" if nan else "")


def _same_but_nan(one: bytes, other: bytes, *, number_too: bool) -> bool:
    pairs = zip(struct.unpack("<8H", one), struct.unpack("<8H", other), strict=True)
    return all(a == b or (_is_nan(a) and (number_too or _is_nan(b))) for a, b in pairs)


def _is_nan(half: int) -> bool:
    return half & 0x7FFF > 0x7C00
