"""FEAT_FP16 of "Data processing, scalar floating-point", by way of single or double precision."""

from __future__ import annotations

from jetson_kit.wheels.translate.asm import Sequence
from jetson_kit.wheels.translate.dot import vector
from jetson_kit.wheels.translate.scratch import Scratch

TYPE = 0b11 << 22
DOUBLE = 0b01 << 22
OPERANDS = 31 | 31 << 5 | 31 << 16


def _typed(word: int, ftype: int, rd: int, rn: int, rm: int) -> int:
    """Return the instruction for another type of operands; rm is the field in bits 20:16."""
    return word & ~TYPE & ~OPERANDS | ftype | rd | rn << 5 | rm << 16


def two_sources(word: int, scratch: Scratch) -> list[int]:
    """Return FADD, FSUB, FMUL, FNMUL, FDIV, FMAX, FMIN, FMAXNM or FMINNM."""
    rd, rn, rm = word & 31, word >> 5 & 31, word >> 16 & 31
    scratch.used |= vector(rd, rn, rm)
    first, second = scratch.vector(), scratch.vector()
    code = Sequence()
    code.emit("fcvt_s_h", rd=first, rn=rn)
    code.emit("fcvt_s_h", rd=second, rn=rm)
    code.words.append(_typed(word, 0, first, first, second))
    code.emit("fcvt_h_s", rd=rd, rn=first)
    return code.finish()


def round_or_root(word: int, scratch: Scratch) -> list[int]:
    """Return FRINTN and its kin, or FSQRT."""
    rd, rn = word & 31, word >> 5 & 31
    scratch.used |= vector(rd, rn)
    code = Sequence()
    code.emit("fcvt_s_h", rd=rd, rn=rn)
    code.words.append(_typed(word, 0, rd, rd, word >> 16 & 31))
    code.emit("fcvt_h_s", rd=rd, rn=rd)
    return code.finish()


def move(word: int, scratch: Scratch) -> list[int]:
    """Return FMOV (register)."""
    code = Sequence()
    code.emit("mov_h", rd=word & 31, rn=word >> 5 & 31)
    return code.finish()


def absolute_or_negative(word: int, scratch: Scratch) -> list[int]:
    """Return FABS or FNEG: the sign bit alone."""
    rd, rn = word & 31, word >> 5 & 31
    scratch.used |= vector(rd, rn)
    sign = scratch.vector()
    code = Sequence()
    code.emit("movi_sign_h", q=0, rd=sign)
    code.emit("eor_v" if word >> 16 & 1 else "bic_v", q=0, rd=rd, rn=rn, rm=sign)
    code.emit("mov_h", rd=rd, rn=rd)
    return code.finish()


def compare(word: int, scratch: Scratch) -> list[int]:
    """Return FCMP, FCMPE, FCCMP or FCCMPE."""
    rn, rm = word >> 5 & 31, word >> 16 & 31
    scratch.used |= vector(rn, rm)
    first = scratch.vector()
    code = Sequence()
    code.emit("fcvt_s_h", rd=first, rn=rn)
    second = rm
    if not (word >> 10 & 3 == 0 and word >> 3 & 1):  # else with zero, and rm is 0
        second = scratch.vector()
        code.emit("fcvt_s_h", rd=second, rn=rm)
    code.words.append(_typed(word, 0, word & 31, first, second))
    return code.finish()


def select(word: int, scratch: Scratch) -> list[int]:
    """Return FCSEL."""
    code = Sequence()
    code.words.append(word & ~TYPE)
    code.emit("mov_h", rd=word & 31, rn=word & 31)
    return code.finish()


def immediate(word: int, scratch: Scratch) -> list[int]:
    """Return FMOV (scalar, immediate)."""
    code = Sequence()
    code.words.append(word & ~TYPE)
    code.emit("fcvt_h_s", rd=word & 31, rn=word & 31)
    return code.finish()


def vector_immediate(word: int, scratch: Scratch) -> list[int]:
    """Return FMOV (vector, immediate)."""
    rd = word & 31
    code = Sequence()
    code.words.append(word & ~(1 << 11) | 1 << 30)  # 4 lanes of single precision
    code.emit("fcvtn", q=0, rd=rd, rn=rd)
    if word >> 30 & 1:
        code.emit("dup_h", q=1, rd=rd, rn=rd, index=0)
    return code.finish()


def from_integer(word: int, scratch: Scratch) -> list[int]:
    """Return SCVTF or UCVTF (scalar, integer): exact in double precision up to half's infinity."""
    rd = word & 31
    code = Sequence()
    code.words.append(word & ~TYPE | DOUBLE)
    code.emit("fcvt_h_d", rd=rd, rn=rd)
    return code.finish()


def to_integer(word: int, scratch: Scratch) -> list[int]:
    """Return FCVTNS and its kin (scalar)."""
    rn = word >> 5 & 31
    scratch.used |= vector(rn)
    single = scratch.vector()
    code = Sequence()
    code.emit("fcvt_s_h", rd=single, rn=rn)
    code.words.append(word & ~TYPE & ~(31 << 5) | single << 5)
    return code.finish()


def to_general(word: int, scratch: Scratch) -> list[int]:
    """Return FMOV (general) out of a half."""
    code = Sequence()
    code.emit("umov_h", rd=word & 31, rn=word >> 5 & 31)
    return code.finish()


def from_general(word: int, scratch: Scratch) -> list[int]:
    """Return FMOV (general) into a half."""
    rd = word & 31
    code = Sequence()
    code.emit("fmov_s_w", rd=rd, rn=word >> 5 & 31)
    code.emit("mov_h", rd=rd, rn=rd)
    return code.finish()


def fused(word: int, scratch: Scratch) -> list[int]:
    """Return FMADD, FMSUB, FNMADD or FNMSUB."""
    rd, rn, ra, rm = word & 31, word >> 5 & 31, word >> 10 & 31, word >> 16 & 31
    scratch.used |= vector(rd, rn, rm, ra)
    first, second, third = (scratch.vector() for _ in range(3))
    code = Sequence()
    for double, source in ((first, rn), (second, rm), (third, ra)):
        code.emit("fcvt_d_h", rd=double, rn=source)
    code.words.append(_typed(word, DOUBLE, first, first, second) & ~(31 << 10) | third << 10)
    code.emit("fcvtxn_scalar", rd=first, rn=first)
    code.emit("fcvt_h_s", rd=rd, rn=first)
    return code.finish()
