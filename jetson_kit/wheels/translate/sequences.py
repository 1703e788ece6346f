"""Stretches of code that nothing may branch out of: restartable sequences, exclusive pairs."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

from jetson_kit.wheels.translate.elf import Elf
from jetson_kit.wheels.translate.errors import UntranslatableError
from jetson_kit.wheels.translate.words import Finder, Pattern

RSEQ = "__rseq_cs"
RSEQ_ROW = 32
"""Bytes of struct rseq_cs (linux/rseq.h): version, flags, start, length, abort address."""
LOAD_EXCLUSIVE = Pattern(0x3F400000, 0x08400000)
STORE_EXCLUSIVE = Pattern(0x3F400000, 0x08000000)
ORDERED = 1 << 23
"""Set in LDAR and STLR, which share the pattern and are not exclusive."""
EXCLUSIVE_SPAN = 32
"""Instructions after a load exclusive in which its store is looked for."""


class Ranges:
    """Address ranges, none of which overlap much: whether one holds an address."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Take (start, stop) of each."""
        self._ranges = sorted(ranges)
        self._starts = [start for start, _ in self._ranges]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ranges)

    def hold(self, address: int) -> bool:
        """Return whether one of them holds an address."""
        index = bisect.bisect_right(self._starts, address) - 1
        return any(address < stop for _, stop in self._ranges[max(index - 3, 0) : index + 1])


def restartable(library: Elf) -> Ranges:
    """Return the critical sections of rseq(2), which the kernel restarts when it interrupts them.

    Raises UntranslatableError where the section is there and can't be read.
    """
    section = library.section(RSEQ)
    if section is None:
        return Ranges(())
    pointers = dict(library.relative(section.address, section.address + section.size))
    ranges = []
    contents = library.contents(section)
    for at in range(0, section.size // RSEQ_ROW * RSEQ_ROW, RSEQ_ROW):
        start = pointers.get(section.address + at + 8)
        if start is None:
            raise UntranslatableError(f"the row {at // RSEQ_ROW} of its {RSEQ} has no address")
        length = int.from_bytes(contents[at + 16 : at + 24], "little")
        ranges.append((start, start + length))
    return Ranges(ranges)


def exclusive(library: Elf) -> Ranges:
    """Return what lies between a load exclusive and its store: an access there may break it."""
    ranges = []
    finder = Finder((LOAD_EXCLUSIVE,))
    for section in library.code_sections:
        words = library.words(section)
        for index, _ in finder.find(words):
            if words[index] & ORDERED or not library.is_code(section, section.address + 4 * index):
                continue
            last = min(index + EXCLUSIVE_SPAN, len(words))
            for after in range(index + 1, last):
                if STORE_EXCLUSIVE.fits(words[after]) and not words[after] & ORDERED:
                    start = section.address + 4 * index
                    ranges.append((start, section.address + 4 * after))
                    break
    return Ranges(ranges)
