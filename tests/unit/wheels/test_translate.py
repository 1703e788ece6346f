"""The translator on small libraries: what is replaced, what is kept, what is refused."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest
from elftools.elf.elffile import ELFFile

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.wheels import elf_strip
from jetson_kit.wheels.translate import gate, rewrite, startup, table
from jetson_kit.wheels.translate.errors import UntranslatableError
from jetson_kit.wheels.translate.liveness import Function as Code
from tests.unit.wheels.small_arm_library import (
    LDADD,
    LDADD_FREE,
    LDAPR,
    MOV_X9_1,
    NOP,
    RET,
    SVE,
    Function,
    SmallLibrary,
)

OLD, XAVIER = table.core("armv80"), table.core("carmel")
BRANCH = 0b000101
CALL = 0b100101


def word_at(data: bytes, address: int) -> int:
    """Return an instruction as the loader would place it: pyelftools finds the segment."""
    for part in ELFFile(io.BytesIO(data)).iter_segments("PT_LOAD"):
        if part["p_vaddr"] <= address < part["p_vaddr"] + part["p_filesz"]:
            at = part["p_offset"] + address - part["p_vaddr"]
            return int(struct.unpack_from("<I", data, at)[0])
    raise AssertionError(hex(address))


def target(word: int, address: int) -> int:
    """Return where a B or BL goes."""
    return address + 4 * ((word & 0x3FFFFFF ^ 0x2000000) - 0x2000000)


def simple(*instructions: int, **more: object) -> SmallLibrary:
    return SmallLibrary([Function("work", [*instructions, RET])], **more)  # type: ignore[arg-type]


def test_an_atomic_branches_out_and_back() -> None:
    library = simple(NOP, LDADD_FREE)
    done = rewrite.translate(library.build(), OLD)
    site = library.starts["work"] + 4
    there = word_at(done.data, site)
    assert there >> 26 == BRANCH
    start = target(there, site)
    (trampoline,) = done.trampolines
    assert trampoline.address == start
    back = start + 4 * len(trampoline.words)
    assert target(word_at(done.data, back), back) == site + 4
    assert done.kinds() == {"LDADD": 1}


def test_an_ordered_load_is_replaced_in_its_place() -> None:
    library = simple(LDAPR)
    done = rewrite.translate(library.build(), OLD)
    assert word_at(done.data, library.starts["work"]) == 0xC8DFFC20  # ldar x0, [x1]
    assert not done.trampolines


def test_all_other_code_and_data_stays_byte_for_byte() -> None:
    library = SmallLibrary(
        [
            Function("one", [NOP, LDADD_FREE, RET], data=[LDADD, LDADD_FREE, SVE]),
            Function("two", [MOV_X9_1, RET]),
        ]
    )
    before = library.build()
    done = rewrite.translate(before, OLD)
    assert len(done.data_words) == 3
    for at in range(0x10000, 0x10000 + 4 * 8, 4):
        if at != library.starts["one"] + 4:
            assert word_at(done.data, at) == word_at(before, at)


def test_the_same_library_gives_the_same_bytes() -> None:
    data = simple(LDADD, LDADD_FREE, LDAPR).build()
    assert rewrite.translate(data, OLD).data == rewrite.translate(data, OLD).data


def test_the_start_up_check_gives_way_to_what_it_calls_first() -> None:
    first = Function("__init_cpu_features", [RET])
    check = Function("_ZN12_GLOBAL__N_121cpu_feature_fail_fastEv", [CALL << 26 | 0x3FFFFFF, RET])
    library = SmallLibrary([first, check], rodata=startup.MESSAGE)
    done = rewrite.translate(library.build(), OLD)
    at = library.starts[check.name]
    assert target(word_at(done.data, at), at) == library.starts[first.name]


def test_xavier_keeps_its_atomics() -> None:
    library = simple(LDADD, LDAPR)
    done = rewrite.translate(library.build(), XAVIER)
    assert word_at(done.data, library.starts["work"]) == LDADD
    assert done.kinds() == {"LDAPR": 1}


def test_an_ordered_load_may_stand_in_a_restartable_sequence() -> None:
    library = simple(LDAPR, NOP, rseq=[(0, 2)])
    assert rewrite.translate(library.build(), OLD).kinds() == {"LDAPR": 1}


def without(what: str) -> bytes:
    return simple(LDADD, **{what: False}).build()


def cut(size: int) -> Callable[[], bytes]:
    return lambda: simple(LDADD).build()[:size]


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "no ELF file": (lambda: b"MZ" + bytes(200), "no ELF file"),
    "nothing": (lambda: b"", "no ELF file"),
    "cut in its header": (cut(40), "cut short"),
    "cut in its code": (cut(0x1004), "cut short"),
    "cut in its tables": (lambda: simple(LDADD).build()[:-64], "cut short"),
    "x86_64": (lambda: simple(LDADD, machine=62).build(), "another architecture"),
    "stripped": (lambda: without("symbols"), "symbol table"),
    "without mapping symbols": (lambda: without("marks"), "mapping symbols"),
    "without a place for a segment": (lambda: without("note"), "PT_NOTE"),
    "translated already": (
        lambda: rewrite.translate(simple(LDADD).build(), OLD).data,
        "translated already",
    ),
    "unknown instructions": (lambda: simple(SVE).build(), "nothing here replaces (SVE)"),
    "an atomic in a restartable sequence": (
        lambda: simple(NOP, LDADD, rseq=[(0, 2)]).build(),
        "restartable sequence",
    ),
    "an atomic in an exclusive pair": (
        # ldxr x5, [x6]; ldadd; stxr w7, x5, [x6]
        lambda: simple(0xC85F7CC5, LDADD_FREE, 0xC8077CC5).build(),
        "exclusive pair",
    ),
    "a check of another form": (
        lambda: simple(NOP, rodata=startup.MESSAGE).build(),
        "0 functions cpu_feature_fail_fast",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_with_its_reason(name: str) -> None:
    make, reason = REFUSED[name]
    with pytest.raises(UntranslatableError) as caught:
        rewrite.translate(make(), OLD)
    assert reason in caught.value.message
    assert "\n" not in caught.value.line()


def test_every_cut_of_a_library_is_refused_in_one_line() -> None:
    whole = simple(LDADD, LDAPR).build()
    for size in range(0, len(whole), 97):
        with pytest.raises(UntranslatableError):
            rewrite.translate(whole[:size], OLD)


def test_unknown_cores_are_refused() -> None:
    with pytest.raises(BadInputError) as caught:
        table.core("cortex-m0")
    assert caught.value.cure == "choose one of armv80, carmel"


def test_the_gate_passes_a_stripped_library_and_counts_what_is_left() -> None:
    library = SmallLibrary(
        [
            Function("xnn_f16_gemm_ukernel_1x8__sve", [SVE, SVE, RET], data=[LDADD]),
            Function("work", [LDADD, RET]),
        ]
    )
    done = rewrite.translate(library.build(), OLD)
    listed = gate.listing(done)
    stripped = elf_strip.strip(done.data, [".symtab", ".strtab"]).data
    passed = gate.check(stripped, "armv80", listed, "it")
    assert (passed.left, passed.functions, passed.data) == (2, 1, 1)


def test_the_gate_refuses_what_is_not_listed() -> None:
    library = simple(LDADD)
    done = rewrite.translate(library.build(), OLD)
    listed = gate.listing(done)
    broken = bytearray(done.data)
    at = broken.index(struct.pack("<I", word_at(done.data, library.starts["work"])))
    broken[at : at + 4] = struct.pack("<I", LDADD)
    with pytest.raises(IntegrityError, match="1 LDADD"):
        gate.check(bytes(broken), "armv80", listed, "it")
    with pytest.raises(IntegrityError, match="not translated"):
        gate.check(library.build(), "armv80", listed, "it")


def test_registers_that_are_read_later_are_not_free() -> None:
    code = Code(0, struct.pack("<5I", NOP, 0x8B0A0042, MOV_X9_1, 0xD280002A, RET))
    free = code.free(0)
    assert free >> 9 & 1  # written before it is read
    assert not free >> 10 & 1  # add x2, x2, x10
    assert not free >> 30 & 1  # the return address
    assert not free >> 0 & 1  # a result


def test_a_register_that_a_function_never_writes_may_be_its_callers() -> None:
    """By preserve_most, x9 to x15 are the caller's where a function does not use them."""
    assert not Code(0, struct.pack("<2I", NOP, RET)).free(0) >> 9 & 1
    assert Code(0, struct.pack("<3I", MOV_X9_1, NOP, RET)).free(4) >> 9 & 1
    saved = struct.pack("<4I", 0xF81F0FE9, MOV_X9_1, NOP, RET)  # str x9, [sp, #-16]!
    assert not Code(0, saved).free(8) >> 9 & 1


def test_a_call_keeps_what_its_landing_pad_could_read() -> None:
    code = Code(0, struct.pack("<4I", NOP, CALL << 26, 0xD2800033, RET))  # mov x19, #1
    assert not code.free(0) >> 19 & 1
