"""Find registers that hold nothing anyone will read, at one place of a function.

What is not understood counts as read: a register is only named free where every path shows it
overwritten first, or leaves a function that overwrites it anyway and so need not preserve it.
Calls neither read nor overwrite x9 to x14 and v16 to v31 here: some conventions preserve them
(TLS descriptors, preserve_most, vector calls), and none passes arguments in them.
"""

from __future__ import annotations

import functools
import struct
import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("operands.toml")
FIELDS = {"d": 0, "n": 5, "a": 10, "m": 16}
# General registers are bits 0 to 30 of a set, SIMD&FP registers bits 32 to 63.
VECTOR = 32
GENERAL_SCRATCH = sum(1 << number for number in (*range(18), *range(19, 29)))
VECTOR_SCRATCH = sum(1 << VECTOR + number for number in (*range(8), *range(16, 32)))
SCRATCH = GENERAL_SCRATCH | VECTOR_SCRATCH
# By AAPCS64 a call may read x0 to x8 and v0 to v7; x15 is where LLVM passes a static chain. What it
# throws goes to a landing pad, which reads x19 to x28.
CALL_READS = sum(1 << n for n in (*range(9), 15, *range(19, 29))) | 0xFF << VECTOR
LINKER_SCRATCH = 1 << 16 | 1 << 17
# What a function that overwrites it need not preserve, and does not return.
TEMPORARIES = sum(1 << n for n in range(9, 18)) | sum(1 << VECTOR + n for n in range(16, 32))
STACK_POINTER = 31
STEPS = 400


@dataclass(frozen=True)
class Effect:
    """What an instruction reads and surely overwrites, as sets of registers, and where it goes."""

    reads: int
    writes: int
    flow: str


@dataclass(frozen=True)
class _Row:
    mask: int
    value: int
    fields: tuple[tuple[int, str], ...]
    """(lowest bit, what: "reads", "writes", "vreads", "vwrites")"""
    flow: str


@functools.cache
def _rows() -> dict[int, tuple[_Row, ...]]:
    """Return the rows that a word may fit, by its bits 28:25."""
    groups: dict[int, list[_Row]] = {number: [] for number in range(16)}
    for source in tomllib.loads(TABLE.read_text(encoding="utf-8"))["source"]:
        for raw in source["rows"]:
            fields = tuple(
                (FIELDS[letter], kind)
                for kind in ("reads", "writes", "vreads", "vwrites")
                for letter in raw.get(kind, "")
            )
            row = _Row(raw["mask"], raw["value"], fields, raw.get("flow", ""))
            for number, group in groups.items():
                if (number << 25 ^ row.value) & row.mask & 0x1E000000 == 0:
                    group.append(row)
    return {number: tuple(group) for number, group in groups.items()}


@functools.lru_cache(maxsize=1 << 18)
def effect(word: int) -> Effect:
    """Return what an instruction does to registers."""
    for row in _rows()[word >> 25 & 15]:
        if word & row.mask == row.value:
            sets = {"reads": 0, "writes": 0}
            for low, kind in row.fields:
                number = word >> low & 31
                bit = 1 << VECTOR + number if kind[0] == "v" else (1 << number) & 0x7FFFFFFF
                sets[kind.removeprefix("v")] |= bit
            return Effect(sets["reads"], sets["writes"], row.flow)
    named = 0
    for low in FIELDS.values():
        number = word >> low & 31
        named |= 1 << VECTOR + number | (1 << number) & 0x7FFFFFFF
    # Branches that no row knows may go anywhere.
    return Effect(named, 0, "unknown" if word >> 26 & 7 == 5 else "")


def branch_target(word: int, address: int) -> int:
    """Return where a B, BL, B.cond, CBZ or TBZ at an address goes."""
    if word & 0x7C000000 == 0x14000000:
        low, width = 0, 26
    elif word & 0x7E000000 == 0x36000000:
        low, width = 5, 14
    else:
        low, width = 5, 19
    value = word >> low & (1 << width) - 1
    return address + ((value ^ 1 << width - 1) - (1 << width - 1)) * 4


class Function:
    """The code of one function: `words` from address `start` on."""

    def __init__(self, start: int, code: bytes | memoryview) -> None:
        """Read little-endian code."""
        self.start = start
        self.words = struct.unpack(f"<{len(code) // 4}I", code[: len(code) // 4 * 4])

    @functools.cached_property
    def clobbers(self) -> int:
        """Return the temporaries that it overwrites and never saves on the stack: not preserved."""
        written = stored = 0
        for word in self.words:
            what = effect(word)
            written |= what.writes
            if word & 0x0A000000 == 0x08000000 and word >> 5 & 31 == STACK_POINTER:
                stored |= what.reads
        return written & ~stored & TEMPORARIES

    def free(self, address: int, among: int = SCRATCH) -> int:
        """Return the registers that hold nothing when the instruction at an address is done.

        Sets are of bits, as SCRATCH; only registers of `among` are looked at.
        """
        live = ~among
        explored: dict[int, int] = {}
        paths = [(address + 4, among)]
        steps = 0
        while paths:
            at, pending = paths.pop()
            while True:
                pending &= ~live
                pending &= ~explored.get(at, 0)
                index = (at - self.start) >> 2
                if not pending:
                    break
                steps += 1
                if steps > STEPS or not 0 <= index < len(self.words):
                    live |= pending
                    break
                explored[at] = explored.get(at, 0) | pending
                word = self.words[index]
                what = effect(word)
                live |= pending & what.reads
                pending &= ~what.writes
                if what.flow == "":
                    at += 4
                    continue
                if what.flow == "call":
                    live |= pending & CALL_READS
                    if word >> 26 == 0b100101:
                        pending &= ~LINKER_SCRATCH  # by a veneer or the PLT
                    at += 4
                    continue
                if what.flow in ("jump", "branch"):
                    target = branch_target(word, at)
                    if what.flow == "branch":
                        paths.append((at + 4, pending))
                    if 0 <= target - self.start < 4 * len(self.words):
                        at = target
                        continue
                    live |= pending & ~(self.clobbers & ~(1 << 15)) & ~LINKER_SCRATCH
                elif what.flow == "return":
                    live |= pending & ~self.clobbers & ~LINKER_SCRATCH
                elif what.flow == "unknown":
                    live |= pending
                break
        return among & ~live
