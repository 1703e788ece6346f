"""Find the words of a code section that fit one of many masks, in one pass.

The upper half of a word is looked up in a table of marks; what is marked is compared in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """What a word must have: (word & mask) == value."""

    mask: int
    value: int

    def fits(self, word: int) -> bool:
        """Return whether a word has it."""
        return word & self.mask == self.value


class Finder:
    """Patterns, the first of which counts where a word fits several."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        """Take the patterns in order."""
        self._patterns = tuple(patterns)
        self._candidates: dict[int, list[int]] = {}
        for index, pattern in enumerate(self._patterns):
            for half in _upper_halves(pattern):
                self._candidates.setdefault(half, []).append(index)
        self._upper = bytes(half in self._candidates for half in range(1 << 16))
        self._numbers: dict[int, int] = {}

    def number(self, word: int) -> int:
        """Return the index of the pattern that a word fits, -1 for none."""
        if (value := self._numbers.get(word)) is None:
            patterns = self._patterns
            value = next(
                (
                    index
                    for index in self._candidates.get(word >> 16, ())
                    if word & patterns[index].mask == patterns[index].value
                ),
                -1,
            )
            self._numbers[word] = value
        return value

    def find(self, words: memoryview) -> Iterator[tuple[int, int]]:
        """Yield (index of the word, index of its pattern) in order; `words` is of type "I"."""
        upper, number = self._upper, self.number
        for index in [at for at, word in enumerate(words) if upper[word >> 16]]:
            if (value := number(words[index])) >= 0:
                yield index, value


def _upper_halves(pattern: Pattern) -> Iterator[int]:
    """Yield the upper halves of words that may fit: all subsets of the bits that are free."""
    free = ~(pattern.mask >> 16) & 0xFFFF
    base = pattern.value >> 16
    subset = free
    while True:
        yield base | subset
        if not subset:
            return
        subset = (subset - 1) & free
