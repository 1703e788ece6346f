"""One more segment of code in a library; all that is loaded stays where it is."""

from __future__ import annotations

import struct

from jetson_kit.wheels.translate.elf import (
    HEADER,
    PF_R,
    PF_X,
    PROGRAM,
    PT_LOAD,
    PT_NOTE,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHT_NOBITS,
    SHT_NULL,
    SHT_PROGBITS,
    Elf,
    Section,
    Segment,
)
from jetson_kit.wheels.translate.errors import UntranslatableError


def with_segment(elf: Elf, code: bytes, address: int, name: str) -> bytes:
    """Return the library with one more segment of code, which takes the place of its PT_NOTE.

    Unloaded sections move behind it, the section table to the end; all that is loaded stays where
    it is. Raises UntranslatableError where there is no PT_NOTE to take.
    """
    loaded_end = max(
        [segment.offset + segment.file_size for segment in elf.segments]
        + [section.offset + section.size for section in elf.sections if _is_loaded(section)]
    )
    align = 1 << 16
    offset = -(-loaded_end // align) * align
    if offset % align != address % align:
        raise ValueError("a segment's address and offset must be congruent")
    image = bytearray(elf.data[:loaded_end])
    image += bytes(offset - loaded_end)
    image += code
    added = Segment(PT_LOAD, PF_R | PF_X, offset, address, len(code), len(code), align)
    _write_programs(image, elf, added)
    rows = bytearray()
    names = _names_index(elf.data)
    name_offset = elf.sections[names].size
    for index, item in enumerate(elf.sections):
        at = item.offset
        size = item.size
        contents = bytes(elf.contents(item)) if item.kind not in (SHT_NULL, SHT_NOBITS) else b""
        if index == names:
            contents += name.encode() + b"\0"
            size = len(contents)
        if item.kind not in (SHT_NULL, SHT_NOBITS) and not _is_loaded(item):
            image += bytes(-len(image) % max(item.align, 1))
            at = len(image)
            image += contents
        row = bytearray(item.packed(at))
        struct.pack_into("<Q", row, 32, size)
        rows += row
    own = Section(
        name, name_offset, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, address, offset, len(code),
        *(0, 0, 16, 0),
    )  # fmt: skip
    rows += own.packed(offset)
    image += bytes(-len(image) % 8)
    struct.pack_into("<Q", image, 0x28, len(image))
    struct.pack_into("<H", image, 0x3C, len(elf.sections) + 1)
    return bytes(image + rows)


def next_address(elf: Elf) -> int:
    """Return a free address for one more segment, behind all others."""
    end = max(
        segment.address + segment.memory_size for segment in elf.segments if segment.kind == PT_LOAD
    )
    return -(-end // (1 << 16)) * (1 << 16)


def _write_programs(image: bytearray, elf: Elf, added: Segment) -> None:
    """Write the program headers with one in PT_NOTE's place; PT_LOADs stand in address order."""
    note = next((segment for segment in elf.segments if segment.kind == PT_NOTE), None)
    if note is None:
        raise UntranslatableError("it has no PT_NOTE whose place a segment could take")
    rows = [segment for segment in elf.segments if segment is not note]
    last = max(index for index, segment in enumerate(rows) if segment.kind == PT_LOAD)
    rows.insert(last + 1, added)
    at = HEADER
    for row in rows:
        image[at : at + PROGRAM] = row.packed()
        at += PROGRAM


def _names_index(data: bytes) -> int:
    return int(struct.unpack_from("<H", data, 0x3E)[0])


def _is_loaded(section: Section) -> bool:
    return bool(section.flags & SHF_ALLOC) and section.kind != SHT_NOBITS
