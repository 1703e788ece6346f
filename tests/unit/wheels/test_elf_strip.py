"""ELF files without unloaded sections: pyelftools judges what is left, bad files are refused."""

from __future__ import annotations

import hashlib
import importlib
import io
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from jetson_kit.core.errors import IntegrityError
from jetson_kit.wheels import elf_strip
from tests.unit.wheels.sectioned_elf import PROGBITS, SYMBOLS, Part, library, patched_library

GOES = (".symtab", ".strtab", ".comment")
# e_shoff, e_shnum, e_shstrndx: where the section table is.
POINTERS = ((0x28, 0x30), (0x3C, 0x40))


def loaded(data: bytes) -> list[tuple[int, int, bytes]]:
    """Return (address, offset, bytes) of what pyelftools finds loaded."""
    raw = bytearray(data)
    for start, stop in POINTERS:
        raw[start:stop] = bytes(stop - start)
    file = ELFFile(io.BytesIO(data))
    return [
        (part["p_vaddr"], part["p_offset"], bytes(raw[part["p_offset"] :][: part["p_filesz"]]))
        for part in file.iter_segments()
        if part["p_type"] == "PT_LOAD"
    ]


def sections(data: bytes) -> list[str]:
    return [part.name for part in ELFFile(io.BytesIO(data)).iter_sections()]


def test_what_is_not_loaded_is_gone_and_the_rest_is_equal() -> None:
    before = library()
    after = elf_strip.strip(before, GOES)
    assert sections(before) == ["", ".text", *(part.name for part in SYMBOLS), ".shstrtab"]
    assert sections(after.data) == ["", ".text", ".shstrtab"]
    assert loaded(after.data) == loaded(before)
    assert [(item.name, item.size) for item in after.removed] == [
        (part.name, len(part.data)) for part in SYMBOLS
    ]
    assert all(item.cut for item in after.removed)
    assert len(after.data) < len(before) - 480
    digest = hashlib.sha256(b"".join(content for *_, content in loaded(before))).hexdigest()
    assert after.loaded_sha256 == elf_strip.loaded_sha256(before) == digest


def test_stripping_again_changes_nothing() -> None:
    once = elf_strip.strip(library(), GOES)
    twice = elf_strip.strip(once.data, ())
    assert (twice.data, twice.removed) == (once.data, ())


def test_sections_between_segments_become_zeros_and_nothing_moves() -> None:
    before = patched_library()
    after = elf_strip.strip(before, GOES)
    assert loaded(after.data) == loaded(before)
    assert len(loaded(before)) == 2
    assert b"$x\0$d" in before
    assert b"$x\0$d" not in after.data
    assert not any(item.cut for item in after.removed)
    assert sections(after.data) == ["", ".text", ".shstrtab"]


def test_loaded_sections_keep_their_numbers() -> None:
    late = Part(".late", PROGBITS, 2, at=(0x110, 0x120))
    after = elf_strip.strip(library((*SYMBOLS, late)), GOES)
    assert sections(after.data) == ["", ".text", "", "", "", ".late", ".shstrtab"]


LOADS = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("zstandard.backend_c", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
packed = module.ZstdCompressor().compress(b"loaded" * 1000)
print(len(packed), module.ZstdDecompressor().decompress(packed)[:6].decode())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="this machine's libraries are no ELF files")
def test_this_machine_runs_a_stripped_library(tmp_path: Path) -> None:
    original = Path(str(importlib.import_module("zstandard.backend_c").__file__)).read_bytes()
    path = tmp_path / "stripped.so"
    path.write_bytes(elf_strip.strip(original, ["*"]).data)
    assert ".symtab" not in sections(path.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", LOADS, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith(" loaded\n")


def altered(offset: int, form: str, *values: int, data: bytes | None = None) -> bytes:
    raw = bytearray(library() if data is None else data)
    struct.pack_into(form, raw, offset, *values)
    return bytes(raw)


def section_row(index: int) -> int:
    (table,) = struct.unpack_from("<Q", library(), 0x28)
    return int(table) + 64 * index


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no ELF file"),
        (b"PK\x03\x04" + bytes(100), "no ELF file"),
        (library()[:40], "truncated"),
        (library()[:-1], "truncated: the section table ends behind it"),
        (altered(4, "<B", 1), "not 64-bit little-endian"),
        (altered(5, "<B", 2), "not 64-bit little-endian"),
        (altered(0x38, "<H", 0), "no program headers"),
        (altered(0x20, "<Q", 1 << 62), "the program header table ends behind it"),
        (altered(0x28, "<Q", 0), "no section table"),
        (altered(0x3C, "<H", 0), "no section table"),
        (altered(0x3E, "<H", 99), "unknown form"),
        (altered(0x3A, "<H", 40), "unknown form"),
        (altered(64 + 8, "<Q", 1 << 40), "program header 0 ends behind it"),
        (altered(64, "<I", 0), "nothing of it is loaded"),
        (altered(section_row(3) + 24, "<Q", 1 << 60), "section 3 ends behind it"),
        (altered(section_row(3) + 24, "<Q", 0x80), r"section \.symtab overlaps what is loaded"),
        (altered(section_row(3), "<I", 1 << 20), "name lies outside"),
        (altered(section_row(5) + 4, "<I", 1), "no string table"),
        (altered(section_row(1) + 40, "<I", 3), r"section \.text refers to one"),
        (library(names=b"x" * 60), "name lies outside"),
        (library((*SYMBOLS, Part(".new", PROGBITS, 0, b"?"))), r"section \.new is not loaded and"),
    ],
)
def test_bad_input_is_refused_by_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(IntegrityError, match=reason) as caught:
        elf_strip.strip(data, GOES, "lib.so")
    assert caught.value.line().startswith("error: lib.so cannot be stripped: ")


@pytest.mark.parametrize("step", range(0, len(library()), 7))
def test_any_cut_is_refused(step: int) -> None:
    with pytest.raises(IntegrityError):
        elf_strip.strip(library()[:step], GOES)


def test_any_broken_byte_is_refused_or_leaves_loaded_bytes_alone() -> None:
    good = library()
    for offset in range(len(good)):
        for value in (0x00, 0xFF, good[offset] ^ 0x80):
            raw = bytearray(good)
            raw[offset] = value
            try:
                after = elf_strip.strip(bytes(raw), ("*",))
            except IntegrityError:
                continue
            assert elf_strip.loaded_sha256(after.data) == elf_strip.loaded_sha256(bytes(raw))
