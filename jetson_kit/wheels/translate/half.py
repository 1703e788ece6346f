"""FEAT_FP16 arithmetic in single precision, or in double where it is fused.

Half to single is exact, and single has more than twice the bits of half and two more, so rounding a
sum, product, quotient or root to single and then to half rounds as once. A fused multiply-add needs
double precision, rounded to odd in between. Only which of two NaNs comes out may differ.
"""

from __future__ import annotations

from jetson_kit.wheels.translate.asm import Sequence
from jetson_kit.wheels.translate.dot import vector
from jetson_kit.wheels.translate.scratch import Scratch

# Of "Advanced SIMD three same (FP16)": U, a and opcode, as bits 4, 3 and 2:0.
FUSED = {0b00001: 0, 0b01001: 1}
COMPARES = {0b00100, 0b10100, 0b10101, 0b11100, 0b11101}
SINGLE_OPERATION = {0b00000, 0b00010, 0b00110, 0b01000, 0b01010, 0b01110, 0b10011, 0b10111, 0b11010}
# Of "Advanced SIMD two-register miscellaneous (FP16)": a and opcode, as bits 5 and 4:0.
ABSOLUTE_OR_NEGATIVE = 0b101111
FROM_INTEGER = 0b011101
TO_INTEGER = {0b011010, 0b011011, 0b011100, 0b111010, 0b111011}
ZERO_COMPARES = {0b101100, 0b101101, 0b101110}
ROUNDINGS = {0b011000, 0b011001, 0b111000, 0b111001}
SQUARE_ROOT = 0b111111


class NotLoweredError(Exception):
    """An instruction that has no sequence here."""


def _single(word: int, **operands: int) -> int:
    """Return a FP16 vector instruction's single-precision form, on 4 lanes unless it is scalar."""
    for low, width, value in (
        (0, 5, operands["rd"]),
        (5, 5, operands["rn"]),
        *(((16, 5, operands["rm"]),) if "rm" in operands else ()),
    ):
        word = word & ~((1 << width) - 1 << low) | value << low
    return word | 1 << 30


def three_same(word: int, scratch: Scratch) -> list[int]:
    """Return an instruction of "Advanced SIMD three same (FP16)"."""
    rd, rn, rm = word & 31, word >> 5 & 31, word >> 16 & 31
    scratch.used |= vector(rd, rn, rm)
    return _three(word, rd, rn, rm, scratch)


def scalar_three_same(word: int, scratch: Scratch) -> list[int]:
    """Return an instruction of "Advanced SIMD scalar three same FP16"."""
    rd, rn, rm = word & 31, word >> 5 & 31, word >> 16 & 31
    scratch.used |= vector(rd, rn, rm)
    result = scratch.vector()
    code = Sequence()
    code.words += _three(word & ~(1 << 30 | 1 << 28), result, rn, rm, scratch)
    code.emit("mov_h", rd=rd, rn=result)
    return code.finish()


def by_element(word: int, scratch: Scratch) -> list[int]:
    """Return FMLA, FMLS or FMUL (by element) of half precision."""
    rd, rn, rm = word & 31, word >> 5 & 31, word >> 16 & 15
    index = (word >> 11 & 1) << 2 | (word >> 21 & 1) << 1 | word >> 20 & 1
    scratch.used |= vector(rd, rn, rm)
    element = scratch.vector()
    same = {0b0001: 0x0E400C00, 0b0101: 0x0EC00C00, 0b1001: 0x2E401C00}[word >> 12 & 15]
    code = Sequence()
    code.emit("dup_h", q=1, rd=element, rn=rm, index=index)
    code.words += _three(same | word & 1 << 30, rd, rn, element, scratch)
    return code.finish()


def _three(word: int, rd: int, rn: int, rm: int, scratch: Scratch) -> list[int]:
    kind = word >> 25 & 16 | word >> 20 & 8 | word >> 11 & 7
    q = word >> 30 & 1
    if kind in FUSED:
        return _fused(FUSED[kind], q, rd, rn, rm, scratch)
    if kind not in COMPARES and kind not in SINGLE_OPERATION:
        raise NotLoweredError
    # Single precision has sz=0 in bit 22, 1 in bit 21 and 11 in bits 15:14.
    single = word & ~(1 << 22) | 1 << 21 | 0b11 << 14
    low, other = scratch.vector(), scratch.vector()
    results = [low, scratch.vector()] if q else [low]
    code = Sequence()
    for half, result in enumerate(results):
        code.emit("fcvtl", q=half, rd=result, rn=rn)
        code.emit("fcvtl", q=half, rd=other, rn=rm)
        code.words.append(_single(single, rd=result, rn=result, rm=other))
    for half, result in enumerate(results):
        code.emit("xtn" if kind in COMPARES else "fcvtn", q=half, rd=rd, rn=result)
    return code.finish()


def _fused(subtract: int, q: int, rd: int, rn: int, rm: int, scratch: Scratch) -> list[int]:
    """Return FMLA or FMLS: exact in double precision as far as half can tell."""
    singles = [scratch.vector() for _ in range(3)]
    doubles = [scratch.vector() for _ in range(3)]
    results = [scratch.vector() for _ in range(1 + q)]
    code = Sequence()
    for half, result in enumerate(results):
        for single, source in zip(singles, (rn, rm, rd), strict=True):
            code.emit("fcvtl", q=half, rd=single, rn=source)
        for part in (0, 1):
            for double, single in zip(doubles, singles, strict=True):
                code.emit("fcvtl_d", q=part, rd=double, rn=single)
            code.emit("fmla_2d", subtract=subtract, rd=doubles[2], rn=doubles[0], rm=doubles[1])
            code.emit("fcvtxn", q=part, rd=result, rn=doubles[2])
    for half, result in enumerate(results):
        code.emit("fcvtn", q=half, rd=rd, rn=result)
    return code.finish()


def across(word: int, scratch: Scratch) -> list[int]:
    """Return FMAXV or FMINV of halves."""
    rd, rn = word & 31, word >> 5 & 31
    scratch.used |= vector(rd, rn)
    low = scratch.vector()
    code = Sequence()
    code.emit("fcvtl", q=0, rd=low, rn=rn)
    if word >> 30 & 1:
        high = scratch.vector()
        code.emit("fcvtl", q=1, rd=high, rn=rn)
        # FMAX or FMIN, by bit 23.
        code.words.append(_single(0x4E20F400 | word & 1 << 23, rd=low, rn=low, rm=high))
    code.words.append(_single(word | 1 << 29, rd=low, rn=low))
    code.emit("fcvt_h_s", rd=rd, rn=low)
    return code.finish()


def two_misc(word: int, scratch: Scratch) -> list[int]:
    """Return an instruction of "Advanced SIMD two-register miscellaneous (FP16)"."""
    rd, rn = word & 31, word >> 5 & 31
    scratch.used |= vector(rd, rn)
    return _two(word, rd, rn, scratch)


def scalar_two_misc(word: int, scratch: Scratch) -> list[int]:
    """Return an instruction of "Advanced SIMD scalar two-register miscellaneous FP16"."""
    rd, rn = word & 31, word >> 5 & 31
    scratch.used |= vector(rd, rn)
    result = scratch.vector()
    code = Sequence()
    code.words += _two(word & ~(1 << 30 | 1 << 28), result, rn, scratch)
    code.emit("mov_h", rd=rd, rn=result)
    return code.finish()


def _two(word: int, rd: int, rn: int, scratch: Scratch) -> list[int]:
    kind = word >> 18 & 32 | word >> 12 & 31
    q, unsigned = word >> 30 & 1, word >> 29 & 1
    code = Sequence()
    if kind == ABSOLUTE_OR_NEGATIVE:
        sign = scratch.vector()
        code.emit("movi_sign_h", q=q, rd=sign)
        code.emit("eor_v" if unsigned else "bic_v", q=q, rd=rd, rn=rn, rm=sign)
        return code.finish()
    widen, narrow = "fcvtl", "fcvtn"
    if kind == FROM_INTEGER:
        widen = "uxtl" if unsigned else "sxtl"
    elif kind in TO_INTEGER:
        narrow = "uqxtn" if unsigned else "sqxtn"
    elif kind in ZERO_COMPARES:
        narrow = "xtn"
    elif kind not in ROUNDINGS and not (kind == SQUARE_ROOT and unsigned):
        raise NotLoweredError
    # Single precision has sz=0 in bit 22 and 10000 in bits 21:17.
    single = word & ~(0x3F << 17) | 0b010000 << 17
    results = [scratch.vector() for _ in range(1 + q)]
    for half, result in enumerate(results):
        code.emit(widen, q=half, rd=result, rn=rn)
        code.words.append(_single(single, rd=result, rn=result))
    for half, result in enumerate(results):
        code.emit(narrow, q=half, rd=rd, rn=result)
    return code.finish()
