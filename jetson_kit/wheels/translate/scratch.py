"""Scratch registers for one sequence: those that hold nothing, else saved on the stack."""

from __future__ import annotations

from dataclasses import dataclass, field

from jetson_kit.wheels.translate.asm import Sequence
from jetson_kit.wheels.translate.liveness import VECTOR


class NoScratchError(Exception):
    """A sequence uses SP and would need to move it."""


@dataclass
class Scratch:
    """Hands out registers that a sequence may overwrite; `free` is a set of liveness.py."""

    free: int
    used: int
    """The instruction's own registers, as such a set."""
    stack_pointer_used: bool = False
    taken: int = 0
    """Registers that are overwritten and not saved, as such a set."""
    saved: list[int] = field(default_factory=list)
    vectors_saved: list[int] = field(default_factory=list)

    def general(self) -> int:
        """Return a general register's number."""
        value = _lowest(self.free & ~self.used & (1 << 29) - 1)
        if value < 0:
            value = self._save(_lowest(~self.used & 0x3FFFF), self.saved)
        else:
            self.taken |= 1 << value
        self.used |= 1 << value
        return value

    def vector(self) -> int:
        """Return a SIMD&FP register's number."""
        value = _lowest((self.free & ~self.used) >> VECTOR)
        if value < 0:
            value = self._save(_lowest(~self.used >> VECTOR & 0xFFFFFFFF), self.vectors_saved)
        else:
            self.taken |= 1 << VECTOR + value
        self.used |= 1 << VECTOR + value
        return value

    def _save(self, number: int, where: list[int]) -> int:
        if self.stack_pointer_used:
            raise NoScratchError
        where.append(number)
        return number

    @property
    def saves(self) -> int:
        """Return how many registers are saved."""
        return len(self.saved) + len(self.vectors_saved)

    def wrapped(self, body: list[int]) -> list[int]:
        """Return a body with the saved registers stored before it and loaded after it.

        A body has no branch out of it; its last word is followed.
        """
        before, after = Sequence(), Sequence()
        for first, *second in _pairs(self.saved):
            if second:
                before.emit("stp_x_push", rt=first, rt2=second[0])
            else:
                before.emit("str_x_push", rt=first)
        for number in self.vectors_saved:
            before.emit("str_q_push", rt=number)
        for number in reversed(self.vectors_saved):
            after.emit("ldr_q_pop", rt=number)
        for first, *second in reversed(_pairs(self.saved)):
            if second:
                after.emit("ldp_x_pop", rt=first, rt2=second[0])
            else:
                after.emit("ldr_x_pop", rt=first)
        return [*before.words, *body, *after.words]


def _pairs(numbers: list[int]) -> list[list[int]]:
    return [numbers[index : index + 2] for index in range(0, len(numbers), 2)]


def _lowest(registers: int) -> int:
    return (registers & -registers).bit_length() - 1
