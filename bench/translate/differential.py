"""Original against translated: registers, SIMD registers, flags, SP and memory, state by state."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.translate import cases
from bench.translate.player import FLAGS_AT, MEMORY_AT, STATE, VECTORS_AT, Case, play, results
from jetson_kit.wheels.translate.liveness import SCRATCH, VECTOR
from jetson_kit.wheels.translate.table import Row

ORIGINAL, OLD = "max", "cortex-a57"
BATCH = 400
# States that are played with every register free, where each differs and is looked at one by one.
FREE_STATES = 6
HALF = ("asimdhp", "fphp")


@dataclass(frozen=True)
class Pair:
    """An instruction and what replaces it, each ready to be played."""

    word: int
    row: Row
    original: Case
    translated: Case
    taken: int
    """Registers that the replacement may overwrite."""


@dataclass
class Compared:
    """How many were compared, and how they differed."""

    instructions: int
    states: int = 0
    nan_payloads: int = 0
    """States that differ in a NaN alone: which of two, or one that was signalling."""
    mismatches: list[str] = field(default_factory=list)


def compare(
    program: Path, words: Sequence[int], pool: Sequence[bytes], *, old: str = OLD
) -> Compared:
    """Compare instructions as the newest core has them with what replaces them on an old one.

    Each is translated twice: with no register free, when all must be as it was, and with all free,
    when only those may differ that the replacement took.
    """
    done = Compared(len(set(words)))
    for free, states in ((0, pool), (SCRATCH, pool[:FREE_STATES])):
        todo: list[Pair] = []
        for word in words:
            row = cases.row_of(word)
            if row is None:
                raise ValueError(f"{word:#010x} is in ARMv8.0-A")
            if (result := cases.translated(word, row, free)) is not None:
                words_after, taken = result
                sides = (cases.case(word, row, (word,)), cases.case(word, row, words_after))
                todo.append(Pair(word, row, *sides, taken))
        for at in range(0, len(todo), BATCH):
            _batch(program, todo[at : at + BATCH], states, old, done)
    return done


def _batch(
    program: Path,
    todo: Sequence[Pair],
    pool: Sequence[bytes],
    old: str,
    done: Compared,
) -> None:
    before = play(program, [pair.original for pair in todo], pool, ORIGINAL)
    after = play(program, [pair.translated for pair in todo], pool, old)
    done.states += len(todo) * len(pool)
    if before == after:
        return
    pairs = zip(results(before, len(pool)), results(after, len(pool)), strict=True)
    for pair, (expected, got) in zip(todo, pairs, strict=True):
        for number, (content, other) in enumerate(zip(expected, got, strict=True)):
            if content == other:
                continue
            what = difference(content, other, pair.taken, _tolerance(pair.row))
            if what == "nan":
                done.nan_payloads += 1
            elif what:
                where = "some registers free" if pair.taken else "none free"
                done.mismatches.append(
                    f"{pair.word:08x} {pair.row.name}, state {number}, {where}: {what}"
                )


def _tolerance(row: Row) -> str:
    """Return what difference() may let pass: of half precision alone, and of NaNs alone."""
    if row.feature not in HALF:
        return ""
    return "number" if "NM" in row.name else "nan"


def difference(content: bytes, other: bytes, ignored: int, half: str = "") -> str:
    """Return how two states differ, "" where only ignored registers do, "nan" for NaNs alone.

    `half`: "nan" lets one NaN of half precision stand for another; "number" also lets a number
    stand for the NaN that FMAXNM makes of a signalling NaN: converting it has made it a quiet one.
    """
    result = []
    nan = False
    mine, theirs = struct.unpack_from("<33Q", content), struct.unpack_from("<33Q", other)
    for number in range(31):
        if mine[number] != theirs[number] and not ignored >> number & 1:
            result.append(f"x{number}")
    if mine[31] != theirs[31]:
        result.append("sp")
    if mine[FLAGS_AT // 8] != theirs[FLAGS_AT // 8]:
        result.append("flags")
    for number in range(32):
        place = slice(VECTORS_AT + 16 * number, VECTORS_AT + 16 * number + 16)
        if content[place] == other[place] or ignored >> VECTOR + number & 1:
            continue
        if half and _same_but_nan(content[place], other[place], number_too=half == "number"):
            nan = True
        else:
            result.append(f"v{number} {content[place].hex()} {other[place].hex()}")
    if content[MEMORY_AT : STATE.size] != other[MEMORY_AT : STATE.size]:
        result.append("memory")
    return ", ".join(result) or ("nan" if nan else "")


def _same_but_nan(content: bytes, other: bytes, *, number_too: bool) -> bool:
    pairs = zip(struct.unpack("<8H", content), struct.unpack("<8H", other), strict=True)
    return all(a == b or (_is_nan(a) and (number_too or _is_nan(b))) for a, b in pairs)


def _is_nan(half: int) -> bool:
    return half & 0x7FFF > 0x7C00
