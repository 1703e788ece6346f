"""The translator's tables, judged by LLVM's disassembler."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterable, Sequence

import pytest

from bench.translate import cases
from jetson_kit.wheels.translate import rewrite, table
from jetson_kit.wheels.translate.scratch import Scratch

pytestmark = [pytest.mark.slow]
# All extensions that LLVM 14 knows.
NEWEST = (
    "+v8.7a,+fullfp16,+fp16fml,+bf16,+i8mm,+sve2,+sve2-sha3,+sve2-sm4,+sve2-aes,+sve2-bitperm,+sme,"
    "+sha3,+sm4,+mte,+rand,+predres,+ls64,+mops,+tme,+pauth,+f32mm,+f64mm,+ssbs,+hbc"
)
OLD = "+v8a,+crc,+aes,+sha2"
# Aliases of HINT and reads of registers that LLVM names on any core, although older ones lack them.
SILENT = {"MSR of SVCR", "MRS of an ID register", "MRS of RNDR, RNDRRS", "MSR of SSBS"}


def known(instructions: Sequence[int], features: str) -> list[bool]:
    """Return for each instruction whether LLVM's disassembler knows it with these features."""
    text = "\n".join(
        " ".join(f"0x{byte:02x}" for byte in w.to_bytes(4, "little")) for w in instructions
    )
    done = subprocess.run(
        ["llvm-mc", "--disassemble", "--triple=aarch64", f"--mattr={features}"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    bad = {int(line) for line in re.findall(r"^<stdin>:(\d+):", done.stderr, re.MULTILINE)}
    return [number not in bad for number in range(1, len(instructions) + 1)]


def unknown(instructions: Iterable[int], features: str) -> list[str]:
    """Return the instructions that LLVM does not know, and the kind that the table gives them."""
    listed = list(instructions)
    return [
        f"{word:08x} {row.name if (row := cases.row_of(word)) else ''}"
        for word, good in zip(listed, known(listed, features), strict=True)
        if not good
    ]


@pytest.mark.parametrize("free", [0, -1], ids=["none free", "all free"])
def test_all_sequences_are_in_armv8_0(free: int) -> None:
    instructions: set[int] = set()
    for word in cases.possible():
        row = cases.row_of(word)
        assert row is not None
        result = cases.translated(word, row, Scratch(free & (1 << 64) - 1, 0).free)
        instructions.update(result[0] if result else ())
    assert len(instructions) > 1000
    assert not unknown(sorted(instructions), OLD)


def test_the_table_knows_what_is_not_in_armv8_0() -> None:
    """The table has each random instruction that LLVM knows with extensions alone."""
    source = random.Random(5)  # noqa: S311 # the same on each run
    instructions = []
    for row in table.rows():
        free = ~row.pattern.mask & 0xFFFFFFFF
        instructions += [row.pattern.value | source.getrandbits(32) & free for _ in range(60)]
        # Near misses: one bit of what tells the kind is another.
        instructions += [word ^ 1 << source.randrange(10, 32) for word in instructions[-20:]]
    instructions += [source.getrandbits(32) for _ in range(60_000)]
    later = [
        new and not old
        for new, old in zip(known(instructions, NEWEST), known(instructions, OLD), strict=True)
    ]
    assert sum(later) > 3000
    missed = [
        f"{w:08x}"
        for w, new in zip(instructions, later, strict=True)
        if new and not cases.row_of(w)
    ]
    assert not missed


def test_the_table_lists_nothing_that_is_in_armv8_0() -> None:
    source = random.Random(6)  # noqa: S311 # the same on each run
    instructions = [source.getrandbits(32) for _ in range(60_000)]
    wrong = [
        f"{word:08x} {row.name}"
        for word, good in zip(instructions, known(instructions, OLD), strict=True)
        if good and (row := cases.row_of(word)) and row.name not in SILENT
    ]
    assert not wrong


def test_every_row_that_is_replaced_has_a_lowering() -> None:
    named = {row.lower for row in table.rows()} - {"", "ldapr"}
    assert named == set(rewrite.lowerings())
