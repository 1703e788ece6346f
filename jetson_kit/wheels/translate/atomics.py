"""FEAT_LSE in exclusive loads and stores.

An instruction with acquire and release semantics orders what is before it and what is behind it,
as a barrier does (Arm ARM B2.3, barrier-ordered-before); an exclusive pair does not: a DMB follows.
"""

from __future__ import annotations

from jetson_kit.wheels.translate.asm import Sequence
from jetson_kit.wheels.translate.scratch import Scratch

ZERO = 31
# Conditions of CSEL, by what LDSMAX and its kin keep of the old value.
KEEPS_OLD = {"smax": 0b1100, "smin": 0b1011, "umax": 0b1000, "umin": 0b0011}  # GT, LT, HI, LO
SIGNED = ("smax", "smin")


def general(*numbers: int) -> int:
    """Return general registers as a set of liveness.py."""
    value = 0
    for number in numbers:
        value |= 1 << number & 0x7FFFFFFF
    return value


def fetch(word: int, operation: str, scratch: Scratch) -> list[int]:
    """Return LDADD, LDCLR, LDEOR, LDSET, LDSMAX, LDSMIN, LDUMAX, LDUMIN or SWP."""
    size, rs, rn, rt = word >> 30, word >> 16 & 31, word >> 5 & 31, word & 31
    acquire, release = word >> 23 & 1, word >> 22 & 1
    wide = int(size == 3)
    scratch.used |= general(rs, rn, rt)
    code = Sequence()
    old = rt if rt not in (rs, rn, ZERO) else scratch.general()
    status = scratch.general()
    flags = operation in KEEPS_OLD
    if operation == "swp":
        new = rs
    elif rt == ZERO and not flags:
        new = old  # nobody reads the old value
    else:
        new = scratch.general()
    saved_flags = scratch.general() if flags else ZERO
    if flags:
        code.emit("mrs_nzcv", rt=saved_flags)
    code.label("retry")
    code.emit("ldaxr" if acquire else "ldxr", size=size, rn=rn, rt=old)
    if flags:
        _extreme(code, operation, size, old, rs, new)
    elif operation != "swp":
        code.emit(operation, sf=wide, rd=new, rn=old, rm=rs)
    code.emit("stlxr" if release else "stxr", size=size, rs=status, rn=rn, rt=new)
    code.cbnz(status, "retry")
    if acquire and release:
        code.emit("dmb_ish")
    if flags:
        code.emit("msr_nzcv", rt=saved_flags)
    if rt not in (old, ZERO):
        code.emit("orr", sf=wide, rd=rt, rn=ZERO, rm=old)
    return code.finish()


def _extreme(code: Sequence, operation: str, size: int, old: int, rs: int, new: int) -> None:
    """Put the greater or lesser of the old value and Rs into `new`; changes the flags."""
    if size >= 2:
        code.emit("cmp", sf=int(size == 3), rn=old, rm=rs)
    else:
        # SXTB, SXTH, UXTB or UXTH of Rs against the old value, extended the same way.
        last = 15 if size else 7
        kind = "sbfm" if operation in SIGNED else "ubfm"
        code.emit(kind, rd=new, rn=old, immr=0, imms=last)
        option = size | (0b100 if operation in SIGNED else 0)
        code.emit("cmp_extended", rn=new, rm=rs, option=option)
    code.emit("csel", sf=int(size == 3), rd=new, rn=old, rm=rs, cond=KEEPS_OLD[operation])


def compare_and_swap(word: int, scratch: Scratch) -> list[int]:
    """Return CAS, CASB or CASH. The flags stay as they are."""
    size, rs, rn, rt = word >> 30, word >> 16 & 31, word >> 5 & 31, word & 31
    acquire, release = word >> 22 & 1, word >> 15 & 1
    wide = int(size == 3)
    scratch.used |= general(rs, rn, rt)
    old, other = scratch.general(), scratch.general()
    code = Sequence()
    code.label("retry")
    code.emit("ldaxr" if acquire else "ldxr", size=size, rn=rn, rt=old)
    code.emit("eor", sf=wide, rd=other, rn=old, rm=rs)
    if size < 2:
        code.emit("ubfm", rd=other, rn=other, immr=0, imms=15 if size else 7)
    code.cbnz(other, "differs", sf=wide)
    code.emit("stlxr" if release else "stxr", size=size, rs=other, rn=rn, rt=rt)
    code.cbnz(other, "retry")
    code.label("differs")
    if acquire and release:
        code.emit("dmb_ish")
    if rs != ZERO:
        code.emit("orr", sf=wide, rd=rs, rn=ZERO, rm=old)
    return code.finish()


def compare_and_swap_pair(word: int, scratch: Scratch) -> list[int]:
    """Return CASP. A pair that differs is stored back: only then was it read as one."""
    sz, rs, rn, rt = word >> 30 & 1, word >> 16 & 31, word >> 5 & 31, word & 31
    acquire, release = word >> 22 & 1, word >> 15 & 1
    rs2, rt2 = rs | 1, rt | 1  # both are even, and 30 goes with 31
    scratch.used |= general(rs, rs2, rn, rt, rt2)
    old, old2, other, other2 = (scratch.general() for _ in range(4))
    store = "stlxp" if release else "stxp"
    code = Sequence()
    code.label("retry")
    code.emit("ldaxp" if acquire else "ldxp", sz=sz, rn=rn, rt=old, rt2=old2)
    code.emit("eor", sf=sz, rd=other, rn=old, rm=rs)
    code.emit("eor", sf=sz, rd=other2, rn=old2, rm=rs2)
    code.emit("orr", sf=sz, rd=other2, rn=other2, rm=other)
    code.cbnz(other2, "differs", sf=sz)
    code.emit(store, sz=sz, rs=other, rn=rn, rt=rt, rt2=rt2)
    code.cbnz(other, "retry")
    code.jump("done")
    code.label("differs")
    code.emit(store, sz=sz, rs=other, rn=rn, rt=old, rt2=old2)
    code.cbnz(other, "retry")
    code.label("done")
    if acquire and release:
        code.emit("dmb_ish")
    for register, value in ((rs, old), (rs2, old2)):
        if register != ZERO:
            code.emit("orr", sf=sz, rd=register, rn=ZERO, rm=value)
    return code.finish()
