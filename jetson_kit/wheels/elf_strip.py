"""ELF files without the sections that no loader reads: symbol tables, debug information, comments.

What the loader reads stays byte for byte at its offset: program headers, segments, the sections in
them and their numbers (symbols refer to sections by number). Only the section header table and its
names are written anew, behind all that, and the three fields of the ELF header that point to it.

On AArch64 .symtab also holds the mapping symbols ($x, $d) that tell code from data. What rewrites
instructions has to work on the official library, before this.
"""

from __future__ import annotations

import fnmatch
import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from jetson_kit.core.errors import IntegrityError

# Raised when the same file would become another than before.
FORMAT = 1
MAGIC = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
HEADER, PROGRAM, SECTION = 64, 56, 64
PT_LOAD = 1
SHT_NULL, SHT_STRTAB, SHT_NOBITS = 0, 3, 8
SHF_ALLOC = 2
# e_shoff, e_shnum and e_shstrndx lie in the first segment, but no loader reads them.
UNREAD = ((0x28, 8), (0x3C, 2), (0x3E, 2))


@dataclass(frozen=True)
class Removed:
    """A section that is not shipped."""

    name: str
    size: int
    """Bytes."""
    cut: bool
    """Whether the file is shorter by it; else it lay between segments and is zeros now."""


@dataclass(frozen=True)
class Stripped:
    """A file without its unloaded sections."""

    data: bytes
    removed: tuple[Removed, ...]
    loaded_sha256: str
    """Of the segments, equal before and after; see loaded_sha256()."""


@dataclass(frozen=True)
class _Section:
    name: int
    """Offset in the table of names."""
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int

    @property
    def loaded(self) -> bool:
        return bool(self.flags & SHF_ALLOC)

    @property
    def range(self) -> tuple[int, int]:
        """Return its bytes in the file, as (start, end)."""
        return self.offset, self.offset + (0 if self.kind == SHT_NOBITS else self.size)

    def packed(self) -> bytes:
        return struct.pack(
            "<IIQQQQIIQQ",
            *(self.name, self.kind, self.flags, self.address, self.offset, self.size),
            *(self.link, self.info, self.align, self.entry),
        )


@dataclass(frozen=True)
class _Elf:
    sections: tuple[_Section, ...]
    names: tuple[str, ...]
    segments: tuple[tuple[int, int], ...]
    """What PT_LOAD takes from the file, as (start, end)."""
    fixed: tuple[tuple[int, int], ...]
    """All that must stay where it is, as (start, end)."""


def strip(data: bytes, patterns: Sequence[str], what: str = "the file") -> Stripped:
    """Return an ELF file without the sections that are not loaded.

    `patterns` name the sections that may go (as fnmatch has it). Raises IntegrityError for what is
    no 64-bit little-endian ELF file, is damaged, or has an unloaded section of another name.
    """
    try:
        elf = _read(data)
        gone = _removable(elf, patterns)
    except _UnfitError as error:
        raise IntegrityError(
            f"{what} cannot be stripped: {error}", "take the file from its official wheel"
        ) from error
    end = max(stop for _, stop in elf.fixed)
    image = bytearray(memoryview(data)[:end])
    for start, stop in _holes(elf, gone, end):
        image[start:stop] = bytes(stop - start)
    _append_sections(image, elf)
    removed = tuple(
        Removed(elf.names[index], elf.sections[index].size, elf.sections[index].offset >= end)
        for index in gone
    )
    return Stripped(bytes(image), removed, _loaded(image, elf.segments))


def loaded_sha256(data: bytes, what: str = "the file") -> str:
    """Return the sha256 of what is loaded: the file's bytes of each PT_LOAD, in their order.

    e_shoff, e_shnum and e_shstrndx count as zeros. Raises IntegrityError as strip() does.
    """
    try:
        return _loaded(data, _read(data).segments)
    except _UnfitError as error:
        raise IntegrityError(f"{what} cannot be read: {error}") from error


class _UnfitError(Exception):
    """Why a file cannot be stripped."""


def _read(data: bytes) -> _Elf:
    if data[:4] != MAGIC[:4]:
        raise _UnfitError("it is no ELF file")
    if len(data) < HEADER:
        raise _UnfitError("it is truncated")
    if data[: len(MAGIC)] != MAGIC:
        raise _UnfitError("it is not 64-bit little-endian")
    program_at, section_at = struct.unpack_from("<QQ", data, 0x20)
    header, program, programs, section, count, strings = struct.unpack_from("<6H", data, 0x34)
    if header != HEADER or program != PROGRAM or not 0 < programs < 0xFFFF:
        raise _UnfitError("it has no program headers of the usual size")
    if not section_at or not count:
        raise _UnfitError("it has no section table")
    if section != SECTION or not 0 < strings < count:
        raise _UnfitError("its section table is of an unknown form")
    _inside(data, program_at, programs * PROGRAM, "the program header table")
    _inside(data, section_at, count * SECTION, "the section table")
    segments: list[tuple[int, int]] = []
    others: list[tuple[int, int]] = []
    for index in range(programs):
        kind, _, offset, _, _, size = struct.unpack_from(
            "<IIQQQQ", data, program_at + index * PROGRAM
        )
        _inside(data, offset, size, f"program header {index}")
        (segments if kind == PT_LOAD else others).append((offset, offset + size))
    if not segments:
        raise _UnfitError("nothing of it is loaded")
    sections = tuple(
        _Section(*struct.unpack_from("<IIQQQQIIQQ", data, section_at + index * SECTION))
        for index in range(count)
    )
    for index, entry in enumerate(sections):
        if entry.kind not in (SHT_NULL, SHT_NOBITS):
            _inside(data, entry.offset, entry.size, f"section {index}")
    if sections[strings].kind != SHT_STRTAB:
        raise _UnfitError("its section names are no string table")
    start, stop = sections[strings].range
    fixed = (
        (0, HEADER),
        (program_at, program_at + programs * PROGRAM),
        *segments,
        *others,
        *(item.range for item in sections if item.loaded),
    )
    names = tuple(_name(data[start:stop], item.name) for item in sections)
    return _Elf(sections, names, tuple(segments), fixed)


def _inside(data: bytes, offset: int, size: int, what: str) -> None:
    if offset + size > len(data):
        raise _UnfitError(f"it is truncated: {what} ends behind it")


def _name(names: bytes, offset: int) -> str:
    stop = names.find(b"\0", offset)
    if stop < 0:
        raise _UnfitError("a section's name lies outside the table of names")
    return names[offset:stop].decode("utf-8", "replace")


def _removable(elf: _Elf, patterns: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of the sections that go, having checked that nothing else needs them."""
    gone = tuple(
        index
        for index, section in enumerate(elf.sections)
        if section.kind != SHT_NULL and not section.loaded and elf.names[index] != ".shstrtab"
    )
    for index in gone:
        name = elf.names[index]
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            raise _UnfitError(f"its section {name} is not loaded and not listed")
    for index, item in enumerate(elf.sections):
        if not item.loaded and item.kind != SHT_NULL:
            start, stop = item.range
            if any(start < until and since < stop for since, until in elf.fixed):
                raise _UnfitError(f"its section {elf.names[index]} overlaps what is loaded")
        if item.loaded and item.link in gone:
            raise _UnfitError(f"its section {elf.names[index]} refers to one that is not loaded")
    return gone


def _holes(elf: _Elf, gone: Iterable[int], end: int) -> list[tuple[int, int]]:
    """Return what becomes zeros: sections between segments, where cutting would move others."""
    ranges = (elf.sections[index].range for index in gone)
    return [(start, min(stop, end)) for start, stop in ranges if start < end and start < stop]


def _append_sections(image: bytearray, elf: _Elf) -> None:
    """Write the names and the table of the loaded sections behind them."""
    last = max((index for index, section in enumerate(elf.sections) if section.loaded), default=0)
    names = bytearray(b"\0")
    rows = []
    for index in range(last + 1):
        entry = elf.sections[index]
        if not entry.loaded:
            entry = _Section(0, SHT_NULL, 0, 0, 0, 0, 0, 0, 0, 0)  # keeps the others' numbers
        else:
            entry = replace(entry, name=len(names))
            names += elf.names[index].encode() + b"\0"
        rows.append(entry)
    own = len(names)
    names += b".shstrtab\0"
    rows.append(_Section(own, SHT_STRTAB, 0, 0, len(image), len(names), 0, 0, 1, 0))
    image += names
    image += bytes(-len(image) % 8)
    struct.pack_into("<Q", image, 0x28, len(image))
    struct.pack_into("<HH", image, 0x3C, len(rows), len(rows) - 1)
    for row in rows:
        image += row.packed()


def _loaded(data: bytes | bytearray, segments: Iterable[tuple[int, int]]) -> str:
    digest = hashlib.sha256()
    view = memoryview(data)
    for start, stop in segments:
        at = start
        for field, size in UNREAD:
            if start <= field < stop:
                digest.update(view[at:field])
                digest.update(bytes(size))
                at = field + size
        digest.update(view[at:stop])
    return digest.hexdigest()
