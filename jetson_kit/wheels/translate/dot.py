"""FEAT_DotProd in multiplications and pairwise additions: 4 products of 8 bits never overflow."""

from __future__ import annotations

from jetson_kit.wheels.translate.asm import Sequence
from jetson_kit.wheels.translate.liveness import VECTOR
from jetson_kit.wheels.translate.scratch import Scratch


def vector(*numbers: int) -> int:
    """Return SIMD&FP registers as a set of liveness.py."""
    value = 0
    for number in numbers:
        value |= 1 << VECTOR + number
    return value


def by_vector(word: int, scratch: Scratch) -> list[int]:
    """Return SDOT or UDOT (vector)."""
    rd, rn, rm = word & 31, word >> 5 & 31, word >> 16 & 31
    scratch.used |= vector(rd, rn, rm)
    code = Sequence()
    _products(code, word, rm, scratch.vector(), scratch)
    return code.finish()


def by_element(word: int, scratch: Scratch) -> list[int]:
    """Return SDOT or UDOT (by element): 4 bytes of Vm against each 4 of Vn."""
    rd, rn, rm = word & 31, word >> 5 & 31, word >> 16 & 31
    index = word >> 10 & 2 | word >> 21 & 1
    scratch.used |= vector(rd, rn, rm)
    low = scratch.vector()
    code = Sequence()
    code.emit("dup_s", rd=low, rn=rm, index=index)
    _products(code, word, low, low, scratch)
    return code.finish()


def _products(code: Sequence, word: int, rm: int, low: int, scratch: Scratch) -> None:
    """Add to Vd the sums of 4 products; `low` may be Vm, which is not read after it is written."""
    q, unsigned, rn, rd = word >> 30 & 1, word >> 29 & 1, word >> 5 & 31, word & 31
    multiply, add_pairs = ("umull", "uaddlp_8h") if unsigned else ("smull", "saddlp_8h")
    high = low
    if q:
        high = scratch.vector()
        code.emit(multiply, q=1, rd=high, rn=rn, rm=rm)
    code.emit(multiply, q=0, rd=low, rn=rn, rm=rm)
    code.emit(add_pairs, rd=low, rn=low)
    if q:
        code.emit(add_pairs, rd=high, rn=high)
    code.emit("addp_4s", rd=low, rn=low, rm=high)
    code.emit("add_s", q=q, rd=rd, rn=rd, rm=low)
