"""An AArch64 library as the translator sees it: code told from data, functions, relocations."""

from __future__ import annotations

import bisect
import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from jetson_kit.wheels.translate.errors import UntranslatableError

MAGIC = b"\x7fELF\x02\x01\x01"
EM_AARCH64 = 183
ET_DYN = 3
PT_LOAD, PT_NOTE = 1, 4
PF_X, PF_R = 1, 4
SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS = 0, 1, 2, 4, 8
SHF_ALLOC, SHF_EXECINSTR = 2, 4
STT_FUNC = 2
R_AARCH64_RELATIVE = 1027
HEADER, PROGRAM, SECTION, SYMBOL = 64, 56, 64, 24
FROM_OFFICIAL = "take the library from its official wheel"


@dataclass(frozen=True)
class Section:
    """A row of the section table."""

    name: str
    name_offset: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int

    def packed(self, offset: int) -> bytes:
        """Return the row with its contents at another place of the file."""
        return struct.pack(
            "<IIQQQQIIQQ",
            *(self.name_offset, self.kind, self.flags, self.address, offset, self.size),
            *(self.link, self.info, self.align, self.entry),
        )


@dataclass(frozen=True)
class Segment:
    """A program header."""

    kind: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    align: int

    def packed(self) -> bytes:
        """Return it as the file has it."""
        return struct.pack(
            "<IIQQQQQQ",
            *(self.kind, self.flags, self.offset, self.address, self.address),
            *(self.file_size, self.memory_size, self.align),
        )


@dataclass(frozen=True)
class FunctionSymbol:
    """A function of the symbol table."""

    name: str
    start: int
    size: int


@dataclass(frozen=True)
class Elf:
    """A library and what its tables say. Addresses are those that it is linked for."""

    data: bytes
    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]

    def section(self, name: str) -> Section | None:
        """Return a section by its name."""
        return next((item for item in self.sections if item.name == name), None)

    def contents(self, section: Section) -> memoryview:
        """Return a section's bytes."""
        return memoryview(self.data)[section.offset : section.offset + section.size]

    def words(self, section: Section) -> memoryview:
        """Return a code section's instructions, as a view of type "I"."""
        return self.contents(section)[: section.size // 4 * 4].cast("I")

    @functools.cached_property
    def code_sections(self) -> tuple[Section, ...]:
        """Return the sections that hold instructions."""
        need = SHF_ALLOC | SHF_EXECINSTR
        return tuple(
            section
            for section in self.sections
            if section.flags & need == need and section.kind != SHT_NOBITS and section.size
        )

    def offset_of(self, address: int) -> int:
        """Return where in the file an address of code lies. Raises UntranslatableError."""
        for segment in self.segments:
            if (
                segment.kind == PT_LOAD
                and segment.address <= address < segment.address + segment.file_size
            ):
                return address - segment.address + segment.offset
        raise UntranslatableError(f"it has nothing at the address {address:#x}", FROM_OFFICIAL)

    @functools.cached_property
    def _symbols(self) -> tuple[tuple[FunctionSymbol, ...], tuple[tuple[int, bool], ...]]:
        """Return the functions, and (address, whether code begins there) of mapping symbols."""
        table = next((section for section in self.sections if section.kind == SHT_SYMTAB), None)
        if table is None:
            raise UntranslatableError(
                "it has no symbol table: nothing tells its code from data in it", FROM_OFFICIAL
            )
        strings = bytes(self.contents(self.sections[table.link]))
        functions, marks = [], []
        size = table.size // SYMBOL * SYMBOL
        for name, info, _, _, value, length in struct.iter_unpack(
            "<IBBHQQ", self.contents(table)[:size]
        ):
            if info & 15 == STT_FUNC and value:
                functions.append((value, length, name))
            elif info == 0 and strings[name : name + 2] in (b"$x", b"$d"):
                marks.append((value, strings[name + 1] == ord("x")))
        functions.sort()
        named = []
        for index, (start, length, name) in enumerate(functions):
            text = strings[name : strings.index(b"\0", name)].decode("utf-8", "replace")
            # Hand-written code may have no size: it reaches to the next function.
            following = functions[min(index + 1, len(functions) - 1)][0]
            named.append(FunctionSymbol(text, start, length or following - start))
        return tuple(named), tuple(sorted(marks))

    @property
    def functions(self) -> tuple[FunctionSymbol, ...]:
        """Return the functions by address. Raises UntranslatableError without a symbol table."""
        return self._symbols[0]

    @functools.cached_property
    def _starts(self) -> list[int]:
        return [function.start for function in self.functions]

    def function_at(self, address: int) -> FunctionSymbol | None:
        """Return the function that holds an address."""
        index = bisect.bisect_right(self._starts, address)
        for function in reversed(self.functions[max(index - 6, 0) : index]):
            if address < function.start + function.size:
                return function
        return None

    @functools.cached_property
    def _marks(self) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        marks = self._symbols[1]
        if not any(code for _, code in marks):
            raise UntranslatableError(
                "it has no mapping symbols: nothing tells its code from data in it", FROM_OFFICIAL
            )
        return tuple(at for at, _ in marks), tuple(code for _, code in marks)

    def is_code(self, section: Section, address: int) -> bool:
        """Return whether an address of a code section holds an instruction, not data.

        Raises UntranslatableError without mapping symbols (AAELF64, "Mapping symbols").
        """
        addresses, code = self._marks
        index = bisect.bisect_right(addresses, address) - 1
        # Without one in front of it, a section begins with code.
        return index < 0 or addresses[index] < section.address or code[index]

    def relative(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield (address, value) of the pointers that the loader writes between two addresses."""
        for section in self.sections:
            if section.kind != SHT_RELA or not section.flags & SHF_ALLOC:
                continue
            for at, info, value in struct.iter_unpack("<QQq", self.contents(section)):
                if start <= at < stop and info & 0xFFFFFFFF == R_AARCH64_RELATIVE:
                    yield at, value


def read(data: bytes) -> Elf:
    """Return a library's tables. Raises UntranslatableError for what is none or is cut short."""
    if data[:4] != MAGIC[:4]:
        raise UntranslatableError("it is no ELF file", FROM_OFFICIAL)
    if len(data) < HEADER:
        raise _cut("its header")
    if data[: len(MAGIC)] != MAGIC:
        raise UntranslatableError("it is not 64-bit little-endian", FROM_OFFICIAL)
    kind, machine = struct.unpack_from("<HH", data, 0x10)
    if machine != EM_AARCH64:
        raise UntranslatableError(
            f"it is for another architecture (ELF machine {machine}), not AArch64", FROM_OFFICIAL
        )
    if kind != ET_DYN:
        raise UntranslatableError("it is no shared library", FROM_OFFICIAL)
    program_at, section_at = struct.unpack_from("<QQ", data, 0x20)
    programs, _, count, names = struct.unpack_from("<4H", data, 0x38)
    if program_at != HEADER or not programs:
        raise UntranslatableError("it has no program headers behind its header", FROM_OFFICIAL)
    _inside(data, program_at, programs * PROGRAM, "its program headers")
    if not section_at or not 0 < names < count:
        raise UntranslatableError("it has no section table", FROM_OFFICIAL)
    _inside(data, section_at, count * SECTION, "its section table")
    segments = []
    for kind, flags, offset, address, _, file_size, memory_size, align in struct.iter_unpack(
        "<IIQQQQQQ", data[program_at : program_at + programs * PROGRAM]
    ):
        _inside(data, offset, file_size, "a segment")
        segments.append(Segment(kind, flags, offset, address, file_size, memory_size, align))
    rows = list(struct.iter_unpack("<IIQQQQIIQQ", data[section_at : section_at + count * SECTION]))
    for row in rows:
        if row[1] not in (SHT_NULL, SHT_NOBITS):
            _inside(data, row[4], row[5], "a section")
    strings = data[rows[names][4] : rows[names][4] + rows[names][5]]
    sections = tuple(
        Section(strings[row[0] :].split(b"\0", 1)[0].decode("utf-8", "replace"), *row)
        for row in rows
    )
    return Elf(data, sections, tuple(segments))


def _inside(data: bytes, offset: int, size: int, what: str) -> None:
    if offset + size > len(data):
        raise _cut(what)


def _cut(what: str) -> UntranslatableError:
    return UntranslatableError(f"it is cut short: {what} ends behind it", FROM_OFFICIAL)
